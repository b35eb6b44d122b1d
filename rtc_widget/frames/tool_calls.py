"""The `tool_calls` frame: a row is a function or MCP call."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtc_widget._conversation.state import ToolRun, first_of
from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.conversation import Item
    from rtc_widget.frames._frame import Source


class ToolCallRow(NamedTuple):
    """One row, before it is one."""

    item: Item
    turn: int | None
    kind: str
    output: str | None
    error: str | None
    approval: str | None
    t_started_ms: float | None
    t_finished_ms: float | None
    t_sent_ms: float | None
    run_ms: float | None


COLUMNS = (
    Column(
        "tool_call_id",
        "item.tool_call_id",
        "string",
        "`call_…` of a function call; of an MCP call, or the question whether it may run, its item's id.",
    ),
    Column("item_id", "item.item_id", "string", "The item that holds the call."),
    Column("response_id", "item.response_id", "string", "The response that made it."),
    Column("turn", "turn", "int", "The turn of that response."),
    Column("name", "item.name", "category", "Name of the tool."),
    Column("arguments", "item.arguments", "string", "Arguments as JSON text, as the model wrote them."),
    Column("output", "output", "string", "What the tool gave back; the model has it from t_sent_ms on."),
    Column("error", "error", "string", "What went wrong while it ran."),
    Column(
        "kind",
        "kind",
        "category",
        "Who ran it: our side (function) or the service (mcp).",
        ("function", "mcp"),
    ),
    Column(
        "approval",
        "approval",
        "category",
        "What became of the question whether it may run; NA when nobody was asked.",
        ("asked", "approved", "rejected"),
    ),
    Column("t_arguments_done_ms", "item.t_arguments_done_ms", "float", "Its arguments were complete."),
    Column("t_started_ms", "t_started_ms", "float", "It began to run."),
    Column("t_finished_ms", "t_finished_ms", "float", "It had run."),
    Column("t_sent_ms", "t_sent_ms", "float", "Its output was sent to the model."),
    Column("run_ms", "run_ms", "float", "How long it ran."),
)


def rows(source: Source) -> list[ToolCallRow]:
    """Return one row a call, in conversation order."""
    items = source.conversation.known_items
    responses = source.conversation.responses
    outputs = {
        i.tool_call_id: i.output
        for i in items
        if i.type == "function_call_output" and i.tool_call_id is not None
    }
    answers = {i.approval_request_id: i.approve for i in items if i.type == "mcp_approval_response"}
    found = []
    for item in [item for item in items if item.is_tool_call]:
        run = source.conversation.tool_runs.get(item.tool_call_id or item.item_id) or ToolRun()
        response = responses.get(item.response_id or "")
        request = item.item_id if item.type == "mcp_approval_request" else item.approval_request_id
        asked = source.conversation.tool_runs.get(request or "") or run
        started = item.t_started_ms if run.t_started_ms is None else run.t_started_ms
        finished = item.t_finished_ms if run.t_finished_ms is None else run.t_finished_ms
        ran = run.run_ms
        if ran is None and started is not None and finished is not None:
            ran = round(finished - started, 3)
        found.append(
            ToolCallRow(
                item,
                None if response is None else response.turn,
                "function" if item.type == "function_call" else "mcp",
                first_of((outputs.get(item.tool_call_id or ""), run.output, item.output)),
                first_of((run.error, item.error)),
                first_of((run.approval, asked.approval, _approval(request, answers))),
                started,
                finished,
                run.t_sent_ms,
                ran,
            )
        )
    return found


def _approval(request: str | None, answers: dict[str | None, bool | None]) -> str | None:
    if request is None:
        return None
    approved = answers.get(request)
    return "asked" if approved is None else "approved" if approved else "rejected"


FRAME = Frame("tool_calls", "a function or MCP call", COLUMNS, rows)
