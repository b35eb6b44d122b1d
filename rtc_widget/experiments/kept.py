"""What an experiment leaves in its folder beside its sessions: the script, what became of it, the scores.

experiment.json    variants and scenarios
scenarios/         the sounds that are played
trials.jsonl       a line a trial that was held
scores.jsonl       a line a judgement
cancelled          an empty file: what holds a trial of it, wherever that is, ends it
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rtc_widget._errors import ConfigurationError, RecordingError
from rtc_widget.audio import load_sound
from rtc_widget.experiments.line_files import append_lines, read_lines, replace_lines
from rtc_widget.experiments.run import Outcome
from rtc_widget.experiments.scenario import Play, Say, Scenario, words_of
from rtc_widget.experiments.scoring import Score
from rtc_widget.frames.sessions import duration_ms
from rtc_widget.log import folders
from rtc_widget.log.reading import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rtc_widget.experiments.scenario import Step
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.session import Session

__all__ = ["Kept", "append_scores", "append_trial", "begin", "is_stopped", "read", "stop", "write_scores"]

_SOUNDS, _TRIALS, _SCORES = "scenarios", "trials.jsonl", "scores.jsonl"
_CANCELLED = "cancelled"
_VERSION = 1


class Kept(NamedTuple):
    """What was read.

    Attributes
    ----------
    variants
        Their names, in their order.
    """

    variants: list[str]
    scenarios: dict[str, Scenario]
    outcomes: list[Outcome]
    scores: list[Score]


def begin(folder: Path, variants: Sequence[Variant], scenarios: Sequence[Scenario]) -> None:
    """Make an experiment's folder, and write down what will be held in it.

    Raises
    ------
    ConfigurationError
        It cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        told = {
            "v": _VERSION,
            "variants": [{"name": one.name, "hash": one.hash, "fields": one.fields} for one in variants],
            "scenarios": [
                {"name": one.name, "hash": one.hash, "steps": _steps_told(one, folder / _SOUNDS)}
                for one in scenarios
            ],
        }
        (folder / folders.EXPERIMENT).write_bytes(msgspec.json.format(msgspec.json.encode(told)))
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror or error}. Choose another place: directory=…."
        ) from None


def _steps_told(scenario: Scenario, sounds: Path) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for place, step in enumerate(scenario.steps):
        if isinstance(step, Say):
            told.append({"say": step.text})
        elif isinstance(step, Play):
            sounds.mkdir(exist_ok=True)
            file = step.sound.save(sounds / f"{scenario.hash}-{place}.wav")
            told.append({"play": file.name, "name": step.sound.name, "text": step.text})
        else:
            told.append({"function": words_of(step)})
    return told


def append_trial(folder: Path, outcome: Outcome) -> None:
    """Write down what became of a trial."""
    append_lines(folder / _TRIALS, [outcome])


def append_scores(folder: Path, scores: Iterable[Score]) -> None:
    """Write down what was said of a trial."""
    append_lines(folder / _SCORES, scores)


def write_scores(folder: Path, scores: Callable[[], Iterable[Score]]) -> None:
    """Write down all that was said, in the place of what was there."""
    replace_lines(folder / _SCORES, scores)


def stop(folder: Path) -> None:
    """Write down that nothing more is held."""
    (folder / _CANCELLED).touch()


def is_stopped(folder: Path) -> bool:
    """Whether that is written down."""
    return (folder / _CANCELLED).exists()


def read(folder: Path) -> Kept:
    """Read an experiment's folder, wherever it lies now; what was cut off in it has failed.

    Raises
    ------
    RecordingError
        It holds none, or what cannot be read.
    """
    path = folder / folders.EXPERIMENT
    if not path.is_file():
        raise RecordingError(
            f"there is no experiment in {folder}: its folder has a file {folders.EXPERIMENT}. Sessions "
            f"alone are read by load_many({str(folder)!r})"
        )
    try:
        script = msgspec.json.decode(path.read_bytes())
        scenarios = {
            one["name"]: Scenario(one["name"], [_step_of(step, folder / _SOUNDS) for step in one["steps"]])
            for one in script["scenarios"]
        }
        variants = [one["name"] for one in script["variants"]]
        outcomes = [_here(one, folder) for one in read_lines(folder / _TRIALS, Outcome)]
        scores = read_lines(folder / _SCORES, Score)
    except (msgspec.MsgspecError, ConfigurationError, OSError, KeyError, TypeError) as error:
        raise RecordingError(f"the experiment in {folder} cannot be read: {error}") from None
    outcomes += _cut_off(folder, {Path(one.path).name for one in outcomes if one.path is not None})
    known = {outcome.session_id for outcome in outcomes}
    return Kept(variants, scenarios, outcomes, [one for one in scores if one.session_id in known])


def _here(outcome: Outcome, folder: Path) -> Outcome:
    """Return an outcome with its session where that lies now."""
    return outcome if outcome.path is None else replace(outcome, path=str(folder / Path(outcome.path).name))


def _cut_off(folder: Path, known: set[str]) -> list[Outcome]:
    """Return the trials that were begun, in folders that are not known, and whose end nobody wrote down."""
    found = []
    for journal in sorted(folder.glob(f"*/{folders.JOURNAL}")):
        if journal.parent.name in known:
            continue
        log = read_file(journal, strict=False).log
        note = next((record.event for record in log.records(types={"rtc.trial"})), None)
        if note is not None:
            turns = [record.event["turns"] for record in log.records(types={"rtc.step"})]
            told = {name: note[name] for name in ("variant", "scenario", "repeat")}
            found.append(
                Outcome(
                    **told,
                    session_id=log.session_id,
                    path=str(journal.parent),
                    turns=turns,
                    duration_ms=duration_ms(log),
                    error="it was cut off, or goes on",
                )
            )
    return found


def _step_of(told: dict[str, Any], sounds: Path) -> Step:
    if "say" in told:
        return Say(told["say"])
    if "play" in told:
        return Play(replace(load_sound(sounds / told["play"]), name=told["name"]), told["text"])
    return _gone(told["function"])


def _gone(name: str) -> Step:
    async def gone(session: Session) -> None:  # noqa: ARG001 - as every step
        raise ConfigurationError(f"{name} was a function; a folder keeps its name, and not what it does.")

    gone.__name__ = name
    return gone
