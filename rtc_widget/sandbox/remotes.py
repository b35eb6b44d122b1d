"""The remote MCP servers of a session: their tools listed, called, and called once the user has approved."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.history import Entry, History
from rtc_widget.sandbox.remote import RemoteError, call_tool, list_tools
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Sequence

__all__ = ["Remotes"]

_WHERE: Final = ("server_url", "authorization", "headers")
_log = logging.getLogger(__name__)


class _Session(Protocol):
    history: History

    def emit(self, type: str, **fields: Any) -> None: ...

    def fail(self, error: ApiError) -> None: ...

    def add(self, entry: Entry) -> None: ...

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


@dataclass
class _Listing:
    server: Event
    tools: Sequence[Event] = ()
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class _Waiting:
    """A call that waits for the user's approval."""

    entry: Entry
    output_index: int


class Remotes:
    """The MCP servers that a session knows.

    Parameters
    ----------
    session
        Whose they are.
    """

    def __init__(self, session: _Session) -> None:
        self._session = session
        self._listings: dict[str, _Listing] = {}
        self._waiting: dict[str, _Waiting] = {}

    def declare(self, tools: Sequence[Event]) -> list[asyncio.Task[None]]:
        """Begin to list the tools of servers that are new, or elsewhere than before.

        Parameters
        ----------
        tools
            The tools of a session or response.

        Returns
        -------
        list[asyncio.Task[None]]
            The work on it.
        """
        begun: list[asyncio.Task[None]] = []
        for server in tools:
            if server["type"] != "mcp":
                continue
            known = self._listings.get(server["server_label"])
            if known is not None and all(known.server.get(key) == server.get(key) for key in _WHERE):
                known.server = server
                continue
            listing = _Listing(server)
            self._listings[server["server_label"]] = listing
            listing.task = self._session.start(self._list(listing))
            begun.append(listing.task)
        return begun

    def offered(self, tools: Sequence[Event]) -> list[Event]:
        """Return the tools that a brain may call: functions, and those of servers as far as they are listed.

        Parameters
        ----------
        tools
            The tools of a session or response.
        """
        offered: list[Event] = []
        for tool in tools:
            if tool["type"] != "mcp":
                offered.append(tool)
                continue
            listing = self._listings.get(tool["server_label"])
            listed = listing.tools if listing is not None else ()
            offered += [
                {
                    "type": "mcp",
                    "server_label": tool["server_label"],
                    "name": one["name"],
                    "description": one["description"],
                    "parameters": one["input_schema"],
                }
                for one in listed
                if tool.get("allowed_tools") is None or _matches(tool["allowed_tools"], one)
            ]
        return offered

    def call(self, entry: Entry, output_index: int) -> None:
        """Make a call whose arguments are complete, or ask the user first.

        Parameters
        ----------
        entry
            Its `mcp_call` item.
        output_index
            The place of the item in its response.
        """
        listing = self._listings[entry.item["server_label"]]
        waiting = _Waiting(entry, output_index)
        if not _needs_approval(listing, entry.item["name"]):
            self._session.start(self._run(waiting, listing.server))
            return
        named = {key: entry.item[key] for key in ("server_label", "name", "arguments")}
        request = Entry({"id": fresh_id("mcpr"), "type": "mcp_approval_request", **named})
        entry.item["approval_request_id"] = request.id
        self._waiting[request.id] = waiting
        self._session.add(request)

    def check_answer(self, item: Event) -> None:
        """Refuse an approval that answers no request.

        Raises
        ------
        ApiError
            There is no such request, or it is answered.
        """
        if item["approval_request_id"] not in self._waiting:
            raise ApiError(
                f"Approval request with id '{item['approval_request_id']}' not found, or answered already.",
                code="invalid_approval_request_id",
                param="item.approval_request_id",
            )

    def answer(self, item: Event) -> None:
        """Obey an `mcp_approval_response` item of the client's, which is in the conversation now."""
        waiting = self._waiting.pop(item["approval_request_id"])
        if item["approve"]:
            server = self._listings[waiting.entry.item["server_label"]].server
            self._session.start(self._run(waiting, server))
            return
        reason = f": {item['reason']}" if item.get("reason") else "."
        error = {"type": "tool_execution_error", "message": f"The user did not approve the call{reason}"}
        self._end(waiting, error=error)

    async def _list(self, listing: _Listing) -> None:
        label = listing.server["server_label"]
        entry = Entry({"id": fresh_id("mcpl"), "type": "mcp_list_tools", "server_label": label, "tools": []})
        previous = self._session.history.add(entry)
        self._session.emit("conversation.item.added", previous_item_id=previous, item=entry.item)
        self._session.emit("mcp_list_tools.in_progress", item_id=entry.id)
        try:
            listing.tools = entry.item["tools"] = await list_tools(listing.server)
        except (RemoteError, ConfigurationError) as error:
            _log.warning("the tools of the MCP server %r cannot be listed: %s", label, error)
            # The next configuration that names it tries again.
            del self._listings[label]
            self._session.emit("mcp_list_tools.failed", item_id=entry.id)
            if isinstance(error, ConfigurationError):
                self._session.fail(ApiError(str(error), code="sandbox_incomplete"))
            return
        self._session.emit("conversation.item.done", previous_item_id=previous, item=entry.item)
        self._session.emit("mcp_list_tools.completed", item_id=entry.id)

    async def _run(self, waiting: _Waiting, server: Event) -> None:
        item = waiting.entry.item
        place = {"item_id": waiting.entry.id, "output_index": waiting.output_index}
        self._session.emit("response.mcp_call.in_progress", **place)
        try:
            output = await call_tool(server, item["name"], item["arguments"])
        except RemoteError as error:
            self._end(waiting, error=error.body)
        else:
            self._end(waiting, output=output)

    def _end(self, waiting: _Waiting, **result: Any) -> None:
        item = waiting.entry.item
        item.update(result)
        outcome = "failed" if "error" in result else "completed"
        self._session.emit(
            f"response.mcp_call.{outcome}", item_id=waiting.entry.id, output_index=waiting.output_index
        )
        # A response beside the conversation leaves nothing in it.
        if self._session.history.find(waiting.entry.id) is not None:
            self._session.emit("conversation.item.done", previous_item_id=None, item=item)


def _needs_approval(listing: _Listing, name: str) -> bool:
    """Return whether the user is asked: always, where the configuration does not say otherwise."""
    policy = listing.server.get("require_approval") or "always"
    if isinstance(policy, str):
        return policy == "always"
    tool: Event = next((one for one in listing.tools if one["name"] == name), {"name": name})
    if policy.get("always") and _matches(policy["always"], tool):
        return True
    return not (policy.get("never") and _matches(policy["never"], tool))


def _matches(wanted: Any, tool: Event) -> bool:
    """Return whether a list of names, or a filter, takes a tool in."""
    if isinstance(wanted, list):
        return tool["name"] in wanted
    names = wanted.get("tool_names")
    if names is not None and tool["name"] not in names:
        return False
    read_only = wanted.get("read_only")
    return read_only is None or bool((tool.get("annotations") or {}).get("readOnlyHint")) == read_only
