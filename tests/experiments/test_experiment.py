"""Experiments on the real sandbox: the grid, its scores, what fails in it, and what is heard of it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc

if TYPE_CHECKING:
    from pathlib import Path

    from rtc_widget.session import Session

QUESTION = "What time is it in London?"
CALM = rtc.Variant("calm", instructions="Answer in one word.")
BRISK = rtc.Variant("brisk", instructions='Say exactly "The weather is cold and rainy today."')
WHO: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
WRITTEN: dict[str, Any] = {"output_modalities": ["text"], "record": False}


async def hurry(session: Session) -> None:
    told = session.say("Tell me a long story of the sea.")
    await session.wait_for("output_audio_buffer.started")
    await asyncio.sleep(1)
    session.interrupt()
    await told


async def stumble(session: rtc.HeadlessSession) -> None:
    await session.say("Hello.")
    raise LookupError("nothing there")


def n_words(turn: rtc.Turn) -> int:
    return len(turn.transcript.split())


def shape(trial: Any) -> dict[str, float | bool | None]:
    return {"turns": len(trial.turns), "finished": trial.error is None, "unknown": None}


async def judge(turn: rtc.Turn, step: object) -> float:
    await asyncio.sleep(0)
    return float(isinstance(step, rtc.Play) and turn.transcript != "")


async def judge_aside(trial: object) -> dict[str, bool]:
    aside = threading.current_thread().name != "rtc_widget"
    await asyncio.sleep(0)
    return {"aside": aside, "knows_who": knows_who(trial)}


def broken(recording: rtc.Recording) -> float:
    raise KeyError(f"{len(recording.turns)} turns, and no answer")


def wordy(turn: rtc.Turn) -> str:
    return turn.transcript


def knows_who(trial: object) -> bool:
    return bool(trial) and WHO.get() == "the one who asked"


def max_loudness(said: object, heard: object) -> bool:
    return said is heard


def odd(*, turn: rtc.Turn) -> dict[str, Any]:
    endless = np.float64(len(turn.transcript)) * np.inf
    return {"missing": pd.NA, "nan": np.nan, "numpy": np.int64(3), "endless": endless, "words": "good"}


def leaves(turn: rtc.Turn) -> float:
    sys.exit(turn.index)


SCORERS: list[Any] = [
    rtc.word_error_rate,
    n_words,
    shape,
    judge,
    broken,
    wordy,
    knows_who,
    judge_aside,
    odd,
    leaves,
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> rtc.Results:
    """Hold the grid of two variants, two scenarios and two repeats."""
    spoken = rtc.Play(rtc.Sandbox.spoken(QUESTION, voice="cedar"), text=QUESTION)
    set_back = WHO.set("the one who asked")
    experiment = rtc.Experiment(
        variants=[CALM, BRISK],
        scenarios=[rtc.Scenario("ask", [spoken]), rtc.Scenario("cut off", [rtc.Say("Good day."), hurry])],
        repeats=2,
        scorers=SCORERS,
        provider=rtc.Sandbox(),
        directory=tmp_path_factory.mktemp("runs"),
    )
    WHO.reset(set_back)
    assert repr(experiment) == "<Experiment: 2 variants × 2 scenarios × 2 repeats = 8 calls>"
    return experiment.run(max_sessions=2).result(180)


def test_every_variant_meets_every_scenario_as_often_as_it_shall(results: rtc.Results) -> None:
    trials = results.trials
    cells = list(zip(trials["variant"], trials["scenario"], trials["repeat"], strict=True))
    assert cells == [(v, s, r) for v in ("calm", "brisk") for s in ("ask", "cut off") for r in (0, 1)]
    assert set(trials["status"]) == {"completed"}
    assert list(trials["n_turns"]) == [1, 1, 2, 2] * 2
    assert trials["session_id"].is_unique
    assert not any(dtype == "object" for dtype in trials.dtypes)
    assert len(results) == 8
    assert [trial.variant for trial in results] == ["calm"] * 4 + ["brisk"] * 4


def test_every_frame_says_which_trial_a_row_is_of(results: rtc.Results) -> None:
    turns = results.turns
    assert list(turns.columns)[:3] == ["session_id", "scenario", "repeat"]
    said = turns[(turns["variant"] == "brisk") & (turns["scenario"] == "ask")]
    assert list(said["transcript"]) == ["The weather is cold and rainy today."] * 2
    counted = results.sql("select variant, scenario, count(*) as n from turns group by all order by all")
    assert list(counted["n"]) == [2, 4, 2, 4]
    again = rtc.load_many(results.folder).turns
    assert sorted(again["scenario"]) == sorted(turns["scenario"])


def test_a_trial_is_had_by_its_row_and_several_by_a_slice(results: rtc.Results) -> None:
    assert [trial.repeat for trial in results[0:2]] == [0, 1]
    assert results[-2:] == [results[len(results) - 2], results[-1]]


def test_the_log_says_which_trial_it_is_and_which_step_made_which_turn(results: rtc.Results) -> None:
    trial = results[6]
    notes = [record.event for record in trial.recording.event_log.records(types={"rtc.trial", "rtc.step"})]
    assert [note["type"] for note in notes] == ["rtc.trial", "rtc.step", "rtc.step"]
    assert (notes[0]["variant"], notes[0]["scenario"], notes[0]["repeat"]) == ("brisk", "cut off", 0)
    assert [(note["step"], note["what"], note["turns"]) for note in notes[1:]] == [
        (0, "Good day.", [0]),
        (1, "hurry", [1]),
    ]
    assert trial.turns_of(1)[0].interrupted


def test_scorers_are_given_what_they_ask_for_and_their_rows_say_what_of(results: rtc.Results) -> None:
    scores = results.scores

    def of(score: str, scenario: str) -> Any:
        return scores[(scores["score"] == score) & (scores["scenario"] == scenario)]

    assert list(of("n_words", "ask")["value"]) == [1.0, 1.0, 7.0, 7.0]
    assert (
        list(zip(of("n_words", "cut off")["turn"], of("n_words", "cut off")["step"], strict=True))
        == [
            (0, 0),
            (1, 1),
        ]
        * 4
    )
    assert of("word_error_rate", "ask")["value"].median() == 0.0
    assert of("word_error_rate", "cut off")["value"].isna().all()
    assert list(of("shape.turns", "cut off")["value"]) == [2.0] * 4
    assert set(of("shape.finished", "ask")["value"]) == {1.0}
    assert of("shape.turns", "ask")[["turn", "step"]].isna().all(axis=None)
    assert of("shape.unknown", "ask")["value"].isna().all()
    assert set(of("judge", "ask")["value"]) == {1.0}
    assert set(of("judge", "cut off")["value"]) == {0.0}


def test_what_a_scorer_raises_is_a_row_and_the_others_go_on(results: rtc.Results) -> None:
    scores = results.scores
    rows = scores[scores["score"] == "broken"]
    assert rows["value"].isna().all()
    assert set(rows["error"]) == {"KeyError: '1 turns, and no answer'", "KeyError: '2 turns, and no answer'"}
    assert scores[scores["score"] == "wordy"]["error"].str.contains("returns a number").all()


def test_a_scorer_that_leaves_ends_nothing_but_itself(results: rtc.Results) -> None:
    rows = results.scores[results.scores["score"] == "leaves"]
    assert set(rows["error"]) == {"SystemExit: 0", "SystemExit: 1"}


def test_each_part_of_what_a_scorer_returns_stands_by_itself(results: rtc.Results) -> None:
    rows = results.scores[results.scores["score"].astype(str).str.startswith("odd.")]
    first = rows.drop_duplicates("score").set_index("score")
    assert first["value"].dropna().to_dict() == {"odd.numpy": 3.0}
    assert list(first.index[first["error"].notna()]) == ["odd.endless", "odd.words"]
    assert "finite" in first["error"]["odd.endless"]


@pytest.mark.parametrize("score", ["knows_who", "judge_aside.knows_who"])
def test_scorers_run_in_the_context_in_which_the_experiment_was_made(
    results: rtc.Results, score: str
) -> None:
    assert set(results.scores[results.scores["score"] == score]["value"]) == {1.0}


def test_an_async_scorer_holds_up_no_call(results: rtc.Results) -> None:
    assert set(results.scores[results.scores["score"] == "judge_aside.aside"]["value"]) == {1.0}


def test_a_score_and_a_column_are_compared(results: rtc.Results) -> None:
    [row] = results.compare("n_words").to_dict("records")
    assert (row["variant"], row["n_pairs"], row["conclusion"]) == ("brisk", 4, "too few pairs")
    assert row["difference"] > 0
    assert results.compare("heard_ms", baseline="brisk")["n_pairs"].item() >= 2
    assert results.compare("duration_ms")["n_pairs"].item() == 4
    with pytest.raises(rtc.ConfigurationError, match=r"latency_heard_ms.*n_errors"):
        results.compare("loudness")


def test_a_listener_judges_pairs_without_knowing_whose_they_are(results: rtc.Results) -> None:
    assert len(results.listen(n_pairs=3)) == 3
    test = results.listen(scenario="ask")
    assert len(test) == 2
    with pytest.raises(rtc.ConfigurationError, match="Nothing has been judged"):
        test.ranking()
    parts: Any = test.children
    head, players, buttons = parts
    shown = head.value + "".join(player.value for player in players.children)
    assert QUESTION in shown
    assert shown.count("<audio") == 2
    assert "calm" not in shown
    assert "brisk" not in shown
    buttons.children[0].click()
    buttons.children[1].click()
    buttons.children[1].click()
    judged = test.preferences
    assert list(judged["preferred"]) == [judged["variant_a"][0], "neither"]
    lines = (results.folder / "preferences.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["preferred"] for line in lines] == list(judged["preferred"])
    ranking = test.ranking()
    assert list(ranking["variant"]) == [judged["variant_a"][0], judged["variant_b"][0]]
    assert (list(ranking["n_judged"]), list(ranking["n_neither"])) == ([2, 2], [1, 1])
    assert list(ranking["share"]) == [1.0, 0.0]
    assert ranking["strength"][0] > ranking["strength"][1]
    assert "All 2 pairs are judged" in test.children[0].value


def test_a_listening_test_needs_something_to_hear(results: rtc.Results) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"no such scenario.*ask, cut off"):
        results.listen(scenario="no such scenario")
    with pytest.raises(rtc.ConfigurationError, match="1 or more"):
        results.listen(n_pairs=0)


def test_a_step_that_raises_fails_its_trial_alone_and_what_was_said_before_stays(tmp_path: Path) -> None:
    experiment = rtc.Experiment(
        variants=[CALM],
        scenarios=[
            rtc.Scenario("trips", [rtc.Say("One."), stumble]),
            rtc.Scenario("walks", [rtc.Say("Two.")]),
        ],
        repeats=1,
        scorers=[n_words],
        provider=rtc.Sandbox(),
        directory=tmp_path,
        **WRITTEN,
    )
    results = experiment.run().result(60)
    trials = results.trials.set_index("scenario")
    assert (trials["status"]["trips"], trials["status"]["walks"]) == ("failed", "completed")
    assert trials["error"]["trips"] == "LookupError: nothing there"
    assert list(results.scores["scenario"]) == ["trips", "walks"]
    assert list(results.errors["message"]) == ["LookupError: nothing there"]
    assert "1 of them failed: LookupError: nothing there" in repr(results)


def test_a_service_that_is_not_there_leaves_rows_that_say_why(tmp_path: Path) -> None:
    experiment = rtc.Experiment(
        variants=[CALM, BRISK],
        scenarios=[rtc.Scenario("walks", [rtc.Say("Two.")])],
        repeats=1,
        provider=rtc.Sandbox("http://127.0.0.1:9/v1", key="sk-canary-of-nobody"),
        directory=tmp_path,
        **WRITTEN,
    )
    results = experiment.run().result(60)
    assert list(results.trials["status"]) == ["failed", "failed"]
    assert results.trials["error"].str.contains("secret").all()
    assert set(results.errors["code"]) == {"SecretError"}
    assert "canary" not in str(results.trials.to_dict()) + repr(results)
    assert results.scores.empty


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_holds_the_calls(tmp_path: Path, kind: str) -> None:
    executor: Any = (
        ThreadPoolExecutor(2)
        if kind == "threads"
        else ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    )
    with executor:
        results = (
            rtc.Experiment(
                variants=[CALM],
                scenarios=[rtc.Scenario("walks", [rtc.Say("Two.")])],
                repeats=2,
                scorers=[n_words],
                provider=rtc.Sandbox,
                directory=tmp_path,
                **WRITTEN,
            )
            .run(executor=executor)
            .result(120)
        )
    assert list(results.trials["status"]) == ["completed"] * 2
    assert list(results.scores["value"]) == [1.0, 1.0]


async def test_a_difference_that_is_there_is_found_in_its_size(tmp_path: Path) -> None:
    sound = rtc.Play(rtc.Sandbox.spoken(QUESTION, voice="cedar"))
    variants = [
        rtc.Variant(f"after{ms}", instructions=f"Answer {ms} ms after the user.") for ms in (1500, 1200)
    ]
    experiment = rtc.Experiment(
        variants=variants,
        scenarios=[rtc.Scenario("ask", [sound])],
        repeats=3,
        provider=rtc.Sandbox(),
        directory=tmp_path,
    )
    results = await experiment.run(max_sessions=1)
    [row] = results.compare("latency_heard_ms", baseline="after1500").to_dict("records")
    assert row["n_pairs"] >= 2  # what a busy machine tears is not measured
    assert row["difference"] == pytest.approx(-300.0, abs=100.0)
    assert (
        row["ci_low"] <= row["difference"] <= row["ci_high"]
    )  # it is heard in steps of 2.5 ms: pairs may agree
    assert row["conclusion"] == "too few pairs"


def test_the_order_of_the_trials_is_shuffled_within_each_repeat_and_the_seed_fixes_it(tmp_path: Path) -> None:
    def order(seed: int) -> list[tuple[int, str, str]]:
        experiment = rtc.Experiment(
            variants=[CALM, BRISK],
            scenarios=[rtc.Scenario(name, [rtc.Say(name)]) for name in ("a", "b", "c")],
            repeats=3,
            seed=seed,
        )
        return [(plan.repeat, plan.variant.name, plan.scenario.name) for plan in experiment._plans(tmp_path)]

    assert order(1) == order(1) != order(2)
    assert [repeat for repeat, *_ in order(1)] == [0] * 6 + [1] * 6 + [2] * 6
    assert len(set(order(1))) == 18
    assert order(1)[:6] != sorted(order(1)[:6])


SAY = rtc.Scenario("ask", [rtc.Say("Hello.")])
WRONG: dict[str, Any] = {"text": "Hello.", "function": print, "step": judge}
GRID: dict[str, Any] = {"variants": [CALM], "scenarios": [SAY]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variants": []}, "at least one"),
        ({"variants": CALM}, "a list"),
        ({"variants": ["calm"]}, "Variant"),
        ({"variants": [CALM, rtc.Variant("calm", voice="cedar")]}, "'calm'"),
        ({"scenarios": [SAY, SAY]}, "'ask'"),
        ({"scenarios": ["Hello."]}, "rtc.Scenario"),
        ({"repeats": 0}, "1 or more"),
        ({"repeats": True}, "1 or more"),
        ({"scorers": n_words}, "list of functions"),
        ({"scorers": ["n_words"]}, "not 'n_words'"),
        ({"scorers": [n_words, n_words]}, "Two scorers are called n_words"),
        ({"scorers": [max_loudness]}, "said, heard.*trial, recording, turn, step, turns"),
        ({"scorers": [max]}, r"max does not say what it takes.*def score\(turn\)"),
        ({"scorers": [partial(n_words), partial(n_words)]}, r"called n_words.*n_words.__name__ ="),
        ({"seed": [1]}, "seed is a whole number"),
        ({"repeat": 3}, r"repeat= is no keyword here\. Did you mean repeats="),
        ({"provider": "sandbox"}, "rtc.Sandbox"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_when_it_is_made(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(rtc.ConfigurationError, match=words):
        rtc.Experiment(**{**GRID, **arguments})


@pytest.mark.parametrize(
    ("given", "run", "words"),
    [
        ({"colour": "blue"}, {}, "colour"),
        ({"speed": 9.0}, {}, "speed"),
        ({}, {"max_sessions": 0}, "1 or more"),
        ({}, {"executor": "dask"}, "Executor"),
        ({}, {"executor": SimpleNamespace(submit=print, get_executor=print)}, r"client\.get_executor\(\)"),
    ],
)
def test_what_no_session_takes_is_refused_before_anything_is_begun(
    given: dict[str, Any], run: dict[str, Any], words: str, tmp_path: Path
) -> None:
    experiment = rtc.Experiment(**GRID, provider=rtc.Sandbox(), directory=tmp_path, **given)
    with pytest.raises(rtc.RtcWidgetError, match=words):
        experiment.run(**run)
    assert list(tmp_path.iterdir()) == []


def test_a_provider_does_not_go_to_other_processes_and_the_error_says_what_does(tmp_path: Path) -> None:
    experiment = rtc.Experiment(**GRID, provider=rtc.Sandbox(), directory=tmp_path)
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(rtc.ConfigurationError, match=r"provider=rtc\.Sandbox,"),
    ):
        experiment.run(executor=executor)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rtc.Scenario("ask", WRONG["text"]), "are a list"),
        (lambda: rtc.Scenario("ask", []), "are a list"),
        (lambda: rtc.Scenario("ask", [WRONG["text"]]), r"rtc\.Say\('Hello\.'\) is typed"),
        (lambda: rtc.Scenario("ask", [WRONG["function"]]), "async function"),
        (lambda: rtc.Scenario("", [rtc.Say("Hello.")]), "1 to 80 characters"),
        (lambda: rtc.Say(" "), "words"),
        (lambda: rtc.Play("nowhere.wav"), "nowhere.wav"),
        (lambda: rtc.Play(rtc.Sandbox.spoken("Hello."), text=""), "words"),
        (lambda: rtc.Play(rtc.Sandbox.spoken("Hello."), text="?!"), "words"),
        (lambda: rtc.Say("\ud800"), "half of a character"),
        (lambda: rtc.Scenario("ask", [WRONG["step"]]), r"async def judge\(session\)"),
    ],
)
def test_what_is_no_step_is_refused_with_the_right_form(make: Any, words: str) -> None:
    with pytest.raises(rtc.ConfigurationError, match=words):
        make()


def test_a_scenario_is_known_by_its_steps(tmp_path: Path) -> None:
    sound = rtc.Sandbox.spoken("Hello.")
    ask = rtc.Scenario("ask", [rtc.Say("Hello."), rtc.Play(sound.save(tmp_path / "hello.wav")), hurry])
    assert repr(ask) == "Scenario('ask', Hello. → hello.wav → hurry)"
    assert len(ask) == 3
    faster = replace(sound, sample_rate_hz=2 * sound.sample_rate_hz)
    hashes = {rtc.Scenario("ask", [rtc.Play(one, text="Hello.")]).hash for one in (sound, faster)}
    assert len(hashes) == 2
    assert ask.hash != rtc.Scenario("ask", [rtc.Say("Hello!")]).hash
