"""The delay of the jitter buffer at one moment of a call, from its statistics."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["JitterSample", "jitter_buffer_ms"]

_DELAY, _EMITTED = "jitterBufferDelay", "jitterBufferEmittedCount"
_LEAST_MS = 200.0
_MOST_MS = 1_500.0


@dataclass(frozen=True, slots=True)
class JitterSample:
    """Two counters of the received audio's `inbound-rtp`, read at one moment.

    Attributes
    ----------
    t_ms
        When; ms since the session's first record.
    delay_s
        `jitterBufferDelay`: the time that all samples together spent in the buffer, in s.
    emitted
        `jitterBufferEmittedCount`: how many samples have left it.
    """

    t_ms: float
    delay_s: float
    emitted: float

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
        found: dict[Any, dict[Any, Any]] = {}
        for stat_type, name, metric, value in stats:
            if stat_type == "inbound-rtp" and metric in {_DELAY, _EMITTED}:
                found.setdefault(name, {})[metric] = value
        both = [values for values in found.values() if len(values) == len({_DELAY, _EMITTED})]
        return cls(t_ms, float(both[0][_DELAY]), float(both[0][_EMITTED])) if both else None


def jitter_buffer_ms(samples: Sequence[JitterSample], t_ms: float) -> float | None:
    """Return how long sound waited in the jitter buffer at a moment.

    The counters only grow; what they grew by over 200 ms is the delay of that moment (the average over a
    call is not: the buffer breathes in steps of 10 ms).

    Parameters
    ----------
    samples
        Of one call, in order of time; every 200 ms or oftener is best, once a second will do.
    t_ms
        The moment, in ms.

    Returns
    -------
    float or None
        In ms: the mean over the shortest time that the samples tell, 200 ms or longer, from the last sample
        before the moment on. None where no samples within 1.5 s tell.
    """
    at = bisect_right(samples, t_ms, key=lambda sample: sample.t_ms)
    if at == 0 or t_ms - samples[at - 1].t_ms > _MOST_MS:
        return None
    before = samples[at - 1]
    for after in samples[at:]:
        if after.t_ms - t_ms > _MOST_MS:
            break
        emitted = after.emitted - before.emitted
        if after.t_ms - before.t_ms >= _LEAST_MS and emitted > 0:
            return max(0.0, (after.delay_s - before.delay_s) / emitted * 1_000)
    return None
