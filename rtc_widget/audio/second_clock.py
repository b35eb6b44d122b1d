"""A second clock beside the recorder's: how far the two were apart on each track, reading by reading."""

from __future__ import annotations

from bisect import bisect_left
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ClockReading", "apart_ms"]

_AROUND_MS = 2_500.0
"""The second clock settles for some seconds after a track began: the middle of several readings tells."""
_FARTHEST_MS = 10_000.0


class ClockReading(NamedTuple):
    """How far the clock of the recorder was from a second one, on one track at one moment; in ms."""

    t_ms: float
    track: str
    apart_ms: float


def apart_ms(readings: Sequence[ClockReading], t_ms: float) -> float | None:
    """Return how far apart the clocks were at a moment; None where nothing near tells.

    Parameters
    ----------
    readings
        Of one track in one call, in order of time.
    t_ms
        The moment, in ms since the session's first record.
    """

    def place(at_ms: float) -> int:
        return bisect_left(readings, at_ms, key=lambda reading: reading.t_ms)

    near = readings[place(t_ms - _AROUND_MS) : place(t_ms + _AROUND_MS)]
    if near:
        return median(reading.apart_ms for reading in near)
    beside = readings[max(0, place(t_ms) - 1) : place(t_ms) + 1]
    nearest = min(beside, key=lambda reading: abs(reading.t_ms - t_ms), default=None)
    if nearest is None or abs(nearest.t_ms - t_ms) > _FARTHEST_MS:
        return None
    return nearest.apart_ms
