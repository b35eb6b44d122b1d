"""The jitter buffer's delay is read out of what its counters grew by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rtc_widget.audio.jitter import JitterSample, jitter_buffer_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE_HZ = 48_000


def counters(
    delays_ms: Sequence[float],
    step_ms: float = 200.0,
    *,
    stretched: tuple[float, ...] = (),
    concealed: int = 0,
) -> list[JitterSample]:
    """Return samples of a buffer that delays by one value after the other, each for `step_ms`.

    `stretched` is how many samples were put in (taken out: less than 0) before each step, and `concealed` how
    many were made up before the last one.
    """
    samples = [JitterSample(0.0, 0.0, 0)]
    for at, delay_ms in enumerate(delays_ms):
        count = stretched[at] if stretched else 0.0
        inserted, removed = max(count, 0.0), max(-count, 0.0)
        before = replace(
            samples[-1],
            inserted=samples[-1].inserted + inserted,
            removed=samples[-1].removed + removed,
            concealed=concealed if at == len(delays_ms) - 1 else 0.0,
        )
        emitted = step_ms / 1_000 * RATE_HZ
        if before != samples[-1]:
            # It is read right after, too.
            samples.append(replace(before, t_ms=before.t_ms + 1))
        samples.append(
            replace(
                before,
                t_ms=samples[0].t_ms + step_ms * (at + 1),
                delay_s=before.delay_s + emitted * delay_ms / 1_000,
                emitted=before.emitted + emitted,
            )
        )
    return samples


def test_the_pace_of_the_sender_is_not_in_it() -> None:
    # Packets come up to 10 ms early or late, and are heard evenly.
    samples = counters([30, 32, 34, 36, 38, 40] * 5)
    found = [jitter_buffer_ms(samples, t_ms) for t_ms in (2_600, 2_900, 3_100)]
    assert found == pytest.approx([35] * 3, abs=0.5)


def test_stretched_time_is_followed_to_the_sample() -> None:
    # 2.5 ms more are heard later by 2.5 ms, though the packets wait 10 ms longer: 7.5 less wait decoded.
    samples = counters([30] * 5 + [40] * 5, stretched=(7.5 * 48, 0, 0, 0, 0, 2.5 * 48, 0, 0, 0, 0))
    before, after = jitter_buffer_ms(samples, 900), jitter_buffer_ms(samples, 1_100)
    assert before == pytest.approx(37.5)
    assert after == pytest.approx(40)


def test_a_buffer_that_runs_dry_quickly_is_followed() -> None:
    delays_ms = [500.0, 400, 300, 200, 100, 100]
    samples = counters(delays_ms, stretched=(0, *[-100 * 48] * 4, 0))
    found = [jitter_buffer_ms(samples, 200 * at + 150) for at in range(6)]
    assert found == pytest.approx(delays_ms)


def test_what_was_before_something_was_made_up_tells_nothing_of_after() -> None:
    samples = counters([40, 40, 40, 90], concealed=480)
    assert jitter_buffer_ms(samples, 500) == pytest.approx(40)
    assert jitter_buffer_ms(samples, 700) == pytest.approx(90)


def test_where_something_is_made_up_all_the_time_the_moment_tells() -> None:
    samples = [
        replace(sample, concealed=480.0 * at) for at, sample in enumerate(counters([500, 400, 60, 40, 40]))
    ]
    assert jitter_buffer_ms(samples, 450) == pytest.approx(60)


def test_samples_that_come_oftener_are_taken_together() -> None:
    assert jitter_buffer_ms(counters([20, 40, 60, 80, 100, 120], 50.0), 60) == pytest.approx(70)


def test_a_sample_a_second_will_do() -> None:
    assert jitter_buffer_ms(counters([70] * 2, 1_000.0), 1_500) == pytest.approx(70)


@pytest.mark.parametrize("t_ms", [-1, 2_750, 5_000])
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
        ["inbound-rtp", "I", "insertedSamplesForDeceleration", 240],
        ["inbound-rtp", "I", "removedSamplesForAcceleration", 120],
        ["inbound-rtp", "I", "concealedSamples", 60],
    ]
    assert JitterSample.of(12.5, stats) == JitterSample(12.5, 480.0, 9_600, 240, 120, 60)
    assert JitterSample.of(12.5, stats[:-1]) is None
    assert JitterSample.of(12.5, []) is None
