"""The turns that one played sound makes: when the service has taken it, and when the last has its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rtc_widget._errors import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget._core import Core

__all__ = ["SETTLE_S", "PlayedTurn", "least"]

SETTLE_S = 0.3
"""What a sound's last samples may take to the service."""
_NO_SPEECH_S = 5.0
_LATE_SPEECH_S = 5.0
_HEARD_SLACK_MS = 300.0


class PlayedTurn:
    """The turns that one played sound makes: when the last of them has its answer."""

    def __init__(self, core: Core, since: int, what: str, *, spoken_ms: float | None, answered: bool) -> None:
        self._core = core
        self._since = since
        self._played_s = time.monotonic()
        self._what = what
        self._spoken_ms = spoken_ms
        self._answered = answered
        self._closed = False
        self._items: list[str] = []
        self._starts_ms: list[float] = []
        self._end_ms = 0.0

    def _look(self) -> None:
        """Read what is new in the log."""
        for record in self._core.log.records(self._since):
            self._since = record.seq + 1
            if record.direction != "server":
                continue
            if record.type == "input_audio_buffer.committed":
                self._items.append(str(record.event.get("item_id")))
            elif record.type == "input_audio_buffer.speech_started":
                self._starts_ms.append(float(record.event.get("audio_start_ms") or 0.0))
            elif record.type == "input_audio_buffer.speech_stopped":
                self._end_ms = float(record.event.get("audio_end_ms") or 0.0)

    def close(self) -> None:
        """Count no turn among its own that another sound makes."""
        self._look()
        self._closed = True

    def taken(self) -> bool | float:
        """Say whether the service has made turns of all of it, or the s to look again in."""
        if self._closed:
            return True
        self._look()
        since_s = time.monotonic() - self._played_s
        if since_s < SETTLE_S:
            return SETTLE_S - since_s
        if self._core.conversation.user_speaking or len(self._items) < len(self._starts_ms):
            return False
        if not self._items:
            return self._wait_for_speech(since_s)
        return True if self._heard_to_the_end() else _LATE_SPEECH_S - since_s

    def over(self) -> bool | float:
        """Say whether the last turn has ended and been answered, or the s to look again in."""
        return least(self.taken(), lambda: not self._answered or self._has_response())

    def _heard_to_the_end(self) -> bool:
        """Whether the service has heard the last loud sample: a busy one may lag behind what was sent."""
        if self._spoken_ms is None or time.monotonic() - self._played_s >= _LATE_SPEECH_S:
            return True
        return self._end_ms - self._starts_ms[0] >= self._spoken_ms - _HEARD_SLACK_MS

    def _wait_for_speech(self, since_s: float) -> float:
        if since_s > _NO_SPEECH_S:
            raise WaitTimeout(
                f"the service to hear speech in {self._what}",
                _NO_SPEECH_S,
                self._core.last_types(),
                "Is there speech in it, loud enough for turn_detection.threshold?",
            )
        return _NO_SPEECH_S - since_s + 0.01

    def _has_response(self) -> bool:
        return any(
            turn.response_ids
            for turn in self._core.conversation.turns
            if self._items[-1] in turn.user_item_ids
        )

    def last_item_id(self) -> str:
        return self._items[-1]


def least(first: bool | float, then: Callable[[], bool | float]) -> bool | float:
    """Join two verdicts: both must hold."""
    return then() if first is True else first
