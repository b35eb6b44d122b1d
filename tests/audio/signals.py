"""Signals for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rtc_widget.audio import Sound


def tone(hz: float, sample_rate_hz: int, seconds: float = 1.0, *, peak: float = 0.5) -> NDArray[np.float32]:
    """Return a sine as floats."""
    t = np.arange(round(sample_rate_hz * seconds)) / sample_rate_hz
    return (peak * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def tone16(hz: float, sample_rate_hz: int, seconds: float = 1.0, *, peak: float = 0.5) -> NDArray[np.int16]:
    """Return a sine as 16-bit samples."""
    return (tone(hz, sample_rate_hz, seconds, peak=peak) * 32767).astype(np.int16)


def level_db(samples: NDArray[np.generic]) -> float:
    """Return the level of floats against a full sine, in dB."""
    rms = float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))
    return 20 * float(np.log10(max(rms * np.sqrt(2), 1e-9)))


def strength(samples: NDArray[np.int16], hz: float, sample_rate_hz: int) -> float:
    """Return the share of a signal's power that lies at a frequency, 0 … 1."""
    values = samples.astype(np.float64)
    t = np.arange(len(values)) / sample_rate_hz
    part = np.abs(np.mean(values * np.exp(-2j * np.pi * hz * t))) ** 2 * 2
    power = np.mean(values**2)
    return float(part / power) if power else 0.0


def loud_span_ms(sound: Sound) -> tuple[float, float]:
    """Return where a sound is loud first and last, in ms from its beginning."""
    places = np.flatnonzero(np.abs(sound.samples.astype(np.int32)) > 1_000)
    return float(places[0]) / sound.sample_rate_hz * 1_000, float(places[-1]) / sound.sample_rate_hz * 1_000
