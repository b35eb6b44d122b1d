"""Answers that come a set time after the user's last word: a latency that is known beforehand."""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING, Final

from rtc_widget.audio.segments import find_segments
from rtc_widget.audio.sound import Sound
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, SPOKEN_RATE_HZ, duration_ms
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from rtc_widget.audio.segments import Track
    from rtc_widget.sandbox.ears import Heard

__all__ = ["Arrivals", "due_s"]

_STEADY_MS: Final = 5_000.0
_MOST_PIECES: Final = 500
_LEAST_S: Final = 0.04
"""Two frames: what is due sooner, the next frame may already be too late for."""


class Arrivals:
    """When sound came in: piece by piece, in bursts, though it was made evenly."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, float]] = deque(maxlen=_MOST_PIECES)

    def note(self, end_ms: float) -> None:
        """Note that sound has just come in, up to this place in the session's."""
        self._pieces.append((end_ms, asyncio.get_running_loop().time()))

    def came_s(self, at_ms: float) -> float:
        """Return when a place in the sound came in, by the loop's clock: even over the last 5 s."""
        if not self._pieces:
            self.note(at_ms)
        last_ms, _ = self._pieces[-1]
        delays = [came_s - end_ms / 1_000 for end_ms, came_s in self._pieces if last_ms - end_ms < _STEADY_MS]
        return fmean(delays) + at_ms / 1_000


async def due_s(heard: Heard, pcm: bytes, after_ms: float) -> float:
    """Return when an answer must begin, so that its first word comes a set time after the user's last one.

    Parameters
    ----------
    heard
        What the user said.
    pcm
        The answer: mono, signed 16-bit samples at 48 kHz.
    after_ms
        The time from the last sample of the user's speech, as it came in, to the first one of the answer's.

    Returns
    -------
    float
        By the loop's clock.

    Raises
    ------
    ApiError
        It is over, or as good as.
    """
    said_ms, begins_ms = await asyncio.gather(
        asyncio.to_thread(_edge_ms, heard.pcm, HEARD_RATE_HZ, "user"),
        asyncio.to_thread(_edge_ms, pcm, SPOKEN_RATE_HZ, "agent"),
    )
    silent_ms = duration_ms(heard.pcm, HEARD_RATE_HZ) - said_ms
    due = heard.came_s + (after_ms - silent_ms - begins_ms) / 1_000
    late_ms = (asyncio.get_running_loop().time() + _LEAST_S - due) * 1_000
    if late_ms > 0:
        raise ApiError(
            f"The instructions ask for an answer {after_ms:g} ms after the user's last word, but to hear "
            f"that it was the last, to understand and to speak took {after_ms + late_ms:.0f} ms. Ask for "
            "more, or set a shorter silence_duration_ms.",
            code="answered_too_late",
        )
    return due


def _edge_ms(pcm: bytes, rate_hz: int, track: Track) -> float:
    """Return where the user's speech ends, or the agent's begins, as a recording is measured."""
    speech = [one for one in find_segments(Sound(pcm, rate_hz), track) if one.kind == "speech"]
    if track == "user":
        return speech[-1].t_end_ms if speech else duration_ms(pcm, rate_hz)
    return speech[0].t_start_ms if speech else 0.0
