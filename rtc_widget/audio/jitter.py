"""The delay of the jitter buffer at one moment of a call, from its statistics.

`jitterBufferDelay` alone does not tell it. It counts from a packet's arrival: what the sender's pace or the
network does to a packet is in it, the other way round, though what is heard goes on evenly. And it counts
until a packet is decoded: what waits behind that, less than one block of 10 ms, changes whenever time is
stretched. So the delay is a mean over seconds; the stretching, which is counted to the sample, is followed
from moment to moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["COUNTERS", "JitterSample", "jitter_buffer_ms"]

COUNTERS = (
    "jitterBufferDelay",
    "jitterBufferEmittedCount",
    "insertedSamplesForDeceleration",
    "removedSamplesForAcceleration",
    "concealedSamples",
)
"""The counters of a received track, by the W3C's names, in the order of `JitterSample`."""

_SAMPLES_A_MS = 48.0
_BLOCK_MS = 10.0
_AROUND_MS = 2_500.0
_LEAST_MS = 200.0
_MOST_MS = 1_500.0


@dataclass(frozen=True, slots=True)
class JitterSample:
    """The counters of the received audio's `inbound-rtp` (`COUNTERS`), read at one moment.

    Attributes
    ----------
    t_ms
        When; ms since the session's first record.
    delay_s
        The time that all samples together spent in the buffer, in s.
    emitted
        How many samples have left it.
    inserted, removed, concealed
        How many samples were put in to slow down, taken out to speed up, and made up for what was missing.
    """

    t_ms: float
    delay_s: float
    emitted: float
    inserted: float = 0.0
    removed: float = 0.0
    concealed: float = 0.0

    @classmethod
    def of(cls, t_ms: float, stats: Iterable[Sequence[Any]]) -> Self | None:
        """Read it out of a note `rtc.stats`.

        Parameters
        ----------
        t_ms
            The instant of the note, in ms.
        stats
            Its rows: stat type, id, W3C metric, value.

        Returns
        -------
        JitterSample or None
            None where the note does not tell.
        """
        found: dict[Any, dict[Any, float]] = {}
        for stat_type, name, metric, value in stats:
            if stat_type == "inbound-rtp" and metric in COUNTERS:
                found.setdefault(name, {})[metric] = float(value)
        whole = [values for values in found.values() if len(values) == len(COUNTERS)]
        return cls(t_ms, *(whole[0][metric] for metric in COUNTERS)) if whole else None

    @property
    def stretched_ms(self) -> float:
        """How much later than at first sound comes out, by all that time was stretched."""
        return (self.inserted - self.removed) / _SAMPLES_A_MS

    @property
    def decoded_ms(self) -> float:
        """How much decoded sound waits beside the packets, but for a constant."""
        return (self.inserted - self.removed + self.concealed) / _SAMPLES_A_MS % _BLOCK_MS

    def is_even_until(self, later: JitterSample) -> bool:
        """Say whether sound came out between the two, all of it as it had come."""
        return later.emitted > self.emitted and (later.inserted, later.removed, later.concealed) == (
            self.inserted,
            self.removed,
            self.concealed,
        )


def jitter_buffer_ms(samples: Sequence[JitterSample], t_ms: float) -> float | None:
    """Return how long sound waited in the jitter buffer at a moment.

    Parameters
    ----------
    samples
        Of one call, in order of time; every 200 ms or oftener is best, once a second will do.
    t_ms
        The moment, in ms.

    Returns
    -------
    float or None
        In ms: the mean over 2.5 s to both sides, as far as nothing was made up, each delay moved by what time
        was stretched between it and the moment. Where something is made up all the time: the mean over the
        shortest time that the samples tell, 200 ms or longer. None where no samples within 1.5 s tell.
    """
    at = bisect_right(samples, t_ms, key=_t_ms)
    if at == 0 or t_ms - samples[at - 1].t_ms > _MOST_MS:
        return None
    before = samples[at - 1]
    first = bisect_left(samples, t_ms - _AROUND_MS, key=_t_ms)
    stop = bisect_right(samples, t_ms + _AROUND_MS, key=_t_ms)
    told = [
        (one, other)
        for one, other in pairwise(samples[first:stop])
        if one.is_even_until(other) and one.concealed == before.concealed
    ] or _soonest(before, samples[at:], t_ms)
    if not told:
        return None
    delay_s, emitted = 0.0, 0.0
    for one, other in told:
        count = other.emitted - one.emitted
        moved_ms = one.decoded_ms + before.stretched_ms - one.stretched_ms
        delay_s += other.delay_s - one.delay_s + count * moved_ms / 1_000
        emitted += count
    return max(0.0, delay_s / emitted * 1_000)


def _t_ms(sample: JitterSample) -> float:
    return sample.t_ms


def _soonest(
    before: JitterSample, later: Sequence[JitterSample], t_ms: float
) -> list[tuple[JitterSample, JitterSample]]:
    for sample in later:
        if sample.t_ms - t_ms > _MOST_MS:
            break
        if sample.t_ms - before.t_ms >= _LEAST_MS and sample.emitted > before.emitted:
            return [(before, sample)]
    return []
