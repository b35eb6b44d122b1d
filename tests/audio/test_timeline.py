"""A timeline holds samples where they belong in time, and silence where there were none."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rtc_widget.audio.timeline import Timeline

RATE_HZ = 1_000


def ones(count: int, value: int = 1) -> bytes:
    return np.full(count, value, np.int16).tobytes()


def test_samples_follow_each_other() -> None:
    timeline = Timeline(RATE_HZ)
    timeline.append(ones(10), 500.0)
    timeline.append(ones(10, 2), 510.0)
    assert timeline.sound().samples.tolist() == [1] * 10 + [2] * 10
    assert timeline.t_end_ms == 520.0
    assert not timeline.gaps


def test_a_gap_is_silence_and_is_reported() -> None:
    timeline = Timeline(RATE_HZ)
    timeline.append(ones(10), 500.0)
    timeline.append(ones(10), 530.0)
    assert timeline.sound().samples.tolist() == [1] * 10 + [0] * 20 + [1] * 10
    assert [(gap.t_kernel_ms, gap.gap_ms) for gap in timeline.gaps] == [(510.0, 20.0)]


def test_what_overlaps_is_left_out() -> None:
    timeline = Timeline(RATE_HZ)
    timeline.append(ones(10), 500.0)
    timeline.append(ones(10, 2), 505.0)
    timeline.append(ones(3, 3), 500.0)
    assert timeline.sound().samples.tolist() == [1] * 10 + [2] * 5


def test_a_part_is_as_long_as_its_instants_are_apart() -> None:
    timeline = Timeline(RATE_HZ)
    timeline.append(ones(10), 500.0)
    assert timeline.sound(495.0, 515.0).samples.tolist() == [0] * 5 + [1] * 10 + [0] * 5
    assert timeline.sound(502.0, 504.0).samples.tolist() == [1, 1]
    assert timeline.sound(504.0, 502.0).samples.tolist() == []


def test_an_empty_one_has_an_empty_sound() -> None:
    timeline = Timeline(RATE_HZ)
    assert timeline.t_end_ms is None
    assert timeline.sound().seconds == 0


def test_an_hour_of_silence_takes_no_room() -> None:
    timeline = Timeline(RATE_HZ)
    for second in range(3_600):
        timeline.append(bytes(2 * RATE_HZ), second * 1_000.0)
    assert len(timeline._stretches) == 1
    assert timeline.sound().seconds == 3_600


def test_the_oldest_sound_goes_and_the_rest_stays_in_its_place() -> None:
    timeline = Timeline(RATE_HZ, keep_s=0.02)
    for piece in range(5):
        timeline.append(ones(10, piece + 1), piece * 10.0)
    assert timeline.sound().samples.tolist() == [4] * 10 + [5] * 10
    assert timeline.sound(0.0, 50.0).samples.tolist() == [0] * 30 + [4] * 10 + [5] * 10


def test_an_odd_rounding_of_instants_makes_no_gap() -> None:
    timeline = Timeline(24_000)
    for piece in range(1_000):
        timeline.append(ones(480), 1e9 / 3 + piece * 20.0)
    assert not timeline.gaps
    assert timeline.sound().seconds == pytest.approx(20.0)


def test_one_can_wait_for_what_is_to_come() -> None:
    timeline = Timeline(RATE_HZ)
    assert not timeline.wait_until(20.0, timeout=0.01)
    writer = threading.Thread(target=lambda: timeline.append(ones(25), 0.0))
    writer.start()
    assert timeline.wait_until(20.0, timeout=5)
    writer.join()


def test_it_can_be_read_while_it_grows() -> None:
    timeline = Timeline(24_000)

    def grow() -> None:
        for piece in range(2_000):
            timeline.append(ones(480), piece * 20.0)

    writer = threading.Thread(target=grow)
    writer.start()
    while writer.is_alive():
        assert timeline.sound(0.0, 100.0).samples.size == 2_400
    writer.join()
    assert timeline.sound().seconds == 40.0
