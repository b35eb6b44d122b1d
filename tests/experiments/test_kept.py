"""What an experiment leaves on disk, and what goes wrong while it is held; on the real sandbox."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.experiments.elsewhere import run_plan
from rtc_widget.experiments.kept import begin, read

if TYPE_CHECKING:
    from rtc_widget.session import Session

CALM = rtc.Variant("calm", instructions="Answer in one word.")
BRISK = rtc.Variant("brisk", instructions='Say exactly "The weather is cold."')
WRITTEN: dict[str, Any] = {"output_modalities": ["text"], "record": False}


def experiment(directory: Path, *steps: Any, **more: Any) -> rtc.Experiment:
    given: dict[str, Any] = {"variants": [CALM, BRISK], "repeats": 1, "provider": rtc.Sandbox(), **WRITTEN}
    scenarios = [rtc.Scenario("ask", steps or [rtc.Say("Hello.")])]
    return rtc.Experiment(scenarios=scenarios, directory=directory, **{**given, **more})


def n_words(turn: rtc.Turn) -> int:
    return len(turn.transcript.split())


def n_steps(trial: object) -> int:
    return len(getattr(trial, "steps", ()))


def n_letters(turn: rtc.Turn) -> dict[str, int]:
    return {"all": len(turn.transcript)}


async def one_or_three(session: Session) -> None:
    for _ in range(1 if session.instructions == CALM.instructions else 3):
        await session.say("Go on.")


async def takes_back(session: Session) -> None:
    said = session.say("Hello.")
    said.cancel()
    await said


async def dawdles(session: Session) -> None:
    await session.add_message("user", "A flat white.")
    await asyncio.sleep(60 if session.instructions == CALM.instructions else 0)


async def leaves(session: Session) -> None:
    sys.exit(str(session.instructions))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> rtc.Results:
    """Hold two variants twice."""
    steps = (rtc.Say("Hello."), one_or_three)
    directory = tmp_path_factory.mktemp("runs")
    return experiment(directory, *steps, repeats=2, scorers=[n_words, n_steps]).run().result(120)


@pytest.fixture
def again(held: rtc.Results, tmp_path: Path) -> rtc.Results:
    """Read it back from another place."""
    return rtc.Results.load(shutil.copytree(held.folder, tmp_path / "elsewhere"))


def test_an_experiment_is_read_back_from_its_folder_wherever_that_lies(
    held: rtc.Results, again: rtc.Results
) -> None:
    pd.testing.assert_frame_equal(again.scores, held.scores)
    pd.testing.assert_frame_equal(again.trials.drop(columns="path"), held.trials.drop(columns="path"))
    pd.testing.assert_frame_equal(again.compare("n_words"), held.compare("n_words"))
    assert [trial.turn_numbers for trial in again] == [trial.turn_numbers for trial in held]
    assert {Path(path).parent for path in again.trials["path"]} == {again.folder}


def test_a_script_is_read_back_with_its_sounds_and_of_functions_the_names(tmp_path: Path) -> None:
    sound = rtc.Sandbox.spoken("What is your name?")
    play = rtc.Play(sound, text="What is your name?")
    scenario = rtc.Scenario("ask / again", [rtc.Say("Hello."), play, one_or_three])
    begin(tmp_path / "new", [BRISK, CALM], [scenario])
    found = read(tmp_path / "new")
    assert (found.variants, found.outcomes, found.scores) == (["brisk", "calm"], [], [])
    again = found.scenarios["ask / again"]
    assert (again.hash, repr(again)) == (scenario.hash, repr(scenario))
    assert again.steps[:2] == scenario.steps[:2]
    function: Any = again.steps[2]
    with pytest.raises(rtc.ConfigurationError, match="one_or_three was a function"):
        asyncio.run(function(None))


def test_its_own_files_are_no_sessions(held: rtc.Results) -> None:
    assert {path.name for path in held.folder.glob("*.jsonl")} >= {"trials.jsonl", "scores.jsonl"}
    assert len(rtc.load_many(held.folder)) == len(held) == 4


def test_what_was_held_is_scored_anew_without_a_call(held: rtc.Results, again: rtc.Results) -> None:
    assert again.score([n_letters, n_words]).result(60) is again
    letters = again.scores[again.scores["score"] == "n_letters.all"]["value"]
    assert letters.gt(0).all()
    for name in ("n_words", "n_steps"):
        before, now = (one.scores.loc[one.scores["score"] == name, "value"] for one in (held, again))
        assert sorted(before.fillna(-1)) == sorted(now.fillna(-1))
    assert rtc.Results.load(again.folder).scores["value"].sum() == again.scores["value"].sum()
    again.score([n_letters]).result(60)
    assert (again.scores["score"] == "n_letters.all").sum() == len(letters)


def test_scoring_twice_at_once_keeps_both(again: rtc.Results) -> None:
    def scorer(name: str) -> Any:
        def score(trial: object) -> float:
            return float(trial is not None)

        score.__name__ = name
        return score

    names = [f"score_{number}" for number in range(12)]
    for handle in [again.score([scorer(name)]) for name in names]:
        handle.result(60)
    for scores in (again.scores, rtc.Results.load(again.folder).scores):
        assert {*names, "n_words", "n_steps"} == set(scores["score"])


@pytest.mark.parametrize(
    ("sound", "timeout", "rates"),
    [(lambda spoken: replace(spoken, pcm=bytes(9600)), 60, [1.0]), (lambda spoken: spoken, 0.2, [])],
    ids=["unheard", "unanswered"],
)
def test_a_user_who_is_not_heard_at_all_counts_as_misheard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: Any, timeout: float, rates: list[float]
) -> None:
    monkeypatch.setattr("rtc_widget._played_turn._NO_SPEECH_S", 0.5)
    steps = [rtc.Say("Good day."), rtc.Play(sound(rtc.Sandbox.spoken("Hello.")), text="Hello.")]
    calls = experiment(
        tmp_path, *steps, variants=[CALM], timeout=timeout, scorers=[rtc.word_error_rate, n_words]
    )
    results = calls.run().result(60)
    assert results.trials["error"].str.startswith("Waited").all()
    for scores in (
        results.scores,
        rtc.Results.load(results.folder).score([rtc.word_error_rate]).result(60).scores,
    ):
        of_play = scores[(scores["score"] == "word_error_rate") & (scores["step"] == 1)]
        assert of_play["value"].tolist() == rates
        assert scores.loc[scores["score"] == "n_words", "step"].tolist() == [0]


def test_what_adds_up_over_the_turns_of_a_step_is_added(held: rtc.Results) -> None:
    [row] = held.compare("n_responses").to_dict("records")
    assert (row["baseline_mean"], row["mean"]) == (1.0, (1 + 3) / 2)
    [row] = held.compare("n_words").to_dict("records")
    assert (row["baseline_mean"], row["mean"]) == (1.0, 4.0)


def test_a_trial_whose_session_was_moved_away_is_still_a_row(again: rtc.Results) -> None:
    shutil.rmtree(again[1].path or "")
    assert again.trials["n_turns"].isna().tolist() == [False, True, False, False]
    assert again.trials["status"].tolist() == ["completed"] * 4
    scored = again.score([n_letters]).result(60).scores
    assert scored["error"].str.contains("left no session").sum() == 1


def test_a_trial_that_was_cut_off_has_failed(held: rtc.Results, again: rtc.Results) -> None:
    trials = again.folder / "trials.jsonl"
    lines = trials.read_bytes().splitlines(keepends=True)
    trials.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    short = rtc.Results.load(again.folder)
    assert sorted(short.trials["error"].fillna("")) == ["", "", "", "it was cut off, or goes on"]
    [cut] = [trial for trial in short if trial.error is not None]
    assert cut.turn_numbers in [trial.turn_numbers for trial in held if trial.session_id == cut.session_id]
    assert cut.session_id in set(short.scores["session_id"])
    [took_ms] = [trial.duration_ms for trial in held if trial.session_id == cut.session_id]
    assert took_ms is not None
    assert 0 < (cut.duration_ms or 0) <= took_ms
    assert "1 of them failed" in repr(short)


def test_scores_of_a_trial_that_was_cut_off_are_read_back(again: rtc.Results) -> None:
    (again.folder / "trials.jsonl").unlink()
    short = rtc.Results.load(again.folder)
    assert short.trials["status"].tolist() == ["failed"] * 4
    scored = short.score([n_letters]).result(60).scores
    read_back = rtc.Results.load(again.folder).scores
    assert set(read_back["score"]) == {"n_words", "n_steps", "n_letters.all"}
    assert sorted(read_back["value"].dropna()) == sorted(scored["value"].dropna())


@pytest.mark.parametrize("name", ["trials.jsonl", "scores.jsonl"])
def test_a_line_that_cannot_be_read_is_named_with_the_way_out(again: rtc.Results, name: str) -> None:
    file = again.folder / name
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:]]))
    with pytest.raises(rtc.RecordingError, match=rf"{name}, line 2: .*Take this line out") as raised:
        rtc.Results.load(again.folder)
    assert (raised.value.path, raised.value.line) == (file, 2)


def test_a_folder_without_an_experiment_says_what_reads_it(tmp_path: Path) -> None:
    with pytest.raises(rtc.RecordingError, match=r"no experiment.*experiment\.json.*load_many"):
        rtc.Results.load(tmp_path)


def test_a_folder_that_cannot_be_written_is_refused_before_any_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(rtc.ConfigurationError, match=r"cannot be written.*directory="):
        experiment(tmp_path / "file").run()


def test_a_disk_that_is_full_loses_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("append_trial", "append_scores"):
        monkeypatch.setattr(f"rtc_widget.experiments.kept.{name}", full)
    with pytest.warns(UserWarning, match=r"takes no more \(No space left on device\).*in memory"):
        results = experiment(tmp_path, scorers=[n_words]).run().result(60)
    assert results.trials["status"].tolist() == ["completed"] * 2
    assert results.scores["value"].tolist() == [1.0, 4.0]


class _Tensor:
    def __float__(self) -> float:
        raise RuntimeError("a tensor of two is no number")


class _Unnamed:
    def __repr__(self) -> str:
        raise LookupError("no name")


class _Sealed(dict[str, float]):
    def items(self) -> Any:
        raise SystemExit("sealed")


def tensor(turn: rtc.Turn) -> Any:
    return {"good": len(turn.transcript) > 0, "bad": _Tensor()}


def unnamed(turn: rtc.Turn) -> Any:
    return _Unnamed() if turn.transcript else None


def sealed(turn: rtc.Turn) -> Any:
    return _Sealed(all=len(turn.transcript))


def test_a_value_that_raises_when_it_is_looked_at_is_a_row_and_stops_nothing(
    tmp_path: Path, again: rtc.Results
) -> None:
    scorers: list[Any] = [tensor, unnamed, sealed, n_words]
    results = experiment(tmp_path, scorers=scorers).run().result(60)
    assert results.trials["status"].tolist() == ["completed"] * 2
    for scores in (results.scores, again.score(scorers).result(60).scores):
        errors = scores.groupby("score", observed=True)["error"].first()
        assert errors["tensor.bad"] == "RuntimeError: a tensor of two is no number"
        assert errors["unnamed"] == "LookupError: no name"
        assert errors["sealed"] == "SystemExit: sealed"
        assert scores.loc[scores["score"] == "tensor.good", "value"].eq(1.0).all()
        assert errors[["tensor.good", "n_words"]].isna().all()


async def gives_up(turn: rtc.Turn) -> float:
    waiting = asyncio.create_task(asyncio.sleep(turn.index + 9))
    waiting.cancel()
    await waiting
    return 1.0


def takes_itself_back(turn: rtc.Turn) -> float:
    raise asyncio.CancelledError(turn.index)


async def ends_itself(turn: rtc.Turn) -> float:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(turn.index + 9)
    return 1.0


def runs_out(turn: rtc.Turn) -> int:
    return next(iter(range(turn.index, 0)))


def test_a_scorer_in_which_something_is_cancelled_fails_alone_and_its_trial_stays(
    tmp_path: Path, again: rtc.Results
) -> None:
    scorers: list[Any] = [gives_up, takes_itself_back, ends_itself, runs_out, n_words]
    results = experiment(tmp_path, scorers=scorers).run().result(60)
    assert results.trials["status"].tolist() == ["completed"] * 2
    for scores in (results.scores, again.score(scorers).result(60).scores):
        errors = scores.groupby("score", observed=True)["error"].first()
        assert errors.drop(["n_words", "runs_out"]).str.startswith("CancelledError").all()
        assert errors["runs_out"].startswith("StopIteration")
        assert scores.loc[scores["score"] == "n_words", "value"].notna().all()


def test_a_trial_that_its_executor_takes_back_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    with _TakesBack(2) as executor:
        results = experiment(tmp_path).run(executor=executor, max_sessions=1).result(60)
    assert sorted(results.trials["error"].fillna("")) == ["", "CancelledError: it says no more"]


def test_what_was_held_is_there_when_a_run_is_cancelled_while_scorers_are_at_work(tmp_path: Path) -> None:
    at_work = []

    async def ponders(turn: rtc.Turn) -> float:
        at_work.append(turn)
        await asyncio.sleep(60)
        return 1.0

    handle = experiment(tmp_path, scorers=[ponders]).run()
    _until(lambda: len(at_work) == 2)
    assert handle.cancel()
    assert handle._ended.wait(10)
    results = rtc.Results.load(handle.folder)
    assert results.trials["status"].tolist() == ["completed"] * 2
    assert results.scores.empty
    assert results.score([n_words]).result(60).scores["value"].tolist() == [1.0, 4.0]


def test_a_scorer_that_takes_too_long_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    async def ponders(turn: rtc.Turn) -> float:
        await asyncio.sleep(turn.index + 20)
        return 1.0

    def blocks(turn: rtc.Turn) -> bool:
        return over.wait(turn.index + 20)

    monkeypatch.setattr("rtc_widget.experiments.judges._LIMIT_S", 0.3)
    results = experiment(tmp_path, scorers=[ponders, blocks, n_words]).run().result(15)
    over.set()
    errors = results.scores.groupby("score", observed=True)["error"].first()
    assert set(errors[["ponders", "blocks"]]) == {"TimeoutError: it said nothing within 0.3 s"}
    assert results.scores["value"].dropna().tolist() == [1.0, 4.0]


def test_scorers_that_wait_hold_up_no_call(tmp_path: Path) -> None:
    n_calls = min(32, (os.cpu_count() or 1) + 4) + 2  # two more than the loop has threads for
    begun, all_begun = [], threading.Event()

    async def begins(session: Session) -> None:
        begun.append(session)
        if len(begun) == n_calls:
            all_begun.set()

    def waits(trial: object) -> bool:
        return bool(trial) and all_begun.wait(8)

    calls = experiment(tmp_path, begins, variants=[CALM], repeats=n_calls, scorers=[waits])
    assert calls.run(max_sessions=1).result(60).scores["value"].tolist() == [1.0] * n_calls


def test_an_error_that_nobody_foresaw_is_its_trial_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trips(_: Path, outcome: Any) -> None:
        if outcome.variant == "calm":
            raise LookupError("no such disk")

    monkeypatch.setattr("rtc_widget.experiments.kept.append_trial", trips)
    results = experiment(tmp_path).run().result(60)
    assert results.trials.set_index("variant")["error"].fillna("").to_dict() == {
        "calm": "LookupError: no such disk",
        "brisk": "",
    }


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (takes_back, "CancelledError"),
        (leaves, "SystemExit: Answer in one word."),
        (dawdles, "Waited 2 s for the step dawdles. Last events: conversation.item.create, "),
    ],
)
def test_whatever_a_step_does_fails_its_trial_alone(tmp_path: Path, step: Any, words: str) -> None:
    results = experiment(tmp_path, step, timeout=2).run().result(60)
    trials = results.trials.set_index("variant")
    assert trials["error"]["calm"].startswith(words)
    assert (trials["status"]["brisk"] == "completed") == (step is dawdles)
    assert len(rtc.Results.load(results.folder)) == 2


def test_a_function_that_makes_no_provider_fails_its_trial_alone(tmp_path: Path) -> None:
    makers = iter([rtc.Sandbox, rtc.Sandbox, _broken, rtc.Sandbox])

    def make() -> rtc.Provider:
        return next(makers)()

    results = experiment(tmp_path, provider=make).run(max_sessions=1).result(60)
    assert sorted(results.trials["error"].fillna("")) == ["", "OSError: no vault"]


def test_what_a_trial_that_was_not_begun_has_no_figures_of_is_missing(tmp_path: Path) -> None:
    begun: list[Any] = [rtc.Sandbox, rtc.Sandbox]  # to try them
    makers = iter([*begun, _broken, rtc.Sandbox, *begun, _broken, _broken])

    def make() -> rtc.Provider:
        made: rtc.Provider = next(makers)()
        return made

    calls = experiment(tmp_path, provider=make)
    some, none = (calls.run(max_sessions=1).result(60).trials for _ in range(2))
    assert (some["duration_ms"].isna().sum(), none["duration_ms"].isna().sum()) == (1, 2)
    assert some.dtypes.astype("str").equals(none.dtypes.astype("str"))
    assert str(none["n_turns"].dtype) == "int64[pyarrow]"


def _broken() -> rtc.Provider:
    raise OSError("no vault")


class _Inline(Executor):
    def submit(self, function: Any, /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*given, **named))
        return future


class _TakesBack(ThreadPoolExecutor):
    """Does not begin what it is given first."""

    n_given = 0

    def submit(self, function: Any, /, *given: Any, **named: Any) -> Future[Any]:
        self.n_given += 1
        if self.n_given > 1:
            return super().submit(function, *given, **named)
        future: Future[Any] = Future()
        future.cancel()
        return future


def test_an_executor_that_runs_all_at_once_holds_the_calls_too(tmp_path: Path) -> None:
    results = experiment(tmp_path).run(executor=_Inline()).result(60)
    assert results.trials["status"].tolist() == ["completed"] * 2


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_run_that_is_cancelled_ends_the_calls_that_an_executor_holds(tmp_path: Path, kind: str) -> None:
    executor: Any = (
        ThreadPoolExecutor(1)
        if kind == "threads"
        else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    )
    with executor:
        calls = experiment(tmp_path, dawdles, variants=[CALM], repeats=3, provider=rtc.Sandbox)
        handle = calls.run(executor=executor)
        _until(lambda: any(b"flat white" in one.read_bytes() for one in tmp_path.glob("*/*/events.jsonl")))
        assert handle.cancel()
        assert handle._ended.wait(20)
        results = rtc.Results.load(handle.folder)
        assert results.sessions["outcome"].tolist() == ["ended"]
        assert results.errors["code"].tolist() == ["CancelledError"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signal is sent to one thread there")
def test_an_interrupt_where_an_executor_holds_a_call_ends_that_call_first(tmp_path: Path) -> None:
    async def is_interrupted(session: Session) -> None:
        await session.say("Hello.")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await asyncio.sleep(60)

    (plan,) = experiment(tmp_path, is_interrupted, variants=[CALM])._plans(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan)
    sessions = rtc.load_many(tmp_path)
    assert sessions.sessions["outcome"].tolist() == ["ended"]
    assert sessions.errors["code"].tolist() == ["CancelledError"]


def test_a_provider_s_maker_that_leaves_fails_its_trial_alone(tmp_path: Path) -> None:
    leaving = iter([False, False, True, False])

    def make() -> rtc.Provider:
        return sys.exit() if next(leaving) else rtc.Sandbox()

    results = experiment(tmp_path, provider=make).run(max_sessions=1).result(60)
    assert sorted(results.trials["error"].fillna("")) == ["", "SystemExit: it says no more"]


def test_what_other_processes_cannot_find_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        with pytest.raises(rtc.ConfigurationError, match=r"lambda.*put it into a module"):
            experiment(tmp_path, provider=lambda: rtc.Sandbox()).run(executor=processes)  # noqa: PLW0108
        monkeypatch.setattr(dawdles, "__module__", "__main__")
        monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(dawdles=dawdles))
        with pytest.raises(rtc.ConfigurationError, match=r"cannot find the step dawdles.*this notebook"):
            experiment(tmp_path, dawdles, provider=rtc.Sandbox).run(executor=processes)


LONG = """
import sys
import rtc_widget as rtc
calm = rtc.Variant("calm", instructions="Answer in one word.")
experiment = rtc.Experiment(
    variants=[calm, calm.replace("twin")], scenarios=[rtc.Scenario("ask", [rtc.Say("Hello.")])], repeats=20,
    provider=rtc.Sandbox(), directory=sys.argv[1], record=False, output_modalities=["text"],
)
try:
    experiment.run(max_sessions=1).result()
except KeyboardInterrupt as interrupted:
    print("interrupted:", interrupted)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's interrupt goes to all that share it")
def test_an_interrupt_ends_the_calls_and_what_was_held_is_there(tmp_path: Path) -> None:
    def n_held() -> int:
        return sum(len(path.read_bytes().splitlines()) for path in tmp_path.glob("*/trials.jsonl"))

    script = [sys.executable, "-c", LONG, str(tmp_path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(script, env=os.environ, **pipes) as process:
        _until(lambda: n_held() >= 2)
        process.send_signal(signal.SIGINT)
        told, complaints = process.communicate(timeout=30)
    assert "interrupted: rtc.Results.load(" in told
    (folder,) = tmp_path.iterdir()
    results = rtc.Results.load(folder)
    errors = results.trials["error"].fillna("").tolist()
    assert 2 <= errors.count("") < 40
    assert set(errors) <= {"", "it was cut off, or goes on"}
    assert set(results.sessions["outcome"]) <= {"ended", "failed"}
    assert "never retrieved" not in complaints


def _until(came: Any, timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not came():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.1)
