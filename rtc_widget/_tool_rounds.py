"""Tool calls of the model, answered: each is run as it comes, and one response follows all of them."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._approvals import Approvals
from rtc_widget._errors import ConnectionFailed
from rtc_widget._loop import get_loop
from rtc_widget._remote_calls import RemoteCalls, Round
from rtc_widget._tool_run import in_one_line, in_thread
from rtc_widget._words import said_by
from rtc_widget.tools import ToolResult

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rtc_widget._core import Core
    from rtc_widget._speaking import Speaking
    from rtc_widget._tool_list import Tools
    from rtc_widget.log.record import Record
    from rtc_widget.tools import Tool

__all__ = ["ToolRounds"]

_TIMEOUT_S = 60.0
_ARGUMENTS_DONE = "response.function_call_arguments.done"
_ANSWERED = frozenset({"completed", "incomplete"})


class ToolRounds:
    """Runs the tools that the model calls.

    Parameters
    ----------
    core
        The session's parts.
    tools
        Those that are ours to run.
    speaking
        Asks for the next response.
    """

    def __init__(self, core: Core, tools: Tools, speaking: Speaking) -> None:
        self._core = core
        self._tools = tools
        self._speaking = speaking
        self._rounds: dict[str, Round] = {}
        self._taken: set[str] = set()
        self._cut_short = False
        self._approvals = Approvals(core)
        self.answers_all = True
        """Whether no other client asks for what follows calls that the service makes."""
        self._remote = RemoteCalls(
            core,
            self._rounds,
            self._approvals,
            is_ours=self._is_ours,
            perhaps_ask=self._perhaps_ask,
            spawn=self._spawn,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers = {
            _ARGUMENTS_DONE: self._arguments_done,
            "response.done": self._response_done,
            "conversation.item.added": self._item_added,
        }
        core.watchers.append(self._on_record)

    @property
    def busy(self) -> bool:
        """Whether a tool of ours runs, waits or has an answer to ask for, or did when the call ended."""
        return bool(self._rounds) or self._cut_short

    def _is_ours(self, response_id: str) -> bool:
        """Whether we ask for what follows a response: it was our request, or nobody's in a call of ours."""
        response = self._core.conversation.responses.get(response_id)
        if response is None:
            return self.answers_all
        return response.t_requested_ms is not None or (self.answers_all and response.mark is None)

    def _on_record(self, record: Record) -> None:
        if record.direction == "server":
            remote = self._remote.handlers.get(record.type)
            if remote is not None and b"mcp_" in record.raw:
                remote(record.event)
            handler = self._handlers.get(record.type)
            if handler is not None and (self._rounds or record.type == _ARGUMENTS_DONE):
                handler(record.event)
        elif record.type == "rtc.state":
            self._call_changed(str(record.event.get("state")))

    def _call_changed(self, state: str) -> None:
        if state in {"ended", "failed"}:
            self._cut_short |= bool(self._rounds)
            self._rounds.clear()
            self._taken.clear()
            get_loop().call_soon_threadsafe(self._approvals.forget)
        elif state == "live":
            self._cut_short = False

    # -- calls ------------------------------------------------------------------------------------

    def _arguments_done(self, event: dict[str, Any]) -> None:
        tool_call_id, response_id = str(event.get("call_id")), str(event.get("response_id"))
        item = self._core.conversation.item(str(event.get("item_id")))
        name = str(event.get("name") or (item.name if item is not None else None))
        tool = self._tools.get(name)
        # The conversation takes no output of a call that is no part of it.
        if self._core.conversation.is_aside(response_id):
            return
        if not (tool is not None or self._tools.is_gone(name)) or not self._is_new(event, name, tool_call_id):
            return
        group = self._rounds.setdefault(response_id, Round(response_id))
        group.running.add(tool_call_id)
        arguments = str(event.get("arguments") or "")
        self._spawn(
            self._answer(
                group,
                name,
                tool_call_id,
                self._no_result(name, tool_call_id)
                if tool is None
                else self._result(group, tool, tool_call_id, arguments),
            )
        )

    def _is_new(self, event: dict[str, Any], name: str, tool_call_id: str) -> bool:
        """Say whether a call is to be run: once each, and not while another goes by its id.

        What a person allows, and what an output answers, is told by that id alone.
        """
        item_id = str(event.get("item_id") or "")
        if item_id in self._taken:
            return False
        self._taken |= {item_id} - {""}
        if not any(tool_call_id in group.running for group in self._rounds.values()):
            return True
        said = (
            f"{name} was called under the id of a call that is not over ({tool_call_id}), and is not run: "
            "nobody could say which of them is allowed, or answered."
        )
        self._core.log.note("rtc.error", source="tool", code=name, message=said, param=tool_call_id)
        return False

    def _response_done(self, event: dict[str, Any]) -> None:
        response = event.get("response")
        group = self._rounds.get(str(response.get("id"))) if isinstance(response, dict) else None
        if group is None or not isinstance(response, dict):
            return
        calls = [item for item in response.get("output") or () if item.get("type") == "function_call"]
        waiting = set(self._core.conversation.pending_tool_calls)
        theirs = {str(item.get("call_id")) for item in calls if item.get("name") not in self._tools}
        group.others = (theirs & waiting) - group.running
        group.status = str(response.get("status"))
        self._perhaps_ask(group)

    def _item_added(self, event: dict[str, Any]) -> None:
        """See the output of a call that somebody else answers."""
        item = event.get("item")
        if isinstance(item, dict) and item.get("type") == "function_call_output":
            for group in list(self._rounds.values()):
                if item.get("call_id") in group.others:
                    group.others.discard(str(item["call_id"]))
                    self._perhaps_ask(group)

    async def _answer(
        self, group: Round, name: str, tool_call_id: str, result: Coroutine[Any, Any, ToolResult | None]
    ) -> None:
        try:
            given = await self._in_any_case(name, tool_call_id, result)
            if given is not None:
                await self._hand_in(group, name, tool_call_id, given)
        finally:
            group.running.discard(tool_call_id)
            self._perhaps_ask(group)

    async def _in_any_case(
        self, name: str, tool_call_id: str, result: Coroutine[Any, Any, ToolResult | None]
    ) -> ToolResult | None:
        """Return the result, or what went wrong around it: the model waits for an output in any case."""
        try:
            return await result
        except Exception as error:  # noqa: BLE001 - of a user's function, whatever it is
            said = f"{name} failed: {in_one_line(error)}"
            detail = "".join(traceback.format_exception(error))
            self._core.log.note(
                "rtc.error", source="tool", code=name, message=said, param=tool_call_id, detail=detail
            )
            return ToolResult(said, error=said)

    async def _no_result(self, name: str, tool_call_id: str) -> ToolResult:
        """Tell the model, which knew a tool that has been taken away since."""
        said = f"There is no tool {name} any more."
        self._core.log.note(
            "rtc.tool", tool_call_id=tool_call_id, name=name, phase="finished", output=said, error=said
        )
        return ToolResult(said, error=said)

    async def _result(self, group: Round, tool: Tool, tool_call_id: str, arguments: str) -> ToolResult | None:
        """Run a tool, if it may; None where the call it belonged to is over before."""
        approved, reason = await self._approval(group, tool, tool_call_id, arguments)
        if self._is_over(group):
            return None
        if not approved:
            said = f"A person did not allow this call{f': {reason}' if reason else ''}."
            return ToolResult(said, error="rejected")
        self._core.log.note("rtc.tool", tool_call_id=tool_call_id, name=tool.name, phase="started")
        result = await tool.run(arguments)
        facts = {"error": result.error, "cut": result.cut}
        self._core.log.note(
            "rtc.tool",
            tool_call_id=tool_call_id,
            name=tool.name,
            phase="finished",
            run_ms=round(result.run_ms, 3),
            output=result.output,
            **{name: value for name, value in facts.items() if value is not None},
        )
        if result.error is not None:
            detail = {"detail": result.traceback} if result.traceback else {}
            self._core.log.note(
                "rtc.error", source="tool", code=tool.name, message=result.error, param=tool_call_id, **detail
            )
        return result

    async def _hand_in(self, group: Round, name: str, tool_call_id: str, result: ToolResult) -> None:
        late = f"{name} has an output for a call that is over"
        if self._is_over(group):
            raise ConnectionFailed("channel", f"{late}, and the one that is up knows nothing of it.")
        event, _ = protocol.dialect.function_call_output(tool_call_id, result.output)
        try:
            await self._core.send(event)
        except ConnectionFailed as error:
            raise ConnectionFailed("channel", f"{late}: {error.reason}") from error
        self._core.log.note("rtc.tool", tool_call_id=tool_call_id, name=name, phase="sent")

    def _is_over(self, group: Round) -> bool:
        """Say whether the call that it belonged to is over."""
        return group.response_id not in self._rounds

    # -- the next response ------------------------------------------------------------------------

    def _perhaps_ask(self, group: Round) -> None:
        """Ask for the next response once this one is done and every call of it has its output."""
        if group.asked or group.running or group.others or group.status is None or self._is_over(group):
            return
        group.asked = True
        if group.status in _ANSWERED:
            self._spawn(self._ask(group))
        else:
            self._rounds.pop(group.response_id, None)

    async def _ask(self, group: Round) -> None:
        event, _ = protocol.dialect.respond()
        try:
            with self._core.order.place() as place:
                await self._speaking.respond(event, _TIMEOUT_S, place)
        finally:
            self._rounds.pop(group.response_id, None)

    def _spawn(self, work: Any) -> None:
        """Run on the loop; what goes wrong there is kept."""

        async def run() -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
            try:
                await work
            except Exception as error:  # noqa: BLE001 - nobody awaits it
                said = said_by(error)
                self._core.log.note("rtc.error", source="tool", code=type(error).__name__, message=said)
            finally:
                if task is not None:
                    self._tasks.discard(task)

        asyncio.run_coroutine_threadsafe(run(), get_loop())

    # -- approval ---------------------------------------------------------------------------------

    async def _approval(
        self, group: Round, tool: Tool, tool_call_id: str, arguments: str
    ) -> tuple[bool, str | None]:
        try:
            if callable(tool.needs_approval):  # it may take its time, which the sound on this loop has not
                asks = await in_thread(lambda: tool.asks_first(arguments))
            else:
                asks = tool.asks_first(arguments)
            if not asks:
                return True, None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the question, nothing runs unseen
            said = f"{tool.name}: needs_approval failed, so a person is asked: {in_one_line(error)}"
            detail = "".join(traceback.format_exception(error))
            self._core.log.note(
                "rtc.error", source="tool", code=type(error).__name__, message=said, detail=detail
            )
        if self._is_over(group):
            return False, None
        return await self._approvals.ask(tool_call_id, name=tool.name, arguments=arguments)

    def decide(self, tool_call_id: str, *, approved: bool, reason: str | None = None) -> None:
        """Answer a call that waits for approval.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        self._approvals.decide(tool_call_id, approved=approved, reason=reason)
