"""What the parts of a session share; each mixin of Session builds on it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Future

    from rtc_widget._configuration import Configuration
    from rtc_widget._core import Core
    from rtc_widget._loop import Handle
    from rtc_widget._mcp_servers import McpServers
    from rtc_widget._order import Place
    from rtc_widget._speaking import Speaking
    from rtc_widget._tool_list import ToolList, Tools
    from rtc_widget._tool_rounds import ToolRounds
    from rtc_widget.experiments.variant import Variant

__all__ = ["SessionParts"]


class SessionParts:
    """The attributes that Session makes, and the methods that one mixin has and another calls."""

    _session_type = "realtime"
    _core: Core
    _configuration: Configuration
    _speaking: Speaking
    _tools: Tools
    _mcp: McpServers
    _rounds: ToolRounds
    _placing: Future[None] | None
    """Done when the call that connect() makes is up, or has failed; None while it makes none."""

    def _start(self, what: str, work: Coroutine[Any, Any, Any]) -> Handle[Any]:
        """Run a command now, and return its handle."""
        return self._core.start(what, work, self._forbid_result)

    def _start_in_call(self, what: str, work: Coroutine[Any, Any, Any]) -> Handle[Any]:
        """Run a command that needs a call: now, or as soon as the one is up that is on its way."""
        return self._start(what, self._in_call(work))

    def _start_asking(self, what: str, ask: Callable[[Place], Coroutine[Any, Any, Any]]) -> Handle[Any]:
        """Run a command that asks for an answer, in its place among those that change the session."""

        async def work() -> Any:
            with self._core.order.place() as place:
                return await self._in_call(ask(place))

        return self._start(what, work())

    async def _in_call(self, work: Coroutine[Any, Any, Any]) -> Any:
        with contextlib.closing(work):
            waited = await self._call_on_its_way()
            if waited and self._core.status == "failed":
                raise self._core.call_over()
            self._core.require_call()
            return await work

    def _check_open(self) -> None:
        """Refuse to begin anything in a session that is closed."""
        raise NotImplementedError

    async def _call_on_its_way(self) -> bool:
        raise NotImplementedError

    def _forbid_result(self) -> str | None:
        """Return why blocking on a handle would hang here, None where it would not."""
        return None

    def _checked(self, event: Mapping[str, Any]) -> dict[str, Any]:
        conversation = self._core.conversation
        return protocol.check_client_event(
            event,
            session=conversation.session or self._configuration.requested,
            has_spoken=conversation.has_spoken,
            transport=self._core.transport.name,
        )

    def _change(
        self,
        what: str,
        changes: dict[str, Any],
        timeout: float,
        *,
        variant: Variant | None = None,
        tools: ToolList | None = None,
    ) -> Handle[dict[str, Any]]:
        raise NotImplementedError

    async def _update(
        self, changes: dict[str, Any], timeout: float, variant: Variant | None
    ) -> dict[str, Any]:
        raise NotImplementedError

    def _with_tools(self, fields: dict[str, Any]) -> tuple[dict[str, Any], ToolList | None]:
        raise NotImplementedError

    def _take_tools(self, tools: ToolList | None) -> Callable[[], None]:
        raise NotImplementedError
