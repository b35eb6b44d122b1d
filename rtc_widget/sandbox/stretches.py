"""Long sound cut into stretches, as long as words are recognised well in: at its pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, HEARD_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_one", "stretches"]

_BYTES_PER_S: Final = HEARD_RATE_HZ * BYTES_PER_SAMPLE
_LONGEST: Final = 20 * _BYTES_PER_S
"""From about 30 s on the recogniser repeats itself and leaves sentences out, and takes gigabytes."""
_SHORTEST: Final = 10 * _BYTES_PER_S
_HOP_SAMPLES: Final = HEARD_RATE_HZ // 100
_PAUSE_HOPS: Final = 10
"""100 ms: a pause, or where there is none, the closure of a consonant."""


def is_one(pcm: bytes) -> bool:
    """Whether sound is short enough to stay whole."""
    return len(pcm) <= _LONGEST


def stretches(pcm: bytes) -> Iterator[bytes]:
    """Cut sound where it is quietest, into stretches of 10 to 20 s, of which the last may be shorter.

    Sound that has grown is cut at the places at which it was cut before.

    Parameters
    ----------
    pcm
        Mono, signed 16-bit, little-endian samples at 16 kHz.
    """
    start = 0
    while len(pcm) - start > _LONGEST:
        end = start + _SHORTEST
        end += _quietest(pcm[end : start + _LONGEST]) * BYTES_PER_SAMPLE
        yield pcm[start:end]
        start = end
    yield pcm[start:]


def _quietest(pcm: bytes) -> int:
    """Return the sample in the middle of the quietest 100 ms; of several, in the middle one."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    hops = len(samples) // _HOP_SAMPLES
    energies = np.square(samples[: hops * _HOP_SAMPLES]).reshape(hops, _HOP_SAMPLES).sum(axis=1)
    # Whole numbers, and so without an error that would tell two silences apart.
    sums = np.convolve(energies, np.ones(_PAUSE_HOPS), "valid")
    quietest = np.flatnonzero(sums == sums.min())
    return (int(quietest[len(quietest) // 2]) + _PAUSE_HOPS // 2) * _HOP_SAMPLES
