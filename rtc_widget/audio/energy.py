"""Where a track is louder than its own noise: the power of its sound in two bands, every 2.5 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Power = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Span = tuple[int, int]

__all__ = [
    "HOP_MS",
    "HOP_SAMPLES",
    "RATE_HZ",
    "WINDOW_HOPS",
    "Band",
    "bands",
    "joined",
    "louder",
    "runs",
    "spans",
]

RATE_HZ = 16_000
HOP_SAMPLES = 40
HOP_MS = 1_000 * HOP_SAMPLES / RATE_HZ
WINDOW_HOPS = 4

_RUMBLE_SAMPLES = 80
_LEAST_POWER = 1e-6
_OVER_NOISE = 4.0

_NOISE_MEAN_HOPS = 20
_NOISE_STEP_HOPS = 200
_NOISE_REACH_HOPS = 2_400
_STEADY_QUANTILE, _STEADY, _STEADY_PARTS = 0.2, 1.6, 40
_EDGE_PARTS, _CLIP_PARTS, _LOUDER_BY_FAR = 3, 10, 10.0
_NOISE_QUANTILE = 0.02
"""The quietest 50 ms of 12 s are the noise: even fast speech has that much silence before its “t” and “k”."""


class Band(NamedTuple):
    """A part of the spectrum.

    Attributes
    ----------
    power
        Mean square of the 10 ms that end with each hop, full scale being 1; 3 hops more than the track has.
    least
        What counts of it: 6 dB more than the noise around it, and −60 dB.
    """

    power: Power
    least: Power


def bands(samples: Samples) -> list[Band]:
    """Return the voice without rumble, and the high frequencies, where an “s” stands out of a room's noise.

    Parameters
    ----------
    samples
        Mono at 16 kHz, shape (n,), −1 … 1.
    """
    total = np.cumsum(np.pad(samples, (1, 0)), dtype=np.float64)
    total = np.pad(total, _RUMBLE_SAMPLES // 2, mode="edge")
    around = total[_RUMBLE_SAMPLES : _RUMBLE_SAMPLES + len(samples)] - total[: len(samples)]
    voice = samples - (around / _RUMBLE_SAMPLES).astype(np.float32)
    return [_band(voice), _band(np.diff(samples, prepend=samples[:1]))]


def _band(signal: Samples) -> Band:
    count = len(signal) // HOP_SAMPLES
    hops = signal[: count * HOP_SAMPLES].reshape(count, HOP_SAMPLES)
    # Silence around the track, so that each of its hops begins a window and ends one.
    edge = np.zeros(WINDOW_HOPS - 1)
    energy = np.concatenate([edge, np.einsum("ij,ij->i", hops, hops), edge])
    power = np.convolve(energy, np.full(WINDOW_HOPS, 1 / (WINDOW_HOPS * HOP_SAMPLES)), "valid")
    return Band(power, np.maximum(_LEAST_POWER, _OVER_NOISE * _noise(power)))


def _noise(power: Power) -> Power:
    """Return the power of the noise around each window."""
    parts = np.array_split(power, max(1, len(power) // _NOISE_MEAN_HOPS))
    means = np.array([part.mean() if part.all() else 0.0 for part in parts])
    reach = _NOISE_REACH_HOPS // _NOISE_MEAN_HOPS
    levels = []
    for at in range(0, len(power), _NOISE_STEP_HOPS):
        first = max(0, min(at // _NOISE_MEAN_HOPS - reach, len(means) - 2 * reach))
        levels.append(_quietest(means[first : first + 2 * reach]))
    return np.repeat(levels, _NOISE_STEP_HOPS)[: len(power)]


def _quietest(means: Power) -> float:
    sounding = means[means > 0]
    if len(sounding) >= _STEADY_PARTS:
        # A muted microphone is silent, but its noise is not gone: noise is steady, as speech never is.
        low, still_low = np.quantile(sounding, (_NOISE_QUANTILE, _STEADY_QUANTILE))
        if still_low < _STEADY * low:
            return float(low)
    around = [level for first, stop in runs(means > 0) if (level := _around(means[first:stop])) is not None]
    return min(around) if around else float(np.quantile(means, _NOISE_QUANTILE))


def _around(means: Power) -> float | None:
    """Return the noise that a clip in digital silence begins and ends with; None where it has none.

    Nothing but noise is as steady, and as loud at the end as at the beginning, around what is louder by far.
    """
    if len(means) < _CLIP_PARTS:
        return None
    edges = np.concatenate([means[:_EDGE_PARTS], means[-_EDGE_PARTS:]])
    low = float(edges.min())
    return low if edges.max() < _STEADY * low and means.max() > _LOUDER_BY_FAR * low else None


def louder(found: list[Band], ratio: float = 1.0, least_power: float = 0.0) -> Mask:
    """Say where a band has `ratio` times the power that counts, and at least `least_power`."""
    loud: Mask = np.any([band.power > np.maximum(ratio * band.least, least_power) for band in found], axis=0)
    return loud


def spans(loud: Mask) -> list[Span]:
    """Return hops, of loud windows.

    A stretch begins with the hop that made its first window loud, and ends with the one that kept its last
    window so: the edges of a sudden sound come out where they are, though each window is 10 ms long.
    """
    return [(first, stop - WINDOW_HOPS + 1) for first, stop in runs(loud) if stop - first >= WINDOW_HOPS]


def runs(mask: Mask) -> list[Span]:
    """Return where a mask is true, as begins and ends."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def joined(parts: Iterable[Span], gap: int) -> list[Span]:
    """Join spans that lie no more than `gap` apart, and return them in order."""
    found: list[Span] = []
    for first, stop in sorted(parts):
        if found and first - found[-1][1] <= gap:
            found[-1] = found[-1][0], max(found[-1][1], stop)
        else:
            found.append((first, stop))
    return found
