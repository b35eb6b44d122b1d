"""Handlers of events about responses: asked for, made, heard, done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget._conversation.items import arguments_complete, merge, take_part, words_final
from rtc_widget._conversation.model import Delta, Model, Request, delta_of, mark_of, response_of, text, word
from rtc_widget._conversation.state import MARK, Item, Response, Usage

if TYPE_CHECKING:
    from rtc_widget.log.record import Record

_TAKEN = "conversation_already_has_active_response"


def create_sent(model: Model, record: Record) -> None:
    """Note that we asked for a response."""
    event = record.event
    asked = event.get("response")
    asked = asked if isinstance(asked, dict) else {}
    conversation = "none" if asked.get("conversation") == "none" else "auto"
    mark = mark_of(asked.get("metadata"))
    model.requests.append(Request(record.t_ms, word(event.get("event_id")), mark, conversation))


def refused(model: Model, record: Record) -> None:
    """Forget a request that the server refused."""
    error = record.event["error"]
    named = [r for r in model.requests if r.event_id is not None and r.event_id == error.get("event_id")]
    if not named and error.get("code") == _TAKEN and model.requests:
        named = [model.requests[-1]]
    for request in named:
        model.requests.remove(request)


def created(model: Model, record: Record) -> None:
    """Begin a response."""
    payload = record.event["response"]
    response = model.response(payload["id"])
    _describe(response, payload)
    request = next((r for r in model.requests if r.mark == response.mark), None)
    if request is not None:
        model.requests.remove(request)
        response.t_requested_ms = request.t_ms
    if "conversation_id" in payload:
        response.conversation = "auto" if payload["conversation_id"] else "none"
    elif request is not None:
        response.conversation = request.conversation
    if response.t_created_ms is None:
        response.t_created_ms, response.variant = record.t_ms, model.variant
    if response.conversation == "auto":
        for earlier in [r for r in model.running.values() if r.conversation == "auto" and r is not response]:
            earlier.ended = True  # one runs at a time: its `response.done` never came
            del model.running[earlier.response_id]
    if not response.ended:
        model.running[response.response_id] = response
    model.layout.changed()


def done(model: Model, record: Record) -> None:
    """End a response, with its status, its bill and its output."""
    payload = record.event["response"]
    response = model.response(payload["id"])
    _describe(response, payload)
    response.ended = True
    model.running.pop(response.response_id, None)
    if response.t_done_ms is None:
        response.t_done_ms = record.t_ms
    if isinstance(payload.get("usage"), dict):
        response.usage = payload["usage"]
        name = word(model.session.get("model"))
        response.billed = Usage(record.seq, name, payload["usage"], name)
    for output in payload.get("output") or ():
        item = merge(model, output)
        model.output(response, item)
        if response.status == "completed":
            arguments_complete(model, item, record)
    if response.status in {"cancelled", "failed"}:
        for item in response.items:
            model.waiting_tools.pop(item.tool_call_id or "", None)


def _describe(response: Response, payload: dict[str, Any]) -> None:
    response.status = word(payload.get("status")) or response.status
    details = payload.get("status_details")
    if isinstance(details, dict):
        error = details.get("error")
        response.error = error if isinstance(error, dict) else None
        reason = word(details.get("reason"))
        if reason is None and response.error is not None:
            reason = word(response.error.get("code")) or word(response.error.get("type"))
        response.status_reason = reason
    modalities = payload.get("output_modalities")
    if isinstance(modalities, list):
        response.modalities = tuple(m for m in modalities if isinstance(m, str))
    metadata = payload.get("metadata")
    if isinstance(metadata, dict):
        response.mark = mark_of(metadata) or response.mark
        response.metadata = {key: value for key, value in metadata.items() if key != MARK} or None


def output_item(model: Model, record: Record) -> None:
    """Count an item among a response's output."""
    event = record.event
    item = merge(model, event["item"])
    model.output(model.response(event["response_id"]), item)
    if record.type.endswith(".done") and item.status == "completed":
        arguments_complete(model, item, record)


def part_done(model: Model, record: Record) -> None:
    """Take over the words of a finished content part."""
    event = record.event
    index = event.get("content_index")
    take_part(model.item(event["item_id"]), index if isinstance(index, int) else 0, event["part"])


def text_delta(model: Model, record: Record) -> None:
    """Add written words."""
    item = model.delta(record, "text")
    response = model.responses.get(item.response_id or "")
    if response is not None and response.t_first_text_ms is None:
        response.t_first_text_ms = record.t_ms
    item.role = item.role or "assistant"


def speech_delta(model: Model, record: Record) -> None:
    """Add spoken words."""
    item = model.delta(record, "transcript")
    item.role = item.role or "assistant"


def text_done(model: Model, record: Record) -> None:
    """Complete written words."""
    _words_done(model, record, "text")


def speech_done(model: Model, record: Record) -> None:
    """Complete spoken words."""
    _words_done(model, record, "transcript")


def _words_done(model: Model, record: Record, kind: str) -> None:
    event = record.event
    item = model.item(event["item_id"])
    item.role = item.role or "assistant"
    model.output(model.response(event["response_id"]), item)
    words_final(item, record, kind, event[kind])


def arguments_delta(model: Model, record: Record) -> None:
    """Add to the arguments of a tool call."""
    delta = delta_of(record)
    item = _tool_item(model, record, delta)
    if item.t_arguments_done_ms is None:
        item.arguments = (item.arguments or "") + delta.delta


def arguments_done(model: Model, record: Record) -> None:
    """Complete the arguments of a tool call."""
    event = record.event
    about = Delta(event["item_id"], "", word(event["response_id"]), word(event.get("call_id")))
    item = _tool_item(model, record, about)
    item.arguments = text(event["arguments"])
    item.name = word(event.get("name")) or item.name
    if item.t_arguments_done_ms is None:
        item.t_arguments_done_ms = record.t_ms
    arguments_complete(model, item, record)


def mcp_call_state(model: Model, record: Record) -> None:
    """Note when the service ran an MCP tool."""
    item = model.item(record.event["item_id"])
    if record.type.endswith(".in_progress"):
        item.t_started_ms = record.t_ms
    else:
        item.t_finished_ms = record.t_ms


def _tool_item(model: Model, record: Record, about: Delta) -> Item:
    item = model.item(about.item_id)
    item.known = True
    if record.type.startswith("response.mcp"):
        item.type, item.tool_call_id = item.type or "mcp_call", item.item_id
    else:
        item.type = item.type or "function_call"
        item.tool_call_id = item.tool_call_id or about.call_id
    if item.response_id is None and about.response_id is not None:
        model.output(model.response(about.response_id), item)
    return item


def audio_delta(model: Model, record: Record) -> None:
    """Note the first audio of a response that comes over a WebSocket."""
    model.has_spoken = True
    response = model.response(response_of(record))
    if response.t_audio_delta_ms is None:
        response.t_audio_delta_ms = record.t_ms


def audio_started(model: Model, record: Record) -> None:
    """Note that the service streams a response's audio."""
    model.audio_playing = model.has_spoken = True
    response = model.response(record.event["response_id"])
    if response.t_buffer_started_ms is None:
        response.t_buffer_started_ms = record.t_ms


def audio_stopped(model: Model, record: Record) -> None:
    """Note that the audio has ended, or was cleared."""
    model.audio_playing = False
    response = model.response(record.event["response_id"])
    response.t_audio_stopped_ms = record.t_ms
    response.audio_cleared = response.audio_cleared or record.type.endswith(".cleared")
