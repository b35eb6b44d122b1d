"""Sound from a file, bytes or an array, or an error that says what is wrong with it and what to do."""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.resample import to_int16
from rtc_widget.audio.sound import Sound, check_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sound", "load_sound", "mono_int16"]

_MOST_CHANNELS = 32
_LOUDEST = 2.0
_CONVERT = "Convert it first: ffmpeg -i in -ac 1 out.wav"
_PIP = "pip install 'rtc_widget[audio]'"


def load_sound(source: object, *, sample_rate_hz: int | None = None) -> Sound:
    """Return a sound as mono 16-bit samples.

    Parameters
    ----------
    source
        A path, the bytes of a sound file, a `Sound`, or a numpy array: floats in −1 … 1 or int16, shape (n,),
        (n, channels) or (channels, n). Channels are averaged.
    sample_rate_hz
        Rate of an array's samples, in Hz; a file says its own.

    Raises
    ------
    ConfigurationError
        For something missing, empty, silent of format or not sound at all: with the cause and the way out.
    """
    if isinstance(source, Sound):
        _check(source)
        return source
    if isinstance(source, (str, os.PathLike)):
        path = expanded(Path(os.fsdecode(source)))
        return _decode(_read(path), path.name, f"{path}")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), "bytes", f"{len(source)} bytes given")
    if isinstance(source, np.ndarray):
        rate_hz = check_rate(sample_rate_hz)
        return Sound.from_samples(mono_int16(source, "the array"), rate_hz, name="array")
    raise ConfigurationError(
        f"A {type(source).__name__} is no sound: give a path, the bytes of a sound file, or a numpy array "
        "with sample_rate_hz=."
    )


def mono_int16(array: NDArray[Any], what: str, *, loudest: float = _LOUDEST) -> NDArray[np.int16]:
    """Return an array's samples as mono int16, shape (n,).

    Parameters
    ----------
    array
        Floats in −1 … 1 or int16, shape (n,), (n, channels) or (channels, n).
    what
        What it is, for the error.
    loudest
        The largest float that is taken for a sample in −1 … 1, and cut off.

    Raises
    ------
    ConfigurationError
        For no samples, NaN, or another type or shape.
    """
    samples = _by_channel(array, what)
    _check_length(samples.ravel(), what)
    if samples.dtype == np.int16:
        if samples.shape[1] == 1:
            return samples[:, 0]
        average: NDArray[np.int16] = np.rint(samples.mean(axis=1)).astype(np.int16)
        return average
    if samples.dtype.kind != "f":
        raise ConfigurationError(
            f"{what}: {samples.dtype} samples; give int16, or floats in −1 … 1 "
            "(array.astype('int16') if the values fit)."
        )
    if not np.isfinite(samples).all():
        raise ConfigurationError(
            f"{what}: holds NaN or infinite samples. Find where they come from, or make them silence: "
            "np.nan_to_num(array)."
        )
    peak = float(np.abs(samples).max())
    if peak > loudest:
        raise ConfigurationError(
            f"{what}: floats go from −1 to 1, and the largest here is {peak:g}. "
            "Divide by 32768, or give int16."
        )
    return to_int16(samples.mean(axis=1, dtype=np.float64).astype(np.float32))


def _check(sound: Sound) -> None:
    _check_length(sound.pcm, sound.name)
    check_rate(sound.sample_rate_hz, sound.name)
    if len(sound.pcm) % 2:
        raise ConfigurationError(
            f"{sound.name}: {len(sound.pcm)} bytes end within a sample; 16-bit samples have two bytes each."
        )


def _read(path: Path) -> bytes:
    if str(path).startswith(("http:/", "https:/")):
        raise ConfigurationError(f"{path} is a web address: download the file, then give its path.")
    if path.is_dir():
        raise ConfigurationError(f"{path} is a directory: give the path of one sound file in it.")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no file {path}: check the name; relative paths start at {Path.cwd()}."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{path} cannot be read: {reason}.") from None


def _decode(data: bytes, name: str, what: str) -> Sound:
    if not data:
        raise ConfigurationError(
            f"{what}: empty, so there is nothing to play. Give a file that has sound in it."
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        decoded = _plain_wav(data)
        if decoded is not None:
            samples, rate_hz = decoded
            return Sound.from_samples(mono_int16(samples, what), check_rate(rate_hz, what), name=name)
    try:
        import soundfile
    except ImportError:
        raise ConfigurationError(
            f"{what}: only plain PCM WAV is read without soundfile: {_PIP}. {_CONVERT}"
        ) from None
    try:
        samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ValueError, TypeError, RuntimeError):
        raise ConfigurationError(
            f"{what}: not a sound file that can be read here (WAV, FLAC, Ogg, MP3 and AIFF can). {_CONVERT}"
        ) from None
    # A compressed file may overshoot full scale by a little.
    return Sound.from_samples(mono_int16(samples, what, loudest=np.inf), check_rate(rate_hz, what), name=name)


def _plain_wav(data: bytes) -> tuple[NDArray[Any], int] | None:
    """Read PCM of 8, 16, 24 or 32 bits; None for the kinds of WAV that the standard library does not know."""
    try:
        with wave.open(io.BytesIO(data)) as reader:
            channels, width, rate_hz = reader.getnchannels(), reader.getsampwidth(), reader.getframerate()
            # A writer that could not seek back leaves a length of 4 GB in the header.
            raw = reader.readframes(min(reader.getnframes(), len(data)))
    except (wave.Error, EOFError):
        return None
    raw = raw[: len(raw) // (width * channels) * width * channels]
    if width == 1:
        samples: NDArray[Any] = (np.frombuffer(raw, np.uint8).astype(np.int16) - 128) << 8
    elif width == 2:  # noqa: PLR2004 - bytes a sample
        samples = np.frombuffer(raw, "<i2")
    elif width in {3, 4}:
        # The upper two bytes of each sample.
        octets = np.frombuffer(raw, np.uint8).reshape(-1, width)
        samples = np.ascontiguousarray(octets[:, -2:]).view("<i2").ravel()
    else:
        return None
    return samples.reshape(-1, channels), rate_hz


def _check_length(pcm: bytes | NDArray[Any], what: str) -> None:
    if not len(pcm):
        raise ConfigurationError(f"{what}: no samples in it, so there is nothing to play.")


def _by_channel(array: NDArray[Any], what: str) -> NDArray[Any]:
    """Return shape (n, channels), whichever way round it came."""
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2 or (array.size and min(array.shape) > _MOST_CHANNELS):  # noqa: PLR2004 - dimensions
        raise ConfigurationError(
            f"{what}: shape {array.shape} is no sound; (n,), (n, channels) and (channels, n) are."
        )
    rows, columns = array.shape
    return array.T if rows < columns and rows <= _MOST_CHANNELS else array
