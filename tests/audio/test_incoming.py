"""Received frames get their place on the kernel's clock, whatever the network did to them on the way."""

from __future__ import annotations

import numpy as np
import pytest

from rtc_widget.audio.incoming import Downsampler, PlayoutClock
from tests.audio.signals import strength, tone16

FRAME = np.zeros(960, np.int16)


def place(arrivals: list[tuple[float, float]]) -> list[float]:
    """Return the instants of frames given as (position, arrival), in ms."""
    clock = PlayoutClock()
    placed = [placed for position, arrival in arrivals for placed in clock.push(FRAME, position, arrival)]
    return [t_ms for _, t_ms in [*placed, *clock.flush()]]


def test_jitter_does_not_show() -> None:
    rng = np.random.default_rng(3)
    arrivals = [(n * 20.0, 5_000 + n * 20.0 + (float(rng.uniform(0, 30)) if n else 0)) for n in range(200)]
    assert place(arrivals) == [5_000 + n * 20.0 for n in range(200)]


def test_frames_held_up_and_come_at_once_keep_their_places() -> None:
    on_time = [(n * 20.0, 5_000 + n * 20.0) for n in range(100)]
    held_up = [(n * 20.0, 10_000.0 + n / 100) for n in range(100, 250)]
    after = [(n * 20.0, 5_000 + n * 20.0) for n in range(250, 400)]
    assert place(on_time + held_up + after) == [5_000 + n * 20.0 for n in range(400)]


def test_a_sender_that_stood_still_goes_on_from_when_it_spoke_again() -> None:
    before = [(n * 20.0, 5_000 + n * 20.0) for n in range(100)]
    # Its count goes on as if nothing had been between, three seconds later.
    after = [(n * 20.0, 8_000 + n * 20.0) for n in range(100, 200)]
    assert place(before + after) == [5_000 + n * 20.0 for n in range(100)] + [
        8_000 + n * 20.0 for n in range(100, 200)
    ]


def test_a_pause_that_the_sender_counted_is_no_surprise() -> None:
    arrivals = [(n * 20.0, 5_000 + n * 20.0) for n in (*range(100), *range(250, 300))]
    assert place(arrivals) == [arrival for _, arrival in arrivals]


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_that_runs_otherwise_is_followed(ppm: int) -> None:
    arrivals = [(n * 20.0, 5_000 + n * 20.0 * (1 + ppm / 1e6)) for n in range(30_000)]
    errors = [abs(t_ms - arrival) for t_ms, (_, arrival) in zip(place(arrivals), arrivals, strict=True)]
    assert max(errors) < 45


def test_a_word_is_neither_cut_nor_torn_by_a_correction() -> None:
    clock = PlayoutClock()
    word, quiet = tone16(440, 48_000, 0.02), FRAME
    # The first frame was 100 ms late, so the others seem too early: until it is quiet nobody minds.
    arrivals = [(n * 20.0, 5_000 + n * 20.0 + (100 if n == 0 else 0)) for n in range(250)]
    frames = [quiet] + [word] * 150 + [quiet] * 99
    placed = [
        t_ms
        for samples, (position, arrival) in zip(frames, arrivals, strict=True)
        for _, t_ms in clock.push(samples, position, arrival)
    ]
    assert placed[:151] == [5_100 + n * 20.0 for n in range(151)]
    assert placed[151:] == [5_000 + n * 20.0 for n in range(151, 250)]


def test_frames_come_out_at_24_khz_with_the_instants_of_their_samples() -> None:
    given: list[tuple[bytes, float]] = []
    down = Downsampler(lambda pcm, t_ms: given.append((pcm, t_ms)))
    signal = tone16(440, 48_000, 1.0)
    for n in range(50):
        down.push(signal[n * 960 : (n + 1) * 960], 1_000 + n * 20.0)
    down.flush()
    samples = np.concatenate([np.frombuffer(pcm, np.int16) for pcm, _ in given])
    assert len(samples) == 24_000
    assert strength(samples, 440, 24_000) > 0.999
    at_ms = 1_000.0
    for pcm, t_ms in given:
        assert t_ms == pytest.approx(at_ms)
        at_ms += len(pcm) / 2 / 24


def test_after_a_gap_the_samples_begin_at_their_own_instant() -> None:
    given: list[tuple[int, float]] = []
    down = Downsampler(lambda pcm, t_ms: given.append((len(pcm) // 2, t_ms)))
    for t_ms in (0.0, 20.0, 100.0, 120.0):
        down.push(FRAME, t_ms)
    down.flush()
    ends = [(t_ms, t_ms + count / 24) for count, t_ms in given]
    assert ends[0][0] == 0.0
    assert sum(count for count, _ in given) == 4 * 480
    assert [begin for begin, _ in ends if begin >= 40] == [
        pytest.approx(100.0),
        *[pytest.approx(b) for b, _ in ends if b > 100.5],
    ]
    assert ends[-1][1] == pytest.approx(140.0)


def test_a_flush_of_nothing_gives_nothing() -> None:
    down = Downsampler(lambda *_: pytest.fail("nothing came"))
    down.flush()
    down.flush()
