"""Sound as bytes: signed 16-bit mono samples, moved between sample rates without leaving numpy."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTES_PER_SAMPLE = 2
HEARD_RATE_HZ = 16_000
"""The rate at which voice activity and words are found."""
SPOKEN_RATE_HZ = 48_000
"""The rate at which the sandbox speaks: Opus' own."""

_ZERO_CROSSINGS = 16


def duration_ms(pcm: bytes | bytearray | memoryview, sample_rate_hz: int) -> float:
    """Return how long mono s16 samples last.

    Parameters
    ----------
    pcm
        Mono, signed 16-bit, little-endian samples.
    sample_rate_hz
        Their rate.

    Returns
    -------
    float
        Milliseconds.
    """
    return len(pcm) / BYTES_PER_SAMPLE / sample_rate_hz * 1000


def silence(duration_ms: float, sample_rate_hz: int) -> bytes:
    """Return mono s16 zeros that last `duration_ms` milliseconds."""
    return bytes(round(duration_ms * sample_rate_hz / 1000) * BYTES_PER_SAMPLE)


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """Change the sample rate of mono s16 samples with a windowed-sinc filter.

    Parameters
    ----------
    pcm
        Mono, signed 16-bit, little-endian samples at `from_hz`.
    from_hz, to_hz
        The two rates, in Hz.

    Returns
    -------
    bytes
        The same sound at `to_hz`, as long as before to the sample.
    """
    if from_hz == to_hz or not pcm:
        return bytes(pcm)
    divisor = gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    phases = _filter(up, down)
    taps = phases.shape[1]
    wanted = len(samples) * up // down
    padded = np.concatenate([np.zeros(taps // 2 - 1, np.float32), samples, np.zeros(taps, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    result = np.empty(wanted, np.float32)
    # Outputs `up` apart share one phase of the filter, and their inputs lie `down` apart.
    for first in range(min(up, wanted)):
        start, phase = divmod(first * down, up)
        count = len(range(first, wanted, up))
        result[first::up] = windows[start : start + count * down : down] @ phases[phase]
    return np.clip(np.rint(result), -32768, 32767).astype("<i2").tobytes()


@lru_cache(maxsize=8)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    """Return one row of taps for each of the `up` positions an output sample can have between inputs."""
    cutoff = min(1.0, up / down) * 0.95
    half = int(np.ceil(_ZERO_CROSSINGS / cutoff))
    offsets = np.arange(-half + 1, half + 1, dtype=np.float64)
    position = np.arange(up, dtype=np.float64)[:, None] / up - offsets[None, :]
    window = np.where(np.abs(position) <= half, 0.5 + 0.5 * np.cos(np.pi * position / half), 0.0)
    taps = cutoff * np.sinc(cutoff * position) * window
    normalised: NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
