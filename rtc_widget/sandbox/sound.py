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
    taps = _filter(up, down).shape[1]
    padded = np.concatenate([np.zeros(taps // 2 - 1, np.float32), samples, np.zeros(taps, np.float32)])
    return _filtered(padded, up, down, len(samples) * up // down)


class Resampler:
    """Does what `resample` does to sound that comes in pieces, without a seam between them.

    Parameters
    ----------
    from_hz, to_hz
        The two rates, in Hz.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        divisor = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // divisor, from_hz // divisor
        self._taps = _filter(self._up, self._down).shape[1]
        self._begin()

    def feed(self, pcm: bytes) -> bytes:
        """Return what the next piece makes known: the last millisecond waits for the piece after it.

        Parameters
        ----------
        pcm
            Mono, signed 16-bit, little-endian samples, any number of them.
        """
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        self._taken += len(samples)
        return self._put_out(np.concatenate([self._padded, samples]))

    def flush(self) -> bytes:
        """Return what waits: the sound has ended."""
        rest = self._taken * self._up // self._down - self._given
        whole = self._put_out(np.concatenate([self._padded, np.zeros(self._taps, np.float32)]))
        self._begin()
        return whole[: rest * BYTES_PER_SAMPLE]

    def _begin(self) -> None:
        self._padded = np.zeros(self._taps // 2 - 1, np.float32)
        self._taken = self._given = 0

    def _put_out(self, padded: NDArray[np.float32]) -> bytes:
        # In whole rounds of phases, so that what is kept begins with the first of them.
        rounds = max(len(padded) - self._taps, 0) // self._down
        self._padded = padded[rounds * self._down :]
        self._given += rounds * self._up
        return _filtered(padded, self._up, self._down, rounds * self._up)


def _filtered(padded: NDArray[np.float32], up: int, down: int, wanted: int) -> bytes:
    """Return so many samples at the new rate; the first one's window begins with the padded samples."""
    if not wanted:
        return b""
    phases = _filter(up, down)
    windows = np.lib.stride_tricks.sliding_window_view(padded, phases.shape[1])
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
