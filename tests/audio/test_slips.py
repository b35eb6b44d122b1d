"""Slips show as exact zeros in a noisy microphone."""

from __future__ import annotations

import numpy as np
import pytest

from rtc_widget.audio import Sound
from rtc_widget.audio.slips import find_slips

RATE_HZ = 24_000


def microphone(lsb: float, *zeros_ms: tuple[float, float]) -> Sound:
    samples = np.rint(np.random.default_rng(4).normal(scale=lsb, size=2 * RATE_HZ)).astype(np.int16)
    for start_ms, end_ms in zeros_ms:
        samples[round(start_ms * 24) : round(end_ms * 24)] = 0
    return Sound.from_samples(samples, RATE_HZ)


def test_ten_lost_ms_are_found_to_the_sample_or_so() -> None:
    found = find_slips(microphone(20, (500, 510), (1_200, 1_220)), t_offset_ms=1_000)
    assert np.array(found) == pytest.approx(np.array([[1_500, 1_510], [2_200, 2_220]]), abs=0.2)


@pytest.mark.parametrize("zeros_ms", [(500, 501), (500, 700), (0, 10), (1_990, 2_000)])
def test_what_is_shorter_longer_or_at_the_edge_is_no_slip(zeros_ms: tuple[float, float]) -> None:
    assert find_slips(microphone(20, zeros_ms)) == []


def test_a_microphone_without_noise_shows_none() -> None:
    # As synthetic speech, which is exact silence in its pauses, and for a few ms before a “t”.
    assert find_slips(microphone(20, (500, 700), (1_200, 1_220))) == []
    assert find_slips(microphone(0.3, (500, 510))) == []
    assert find_slips(Sound(bytes(2 * RATE_HZ), RATE_HZ)) == []
    assert find_slips(Sound(b"", RATE_HZ)) == []
