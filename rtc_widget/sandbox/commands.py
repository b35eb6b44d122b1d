"""What each client event does to a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtc_widget.sandbox.config import merged
from rtc_widget.sandbox.formats import bytes_per_s
from rtc_widget.sandbox.given import bytes_of, entry_of, input_format
from rtc_widget.sandbox.wire import ApiError, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rtc_widget.sandbox.session import Session

__all__ = ["COMMANDS"]

_MOST_APPENDED_BYTES: Final = 15 * 1024 * 1024
_STEP_MS: Final = 100
"""To hear so much sound takes a few milliseconds, in which nobody else is served."""


def _update_session(session: Session, event: Event) -> None:
    kind, asked = session.config["type"], event["session"]["type"]
    if asked != kind:
        raise ApiError(
            f"Passing a {asked} session update event to a {kind} session is not allowed.",
            code="invalid_parameter",
            param="session.type",
        )
    # A `model` in it is passed over: clients repeat theirs, and the sandbox has but one.
    session.configure(merged(session.config, event["session"], has_spoken=session.turns.has_spoken))


def _append_input(session: Session, event: Event) -> Iterator[None]:
    raw = bytes_of(event["audio"], "audio")
    if len(raw) > _MOST_APPENDED_BYTES:
        raise ApiError(
            f"Invalid 'audio': {len(raw)} bytes. Append at most {_MOST_APPENDED_BYTES} bytes at once.",
            code="invalid_value",
            param="audio",
        )
    kind, ears = input_format(session.config), session.turns.ears
    lasts_ms = len(raw) * 1000 / bytes_per_s(kind)
    if lasts_ms > ears.room_ms:
        raise ApiError(
            f"Error appending to the input audio buffer: it holds {ears.buffered_ms:.2f}ms of audio, and has "
            f"room for {ears.room_ms:.2f}ms more, not for {lasts_ms:.2f}ms. Commit or clear it.",
            code="input_audio_buffer_full",
            param="audio",
        )
    step = bytes_per_s(kind) * _STEP_MS // 1000
    for start in range(0, len(raw), step):
        if start:
            yield
        session.hear(session.appended.take(raw[start : start + step], kind))


def _commit_input(session: Session, _: Event) -> None:
    session.hear(session.appended.flush())
    buffered_ms = session.turns.ears.buffered_ms
    if not session.turns.commit_by_hand():
        raise ApiError(
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            f"but buffer only has {buffered_ms:.2f}ms of audio.",
            code="input_audio_buffer_commit_empty",
        )


def _clear_input(session: Session, _: Event) -> None:
    session.appended.flush()
    session.turns.clear()
    session.emit("input_audio_buffer.cleared")


def _clear_output(session: Session, _: Event) -> None:
    if session.mouth.in_events:
        raise ApiError(
            "output_audio_buffer.clear is for WebRTC and SIP: over a WebSocket, stop to play and send "
            "conversation.item.truncate.",
            code="invalid_event",
            param="type",
        )
    if session.mouth.is_busy:
        session.turns.fall_silent()
    else:
        session.emit("output_audio_buffer.cleared", response_id=session.turns.last_spoken)


def _create_item(session: Session, event: Event) -> None:
    entry = entry_of(session.history, event["item"], session.config, "item")
    if entry.item["type"] != "mcp_approval_response":
        session.add(entry, event.get("previous_item_id"))
        return
    session.remotes.check_answer(entry.item)
    session.add(entry, event.get("previous_item_id"))
    session.remotes.answer(entry.item)


def _retrieve_item(session: Session, event: Event) -> None:
    entry = session.history.get(event["item_id"], "retrieving", "retrieve")
    session.emit("conversation.item.retrieved", item=entry.item)


def _delete_item(session: Session, event: Event) -> None:
    session.history.delete(event["item_id"])
    session.emit("conversation.item.deleted", item_id=event["item_id"])


def _truncate_item(session: Session, event: Event) -> None:
    fields = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
    session.history.truncate(**fields)
    session.emit("conversation.item.truncated", **fields)


def _create_response(session: Session, event: Event) -> None:
    if session.config["type"] == "transcription":
        raise ApiError("A transcription session creates no responses.", code="invalid_event", param="type")
    session.turns.stop_waiting()
    session.responses.create(event.get("response") or {})


def _cancel_response(session: Session, event: Event) -> None:
    session.responses.cancel(event.get("response_id"))


COMMANDS: Final[dict[str, Callable[[Session, Event], Iterator[None] | None]]] = {
    "session.update": _update_session,
    "input_audio_buffer.append": _append_input,
    "input_audio_buffer.commit": _commit_input,
    "input_audio_buffer.clear": _clear_input,
    "output_audio_buffer.clear": _clear_output,
    "conversation.item.create": _create_item,
    "conversation.item.retrieve": _retrieve_item,
    "conversation.item.delete": _delete_item,
    "conversation.item.truncate": _truncate_item,
    "response.create": _create_response,
    "response.cancel": _cancel_response,
}
"""One for each of the API's client events; they raise `ApiError` for what they refuse.

One that takes long returns steps, between which others may be served.
"""
