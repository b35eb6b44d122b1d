"""Handlers of events about items: speech that becomes one, what it holds, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_widget._conversation.shapes import (
    number,
    read_about_item,
    read_delta,
    read_final,
    read_item,
    text,
    word,
)
from rtc_widget._conversation.state import Item, Piece, Usage

if TYPE_CHECKING:
    from rtc_widget._conversation.model import Model
    from rtc_widget._conversation.shapes import Final, ItemBody, Part
    from rtc_widget.log.record import Record


_OF_MCP = frozenset({"mcp_call", "mcp_approval_request"})
"""Calls that have no id but their item's."""


def speech_started(model: Model, record: Record) -> None:
    """Note when the speech began that will become this item."""
    model.user_speaking = True
    item = model.item(read_about_item(record).item_id)
    item.spoken = True
    if item.t_speech_started_ms is None:
        item.t_speech_started_ms = record.t_ms


def speech_stopped(model: Model, record: Record) -> None:
    """Note when the VAD said that the speech had ended, and how much silence it had waited for."""
    model.user_speaking = False
    item = model.item(read_about_item(record).item_id)
    item.spoken = True
    item.t_speech_stopped_ms = record.t_ms
    detection = model.audio_input().get("turn_detection")
    if isinstance(detection, dict) and detection.get("type") == "server_vad":
        item.vad_silence_ms = number(detection.get("silence_duration_ms"))


def committed(model: Model, record: Record) -> None:
    """Make the audio an item."""
    event = read_about_item(record)
    item = model.item(event.item_id)
    item.spoken = True
    item.type, item.role = item.type or "message", item.role or "user"
    if item.t_committed_ms is None:
        item.t_committed_ms, item.variant = record.t_ms, model.variant
        item.by_hand = model.audio_input().get("turn_detection", "not said") is None
    if item.transcription == "none" and model.audio_input().get("transcription"):
        item.transcription = "pending"
    model.place(item, event.previous_item_id)


def transcript_delta(model: Model, record: Record) -> None:
    """Add to the user's transcript."""
    item = add_delta(model, record, "transcript", "user")
    if item.transcription == "none":
        item.transcription = "pending"
    if not item.placed:
        model.uncommitted = item


def input_cleared(model: Model, _: Record) -> None:
    """Drop what is written already of speech that never becomes an item: it has been thrown away."""
    model.user_speaking = False
    item, model.uncommitted = model.uncommitted, None
    if item is not None and not item.placed:
        item.deleted = True


def segment_transcribed(model: Model, record: Record) -> None:
    """Add a stretch of the user's speech, as a model that tells speakers apart sends it."""
    event = read_final(record)
    if event.text is None:
        raise TypeError("words are a string")
    item = model.item(event.item_id)
    item.known, item.role = True, item.role or "user"
    if item.transcription == "none":
        item.transcription = "pending"
    words = f" {event.text.strip()}" if item.segments else event.text.strip()
    piece = Piece(record.seq, record.t_ms, "transcript", event.content_index or 0, words, False)
    item.segments.append(piece)
    item.said = None


def transcribed(model: Model, record: Record) -> None:
    """Complete the user's transcript, however late it comes."""
    event = read_final(record)
    item = add_final(model, record, event, "transcript", "user")
    item.transcription, item.t_transcribed_ms = "completed", record.t_ms
    if event.usage is not None:
        wanted = model.audio_input().get("transcription")
        name = wanted.get("model") if isinstance(wanted, dict) else None
        billed = Usage(record.seq, word(name), event.usage, model.session_model)
        item.transcription_usages[event.content_index or 0] = billed


def transcription_failed(model: Model, record: Record) -> None:
    """Say that there will be no transcript."""
    model.item(read_about_item(record).item_id).transcription = "failed"


def added(model: Model, record: Record) -> None:
    """Give an item its place."""
    event = read_item(record)
    item = model.item(event.item.id)
    if item.deleted:
        item.begin_anew()
    merge(model, event.item)
    if item.t_added_ms is None:
        item.t_added_ms = record.t_ms
        item.variant = item.variant or model.variant
    model.place(item, event.previous_item_id)
    item.deleted = False
    if item.type == "function_call_output":
        model.waiting_tools.pop(item.tool_call_id or "", None)


def done(model: Model, record: Record) -> None:
    """Complete an item; its null `previous_item_id` means nothing."""
    item = merge(model, read_item(record).item)
    if item.t_done_ms is None:
        item.t_done_ms = record.t_ms
    if item.status == "completed":
        arguments_complete(model, item, record)


