"""The constant of a browser, out of tracks that are put together by hand."""

from __future__ import annotations

import numpy as np
import pytest

import rtc_widget as rtc
from rtc_widget.audio.calibration import RATE_HZ, Loopback, calibrate, errors_ms, signal
from rtc_widget.audio.jitter import JitterSample
from rtc_widget.audio.second_clock import ClockReading, apart_ms

PLAYED = signal()
LENGTH_MS = len(PLAYED) / 24
GAPS_MS = (400.0, 700.0, 1_000.0, 1_300.0, 550.0)


def loopback(
    *,
    constant_ms: float = 18.0,
    jitter_ms: float = 30.0,
    steps_ms: tuple[float, ...] = (0,) * 5,
    level: int = 1,
) -> Loopback:
    """Make turns whose agent comes late by a constant, the jitter buffer, and a step of the clock in each."""
    user, agent = (
        np.random.default_rng(3).integers(-6, 7, 24 * 28_000).astype(np.int16) for _ in ("user", "agent")
    )
    t_user_ms = tuple(500.0 + 6_000.0 * turn for turn in range(len(GAPS_MS)))
    clock = []
    for t_ms, gap_ms, step_ms in zip(t_user_ms, GAPS_MS, steps_ms, strict=True):
        answer_ms = t_ms + LENGTH_MS + gap_ms + constant_ms + jitter_ms + step_ms
        for track, at_ms in ((user, t_ms), (agent, answer_ms)):
            first = round(at_ms * 24)
            track[first : first + len(PLAYED)] = (PLAYED / level).astype(np.int16)
        clock += [
            ClockReading(t_ms + 100, "user", 70.0),
            ClockReading(answer_ms + 50, "agent", 65.0 + step_ms),
        ]
    samples = (JitterSample(200.0 * at, 0.2 * at * jitter_ms, 200.0 * at) for at in range(150))
    return Loopback(user, agent, GAPS_MS, t_user_ms, LENGTH_MS, tuple(samples), tuple(clock), 0)


def test_the_constant_is_what_is_left_of_the_gap() -> None:
    found = calibrate(loopback(), PLAYED)
    assert found.constant_ms == pytest.approx(18, abs=0.1)
    assert found.spread_ms < 0.2
    assert found.n_turns == len(GAPS_MS) - 1


def test_the_first_turn_does_not_count() -> None:
    assert calibrate(loopback(steps_ms=(300, 0, 0, 0, 0)), PLAYED).spread_ms < 0.2


def test_the_second_clock_takes_steps_out_that_the_first_one_has() -> None:
    found = calibrate(loopback(steps_ms=(0, 10, 0, 0, 10)), PLAYED)
    assert found.spread_ms > 4
    # 18 ms, less the 65 of the agent's clock, plus the 70 of the user's.
    assert found.check_constant_ms == pytest.approx(23, abs=0.1)
    assert found.check_spread_ms is not None
    assert found.check_spread_ms < 0.2


def test_the_constant_lies_between_the_steps_of_the_senders_pace() -> None:
    assert calibrate(loopback(steps_ms=(0, 10, 10, 10, 0)), PLAYED).constant_ms == pytest.approx(
        25.5, abs=0.1
    )


def test_a_turn_that_is_far_off_does_not_move_the_constant() -> None:
    assert calibrate(loopback(steps_ms=(0, 0, 60, 0, 0)), PLAYED).constant_ms == pytest.approx(18, abs=0.1)


def test_turns_with_a_long_jitter_buffer_count_where_there_are_no_others() -> None:
    assert calibrate(loopback(jitter_ms=150), PLAYED).constant_ms == pytest.approx(18, abs=0.1)


def test_what_is_not_heard_is_not_measured_but_said() -> None:
    silent = loopback(level=32_767)
    assert errors_ms(silent, PLAYED) == [None] * len(GAPS_MS)
    with pytest.raises(rtc.ConfigurationError, match="0 of 5 turns"):
        calibrate(silent, PLAYED)


def test_a_reply_of_a_page_is_read() -> None:
    reply = {
        "buffers": [np.ones(24, np.int16).tobytes(), np.zeros(24, np.int16).tobytes()],
        "t_browser_ms": 1_000.0,
        "user_frames": [48.0],
        "jitter": [[1_200.0, 0.5, 100.0]],
        "clock": [["user", 240.0, 3.0]],
        "lost_frames": 7,
    }
    found = Loopback.of(reply, [400.0], LENGTH_MS)
    assert (found.user.sum(), found.agent.sum(), found.lost_frames) == (24, 0, 7)
    assert found.t_user_ms == (2.0,)
    assert found.jitter == (JitterSample(200.0, 0.5, 100.0),)
    assert found.clock == (ClockReading(10.0, "user", 3.0),)


def test_the_signal_keeps_below_full_scale_and_begins_and_ends_softly() -> None:
    assert np.abs(PLAYED).max() < 0.31 * 32_768
    assert abs(int(PLAYED[0])) < 100
    assert abs(int(PLAYED[-1])) < 100
    assert len(PLAYED) == 0.3 * RATE_HZ


def test_a_reading_tells_of_its_neighbourhood_only() -> None:
    readings = [
        ClockReading(t_ms, "user", apart) for t_ms, apart in ((0, 70), (100, 79), (200, 71), (9_000, 80))
    ]
    assert apart_ms(readings, 150) == 71
    assert apart_ms(readings, 6_000) == 80
    assert apart_ms(readings, 30_000) is None
    assert apart_ms([], 0) is None
