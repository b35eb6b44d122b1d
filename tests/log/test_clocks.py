"""The offset between the browser's clock and the kernel's."""

from __future__ import annotations

import pytest

from rtc_widget.log.clocks import ClockSync


def test_the_smallest_round_trip_wins() -> None:
    sync = ClockSync()
    sync.add(0.0, 1_000_040.0, 60.0)
    fit = sync.add(100.0, 1_000_101.0, 104.0)
    assert (fit.offset_ms, fit.error_ms, fit.n) == (999_999.0, 2.0, 2)
    again = sync.add(200.0, 1_000_260.0, 300.0)
    assert (again.offset_ms, again.error_ms, again.n) == (999_999.0, 2.0, 3)
    assert again.to_kernel_ms(1_000_101.0) == 102.0


def test_the_true_offset_is_within_the_error_said() -> None:
    sync = ClockSync()
    for out_ms, back_ms in ((3, 40), (12, 2), (1, 9), (30, 1)):
        sent = sync_sent = 1000.0 * out_ms
        fit = sync.add(sync_sent, sent + out_ms + 5_000.0, sent + out_ms + back_ms)
        assert abs(fit.offset_ms - 5_000.0) <= fit.error_ms


def test_a_drifting_clock_is_followed() -> None:
    sync = ClockSync(window_ms=60_000)
    for n in range(60):
        now = n * 5_000.0
        fit = sync.add(now, now + 1.0 + 700.0 + now * 50e-6, now + 2.0)
    assert fit.drift_ppm == pytest.approx(50, abs=5)
    assert abs(fit.offset_ms - 714.75) <= 4


def test_an_answer_before_its_question_is_refused() -> None:
    with pytest.raises(ValueError, match="after it was sent"):
        ClockSync().add(10.0, 0.0, 9.0)
