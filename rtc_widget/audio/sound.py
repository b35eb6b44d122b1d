"""A piece of mono sound: 16-bit samples and their rate, that a notebook can play."""

from __future__ import annotations

import base64
import html
import io
import wave
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rtc_widget._arguments import expanded, is_number
from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.resample import resample, to_float, to_int16

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Sound", "check_rate"]

_BYTES_A_SAMPLE = 2
_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 1_000, 768_000
_LONGEST_EMBEDDED_S = 600.0
_EMBEDDED_RATE_HZ = 24_000
_FORMATS = {".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
_HIGHEST_OGG_RATE_HZ = 192_000
_WRITTEN_SAMPLES = 65_536
_ANOTHER_RATE = "resampled(48000) makes a sound of a rate that each format has."


def check_rate(sample_rate_hz: object, what: str = "the array") -> int:
    """Return a sample rate in Hz, or raise ConfigurationError for one that cannot be.

    Parameters
    ----------
    sample_rate_hz
        What was given.
    what
        Whose rate it is, for the error.
    """
    if sample_rate_hz is None:
        raise ConfigurationError(
            "An array does not say how fast its samples go: add sample_rate_hz=24000, say."
        )
    if (
        isinstance(sample_rate_hz, bool)
        or not isinstance(sample_rate_hz, (int, float, np.integer, np.floating))
        or not float(sample_rate_hz).is_integer()
        or not _LOWEST_RATE_HZ <= sample_rate_hz <= _HIGHEST_RATE_HZ
    ):
        raise ConfigurationError(
            f"{what}: a sample rate of {sample_rate_hz!r} Hz cannot be; whole numbers from {_LOWEST_RATE_HZ} "
            f"to {_HIGHEST_RATE_HZ} can (speech: 16000, 24000 or 48000)."
        )
    return int(sample_rate_hz)


@dataclass(frozen=True)
class Sound:
    """Mono sound. As the last value of a cell it shows a player.

    Parameters
    ----------
    pcm
        Signed 16-bit little-endian samples.
    sample_rate_hz
        Samples a second.
    name
        What it is, for people: a file's name, say.
    """

    pcm: bytes = field(repr=False)
    sample_rate_hz: int
    name: str = "sound"

    @classmethod
    def from_samples(cls, samples: NDArray[np.int16], sample_rate_hz: int, *, name: str = "sound") -> Sound:
        """Make one of samples.

        Parameters
        ----------
        samples
            int16, shape (n,).
        sample_rate_hz
            In Hz.
        name
            What it is, for people.

        Raises
        ------
        ConfigurationError
            For samples of another type or shape: `load_sound` converts those.
        """
        if samples.dtype.kind != "i" or samples.dtype.itemsize != _BYTES_A_SAMPLE or samples.ndim != 1:
            raise ConfigurationError(
                f"samples are int16 of shape (n,), not {samples.dtype} of shape {samples.shape}: "
                "load_sound(samples, sample_rate_hz=…) converts others."
            )
        return cls(samples.astype("<i2", copy=False).tobytes(), sample_rate_hz, name)

    @property
    def samples(self) -> NDArray[np.int16]:
        """The samples, int16, shape (n,)."""
        return np.frombuffer(self.pcm, "<i2")

    @property
    def seconds(self) -> float:
        """Length in s."""
        return len(self.pcm) / _BYTES_A_SAMPLE / self.sample_rate_hz

    def resampled(self, sample_rate_hz: int) -> Sound:
        """Return the same sound at another rate.

        Parameters
        ----------
        sample_rate_hz
            In Hz.

        Raises
        ------
        ConfigurationError
            For a rate that cannot be.
        """
        sample_rate_hz = check_rate(sample_rate_hz, "resampled()")
        if sample_rate_hz == self.sample_rate_hz:
            return self
        samples = resample(to_float(self.samples), self.sample_rate_hz, sample_rate_hz)
        return Sound.from_samples(to_int16(samples), sample_rate_hz, name=self.name)

    def cut(self, start_s: float = 0.0, end_s: float | None = None) -> Sound:
        """Return a part of it.

        Parameters
        ----------
        start_s, end_s
            In s from the beginning; None is the end.

        Raises
        ------
        ConfigurationError
            For what is no number.
        """
        for name, bound in (("start_s", start_s), ("end_s", 0.0 if end_s is None else end_s)):
            if not is_number(bound):
                raise ConfigurationError(f"{name} is a number of seconds from the beginning, not {bound!r}.")
        first = max(0, round(start_s * self.sample_rate_hz))
        last = None if end_s is None else max(0, round(end_s * self.sample_rate_hz))
        return Sound.from_samples(self.samples[first:last], self.sample_rate_hz, name=self.name)

    def wav(self) -> bytes:
        """Return the sound as a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(_BYTES_A_SAMPLE)
            writer.setframerate(self.sample_rate_hz)
            writer.writeframes(self.pcm)
        return file.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file.

        Parameters
        ----------
        path
            Its ending says the format: .wav, or with `[audio]` .flac, .ogg, .mp3.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ConfigurationError
            For what is no path, another ending, a folder that is not there, a rate that the format does not
            have, or a missing `[audio]`.
        """
        target = expanded(path)
        kind = target.suffix.lower()
        if kind not in {".wav", *_FORMATS}:
            raise ConfigurationError(f"{target} cannot be written: end it in .wav, .flac, .ogg or .mp3.")
        try:
            target.write_bytes(self.wav() if kind == ".wav" else self._compressed(target))
        except OSError as error:
            raise ConfigurationError(
                f"{target} cannot be written: {error.strerror or error}. Choose a folder that is there."
            ) from None
        return target

    def _compressed(self, target: Path) -> bytes:
        """Return it as a file of the kind that the target's ending says."""
        try:
            import soundfile
        except ImportError:
            raise ConfigurationError(
                f"{target.suffix} files need soundfile: pip install 'rtc_widget[audio]'. "
                "WAV needs nothing more."
            ) from None
        rate_hz = self.sample_rate_hz
        if target.suffix.lower() == ".ogg" and rate_hz > _HIGHEST_OGG_RATE_HZ:  # libsndfile would crash
            raise ConfigurationError(f"{target} cannot be written: .ogg has no {rate_hz} Hz. {_ANOTHER_RATE}")
        written = io.BytesIO()
        try:
            with soundfile.SoundFile(
                written, "w", rate_hz, channels=1, format=_FORMATS[target.suffix.lower()]
            ) as file:
                # In one go, libsndfile takes all of a long .ogg on its stack, and the process down.
                for start in range(0, len(self.samples), _WRITTEN_SAMPLES):
                    file.write(self.samples[start : start + _WRITTEN_SAMPLES])
        except soundfile.SoundFileError as error:
            reason = getattr(error, "error_string", error)
            raise ConfigurationError(f"{target} cannot be written: {reason} {_ANOTHER_RATE}") from None
        return written.getvalue()

    def _repr_html_(self) -> str:
        title = html.escape(f"{self.name}, {self.seconds:.1f} s")
        if self.seconds > _LONGEST_EMBEDDED_S:
            return f"<p>{title}: too long to play here; save() it, or cut() a part.</p>"
        # A notebook keeps what it shows: no more of it than an ear needs.
        shown = self.resampled(_EMBEDDED_RATE_HZ) if self.sample_rate_hz > _EMBEDDED_RATE_HZ else self
        data = base64.b64encode(shown.wav()).decode("ascii")
        return f'<audio controls preload="auto" title="{title}" src="data:audio/wav;base64,{data}"></audio>'

    def __repr__(self) -> str:
        """Say what it is, how long, and its rate."""
        return f"<Sound {self.name!r}: {self.seconds:.2f} s at {self.sample_rate_hz} Hz>"
