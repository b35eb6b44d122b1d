"""Handlers of events about items: speech that becomes one, what it holds, where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget._conversation.model import Model, number, text, word
from rtc_widget._conversation.state import Item, Piece, Usage

if TYPE_CHECKING:
    from rtc_widget.log.record import Record

_TAKEN_OVER = ("type", "role", "status", "name", "arguments", "approval_request_id")


def speech_started(model: Model, record: Record) -> None:
    """Note when the speech began that will become this item."""
    model.user_speaking = True
    item = model.item(record.event["item_id"])
    item.spoken = True
    if item.t_speech_started_ms is None:
        item.t_speech_started_ms = record.t_ms


def speech_stopped(model: Model, record: Record) -> None:
    """Note when the VAD said that the speech had ended, and how much silence it had waited for."""
    model.user_speaking = False
    item = model.item(record.event["item_id"])
    item.spoken = True
    item.t_speech_stopped_ms = record.t_ms
    detection = model.audio_input().get("turn_detection")
    if isinstance(detection, dict) and detection.get("type") == "server_vad":
        item.vad_silence_ms = number(detection.get("silence_duration_ms"))


def committed(model: Model, record: Record) -> None:
    """Make the audio an item."""
    event = record.event
    item = model.item(event["item_id"])
    item.spoken = True
    item.type, item.role = item.type or "message", item.role or "user"
    if item.t_committed_ms is None:
        item.t_committed_ms, item.variant = record.t_ms, model.variant
    if item.transcription == "none" and model.audio_input().get("transcription"):
        item.transcription = "pending"
    model.place(item, event.get("previous_item_id"))


def transcript_delta(model: Model, record: Record) -> None:
    """Add to the user's transcript."""
    item = model.delta(record, "transcript")
    item.role, item.said = item.role or "user", None
    if item.transcription == "none":
        item.transcription = "pending"


def transcribed(model: Model, record: Record) -> None:
    """Complete the user's transcript, however late it comes."""
    event = record.event
    item = model.item(event["item_id"])
    words_final(item, record, "transcript", event["transcript"])
    item.role, item.transcription, item.t_transcribed_ms = item.role or "user", "completed", record.t_ms
    if isinstance(event.get("usage"), dict):
        wanted = model.audio_input().get("transcription")
        name = wanted.get("model") if isinstance(wanted, dict) else None
        session_model = word(model.session.get("model"))
        item.transcription_usage = Usage(record.seq, word(name), event["usage"], session_model)


def transcription_failed(model: Model, record: Record) -> None:
    """Say that there will be no transcript."""
    model.item(record.event["item_id"]).transcription = "failed"


def added(model: Model, record: Record) -> None:
    """Give an item its place."""
    event = record.event
    item = merge(model, event["item"])
    if item.t_added_ms is None:
        item.t_added_ms = record.t_ms
        item.variant = item.variant or model.variant
    item.deleted = False
    model.place(item, event.get("previous_item_id"))
    if item.type == "function_call_output":
        model.waiting_tools.pop(item.tool_call_id or "", None)


def done(model: Model, record: Record) -> None:
    """Complete an item; its null `previous_item_id` means nothing."""
    item = merge(model, record.event["item"])
    if item.t_done_ms is None:
        item.t_done_ms = record.t_ms
    if item.status == "completed":
        arguments_complete(model, item, record)


def retrieved(model: Model, record: Record) -> None:
    """Learn what the server holds of an item."""
    merge(model, record.event["item"])


def deleted(model: Model, record: Record) -> None:
    """Mark an item as deleted; its turn has happened all the same."""
    item = model.item(record.event["item_id"])
    item.deleted = True
    model.waiting_tools.pop(item.tool_call_id or "", None)
    model.layout.changed()


def truncated(model: Model, record: Record) -> None:
    """Note how much audio of an item the conversation keeps."""
    event = record.event
    model.item(event["item_id"]).truncated_ms = number(event.get("audio_end_ms"))


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
    if not asked and call_id is not None and not item.deleted:
        run = model.tool_runs.get(call_id)
        if run is None or run.t_sent_ms is None:
            model.waiting_tools[call_id] = item


def words_final(item: Item, record: Record, kind: str, words: Any) -> None:
    """Add the final words of a content part."""
    if not isinstance(words, str):
        raise TypeError("words are a string")
    item.known = True
    part = record.event.get("content_index")
    item.add(Piece(record.seq, record.t_ms, kind, part if isinstance(part, int) else 0, words, True))


def merge(model: Model, payload: dict[str, Any]) -> Item:
    """Take over what an event says about an item; what it does not say stays as it was."""
    item = model.item(payload["id"])
    item.known, item.said = True, None
    for field in _TAKEN_OVER:
        value = payload.get(field)
        if value is not None and isinstance(value, str) and (value or getattr(item, field) is None):
            setattr(item, field, value)
    if item.type == "mcp_call":
        item.tool_call_id = item.item_id
    elif isinstance(payload.get("call_id"), str):
        item.tool_call_id = payload["call_id"]
    if payload.get("output") is not None:
        item.output = text(payload["output"])
    if payload.get("error") is not None:
        item.error = text(payload["error"])
    if isinstance(payload.get("approve"), bool):
        item.approve = payload["approve"]
    content = payload.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        take_part(item, index, part)
    return item


def take_part(item: Item, index: int, part: Any) -> None:
    """Take over the words of one content part."""
    if not isinstance(part, dict):
        return
    for kind in ("text", "transcript"):
        words = part.get(kind)
        if isinstance(words, str):
            item.tell(kind, index, words)
