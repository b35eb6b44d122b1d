"""What a session can be told at once: changes of its configuration, and any client event."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_timeout, checked_variant
from rtc_widget._configuration import Update, unless_changed
from rtc_widget._core import OVER
from rtc_widget._errors import (
    ConfigurationError,
    ConnectionFailed,
    ProtocolError,
    ServerError,
    WaitTimeout,
)
from rtc_widget._loop import Handle
from rtc_widget._parts import SessionParts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from rtc_widget._order import Place
    from rtc_widget._tool_list import ToolList
    from rtc_widget.experiments.variant import Variant

__all__ = ["Steering"]

_RAW_UPDATE_S = 10.0


class Steering(SessionParts):
    """The commands of a session that change it as a whole, checked before anything is sent."""

    def update(
        self, variant: Variant | None = None, *, timeout: float = 10.0, **fields: Any
    ) -> Handle[dict[str, Any]]:
        """Change the session: the live one, or what the next call is made with.

        Parameters
        ----------
        variant
            Its fields come first, and its name is noted. With fields besides or later it is not that variant
            any more, but for tools that it does not name.
        timeout
            From when it is sent until `session.updated`, in s. It is sent when all that was asked before has
            begun to be answered.
        fields
            Flat (`voice="cedar"`) or nested (`audio={…}`).

        Returns
        -------
        Handle
            Of the effective session.

        Raises
        ------
        ConfigurationError, ProtocolError
            For a field or value that no session takes, nothing to change, a timeout that is no number above
            0, or a closed session; when awaited: it is larger than the data channel takes in one message.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: the call ended before, the service refused it, or did not confirm it in time.
        """
        self._check_open()
        if not fields and variant is None:
            raise ConfigurationError('update() needs something to change, for example instructions="…".')
        timeout = checked_timeout(timeout)
        kept = None
        if variant is not None:
            given = checked_variant(variant)
            kept, fields = unless_changed(given, fields), {**given.fields, **fields}
        fields, tools = self._with_tools(fields)
        changes = self._configuration.check_changes(fields)
        return self._change("update", changes, timeout, variant=kept, tools=tools)

    def _change(
        self,
        what: str,
        changes: dict[str, Any],
        timeout: float,
        *,
        variant: Variant | None = None,
        tools: ToolList | None = None,
    ) -> Handle[dict[str, Any]]:
        # At once: the model may call a tool before we come to read that the server took it.
        take_back = self._take_tools(tools)
        if self._placing is None and self._core.status in OVER:
            # Now, and not when the loop comes to it: a connect() in the next line is made with it.
            return self._start(what, _already(self._configuration.keep(changes, variant)))
        return self._start(what, _or_back(self._update(changes, timeout, variant), take_back))

    async def _update(
        self, changes: dict[str, Any], timeout: float, variant: Variant | None
    ) -> dict[str, Any]:
        with self._core.order.place(changes=True) as place:
            await self._call_on_its_way()
            await place.turn()
            if self._core.status != "live":
                return self._configuration.keep(changes, variant)
            event = protocol.dialect.update({"type": self._session_type, **changes})
            await self._core.execute(event, timeout=timeout, about=Update(changes, variant))
        return self._core.conversation.session

    def send_event(self, event: Mapping[str, Any]) -> Handle[None]:
        """Send any client event, checked before it leaves.

        Parameters
        ----------
        event
            With its `type`; it is sent as it is given.

        Returns
        -------
        Handle
            Done when the channel took the event. What the server makes of it comes as events:
            `wait_for("…")`, or look at `errors`.

        Raises
        ------
        ProtocolError
            For an event that the API does not take, with the right form; when awaited: it is larger than the
            data channel takes in one message.
        ConnectionFailed
            When awaited: there is no call (any more).
        """
        checked = self._checked(event)
        if checked["type"] != "session.update":
            return self._start_in_call("send_event", self._core.send(checked))
        sent: Future[None] = Future()
        self._start("send_event", self._send_update(checked, sent))
        return Handle(sent, "send_event", forbid_result=self._forbid_result)

    async def _send_update(self, event: dict[str, Any], sent: Future[None]) -> None:
        """Send a change of the session in its turn; the next one waits for what the service makes of it."""
        update = Update({name: value for name, value in event["session"].items() if name != "type"})

        async def change(place: Place) -> None:
            await place.turn()
            await self._core.execute(event, timeout=_RAW_UPDATE_S, on_sent=sent, about=update)

        try:
            with self._core.order.place(changes=True) as place:
                await self._in_call(change(place))
        except Exception as error:
            if not sent.done():
                sent.set_exception(error)
            if not isinstance(error, WaitTimeout):
                raise


async def _already(value: dict[str, Any]) -> dict[str, Any]:
    return value


async def _or_back(
    work: Coroutine[Any, Any, dict[str, Any]], take_back: Callable[[], None]
) -> dict[str, Any]:
    """Take back what came with a change that was refused or never sent; a late answer may still take it."""
    try:
        return await work
    except (ConnectionFailed, ProtocolError, ServerError):
        take_back()
        raise