def retrieved(model: Model, record: Record) -> None:
    """Learn what the server holds of an item."""
    merge(model, read_item(record).item)


def deleted(model: Model, record: Record) -> None:
    """Mark an item as deleted; its turn has happened all the same."""
    item = model.item(read_about_item(record).item_id)
    item.deleted = True
    model.waiting_tools.pop(item.tool_call_id or "", None)
    model.layout.changed()


def truncated(model: Model, record: Record) -> None:
    """Note how much audio of an item the conversation keeps."""
    event = read_about_item(record)
    item = model.item(event.item_id)
    item.truncated_ms, item.t_truncated_ms = event.audio_end_ms, record.t_ms


def create_sent(model: Model, record: Record) -> None:
    """Note when we sent an item, and where we wanted it."""
    event = record.event
    payload = event["item"]
    if payload.get("type") == "function_call_output" and isinstance(payload.get("call_id"), str):
        run = model.run(payload["call_id"])
        if run.t_sent_ms is None:
            run.t_sent_ms = record.t_ms
        if run.output is None:
            run.output = text(payload.get("output"))
        model.waiting_tools.pop(payload["call_id"], None)
    if payload.get("type") == "mcp_approval_response" and isinstance(payload.get("approve"), bool):
        run = model.run(payload["approval_request_id"])
        run.approval = "approved" if payload["approve"] else "rejected"
    if isinstance(payload.get("id"), str):
        item = model.item(payload["id"])
        item.t_created_ms, item.asked_after = record.t_ms, word(event.get("previous_item_id"))


def arguments_complete(model: Model, item: Item, record: Record) -> None:
    """Let a function call wait for its output, once."""
    if item.type != "function_call" or item.arguments is None:
        return
    if item.t_arguments_done_ms is None:
        item.t_arguments_done_ms = record.t_ms
    asked, item.asked = item.asked, True
    call_id = item.tool_call_id
    is_aside = item.response is not None and item.response.conversation == "none"
    if not asked and call_id is not None and not (item.deleted or is_aside):
        run = model.tool_runs.get(call_id)
        if run is None or run.t_sent_ms is None:
            model.waiting_tools[call_id] = item


def add_delta(model: Model, record: Record, kind: str, role: str) -> Item:
    """Add a piece of words to its item."""
    delta = read_delta(record)
    item = model.item(delta.item_id)
    item.known, item.role = True, item.role or role
    item.add(Piece(record.seq, record.t_ms, kind, delta.content_index or 0, delta.delta, False))
    if item.response_id is None and delta.response_id is not None:
        model.output(model.response(delta.response_id), item)
    return item


def add_final(model: Model, record: Record, event: Final, kind: str, role: str) -> Item:
    """Add the whole words of a content part to its item."""
    words = event.text if kind == "text" else event.transcript
    if words is None:
        raise TypeError("words are a string")
    item = model.item(event.item_id)
    item.known, item.role = True, item.role or role
    item.add(Piece(record.seq, record.t_ms, kind, event.content_index or 0, words, True))
    if item.response_id is None and event.response_id is not None:
        model.output(model.response(event.response_id), item)
    return item


def merge(model: Model, body: ItemBody) -> Item:
    """Take over what an event says about an item; what it does not say stays as it was."""
    item = model.item(body.id)
    item.known, item.said = True, None
    item.type = body.type or item.type
    item.role = body.role or item.role
    item.status = body.status or item.status
    item.name = body.name or item.name
    item.arguments = body.arguments or item.arguments
    if item.arguments is None:
        item.arguments = body.arguments
    item.approval_request_id = body.approval_request_id or item.approval_request_id
    item.tool_call_id = item.item_id if item.type in _OF_MCP else body.call_id or item.tool_call_id
    if item.type == "mcp_call" and (request := model.items.get(item.approval_request_id or "")) is not None:
        request.called = True
    if body.output is not None:
        item.output = text(body.output)
    if body.error is not None:
        item.error = text(body.error)
    if body.approve is not None:
        item.approve = body.approve
    for index, part in enumerate(body.content or ()):
        take_part(item, index, part)
    return item


def take_part(item: Item, index: int, part: Part) -> None:
    """Take over the words of one content part."""
    if part.text is not None:
        item.tell("text", index, part.text)
    if part.transcript is not None:
        item.tell("transcript", index, part.transcript)
