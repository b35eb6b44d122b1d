"""What a response costs: tokens counted by rule of thumb, what of them was cached, and the rate limits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rtc_widget.sandbox.context import Context
    from rtc_widget.sandbox.history import Entry
    from rtc_widget.sandbox.wire import Event

__all__ = ["Ledger", "Tokens", "entry_tokens", "spoken_tokens", "text_tokens", "transcription_usage"]

_CHARACTERS_PER_TOKEN: Final = 4
_HEARD_MS_PER_TOKEN: Final = 100
_SPOKEN_MS_PER_TOKEN: Final = 50
_IMAGE_TOKENS: Final = {"low": 85, "auto": 765, "high": 765}
_CACHE_BLOCK: Final = 64
_CACHED_CONTEXTS: Final = 8
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


def entry_tokens(entry: Entry) -> Tokens:
    """Return how many tokens an item of the conversation is."""
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


@dataclass
class Ledger:
    """What a session has used so far.

    Attributes
    ----------
    cached
        What the last responses were given: what a next one begins with as one of them did is cached.
    used
        All tokens.
    """

    cached: deque[Context] = field(default_factory=lambda: deque(maxlen=_CACHED_CONTEXTS))
    used: int = 0

    def bill(self, context: Context | None, output: Tokens) -> Event:
        """Enter a response.

        Parameters
        ----------
        context
            What it was given; None where it ended before.
        output
            What was said, called or written.

        Returns
        -------
        Event
            Its `usage`, as in `response.done`.
        """
        inputs = Tokens() if context is None else context.cost
        shared = [] if context is None else [context.shared_with(earlier) for earlier in self.cached]
        most = max(shared, key=lambda tokens: tokens.total, default=Tokens())
        text, audio, image = (
            count // _CACHE_BLOCK * _CACHE_BLOCK for count in (most.text, most.audio, most.image)
        )
        if context is not None:
            self.cached.append(context)
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
