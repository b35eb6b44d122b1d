"""The `errors` frame: a row is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget._conversation.shapes import text
from rtc_widget._errors import ConnectionFailed
from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtc_widget.log.record import Record


class _Row(NamedTuple):
    t_ms: float | None
    source: Any
    error: dict[str, Any]
    seq: int


COLUMNS = (
    Column("t_ms", "t_ms", "float", "It was reported; ms since the first record."),
    Column(
        "source",
        "source",
        "category",
        "Who tells: the server (an `error` event, a failed response, transcription or list of MCP tools), "
        "the connection (a failed call), a tool (a function or MCP call) or another part of us.",
        ("server", "connection", "tool", "callback", "disk", "protocol"),
    ),
    Column(
        "code",
        "error.code",
        "category",
        "The server's code, or its type or reason where it has none; our error's class; a tool's name.",
    ),
    Column("message", "error.message", "string", "What it says."),
    Column(
        "param",
        "error.param",
        "string",
        "The field it is about; the step at which a call failed; the call of a tool.",
    ),
    Column("event_id", "error.event_id", "string", "The client event it answers."),
    Column("seq", "seq", "int", "The record, for `event_log[seq]`."),
)


def _read(record: Record) -> Iterator[_Row]:
    if record.type == "rtc.state":
        if record.event.get("state") == "failed":
            yield _Row(record.t_ms, "connection", _of_call(record.event), record.seq)
        return
    if record.type == "response.output_item.done":
        yield from _of_mcp_call(record)
        return
    if record.type == "mcp_list_tools.failed":
        words = "The service could not list the tools of an MCP server."
        told = {"code": record.type, "message": words, "param": record.event.get("item_id")}
        yield _Row(record.t_ms, "server", told, record.seq)
        return
    if record.type == "response.done":
        if record.raw.find(b'"error"') < 0 and record.raw.find(b'"failed"') < 0:
            return  # most of them, and they are long
        error = _of_response(record.event.get("response"))
    else:
        error = record.event.get("error")
    if record.type == "rtc.error":
        yield _Row(record.t_ms, record.event.get("source"), record.event, record.seq)
    elif isinstance(error, dict):
        yield _Row(
            record.t_ms, "server", {**error, "code": error.get("code") or error.get("type")}, record.seq
        )
    elif record.type == "error":
        yield _Row(record.t_ms, "server", {"message": error}, record.seq)


def _of_mcp_call(record: Record) -> Iterator[_Row]:
    """Read what went wrong in a call that the service made; most items are none."""
    item = record.event.get("item") if record.raw.find(b'"mcp_call"') >= 0 else None
    if isinstance(item, dict) and item.get("type") == "mcp_call" and item.get("error") is not None:
        error = item["error"]
        words = text(error.get("message") if isinstance(error, dict) else error) or text(error)
        told = {"code": text(item.get("name")), "message": words, "param": item.get("id")}
        yield _Row(record.t_ms, "tool", told, record.seq)


def _of_response(response: Any) -> Any:
    """Return the error of a response; where a failed one has none, what its status says."""
    given = response if isinstance(response, dict) else {}
    found: Any = given.get("status_details")
    details = found if isinstance(found, dict) else {}
    error = details.get("error")
    if error is None and given.get("status") == "failed":
        return {"code": text(details.get("reason")) or "failed", "message": "The response failed."}
    return error


def _of_call(state: dict[str, Any]) -> dict[str, Any]:
    words = [words for name in ("reason", "advice") if (words := text(state.get(name)))]
    code = text(state.get("code")) or ConnectionFailed.__name__
    message = ". ".join(part.removesuffix(".") for part in words) + "." * bool(words)
    return {"code": code, "message": message or None, "param": state.get("step")}


FRAME = Frame(
    "errors",
    "an error",
    COLUMNS,
    lambda source: source.kept.get("errors", []),
    frozenset(
        {
            "error",
            "rtc.error",
            "rtc.state",
            "response.done",
            "response.output_item.done",
            "mcp_list_tools.failed",
            "conversation.item.input_audio_transcription.failed",
        }
    ),
    _read,
)
