"""What is still to be said: speech in, frames out, and what of it was really sent.

Over a WebSocket nothing waits here: the sound goes out as events, faster than it is spoken.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, SPOKEN_RATE_HZ, duration_ms

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EventMouth", "Mouth", "Utterance"]


@dataclass(eq=False)
class Utterance:
    """The sound of one item.

    Attributes
    ----------
    response_id, item_id
        Whose sound it is.
    sent_bytes
        How much of it went out.
    complete
        Whether its response has no more to say.
    due_s
        When its first sample goes out, by the loop's clock; None: as soon as it can.
    """

    response_id: str
    item_id: str
    sent_bytes: int = 0
    complete: bool = False
    due_s: float | None = None
    _waiting: deque[memoryview] = field(default_factory=deque)

    @property
    def sent_ms(self) -> int:
        """How much of it was really sent, in whole milliseconds."""
        return self.sent_bytes * 1000 // (SPOKEN_RATE_HZ * BYTES_PER_SAMPLE)

    def add(self, pcm: bytes) -> None:
        """Append mono s16 samples at 48 kHz."""
        self._waiting.append(memoryview(pcm))

    def take(self, size: int) -> bytes:
        """Return at most `size` bytes of what waits, and count them as sent."""
        parts: list[memoryview] = []
        wanted = size
        while wanted and self._waiting:
            piece = self._waiting.popleft()
            if len(piece) > wanted:
                self._waiting.appendleft(piece[wanted:])
                piece = piece[:wanted]
            parts.append(piece)
            wanted -= len(piece)
        self.sent_bytes += size - wanted
        return b"".join(parts)

    def shorten(self, to_ms: float) -> None:
        """Forget what waits beyond a length of the whole."""
        left = max(round(to_ms * SPOKEN_RATE_HZ / 1000) * BYTES_PER_SAMPLE - self.sent_bytes, 0)
        for _ in range(len(self._waiting)):
            piece = self._waiting.popleft()[:left]
            left -= len(piece)
            if piece:
                self._waiting.append(piece)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting


class Mouth:
    """The queue between the responses, which are made faster than they are spoken, and the clock of a call.

    Parameters
    ----------
    on_started
        Called with a response's id when the first of its sound goes out.
    on_stopped
        Called with a response's id when the last of it went out.
    """

    in_events = False
    """Whether the sound goes out as events."""

    def __init__(self, on_started: Callable[[str], None], on_stopped: Callable[[str], None]) -> None:
        self._on_started = on_started
        self._on_stopped = on_stopped
        self._queue: deque[Utterance] = deque()
        self._started: set[str] = set()
        self._silenced: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether something is being said, or waits to be."""
        return bool(self._queue)

    @property
    def left_s(self) -> float:
        """How long the client will go on to play what is out already."""
        return 0.0

    def say(self, response_id: str, item_id: str, pcm: bytes, due_s: float | None = None) -> None:
        """Queue more sound of an item; of a response that was cleared there is none any more.

        Parameters
        ----------
        response_id, item_id
            Whose it is.
        pcm
            Mono, signed 16-bit, little-endian samples at 48 kHz.
        due_s
            When the first of an item's sound goes out, by the loop's clock; None: as soon as it can.
        """
        if response_id in self._silenced:
            return
        utterance = next((waiting for waiting in self._queue if waiting.item_id == item_id), None)
        if utterance is None:
            utterance = Utterance(response_id, item_id, due_s=due_s)
            self._queue.append(utterance)
        utterance.add(pcm)

    def shorten(self, item_id: str, to_ms: float) -> None:
        """Say no more of an item than was made of it."""
        for utterance in self._queue:
            if utterance.item_id == item_id:
                utterance.shorten(to_ms)

    def finish(self, response_id: str) -> None:
        """Declare that a response has no more to say; `on_stopped` follows when its last sound went out."""
        for utterance in self._queue:
            if utterance.response_id == response_id:
                utterance.complete = True
        self._silenced.discard(response_id)
        self._settle()

    def clear(self) -> list[Utterance]:
        """Fall silent at once, and stay so for what the responses of that sound still make.

        Returns
        -------
        list[Utterance]
            What was cut, with what of it was really sent.
        """
        cut = list(self._queue)
        self._silenced.update(utterance.response_id for utterance in cut if not utterance.complete)
        self._queue.clear()
        self._started.clear()
        return cut

    def take(self, size: int, at_s: float = math.inf) -> bytes:
        """Return the next `size` bytes of sound: speech where there is some, else silence.

        Parameters
        ----------
        size
            Of so many bytes.
        at_s
            When the first of them goes out, by the loop's clock: what is due later waits.
        """
        parts: list[bytes] = []
        wanted = size
        while wanted and self._queue and not (head := self._queue[0]).is_empty:
            early = _early_bytes(head, at_s) - (size - wanted)
            if early > 0:
                parts.append(bytes(min(early, wanted)))
                wanted -= len(parts[-1])
                continue
            if head.response_id not in self._started:
                self._started.add(head.response_id)
                self._on_started(head.response_id)
            piece = head.take(wanted)
            wanted -= len(piece)
            parts.append(piece)
            self._settle()
        return b"".join(parts) + bytes(wanted)

    def _settle(self) -> None:
        """Let go of what was said; a response that is still being made keeps its place in front."""
        while self._queue and self._queue[0].is_empty:
            head = self._queue[0]
            follower = self._queue[1] if len(self._queue) > 1 else None
            same_response = follower is not None and follower.response_id == head.response_id
            if not (head.complete or same_response):
                return
            self._queue.popleft()
            if not same_response and head.response_id in self._started:
                self._started.discard(head.response_id)
                self._on_stopped(head.response_id)


def _early_bytes(utterance: Utterance, at_s: float) -> int:
    """Return how much silence goes out before what is due at a time."""
    if utterance.due_s is None or utterance.sent_bytes:
        return 0
    return round(max(utterance.due_s - at_s, 0.0) * SPOKEN_RATE_HZ) * BYTES_PER_SAMPLE


class EventMouth(Mouth):
    """The mouth of a WebSocket: what is said is out at once, and only the client knows what it plays."""

    in_events = True

    def __init__(self, on_started: Callable[[str], None]) -> None:
        super().__init__(on_started, lambda _: None)
        self._played_s = 0.0

    @property
    def left_s(self) -> float:
        """How long a client that plays at once still plays."""
        return max(self._played_s - time.monotonic(), 0.0)

    def say(
        self,
        response_id: str,
        item_id: str,  # noqa: ARG002 - as a mouth has it
        pcm: bytes,
        due_s: float | None = None,  # noqa: ARG002 - as a mouth has it
    ) -> None:
        """Note that so much sound went out."""
        self._on_started(response_id)
        length_s = duration_ms(pcm, SPOKEN_RATE_HZ) / 1000
        self._played_s = max(self._played_s, time.monotonic()) + length_s

    def clear(self) -> list[Utterance]:
        """Do nothing: the client falls silent by itself, and truncates what it did not play."""
        self._played_s = 0.0
        return []
