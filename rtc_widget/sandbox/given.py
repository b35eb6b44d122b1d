"""What a client gives in an event: bytes as text, and items, the sound in which is recognised."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from rtc_widget.sandbox.formats import bytes_per_s, decoded
from rtc_widget.sandbox.recognition import recognise_soon, unasked
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from rtc_widget.sandbox.history import Entry, History
    from rtc_widget.sandbox.wire import Event

__all__ = ["bytes_of", "entry_of", "input_format"]


def input_format(config: Event) -> str:
    """Return the `type` of the format in which a session is sent sound."""
    kind: str = config["audio"]["input"]["format"]["type"]
    return kind


def bytes_of(text: str, param: str) -> bytes:
    """Return the bytes of a base64 text.

    Raises
    ------
    ApiError
        It is none; `param` is its place in the event.
    """
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ApiError(f"Invalid '{param}': expected base64.", code="invalid_value", param=param) from error


def entry_of(history: History, item: Event, config: Event, place: str) -> Entry:
    """Return the entry of an item, without adding it; what is said in it is recognised meanwhile.

    Parameters
    ----------
    history
        The conversation, in which it may answer a call.
    item
        As the client gives it.
    config
        The effective configuration: in which format it gives sound.
    place
        Where the item stands in the event ("item", "response.input[0]"), for errors.

    Raises
    ------
    ApiError
        As from `History.entry_of`; or its sound is no base64.
    """
    entry = history.entry_of(item, place)
    for index, part in enumerate(item.get("content") or []):
        if part.get("type") == "input_audio":
            raw, kind = bytes_of(part["audio"], f"{place}.content[{index}].audio"), input_format(config)
            entry.audio_ms = len(raw) * 1000 / bytes_per_s(kind)
            entry.words = unasked(asyncio.ensure_future(_words_in(raw, kind)))
    return entry


async def _words_in(raw: bytes, kind: str) -> str:
    """Recognise sound as an event carries it: to decode minutes of it would hold up everybody else."""
    return await recognise_soon(await asyncio.to_thread(decoded, raw, kind))
