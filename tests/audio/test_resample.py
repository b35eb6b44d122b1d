"""Resampling keeps what can be kept, drops what cannot, and moves nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rtc_widget.audio.resample import Resampler, resample, to_float, to_int16
from tests.audio.signals import level_db, tone

PAIRS = [
    (24_000, 48_000),
    (48_000, 24_000),
    (44_100, 48_000),
    (16_000, 48_000),
    (48_000, 16_000),
    (8_000, 24_000),
]


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_tone_is_the_same_tone_at_another_rate(from_hz: int, to_hz: int) -> None:
    output = resample(tone(997, from_hz), from_hz, to_hz)
    expected = tone(997, to_hz)
    assert len(output) == len(expected)
    inner = slice(to_hz // 20, -to_hz // 20)
    assert level_db(output[inner] - expected[inner]) < -80


@pytest.mark.parametrize("to_hz", [24_000, 16_000, 8_000])
def test_what_the_lower_rate_cannot_hold_is_gone_and_does_not_fold_back(to_hz: int) -> None:
    output = resample(tone(to_hz * 0.55, 48_000, peak=1.0), 48_000, to_hz)
    assert level_db(output[to_hz // 20 : -to_hz // 20]) < -80


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_speech_band_passes_flat(from_hz: int, to_hz: int) -> None:
    highest_hz = 0.88 * min(from_hz, to_hz) / 2
    output = resample(tone(highest_hz, from_hz, peak=1.0), from_hz, to_hz)
    assert level_db(output[to_hz // 20 : -to_hz // 20]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("from_hz", "to_hz"), [*PAIRS, (44_056, 48_000)])
def test_a_stream_in_any_pieces_gives_what_the_whole_gives(from_hz: int, to_hz: int) -> None:
    rng = np.random.default_rng(7)
    signal = rng.uniform(-1, 1, 12_000).astype(np.float32)
    resampler = Resampler(from_hz, to_hz)
    places = [0, *sorted(rng.integers(0, len(signal), 40)), len(signal)]
    pieces = [resampler.push(signal[a:b]) for a, b in pairwise(places)]
    streamed = np.concatenate([*pieces, resampler.flush()])
    np.testing.assert_allclose(streamed, resample(signal, from_hz, to_hz), atol=1e-6)


def test_a_flushed_resampler_begins_anew() -> None:
    resampler = Resampler(24_000, 48_000)
    signal = tone(500, 24_000, 0.1)
    first = np.concatenate([resampler.push(signal), resampler.flush()])
    second = np.concatenate([resampler.push(signal), resampler.flush()])
    np.testing.assert_array_equal(first, second)


def test_silence_stays_silence_and_keeps_its_length() -> None:
    output = resample(np.zeros(24_000, np.float32), 24_000, 48_000)
    assert len(output) == 48_000
    assert not output.any()


def test_an_instant_stays_where_it_is() -> None:
    click = np.zeros(48_000, np.float32)
    click[24_000] = 1.0
    assert int(np.argmax(resample(click, 48_000, 24_000))) == 12_000


def test_a_short_signal_has_its_share_of_samples() -> None:
    assert len(resample(np.ones(1, np.float32), 8_000, 48_000)) == 6
    assert len(resample(np.ones(0, np.float32), 8_000, 48_000)) == 0


def test_integers_and_floats_convert_back_and_forth() -> None:
    samples = np.array([-32_768, -1, 0, 1, 32_767], np.int16)
    np.testing.assert_array_equal(to_int16(to_float(samples)), samples)


def test_what_is_too_loud_is_cut_off_not_wrapped() -> None:
    np.testing.assert_array_equal(to_int16(np.array([1.5, -1.5], np.float32)), [32_767, -32_768])
