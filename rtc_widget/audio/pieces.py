"""A sound or a live stream in small pieces, at the rate of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.files import mono_int16
from rtc_widget.audio.resample import Resampler, to_float, to_int16

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from numpy.typing import NDArray

__all__ = ["pieces_of"]

_BYTES_A_SAMPLE = 2
# Small enough that resampling one never holds up a frame.
_PIECE_S = 0.1


async def pieces_of(
    source: bytes | AsyncIterable[bytes | NDArray[Any]], from_hz: int, to_hz: int
) -> AsyncIterator[NDArray[np.int16]]:
    """Yield a sound piece by piece.

    Parameters
    ----------
    source
        Mono 16-bit little-endian samples, or a stream of such or of arrays (floats in −1 … 1 or int16).
    from_hz, to_hz
        Sample rates in Hz.

    Yields
    ------
    numpy.ndarray
        Mono int16 at `to_hz`.

    Raises
    ------
    ConfigurationError
        When a stream gives something else.
    """
    resampler = Resampler(from_hz, to_hz) if from_hz != to_hz else None
    async for samples in _samples(source, from_hz):
        yield samples if resampler is None else to_int16(resampler.push(to_float(samples)))
    if resampler is not None:
        yield to_int16(resampler.flush())


async def _samples(
    source: bytes | AsyncIterable[bytes | NDArray[Any]], from_hz: int
) -> AsyncIterator[NDArray[np.int16]]:
    if isinstance(source, bytes):
        step = max(1, int(from_hz * _PIECE_S)) * _BYTES_A_SAMPLE
        for start in range(0, len(source), step):
            yield _from_bytes(source[start : start + step])
        return
    rest = b""
    async for piece in source:
        if isinstance(piece, np.ndarray):
            yield mono_int16(piece, "a piece of the stream")
        elif isinstance(piece, (bytes, bytearray, memoryview)):
            # A network splits where it likes, in the middle of a sample too.
            data = rest + bytes(piece)
            even = len(data) // _BYTES_A_SAMPLE * _BYTES_A_SAMPLE
            rest = data[even:]
            yield _from_bytes(data[:even])
        else:
            raise ConfigurationError(
                f"The stream gave a {type(piece).__name__}: yield bytes (mono, 16-bit little-endian) or "
                "numpy arrays."
            )


def _from_bytes(data: bytes) -> NDArray[np.int16]:
    return np.frombuffer(data[: len(data) // _BYTES_A_SAMPLE * _BYTES_A_SAMPLE], "<i2").astype(
        np.int16, copy=False
    )
