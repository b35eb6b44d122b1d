"""Handlers of events about responses: asked for, made, heard, done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._conversation.items import add_delta, add_final, arguments_complete, merge, take_part
from rtc_widget._conversation.model import Request, mark_of, unmarked
from rtc_widget._conversation.shapes import (
    read_about_item,
    read_about_response,
    read_delta,
    read_final,
    read_item,
    read_response,
    word,
)
from rtc_widget._conversation.state import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget._conversation.model import Model
    from rtc_widget._conversation.shapes import Delta, Final, ResponseBody
    from rtc_widget._conversation.state import Item, Response
    from rtc_widget.log.record import Record

_TAKEN = "conversation_already_has_active_response"
_NOT_RUNNING = "response_cancel_not_active"
"""Of a `response.cancel`, though it may not say so."""


def create_sent(model: Model, record: Record) -> None:
    """Note that we asked for a response."""
    event = record.event
    asked = event.get("response")
    asked = asked if isinstance(asked, dict) else {}
    conversation = "none" if asked.get("conversation") == "none" else "auto"
    mark, metadata = mark_of(asked.get("metadata")), unmarked(asked.get("metadata"))
    event_id = word(event.get("event_id"))
    model.requests.append(Request(record.t_ms, event_id, mark, conversation, metadata))


def refused(model: Model, record: Record) -> None:
    """Forget a request that the server refused."""
    request = _refused(model.requests, record.event["error"])
    if request is not None:
        model.requests.remove(request)


def _refused(requests: Sequence[Request], error: dict[str, Any]) -> Request | None:
    """Return the request that an error answers: by its id, else by what the error is about."""
    event_id, code, param = (error.get(name) for name in ("event_id", "code", "param"))
    found = next((r for r in requests if r.event_id is not None and r.event_id == event_id), None)
    if found is not None:
        return found
    if code == _TAKEN:
        return requests[-1] if requests else None
    may_be_ours = (
        event_id is None and code != _NOT_RUNNING and (word(param) or "response").startswith("response")
    )
    return next((r for r in requests if may_be_ours and r.event_id is None), None)


def created(model: Model, record: Record) -> None:
    """Begin a response."""
    body = read_response(record).response
    response = model.response(body.id)
    _describe(response, body)
    request = next((r for r in model.requests if _answers(body, r)), None)
    if request is not None:
        model.requests.remove(request)
        response.t_requested_ms = request.t_ms
    if body.conversation_id is not msgspec.UNSET:
        response.conversation = _conversation_of(body.conversation_id)
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


def _answers(body: ResponseBody, request: Request) -> bool:
    """Whether a response answers a request: our mark says so, or nothing that it says speaks against it."""
    mark = mark_of(body.metadata)
    if mark is not None or request.mark is not None:
        return mark == request.mark
    where = body.conversation_id
    return (where is msgspec.UNSET or request.conversation == _conversation_of(where)) and (
        body.metadata is msgspec.UNSET or request.metadata == unmarked(body.metadata)
    )


def _conversation_of(conversation_id: str | None) -> str:
    return "auto" if conversation_id else "none"


def done(model: Model, record: Record) -> None:
    """End a response, with its status, its bill and its output."""
    event = read_response(record)
    body, usage = event.response, event.response.usage or event.usage
    response = model.response(body.id)
    _describe(response, body)
    if response.t_created_ms is None and body.conversation_id is not msgspec.UNSET:
        response.conversation = _conversation_of(body.conversation_id)  # its `response.created` never came
        model.layout.changed()
    response.ended = True
    model.running.pop(response.response_id, None)
    if response.t_done_ms is None:
        response.t_done_ms = record.t_ms
    if usage:
        response.usage = usage
        response.billed = Usage(record.seq, model.session_model, usage, model.session_model)
    for output in body.output or ():
        item = merge(model, output)
        model.output(response, item)
        if response.status == "completed":
            arguments_complete(model, item, record)
    if response.status in {"cancelled", "failed"}:
        for item in response.items:
            model.waiting_tools.pop(item.tool_call_id or "", None)


def _describe(response: Response, body: ResponseBody) -> None:
    response.status = body.status or response.status
    if body.status_details is not None:
        error = body.status_details.get("error")
        response.error = error if isinstance(error, dict) else None
        reason = word(body.status_details.get("reason"))
        if reason is None and response.error is not None:
            reason = word(response.error.get("code")) or word(response.error.get("type"))
        response.status_reason = reason
    modalities = body.output_modalities if body.modalities is None else body.modalities
    if modalities is not None:
        response.modalities = tuple(modalities)
    if isinstance(body.metadata, dict):
        response.mark = mark_of(body.metadata) or response.mark
        response.metadata = unmarked(body.metadata)


def output_item(model: Model, record: Record) -> None:
    """Count an item among a response's output."""
    event = read_item(record)
    item = merge(model, event.item)
    if item.response_id is None and event.response_id is not None:
        model.output(model.response(event.response_id), item)
    if item.status == "completed" and record.type.endswith(".done"):
        arguments_complete(model, item, record)


