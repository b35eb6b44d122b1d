"""The heard columns come out as they were made, and say when not to trust them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.attribution import Answer, Input, TurnTimes
from rtc_widget.audio.jitter import JitterSample
from rtc_widget.audio.latency import CallSound, Heard, call_constant_ms, measure
from rtc_widget.audio.segments import Segment, find_segments
from tests.audio.voices import RATE_HZ, edges_ms, noise, sound, speech

if TYPE_CHECKING:
    from rtc_widget.audio.segments import Kind, Track

QUESTIONS = (
    "What time is it, Annie?",
    "Good morning.",
    "A flat white with milk, no sugar.",
    "How are you now?",
)
ANSWERS = ("Good evening.", "No, I am alone.", "You are welcome, anyway.", "Again, my name is Anna.")
CALIBRATED = CallSound(constant_ms=0.0, jitter=None)


def segment(track: Track, start_ms: float, end_ms: float, kind: Kind = "speech") -> Segment:
    return Segment(track, kind, start_ms, end_ms, -20.0)


def turn(
    number: int,
    said: tuple[float, float] | None,
    answered: tuple[float, float] | None,
    *,
    interrupted: bool | None = None,
    gap_check_ms: float | None = None,
) -> TurnTimes:
    """Return a turn as the log tells of it: events come after the user's sound, and before the agent's."""
    inputs = () if said is None else (Input(said[1] + 250, said[0] + 150, f"item_u{number}"),)
    answers = () if answered is None else (Answer(answered[0] - 60, answered[1] + 40, f"item_a{number}"),)
    return TurnTimes(number, inputs, answers, interrupted, gap_check_ms)


def conversation(gaps_ms: list[float], *, call: CallSound = CALIBRATED) -> list[Heard]:
    """Return what is heard of turns with these gaps, 10 s apart, and one before them that does not count."""
    segments, turns = [], []
    for number, gap_ms in enumerate([700.0, *gaps_ms]):
        begin = 10_000.0 * number
        segments += [
            segment("user", begin, begin + 2_000),
            segment("agent", begin + 2_000 + gap_ms, begin + 5_000),
        ]
        turns.append(turn(number, (begin, begin + 2_000), (begin + 2_000 + gap_ms, begin + 5_000)))
    return measure(segments, turns, [call])[1:]


@pytest.mark.parametrize("snr_db", [None, 30])
def test_forty_gaps_between_real_voices_are_measured_within_10_ms(snr_db: float | None) -> None:
    chosen = np.random.default_rng(11)
    count = round(48 * 6.5 * RATE_HZ)
    tracks = {"user": np.zeros(count, np.float32), "agent": np.zeros(count, np.float32)}
    gaps_ms, turns, at_ms = [], [], 500.0
    for number in range(44):
        question = speech(str(chosen.choice(QUESTIONS)), str(chosen.choice(["marin", "cedar", "alloy"])))
        answer = speech(str(chosen.choice(ANSWERS)), str(chosen.choice(["coral", "echo", "sage"])))
        gap_ms = chosen.uniform(300, 1_500)
        said = [at_ms + edge for edge in edges_ms(question, 40)]
        begin_ms = said[1] + gap_ms - edges_ms(answer, 40)[0]
        heard = [begin_ms + edge for edge in edges_ms(answer, 40)]
        for name, samples, t_ms in (("user", question, at_ms), ("agent", answer, begin_ms)):
            first = round(t_ms * RATE_HZ / 1_000)
            tracks[name][first : first + len(samples)] += samples
        gaps_ms.append(gap_ms)
        turns.append(turn(number, (said[0], said[1]), (heard[0], heard[1])))
        at_ms = heard[1] + chosen.uniform(600, 1_200)
    assert at_ms < count / RATE_HZ * 1_000
    if snr_db is not None:
        tracks["user"] += noise(chosen, count, snr_db, colour="pink")

    segments = [
        *find_segments(sound(tracks["user"]), "user"),
        *find_segments(sound(tracks["agent"]), "agent"),
    ]
    heard_turns = measure(segments, turns, [CALIBRATED])

    errors = np.array([one.latency_heard_ms for one in heard_turns], float) - gaps_ms
    assert len(errors) >= 40
    assert np.abs(errors).max() <= 10
    assert abs(np.median(errors)) <= 5
    assert {one.heard_quality for one in heard_turns[1:]} == {"ok"}


def test_the_jitter_buffer_of_the_moment_and_the_calls_constant_are_taken_off() -> None:
    delays_ms = [40.0, 70.0, 50.0]
    samples = [JitterSample(10_000.0 * at + 1_800.0, 100.0 * at, 1e6 * at) for at in range(4)]
    samples += [
        replace(
            before,
            t_ms=before.t_ms + 2_000,
            delay_s=before.delay_s + 0.001 * delay,
            emitted=before.emitted + 1,
        )
        for before, delay in zip(samples, [0.0, *delays_ms], strict=True)
    ]
    jitter = tuple(sorted(samples, key=lambda sample: sample.t_ms))
    call = CallSound(constant_ms=22.0, jitter=jitter, output_latency_ms=30.0)
    heard = conversation([800 + delay + 22 for delay in delays_ms], call=call)
    assert [one.jitter_buffer_ms for one in heard] == pytest.approx(delays_ms)
    assert [one.gap_ms for one in heard] == pytest.approx([862, 892, 872])
    assert [one.latency_heard_ms for one in heard] == pytest.approx([800] * 3)
    assert [one.at_the_ear_ms for one in heard] == pytest.approx([830] * 3)
    assert {one.heard_quality for one in heard} == {"ok"}

    uncalibrated = conversation(
        [800 + delay + 22 for delay in delays_ms], call=replace(call, constant_ms=None)
    )
    assert {one.heard_quality for one in uncalibrated} == {"uncalibrated"}
    assert [one.latency_heard_ms for one in uncalibrated] == pytest.approx([822] * 3)
    assert call_constant_ms(uncalibrated, [800] * 3) == pytest.approx(22)


def test_calibrating_needs_a_turn_worth_measuring() -> None:
    spoilt = [Heard(0, 800, "first_turn", gap_ms=800, jitter_buffer_ms=0), Heard(1)]
    with pytest.raises(ConfigurationError, match="Play more turns"):
        call_constant_ms(spoilt, [700, 700])


def test_the_first_answer_of_each_call_is_flagged() -> None:
    segments, turns = [], []
    for number, begin in enumerate([0.0, 10_000.0, 60_000.0, 70_000.0]):
        segments += [segment("user", begin, begin + 1_000), segment("agent", begin + 1_600, begin + 3_000)]
        turns.append(turn(number, (begin, begin + 1_000), (begin + 1_600, begin + 3_000)))
    calls = [replace(CALIBRATED, t_end_ms=50_000), replace(CALIBRATED, t_start_ms=50_000)]
    heard = measure(segments, turns, calls)
    assert [one.heard_quality for one in heard] == ["first_turn", "ok", "first_turn", "ok"]
    assert [one.latency_heard_ms for one in heard] == [600] * 4


def test_more_than_80_ms_of_jitter_buffer_are_flagged() -> None:
    jitter = tuple(JitterSample(t * 200.0, t * 0.09 * 9_600, t * 9_600) for t in range(200))
    (one,) = conversation([900], call=CallSound(constant_ms=10.0, jitter=jitter))
    assert one.jitter_buffer_ms == pytest.approx(90)
    assert one.latency_heard_ms == pytest.approx(800)
    assert one.heard_quality == "jitter"


def test_a_jitter_buffer_nobody_knows_is_uncalibrated() -> None:
    (one,) = conversation([900], call=CallSound(constant_ms=10.0))
    assert (one.latency_heard_ms, one.jitter_buffer_ms, one.heard_quality) == (890, None, "uncalibrated")
    (alone,) = measure(
        [segment("user", 0, 1_000), segment("agent", 1_500, 2_000)], [turn(0, (0, 1_000), (1_500, 2_000))]
    )
    assert (alone.latency_heard_ms, alone.heard_quality) == (500, "first_turn")


@pytest.mark.parametrize(
    ("slip", "quality"),
    [((12_300, 12_310), "slip"), ((11_000, 11_010), "ok"), ((13_000, 13_010), "ok")],
)
def test_a_slip_counts_where_it_lies_in_the_gap(slip: tuple[float, float], quality: str) -> None:
    (one,) = conversation([900], call=replace(CALIBRATED, slips=(slip,)))
    assert one.heard_quality == quality


def test_a_turn_where_the_second_clock_disagrees_is_flagged() -> None:
    segments, turns = [], []
    for number, apart_ms in enumerate([12.0, 11.0, 12.5, 22.0, 12.0]):
        begin = 10_000.0 * number
        segments += [segment("user", begin, begin + 1_000), segment("agent", begin + 1_600, begin + 3_000)]
        said, answered = (begin, begin + 1_000), (begin + 1_600, begin + 3_000)
        turns.append(turn(number, said, answered, gap_check_ms=600 - apart_ms))
    qualities = [one.heard_quality for one in measure(segments, turns, [CALIBRATED])]
    assert qualities == ["first_turn", "ok", "ok", "slip", "ok"]
    too_few = measure(segments[4:], [turns[2], turns[3]], [CALIBRATED])
    assert [one.heard_quality for one in too_few] == ["first_turn", "ok"]


def test_the_latency_counts_from_the_users_last_word_of_the_turn() -> None:
    segments = [
        segment("user", 0, 700),
        segment("user", 1_000, 1_900),
        segment("user", 2_250, 2_500, "sound"),
        segment("agent", 2_400, 2_600, "sound"),
        segment("agent", 2_700, 4_000),
    ]
    (one,) = measure(segments, [turn(0, (0, 1_900), (2_400, 4_000))], [CALIBRATED])
    assert one.latency_heard_ms == 800
    assert one.heard_ms == 1_600


def test_an_agent_that_begins_too_early_has_a_negative_latency() -> None:
    segments = [segment("user", 0, 2_000), segment("agent", 1_700, 4_000)]
    (one,) = measure(segments, [turn(0, (0, 2_000), (1_700, 4_000))], [CALIBRATED])
    assert (one.latency_heard_ms, one.overlap_ms) == (-300, 300)


def test_an_interruption_shows_in_the_turn_that_was_cut() -> None:
    segments = [
        segment("user", 0, 1_000),
        segment("agent", 1_600, 4_500),
        segment("user", 2_500, 2_700),
        segment("user", 4_000, 5_500),
        segment("agent", 6_200, 8_000),
    ]
    turns = [
        turn(0, (0, 1_000), (1_600, 4_500), interrupted=True),
        turn(1, (4_000, 5_500), (6_200, 8_000), interrupted=False),
    ]
    cut, after = measure(segments, turns, [CALIBRATED])
    assert (cut.yield_ms, cut.overlap_ms, cut.heard_ms) == (500, 700, 2_900)
    assert (after.yield_ms, after.overlap_ms, after.latency_heard_ms) == (None, 0, 700)


def test_an_answer_that_came_to_its_end_yielded_to_nobody() -> None:
    segments = [segment("user", 0, 1_000), segment("agent", 1_600, 4_500), segment("user", 4_300, 5_000)]
    times = turn(0, (0, 1_000), (1_600, 4_500))
    assert measure(segments, [replace(times, interrupted=False)])[0].yield_ms is None
    assert measure(segments, [times])[0].yield_ms == 200
    mhm = [*segments[:2], segment("user", 3_000, 3_200)]
    assert measure(mhm, [times])[0].yield_ms is None


def test_two_answers_of_a_turn_are_both_heard_and_the_wait_between_them_is_not() -> None:
    times = TurnTimes(0, (Input(1_250, 150),), (Answer(1_500, 3_000), Answer(5_000, 7_000)))
    segments = [
        segment("user", 0, 1_000),
        segment("agent", 1_600, 2_000),
        segment("agent", 2_300, 2_900),
        segment("agent", 5_200, 6_900),
    ]
    (one,) = measure(segments, [times], [CALIBRATED])
    assert (one.latency_heard_ms, one.heard_ms) == (600, 3_000)


def test_typed_input_has_no_heard_latency_but_is_heard() -> None:
    (one,) = measure([segment("agent", 1_000, 3_000)], [turn(0, None, (1_000, 3_000))], [CALIBRATED])
    assert (one.latency_heard_ms, one.at_the_ear_ms, one.heard_ms, one.overlap_ms) == (None, None, 2_000, 0)


def test_a_written_answer_has_nothing_to_hear() -> None:
    assert measure([segment("user", 0, 1_000)], [turn(0, (0, 1_000), None)], [CALIBRATED]) == [Heard(0)]


def test_an_answer_that_was_never_heard_was_heard_for_0_ms() -> None:
    (one,) = measure([segment("user", 0, 1_000)], [turn(0, (0, 1_000), (1_500, 2_000))], [CALIBRATED])
    assert one == Heard(0, heard_ms=0.0, overlap_ms=0.0)


def test_no_turns_are_no_rows() -> None:
    assert measure([segment("user", 0, 1_000)], []) == []
    assert measure([], [turn(0, (0, 1), (2, 3))])[0].latency_heard_ms is None
