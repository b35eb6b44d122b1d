"""The user's words as events: deltas, then the whole, or why there is none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.pieces import deltas
from rtc_widget.sandbox.recognition import LANGUAGE
from rtc_widget.sandbox.usage import transcription_usage
from rtc_widget.sandbox.wire import Event, fresh_id, obfuscation

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.history import Entry

__all__ = ["is_live", "send_delta", "transcribe"]

_DELTA_S: Final = 0.01
_EVENT: Final = "conversation.item.input_audio_transcription"
_TELLS: Final = "gpt-transcribe"
"""The model that says which languages it has heard."""
_LIVE: Final = ("gpt-live-transcribe", "gpt-realtime-whisper")


def is_live(settings: Event | None) -> bool:
    """Say whether an `audio.input.transcription` names a model that writes before a turn is committed."""
    return ((settings or {}).get("model") or "").startswith(_LIVE)


def send_delta(emit: Callable[..., Any], item_id: str, delta: str) -> None:
    """Send some more of an item's transcript."""
    place = {"item_id": item_id, "content_index": 0}
    emit(f"{_EVENT}.delta", **place, delta=delta, obfuscation=obfuscation(delta))


async def transcribe(emit: Callable[..., Any], entry: Entry, settings: Event, sent: str = "") -> None:
    """Send the transcript of an item, as its words become known.

    Parameters
    ----------
    emit
        Sends a server event: its type, then its fields.
    entry
        An item with the user's sound.
    settings
        The effective `audio.input.transcription`.
    sent
        What was sent of it before it became an item.
    """
    place = {"item_id": entry.id, "content_index": 0}
    languages = [settings.get("language"), *(settings.get("languages") or [])]
    foreign = [language for language in languages if language and not language.lower().startswith(LANGUAGE)]
    if foreign:
        error = _error("unsupported_language", f"The sandbox recognises English only, not '{foreign[0]}'.")
        emit(f"{_EVENT}.failed", **place, error=error)
        return
    if entry.words is None:
        return
    try:
        words = await asyncio.shield(entry.words)
    except ConfigurationError as problem:
        emit(f"{_EVENT}.failed", **place, error=_error("recognition_unavailable", str(problem)))
        return
    for delta in deltas(f" {words}"[len(sent) :] if words else ""):
        send_delta(emit, entry.id, delta)
        await asyncio.sleep(_DELTA_S)
    entry.item["content"][0]["transcript"] = words
    if "diarize" in (settings.get("model") or ""):
        # There is but one voice in the sandbox's ears, and a turn is one stretch of it.
        stretch = {"start": 0.0, "end": round(entry.audio_ms / 1000, 3), "speaker": "A", "text": words}
        emit(f"{_EVENT}.segment", **place, id=fresh_id("seg"), **stretch)
    usage = transcription_usage(settings.get("model"), entry.audio_ms, words)
    told = {"languages": [{"code": LANGUAGE}] if words else []} if settings.get("model") == _TELLS else {}
    emit(f"{_EVENT}.completed", **place, transcript=words, usage=usage, **told)


def _error(code: str, message: str) -> Event:
    return {"type": "transcription_error", "code": code, "message": message, "param": None}
