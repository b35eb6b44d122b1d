"""What a response costs: tokens counted by rule of thumb, the context that fits, and the rate limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rtc_widget.sandbox.wire import ApiError, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.sandbox.history import Entry

__all__ = ["Ledger", "Tokens", "context", "spoken_tokens", "text_tokens", "transcription_usage"]

_CHARACTERS_PER_TOKEN: Final = 4
_HEARD_MS_PER_TOKEN: Final = 100
_SPOKEN_MS_PER_TOKEN: Final = 50
_IMAGE_TOKENS: Final = {"low": 85, "auto": 765, "high": 765}
_CACHE_BLOCK: Final = 64
_CONTEXT_TOKENS: Final = 28_224
"""What a window of 32k leaves for the input, as the API's documentation has it."""
_TOKENS_PER_MINUTE: Final = 15_000_000


@dataclass(frozen=True)
class Tokens:
    """A number of tokens of each kind."""

    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        """Add kind by kind."""
        return Tokens(self.text + other.text, self.audio + other.audio, self.image + other.image)

    def share(self, part: float) -> Tokens:
        """Return a part of them, from 0 to 1, in whole tokens of each kind."""
        return Tokens(round(self.text * part), round(self.audio * part), round(self.image * part))

    @property
    def total(self) -> int:
        """All kinds together."""
        return self.text + self.audio + self.image


def text_tokens(text: str) -> int:
    """Return how many tokens a text is."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def spoken_tokens(duration_ms: float) -> int:
    """Return how many tokens the sandbox's own speech of so many milliseconds is."""
    return round(duration_ms / _SPOKEN_MS_PER_TOKEN)


def context(entries: Sequence[Entry], session: Event) -> tuple[list[Entry], Tokens]:
    """Return the items that fit into the context, and what the whole input costs.

    Parameters
    ----------
    entries
        The conversation, oldest first.
    session
        The effective configuration: instructions, tools, truncation.

    Returns
    -------
    tuple[list[Entry], Tokens]
        The newest items within the limit, and their tokens with those of instructions and tools.

    Raises
    ------
    ApiError
        They do not fit, and truncation is disabled.
    """
    strategy = session["truncation"]
    limit, ratio = _CONTEXT_TOKENS, 1.0
    if isinstance(strategy, dict):
        limit = (strategy.get("token_limits") or {}).get("post_instructions") or limit
        ratio = strategy["retention_ratio"]
    kept = list(entries)
    size = _sum(kept)
    if size.total > limit:
        if strategy == "disabled":
            raise ApiError(
                f"The conversation has {size.total} tokens, the limit is {limit}, truncation is disabled.",
                code="context_length_exceeded",
            )
        while len(kept) > 1 and size.total > limit * ratio:
            kept.pop(0)
            size = _sum(kept)
    tools = text_tokens(json.dumps(session["tools"])) if session["tools"] else 0
    return kept, size + Tokens(text=text_tokens(session["instructions"]) + tools)


@dataclass
class Ledger:
    """What a session has used so far.

    Attributes
    ----------
    cached
        What the context of the last response cost: that much of the next one's may come from the cache.
    used
        All tokens.
    """

    cached: Tokens = Tokens()
    used: int = 0

    def bill(self, inputs: Tokens, output: Tokens) -> Event:
        """Enter a response.

        Parameters
        ----------
        inputs
            What its context costs.
        output
            What was said, called or written.

        Returns
        -------
        Event
            Its `usage`, as in `response.done`.
        """
        text = min(inputs.text, self.cached.text) // _CACHE_BLOCK * _CACHE_BLOCK
        audio = min(inputs.audio, self.cached.audio) // _CACHE_BLOCK * _CACHE_BLOCK
        image = min(inputs.image, self.cached.image) // _CACHE_BLOCK * _CACHE_BLOCK
        self.cached = inputs
        self.used += inputs.total + output.total
        return {
            "total_tokens": inputs.total + output.total,
            "input_tokens": inputs.total,
            "output_tokens": output.total,
            "input_token_details": {
                "text_tokens": inputs.text,
                "audio_tokens": inputs.audio,
                "image_tokens": inputs.image,
                "cached_tokens": text + audio + image,
                "cached_tokens_details": {"text_tokens": text, "audio_tokens": audio, "image_tokens": image},
            },
            "output_token_details": {"text_tokens": output.text, "audio_tokens": output.audio},
        }

    def rate_limits(self) -> list[Event]:
        """Return the limits as they stand, as in `rate_limits.updated`."""
        return [
            {
                "name": "tokens",
                "limit": _TOKENS_PER_MINUTE,
                "remaining": max(_TOKENS_PER_MINUTE - self.used, 0),
                "reset_seconds": round(self.used * 60 / _TOKENS_PER_MINUTE, 3),
            }
        ]


def transcription_usage(model: str | None, duration_ms: float, words: str) -> Event:
    """Return the `usage` of a transcript: by duration where the model is billed so, else by tokens."""
    if model is None or "whisper" in model:
        return {"type": "duration", "seconds": round(duration_ms / 1000)}
    heard, written = round(duration_ms / _HEARD_MS_PER_TOKEN), text_tokens(words)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }


def _sum(entries: Iterable[Entry]) -> Tokens:
    total = Tokens()
    for entry in entries:
        total += _tokens(entry)
    return total


def _tokens(entry: Entry) -> Tokens:
    item = entry.item
    if item["type"] != "message":
        return Tokens(text=text_tokens(entry.text + str(item.get("name", ""))))
    if item["role"] == "assistant":
        return Tokens(text=text_tokens(entry.text), audio=spoken_tokens(entry.audio_ms))
    parts: list[dict[str, Any]] = item["content"]
    return Tokens(
        text=sum(text_tokens(part["text"]) for part in parts if part["type"] == "input_text"),
        audio=round(entry.audio_ms / _HEARD_MS_PER_TOKEN),
        image=sum(_IMAGE_TOKENS[part["detail"]] for part in parts if part["type"] == "input_image"),
    )
