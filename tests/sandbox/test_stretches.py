"""Long sound is cut at its pauses, and nothing of it is lost."""

from __future__ import annotations

import numpy as np
import pytest

from rtc_widget.sandbox.sound import HEARD_RATE_HZ, duration_ms, silence
from rtc_widget.sandbox.stretches import is_one, stretches


def loud(seconds: float) -> bytes:
    samples = np.random.default_rng(7).integers(-9000, 9000, round(seconds * HEARD_RATE_HZ))
    return samples.astype("<i2").tobytes()


def lengths_ms(pcm: bytes) -> list[float]:
    return [duration_ms(stretch, HEARD_RATE_HZ) for stretch in stretches(pcm)]


def test_sound_of_20_s_stays_whole() -> None:
    assert list(stretches(loud(20))) == [loud(20)]
    assert is_one(loud(20))
    assert not is_one(loud(20.1))
    assert list(stretches(b"")) == [b""]


def test_a_cut_is_in_the_middle_of_a_pause() -> None:
    pause = silence(600, HEARD_RATE_HZ)
    assert lengths_ms(loud(12) + pause + loud(14) + pause + loud(9)) == [12_300, 14_600, 9_300]


def test_the_quietest_place_will_do_where_nobody_pauses() -> None:
    hushed = (np.frombuffer(loud(0.2), "<i2") // 2).astype("<i2").tobytes()
    assert lengths_ms(loud(15) + hushed + loud(9))[0] == pytest.approx(15_100, abs=60)


def test_all_of_the_sound_is_in_the_stretches() -> None:
    sound = loud(95)
    found = list(stretches(sound))
    assert b"".join(found) == sound
    assert all(10_000 <= length <= 20_000 for length in lengths_ms(sound)[:-1])


def test_sound_that_has_grown_is_cut_where_it_was_cut_before() -> None:
    sound = loud(70)
    *before, _ = stretches(sound[: 50 * HEARD_RATE_HZ * 2])
    assert len(before) >= 2
    assert list(stretches(sound))[: len(before)] == before
