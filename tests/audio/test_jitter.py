"""The jitter buffer's delay is read out of what its counters grew by."""

from __future__ import annotations

import pytest

from rtc_widget.audio.jitter import JitterSample, jitter_buffer_ms

RATE_HZ = 48_000


def counters(delays_ms: list[float], step_ms: float = 200.0) -> list[JitterSample]:
    """Return samples of a buffer that delays by one value after the other, each for `step_ms`."""
    samples = [JitterSample(0.0, 0.0, 0)]
    for delay_ms in delays_ms:
        emitted = step_ms / 1_000 * RATE_HZ
        last = samples[-1]
        samples.append(
            JitterSample(
                last.t_ms + step_ms, last.delay_s + emitted * delay_ms / 1_000, last.emitted + emitted
            )
        )
    return samples


def test_it_is_the_delay_of_the_moment_and_not_of_the_call() -> None:
    samples = counters([500, 400, 60, 40, 40, 80])
    assert jitter_buffer_ms(samples, 450) == pytest.approx(60)
    assert jitter_buffer_ms(samples, 1_100) == pytest.approx(80)


def test_samples_that_come_oftener_are_taken_together() -> None:
    assert jitter_buffer_ms(counters([20, 40, 60, 80, 100, 120], 50.0), 110) == pytest.approx(90)


def test_a_sample_a_second_will_do() -> None:
    assert jitter_buffer_ms(counters([40, 70], 1_000.0), 1_500) == pytest.approx(70)


@pytest.mark.parametrize("t_ms", [-1, 1_200, 5_000])
def test_it_is_unknown_where_no_sample_is_near(t_ms: float) -> None:
    assert jitter_buffer_ms(counters([40] * 6), t_ms) is None


def test_it_is_unknown_while_nothing_comes_out() -> None:
    still = [JitterSample(t, 1.0, 48_000) for t in range(0, 5_000, 200)]
    assert jitter_buffer_ms(still, 1_000) is None
    assert jitter_buffer_ms([], 1_000) is None


def test_silence_before_the_words_does_not_count() -> None:
    still = [JitterSample(t, 0.0, 0) for t in (0.0, 200.0, 400.0)]
    talk = [JitterSample(600, 0.05 * 9_600, 9_600)]
    assert jitter_buffer_ms([*still, *talk], 300) == pytest.approx(50)


def test_it_is_read_from_a_note() -> None:
    stats = [
        ["candidate-pair", "P", "currentRoundTripTime", 0.05],
        ["outbound-rtp", "O", "jitterBufferDelay", 9],
        ["inbound-rtp", "I", "jitterBufferDelay", 480.0],
        ["inbound-rtp", "I", "jitterBufferEmittedCount", 9_600],
    ]
    assert JitterSample.of(12.5, stats) == JitterSample(12.5, 480.0, 9_600)
    assert JitterSample.of(12.5, stats[:3]) is None
    assert JitterSample.of(12.5, []) is None
