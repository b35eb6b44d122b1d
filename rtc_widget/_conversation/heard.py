"""What was heard of speech that was cut short: its words, by the time they take.

Nothing in the protocol says when a word is spoken: deltas run ahead of the sound. So the words are
laid evenly over the sound that was made for them, whose length is known from its audio tokens, of 50 ms
each (OpenAI, "Managing costs"). Where nobody counts tokens, speech has its everyday pace.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rtc_widget._scripts import WITHOUT_SPACES

if TYPE_CHECKING:
    from rtc_widget._conversation.state import Item, Response

__all__ = ["heard_transcript"]

_MS_PER_TOKEN: Final = 50.0
_MS_PER_CHARACTER: Final = 1000 / 15
"""Of speech at an everyday pace."""
_LAST_WORD: Final = re.compile(r"\S*\Z")


def heard_transcript(item: Item) -> str | None:
    """Return what of an item's transcript was played before it was cut short, in whole words.

    What the server keeps of it, else an estimate from the time played: an empty text tells nothing, for a
    service may drop all of what it has cut. None where it was not cut short, and where nothing says how long
    it was played.
    """
    words = item.transcript
    played_ms = None if words is None else _played_ms(item)
    if words is None or played_ms is None:
        return None
    if item.kept and len(item.kept) < len(words) and words.startswith(item.kept):
        return item.kept
    return _said_by(played_ms, words, _sound_ms(item))


def _played_ms(item: Item) -> float | None:
    """Return how long its sound had been played when it was cut short."""
    if item.truncated_ms is not None or item.response is None:
        return item.truncated_ms
    played_ms = _cut_ms(item.response)
    if played_ms is None:
        return None
    messages = [one for one in item.response.items if one.transcript is not None]
    for earlier in messages[: messages.index(item)]:
        played_ms -= _sound_ms(earlier)
    return played_ms if item is messages[-1] or played_ms < _sound_ms(item) else None


def _cut_ms(response: Response) -> float | None:
    """Return how long its audio had been played when it was cut short, or its call ended."""
    stopped_ms = response.t_audio_stopped_ms if response.audio_cleared else response.t_cut_off_ms
    if response.t_buffer_started_ms is not None and stopped_ms is not None:
        return stopped_ms - response.t_buffer_started_ms
    return 0.0 if response.status == "cancelled" and response.t_first_audio_ms is None else None


def _sound_ms(item: Item) -> float:
    """Return about how long all of its sound is, or would have been."""
    length = len(item.transcript or "")
    response = item.response
    details = ((response and response.usage) or {}).get("output_token_details")
    tokens = details.get("audio_tokens") if isinstance(details, dict) else None
    if response is None or not isinstance(tokens, int | float) or tokens <= 0:
        return length * _MS_PER_CHARACTER
    together = sum(len(one.transcript or "") for one in response.items)
    return tokens * _MS_PER_TOKEN * length / max(together, 1)


def _said_by(played_ms: float, words: str, sound_ms: float) -> str:
    """Return the words that were said to their end by a time, of such that last `sound_ms`."""
    if not words or played_ms >= sound_ms:
        return words
    at = int(len(words) * max(played_ms, 0.0) / sound_ms)
    heard = words[:at]
    if not words[at].isspace() and not WITHOUT_SPACES.match(words[at]):
        heard = _LAST_WORD.sub("", heard)
    return heard.rstrip()
