"""Real voices, noise and other sounds, put where a test wants them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rtc_widget.audio import Sound
from rtc_widget.audio.resample import resample, to_float, to_int16
from rtc_widget.sandbox.voice import synthesise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

RATE_HZ = 24_000
LOUD = 0.06
"""RMS of each voice, so that a signal-to-noise ratio means the same for all."""
_WINDOW = RATE_HZ // 100


@lru_cache
def speech(text: str, voice: str = "marin") -> Samples:
    """Return a spoken text at `RATE_HZ`."""
    pcm, rate_hz = synthesise(text, voice=voice)
    samples = resample(to_float(np.frombuffer(pcm, "<i2")), rate_hz, RATE_HZ)
    voiced: Samples = (samples * (LOUD / np.sqrt(np.mean(samples**2)))).astype(np.float32)
    return voiced


def edges_ms(
    samples: Samples, below_loudest_db: float, over_noise_db: float | None = None
) -> tuple[float, float]:
    """Return the first and last moment at which 10 ms of a voice are so loud, and so far over noise."""
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(_WINDOW) / _WINDOW, "full")
    least = power.max() * 10 ** (-below_loudest_db / 10)
    if over_noise_db is not None:
        least = max(least, LOUD**2 * 10 ** (over_noise_db / 10))
    loud = np.flatnonzero(power > least)
    return loud[0] / RATE_HZ * 1_000, (loud[-1] - _WINDOW + 1) / RATE_HZ * 1_000


def silence(seconds: float) -> Samples:
    """Return silence."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def noise(rng: np.random.Generator, count: int, snr_db: float, *, colour: str = "white") -> Samples:
    """Return white or pink noise, so much weaker than a voice."""
    values = rng.normal(size=count)
    if colour == "pink":
        spectrum = np.fft.rfft(values)
        values = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), count)
    scaled: Samples = (values / np.sqrt(np.mean(values**2)) * LOUD * 10 ** (-snr_db / 20)).astype(np.float32)
    return scaled


def beep(hz: float = 1_000, seconds: float = 0.3) -> Samples:
    """Return a sine that comes and goes in 5 ms."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    ramp = np.clip(np.minimum(t, t[::-1]) / 0.005, 0, 1)
    return (0.2 * ramp * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def cough(rng: np.random.Generator) -> Samples:
    """Return two bursts of breath."""
    t = np.arange(round(0.12 * RATE_HZ)) / RATE_HZ
    burst = rng.normal(size=len(t)) * np.minimum(t / 0.005, 1) * np.exp(-t / 0.05) * 0.2
    return np.concatenate([burst, silence(0.06), burst]).astype(np.float32)


def chords(seconds: float = 2.0) -> Samples:
    """Return four plucked chords."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    music: Samples = np.zeros(len(t), np.float32)
    for at, chord in enumerate([(220, 277, 330), (247, 311, 370), (262, 330, 392), (294, 370, 440)]):
        since = t - at * seconds / 4
        decay = np.where(since >= 0, np.exp(-2 * np.maximum(since, 0)), 0)
        notes = np.sum([np.sin(2 * np.pi * hz * since) for hz in chord], axis=0)
        music += (decay * notes).astype(np.float32)
    return (music / 15).astype(np.float32)


def sound(*parts: Samples, add: Samples | None = None) -> Sound:
    """Return parts one after the other as a track."""
    samples = np.concatenate(parts)
    return Sound.from_samples(to_int16(samples if add is None else samples + add), RATE_HZ)