def part_done(model: Model, record: Record) -> None:
    """Take over the words of a finished content part."""
    event = read_final(record)
    if event.part is not None:
        take_part(model.item(event.item_id), event.content_index or 0, event.part)


def text_delta(model: Model, record: Record) -> None:
    """Add written words."""
    item = add_delta(model, record, "text", "assistant")
    response = model.responses.get(item.response_id or "")
    if response is not None and response.t_first_text_ms is None:
        response.t_first_text_ms = record.t_ms


def speech_delta(model: Model, record: Record) -> None:
    """Add spoken words."""
    add_delta(model, record, "transcript", "assistant")


def text_done(model: Model, record: Record) -> None:
    """Complete written words."""
    add_final(model, record, read_final(record), "text", "assistant")


def speech_done(model: Model, record: Record) -> None:
    """Complete spoken words."""
    add_final(model, record, read_final(record), "transcript", "assistant")


def arguments_delta(model: Model, record: Record) -> None:
    """Add to the arguments of a tool call."""
    event = read_delta(record)
    item = _tool_item(model, record, event)
    if item.t_arguments_done_ms is None:
        item.arguments = (item.arguments or "") + event.delta


def arguments_done(model: Model, record: Record) -> None:
    """Complete the arguments of a tool call."""
    event = read_final(record)
    item = _tool_item(model, record, event)
    item.name = event.name or item.name
    if event.arguments is not None:
        item.arguments = event.arguments
    if item.t_arguments_done_ms is None:
        item.t_arguments_done_ms = record.t_ms
    arguments_complete(model, item, record)


def mcp_call_state(model: Model, record: Record) -> None:
    """Note when the service ran an MCP tool."""
    item = model.item(read_about_item(record).item_id)
    if record.type.endswith(".in_progress"):
        item.t_started_ms = record.t_ms
    else:
        item.t_finished_ms = record.t_ms


def _tool_item(model: Model, record: Record, event: Delta | Final) -> Item:
    item = model.item(event.item_id)
    item.known = True
    if record.type.startswith("response.mcp"):
        item.type, item.tool_call_id = item.type or "mcp_call", item.item_id
    else:
        item.type = item.type or "function_call"
        item.tool_call_id = item.tool_call_id or event.call_id
    if item.response_id is None and event.response_id is not None:
        model.output(model.response(event.response_id), item)
    return item


def audio_delta(model: Model, record: Record) -> None:
    """Note the first audio of a response that comes over a WebSocket."""
    model.has_spoken = True
    response = model.response(read_about_response(record).response_id)
    if response.t_audio_delta_ms is None:
        response.t_audio_delta_ms = record.t_ms


def audio_started(model: Model, record: Record) -> None:
    """Note that the service streams a response's audio."""
    model.has_spoken = True
    response = model.playing = model.response(read_about_response(record).response_id)
    if response.t_buffer_started_ms is None:
        response.t_buffer_started_ms = record.t_ms


def audio_stopped(model: Model, record: Record) -> None:
    """Note that the audio has ended, or was cleared."""
    response = model.response(read_about_response(record).response_id)
    cleared = record.type.endswith(".cleared")
    if cleared and response.t_audio_stopped_ms is not None and response is not model.playing:
        return  # all of it had been played
    model.playing = None
    response.t_audio_stopped_ms = record.t_ms
    response.audio_cleared = response.audio_cleared or cleared
