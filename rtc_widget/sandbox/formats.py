"""Sound as events carry it: 24 kHz samples, or the telephone's G.711 with a byte a sample at 8 kHz."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, HEARD_RATE_HZ, SPOKEN_RATE_HZ, Resampler, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PCM", "Appended", "bytes_per_s", "decoded", "encoded"]

PCM: Final = "audio/pcm"
_ULAW: Final = "audio/pcmu"
_RATES_HZ: Final = {PCM: 24_000, _ULAW: 8_000, "audio/pcma": 8_000}
_CODES: Final = 256


class Appended:
    """The pieces of sound that a client appends, made into one stream for the ears."""

    def __init__(self) -> None:
        self._kind = PCM
        self._rest = b""
        self._resampler = Resampler(_RATES_HZ[PCM], HEARD_RATE_HZ)

    def take(self, raw: bytes, kind: str) -> bytes:
        """Return what a piece makes known of the sound.

        Parameters
        ----------
        raw
            The bytes of one event.
        kind
            The `type` of the session's input format.

        Returns
        -------
        bytes
            Mono, signed 16-bit, little-endian samples at 16 kHz.
        """
        if kind != self._kind:
            self._kind, self._rest = kind, b""
            self._resampler = Resampler(_RATES_HZ[kind], HEARD_RATE_HZ)
        raw = self._rest + raw
        # A piece may end in the middle of a sample.
        whole = len(raw) if kind != PCM else len(raw) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._rest = raw[whole:]
        return self._resampler.feed(_samples(raw[:whole], kind))

    def flush(self) -> bytes:
        """Return what waits for a next piece: there is none."""
        self._rest = b""
        return self._resampler.flush()


def bytes_per_s(kind: str) -> int:
    """Return how many bytes a second of sound takes in a format."""
    return _RATES_HZ[kind] * (BYTES_PER_SAMPLE if kind == PCM else 1)


def decoded(raw: bytes, kind: str) -> bytes:
    """Return sound of an event as mono s16 samples at 16 kHz."""
    return resample(_samples(raw, kind), _RATES_HZ[kind], HEARD_RATE_HZ)


def encoded(pcm: bytes, kind: str) -> bytes:
    """Return speech as events carry it.

    Parameters
    ----------
    pcm
        Mono, signed 16-bit, little-endian samples at 48 kHz.
    kind
        The `type` of the session's output format.
    """
    samples = resample(pcm, SPOKEN_RATE_HZ, _RATES_HZ[kind])
    if kind == PCM:
        return samples
    levels, codes = _nearest(kind)
    wanted = np.frombuffer(samples, dtype="<i2").astype(np.int32)
    return codes[np.searchsorted(levels, wanted)].tobytes()


def _samples(raw: bytes, kind: str) -> bytes:
    if kind == PCM:
        return raw[: len(raw) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE]
    return _levels(kind)[np.frombuffer(raw, dtype=np.uint8)].astype("<i2").tobytes()


@lru_cache(maxsize=2)
def _levels(kind: str) -> NDArray[np.int32]:
    """Return the 16-bit level that each code of G.711 stands for: ITU-T G.711, tables 1a and 2a."""
    codes = np.arange(_CODES, dtype=np.int32)
    if kind == _ULAW:
        flipped = codes ^ 0xFF
        exponent, mantissa = (flipped >> 4) & 7, flipped & 15
        magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
        return np.where(flipped & 0x80, -magnitude, magnitude)
    flipped = codes ^ 0x55
    exponent, mantissa = (flipped >> 4) & 7, flipped & 15
    magnitude = np.where(
        exponent, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0), (mantissa << 4) + 8
    )
    return np.where(flipped & 0x80, magnitude, -magnitude)


@lru_cache(maxsize=2)
def _nearest(kind: str) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return the bounds between neighbouring levels, and the codes in the order of their levels."""
    levels = _levels(kind)
    codes = np.argsort(levels, kind="stable").astype(np.uint8)
    ordered = levels[codes].astype(np.float64)
    return (ordered[1:] + ordered[:-1]) / 2, codes
