"""Change of sample rate: a windowed-sinc polyphase filter over numpy, for whole signals and for streams.

numpy comes with pandas, so the base install has it; scipy and soxr would be one package more for what is a
table of weights and a product. Flat to 0.1 dB up to 88 % of the lower Nyquist frequency, −80 dB beyond it, no
delay: sample n of the output is the input at time n / rate.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Resampler", "resample", "to_float", "to_int16"]

_ZERO_CROSSINGS = 32
_ROLL_OFF = 0.94
_KAISER_BETA = 8.6
_BLOCK_SAMPLES = 65_536
_FULL_SCALE = 32_768.0


def resample(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Return a whole signal at another rate.

    Parameters
    ----------
    samples
        Mono, shape (n,).
    from_hz, to_hz
        Sample rates in Hz, positive.

    Returns
    -------
    numpy.ndarray
        Shape (ceil(n * to_hz / from_hz),).
    """
    if from_hz == to_hz:
        return samples
    resampler = Resampler(from_hz, to_hz)
    parts = [
        resampler.push(samples[start : start + _BLOCK_SAMPLES])
        for start in range(0, len(samples), _BLOCK_SAMPLES)
    ]
    return np.concatenate([*parts, resampler.flush()])


class Resampler:
    """The same filter for a signal that comes in pieces.

    Parameters
    ----------
    from_hz, to_hz
        Sample rates in Hz, positive.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        divisor = math.gcd(from_hz, to_hz)
        self._up, self._down = to_hz // divisor, from_hz // divisor
        self._weights = _weights(self._up, self._down)
        self._reach = self._weights.shape[1] // 2
        self._restart()

    def _restart(self) -> None:
        # The output at an instant is a sum over `reach` inputs on either side: silence before the first.
        self._held = np.zeros(self._reach - 1, np.float32)
        self._held_start = 1 - self._reach
        self._received = 0
        self._given = 0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples, shape (n,); return what of the output they complete, in order."""
        self._received += len(samples)
        held = np.concatenate([self._held, samples.astype(np.float32, copy=False)])
        # Output n lies at input time n * down / up and needs the inputs up to `reach` samples after it.
        ready = max(0, -((self._reach - self._received) * self._up // self._down))
        output = self._outputs(held, ready - self._given)
        self._given += len(output)
        first_needed = self._given * self._down // self._up - self._reach + 1
        self._held = held[max(0, first_needed - self._held_start) :]
        self._held_start = max(first_needed, self._held_start)
        return output

    def flush(self) -> NDArray[np.float32]:
        """Return the rest, as if silence followed, and start anew."""
        total = -(-self._received * self._up // self._down)
        held = np.concatenate([self._held, np.zeros(2 * self._reach, np.float32)])
        output = self._outputs(held, total - self._given)
        self._restart()
        return output

    def _outputs(self, held: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        output = np.zeros(max(0, count), np.float32)
        if count <= 0 or not held.any():
            return output
        # Row k is held[k:k + taps]: the same memory, seen many times.
        taps = self._weights.shape[1]
        windows = np.ndarray(
            (len(held) - taps + 1, taps), np.float32, held, 0, (held.itemsize, held.itemsize)
        )
        # Outputs `up` apart share a row of weights and lie `down` inputs apart.
        for offset in range(min(self._up, count)):
            place, phase = divmod((self._given + offset) * self._down, self._up)
            start = place - self._reach + 1 - self._held_start
            size = len(range(offset, count, self._up))
            output[offset :: self._up] = windows[start :: self._down][:size] @ self._weights[phase]
        return output


@lru_cache(maxsize=16)
def _weights(up: int, down: int) -> NDArray[np.float32]:
    """Return a row of weights for each of the `up` places an output can have between two inputs."""
    cutoff = _ROLL_OFF * min(1.0, up / down)
    reach = math.ceil(_ZERO_CROSSINGS / cutoff)
    phases = np.arange(up)[:, None] / up
    distance = phases - np.arange(1 - reach, reach + 1)[None, :]
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, 1)))
    rows = np.sinc(cutoff * distance) * window
    weights: NDArray[np.float32] = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


def to_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return 16-bit samples as floats in −1 … 1."""
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return floats in −1 … 1 as 16-bit samples; what is louder is cut off."""
    scaled = np.clip(np.rint(samples * np.float32(_FULL_SCALE)), -_FULL_SCALE, _FULL_SCALE - 1)
    whole: NDArray[np.int16] = scaled.astype(np.int16)
    return whole
