"""The sandbox's ears: when somebody speaks, when they have finished, and what they said.

The numbers mean what they mean in the API. `prefix_padding_ms` is what of the sound before the speech belongs
to it; `silence_duration_ms` must pass after the last speech before a turn ends, and belongs to it. Positions
are milliseconds of sound since the session began. Words are English only.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget.sandbox.detector import CHUNK_BYTES, LIKELY, load_detector
from rtc_widget.sandbox.punctual import Arrivals
from rtc_widget.sandbox.recognition import recognise, recognise_soon
from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, HEARD_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.wire import Event

    Recogniser = Callable[[bytes], asyncio.Future[str]]

__all__ = ["Ears", "Heard", "Listener", "recognise"]

_BYTES_PER_MS: Final = HEARD_RATE_HZ * BYTES_PER_SAMPLE // 1000
_CHUNKS_TO_START: Final = 2
"""A single loud chunk is a click; two in a row are a voice."""
_HYSTERESIS: Final = 0.15
_LONGEST_TURN_MS: Final = 120_000
_KEPT_IDLE_MS: Final = 5_000
_KEPT_FOR_A_COMMIT_MS: Final = 600_000
_GUESS_AFTER_MS: Final = 96
"""Recognition begins when this much silence has passed: if it holds, the words are ready with the turn."""
_SEMANTIC_SILENCE_MS: Final = {"low": 1200, "medium": 600, "auto": 600, "high": 300}
_SEMANTIC_LONGEST_MS: Final = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
_UNFINISHED = re.compile(
    r"(?:\.\.\.|…|,|\b(?:um|uh|er|and|or|but|so|because|the|a|an|to|of|with|for|in|my|i))\W*$", re.IGNORECASE
)


@dataclass(frozen=True)
class Heard:
    """A stretch of sound that became a turn.

    Attributes
    ----------
    pcm
        Mono, signed 16-bit samples at 16 kHz.
    start_ms, end_ms
        Its place in the session's sound.
    words
        What was said in it, once recognised.
    came_s
        When its end came in, by the loop's clock.
    """

    pcm: bytes
    start_ms: int
    end_ms: int
    words: asyncio.Future[str]
    came_s: float

    @property
    def duration_ms(self) -> int:
        """How long it lasts."""
        return self.end_ms - self.start_ms


class Listener(Protocol):
    """Who is told what the ears hear."""

    def speech_started(self, start_ms: int) -> None:
        """Somebody speaks since `start_ms`, padding included."""

    def speech_stopped(self, heard: Heard) -> None:
        """They have finished: this is what they said, silence at the end included."""


class Ears:
    """The input audio buffer of a session, and the voice activity detection on it.

    Parameters
    ----------
    listener
        Told of speech.
    detector
        Probability of speech in a chunk; `load_detector()` by default.
    """

    def __init__(self, listener: Listener, detector: Callable[[bytes], float] | None = None) -> None:
        self._listener = listener
        self._probability = detector or load_detector()
        self._settings: Event | None = None
        self._buffer = bytearray()
        self._buffer_start = 0
        self._position = 0
        self._arrivals = Arrivals()
        self._rest = bytearray()
        self._loud: deque[bool] = deque(maxlen=_CHUNKS_TO_START)
        self._speech_start: int | None = None
        self._last_speech_end = 0
        self._last_voice_end = 0
        self._guess: tuple[int, asyncio.Future[str]] | None = None

    @property
    def position_ms(self) -> int:
        """How much sound the session has heard."""
        return self._position // _BYTES_PER_MS

    @property
    def voice_end_ms(self) -> int:
        """Where the last chunk ended that held a voice."""
        return self._last_voice_end // _BYTES_PER_MS

    def sound_since(self, start_ms: int) -> bytes:
        """Return what the buffer holds of the sound since then."""
        return bytes(self._buffer[max(start_ms * _BYTES_PER_MS - self._buffer_start, 0) :])

    @property
    def is_hearing_speech(self) -> bool:
        """Whether somebody speaks right now."""
        return self._speech_start is not None

    def configure(self, turn_detection: Event | None) -> None:
        """Take over the effective `turn_detection`; None turns the detection off."""
        if turn_detection is None or self._settings is None:
            self._forget_speech()
        self._settings = turn_detection

    def hear(self, pcm: bytes) -> None:
        """Take in sound, any amount of it.

        Parameters
        ----------
        pcm
            Mono, signed 16-bit, little-endian samples at 16 kHz.
        """
        self._arrivals.note((self._position + len(pcm)) / _BYTES_PER_MS)
        for start in range(0, len(pcm), CHUNK_BYTES):
            self._hear_piece(pcm[start : start + CHUNK_BYTES])

    def _hear_piece(self, pcm: bytes) -> None:
        """Take in no more than a chunk: after each one, speech can begin or end."""
        self._buffer += pcm
        self._rest += pcm
        self._position += len(pcm)
        while len(self._rest) >= CHUNK_BYTES:
            chunk = bytes(self._rest[:CHUNK_BYTES])
            del self._rest[:CHUNK_BYTES]
            self._judge(self._probability(chunk), self._position - len(self._rest))
        if self._speech_start is not None:
            self._wait_for_the_end()
        self._trim()

    def commit(self, recognise: Recogniser = recognise_soon) -> Heard | None:
        """Take all sound in the buffer out of it; None when it holds less than 100 ms."""
        if len(self._buffer) < 100 * _BYTES_PER_MS:
            return None
        self._forget_speech()
        return self._take(self._position, recognise)

    @property
    def buffered_ms(self) -> float:
        """How much sound the buffer holds."""
        return len(self._buffer) / _BYTES_PER_MS

    @property
    def room_ms(self) -> float:
        """How much more sound can be kept for a commit; with turn detection, any amount passes through."""
        return inf if self._settings is not None else _KEPT_FOR_A_COMMIT_MS - self.buffered_ms

    def silence(self, start_ms: int) -> Heard:
        """Take the sound since `start_ms`, in which nobody spoke, out of the buffer."""
        pcm = bytes(self._buffer)
        self.clear()
        return Heard(pcm, start_ms, self.position_ms, _no_words(), self._came_s(self._position))

    def clear(self) -> None:
        """Throw the buffer away."""
        self._forget_speech()
        self._buffer.clear()
        self._buffer_start = self._position

    def _judge(self, probability: float, end: int) -> None:
        """Take one chunk's probability into account; it ends at byte `end` of the session's sound."""
        settings = self._settings or {}
        asked = settings.get("threshold")
        threshold = LIKELY if asked is None else float(asked)
        if probability >= threshold:
            self._last_voice_end = end
        if self._settings is None:
            return
        if self._speech_start is None:
            self._loud.append(probability >= threshold)
            if len(self._loud) == _CHUNKS_TO_START and all(self._loud):
                onset = end - _CHUNKS_TO_START * CHUNK_BYTES
                padding = int(settings.get("prefix_padding_ms", 300)) * _BYTES_PER_MS
                self._speech_start = max(onset - padding, self._buffer_start)
                self._last_speech_end = end
                self._listener.speech_started(self._speech_start // _BYTES_PER_MS)
        elif probability >= min(threshold, max(threshold - _HYSTERESIS, 0.01)):
            self._last_speech_end = end
            self._drop_guess()

    def _wait_for_the_end(self) -> None:
        silent_ms = (self._position - self._last_speech_end) // _BYTES_PER_MS
        wanted_ms = self._silence_wanted_ms()
        if self._guess is None and silent_ms >= min(_GUESS_AFTER_MS, wanted_ms // 3):
            start = (self._speech_start or 0) - self._buffer_start
            sound = bytes(self._buffer[start:])
            self._guess = (self._last_speech_end, recognise_soon(sound))
        too_long = self._position - (self._speech_start or 0) > _LONGEST_TURN_MS * _BYTES_PER_MS
        if silent_ms >= wanted_ms or too_long:
            start = self._speech_start or 0
            del self._buffer[: start - self._buffer_start]
            self._buffer_start = start
            heard = self._take(self._position)
            self._speech_start = None
            self._loud.clear()
            self._listener.speech_stopped(heard)

    def _silence_wanted_ms(self) -> int:
        settings: dict[str, Any] = self._settings or {}
        if settings.get("type") != "semantic_vad":
            return int(settings.get("silence_duration_ms", 200))
        eagerness = settings.get("eagerness") or "auto"
        guess = self._guess[1] if self._guess is not None else None
        # Once the words are known, an unfinished sentence gets the time it needs.
        if (
            guess is not None
            and guess.done()
            and not guess.exception()
            and _UNFINISHED.search(guess.result())
        ):
            return _SEMANTIC_LONGEST_MS[eagerness]
        return _SEMANTIC_SILENCE_MS[eagerness]

    def _take(self, end: int, recognise: Recogniser = recognise_soon) -> Heard:
        pcm = bytes(self._buffer[: end - self._buffer_start])
        guess, self._guess = self._guess, None
        if self._last_voice_end <= self._buffer_start:
            words = _no_words()
        elif guess is not None and guess[0] == self._last_speech_end:
            words = guess[1]
        else:
            words = recognise(pcm)
        start_ms, end_ms = self._buffer_start // _BYTES_PER_MS, end // _BYTES_PER_MS
        heard = Heard(pcm, start_ms, end_ms, words, self._came_s(end))
        del self._buffer[: end - self._buffer_start]
        self._buffer_start = end
        return heard

    def _came_s(self, end: int) -> float:
        return self._arrivals.came_s(end / _BYTES_PER_MS)

    def _trim(self) -> None:
        """Keep the buffer short while nobody speaks and nobody will commit it by hand.

        Without turn detection, only a microphone can bring more than there is room for: it cannot be told.
        """
        if self._settings is None:
            longest = _KEPT_FOR_A_COMMIT_MS
        else:
            longest = _LONGEST_TURN_MS if self._speech_start is not None else _KEPT_IDLE_MS
        excess = len(self._buffer) - longest * _BYTES_PER_MS
        if excess > 0:
            del self._buffer[:excess]
            self._buffer_start += excess

    def _forget_speech(self) -> None:
        self._speech_start = None
        self._loud.clear()
        self._drop_guess()

    def _drop_guess(self) -> None:
        if self._guess is not None:
            self._guess[1].cancel()
            self._guess = None


def _no_words() -> asyncio.Future[str]:
    """Return what was said where nobody spoke: recognisers hear words in silence."""
    words: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    words.set_result("")
    return words
