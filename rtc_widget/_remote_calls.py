"""Calls that the service makes at remote MCP servers: a person approves them, and an answer follows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rtc_widget._approvals import Approvals
    from rtc_widget._core import Core

__all__ = ["RemoteCalls", "Round"]


@dataclass(eq=False)
class Round:
    """The calls of one response; they end in one request for the next."""

    response_id: str
    running: set[str] = field(default_factory=set)
    status: str | None = None
    others: set[str] = field(default_factory=set)
    asked: bool = False


class RemoteCalls:
    """Follows MCP calls by their items, whichever comes first: the call, or the request for its approval.

    Parameters
    ----------
    core
        The session's parts.
    rounds
        Of the responses that calls belong to.
    approvals
        Who asks a person.
    is_ours
        Whether we ask for the response that follows this one, by its id.
    perhaps_ask
        Asks for the next response when a round is over.
    spawn
        Runs on the loop.
    """

    def __init__(
        self,
        core: Core,
        rounds: dict[str, Round],
        approvals: Approvals,
        *,
        is_ours: Callable[[str], bool],
        perhaps_ask: Callable[[Round], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._core = core
        self._rounds = rounds
        self._approvals = approvals
        self._is_ours = is_ours
        self._perhaps_ask = perhaps_ask
        self._spawn = spawn
        self._requests: set[str] = set()
        self.handlers = {
            "response.output_item.added": self._output_item_added,
            "conversation.item.added": self._item_added,
            "response.mcp_call.completed": self._call_over,
            "response.mcp_call.failed": self._call_over,
        }

    def _output_item_added(self, event: dict[str, Any]) -> None:
        item = _item_of(event)
        if item.get("type") not in {"mcp_call", "mcp_approval_request"}:
            return
        response_id = str(event.get("response_id"))
        if self._core.conversation.is_aside(response_id):
            return
        if self._is_ours(response_id):
            self._rounds.setdefault(response_id, Round(response_id)).running.add(str(item.get("id")))
        if item["type"] == "mcp_approval_request":
            self._request(item)

    def _item_added(self, event: dict[str, Any]) -> None:
        item = _item_of(event)
        if item.get("type") == "mcp_approval_request":
            self._request(item)
        elif item.get("type") == "mcp_call":
            self._call(item)

    def _call(self, item: dict[str, Any]) -> None:
        """See a call that no response began: the one that a request was approved for."""
        item_id, request_id = str(item.get("id")), item.get("approval_request_id")
        if self._round_of(item_id) is not None or request_id is None:
            return
        group = self._round_of(str(request_id))
        if group is not None:
            group.running.add(item_id)
            group.running.discard(str(request_id))

    def _call_over(self, event: dict[str, Any]) -> None:
        self._end(str(event.get("item_id")))

    def _request(self, item: dict[str, Any]) -> None:
        request_id = str(item.get("id"))
        if request_id not in self._requests:
            self._requests.add(request_id)
            self._spawn(self._decide(request_id, item))

    async def _decide(self, request_id: str, item: dict[str, Any]) -> None:
        about = {key: str(item.get(key) or "") for key in ("name", "arguments", "server_label")}
        approved, reason = await self._approvals.ask(request_id, **about)
        event, _ = protocol.dialect.mcp_approval_response(request_id, approve=approved, reason=reason)
        await self._core.execute(event, timeout=10.0)
        if not approved:
            self._end(request_id)

    def _end(self, item_id: str) -> None:
        group = self._round_of(item_id)
        if group is not None:
            group.running.discard(item_id)
            self._perhaps_ask(group)

    def _round_of(self, item_id: str) -> Round | None:
        return next((group for group in self._rounds.values() if item_id in group.running), None)


def _item_of(event: dict[str, Any]) -> dict[str, Any]:
    item = event.get("item")
    return item if isinstance(item, dict) else {}
