"""Scorers: functions of the user's that judge trials, steps and turns."""

from __future__ import annotations

import asyncio
import inspect
import math
import numbers
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rtc_widget._errors import ConfigurationError
from rtc_widget._words import said_by, whole
from rtc_widget.experiments.word_errors import counter, word_error_rate

if TYPE_CHECKING:
    from rtc_widget.experiments.judges import Judges
    from rtc_widget.experiments.trial import Trial

__all__ = ["Score", "Scorer", "checked_scorers", "scores_of"]

Judgement = float | bool | Mapping[str, float | bool | None] | None
Scorer = Callable[..., Judgement | Awaitable[Judgement]]

_RAISED = (Exception, SystemExit, KeyboardInterrupt)
"""What a function of the user's may raise, and what it returned, when it is looked at."""
_GIVEN = ("trial", "recording", "turn", "step", "turns")


@dataclass(frozen=True, kw_only=True)
class Score:
    """One judgement.

    Attributes
    ----------
    turn, step : int or None
        What it is about; None where it is about the trial.
    value : float or None
        True is 1.0, false 0.0; None where the scorer had nothing to say.
    error : str or None
        What the scorer raised.
    """

    session_id: str | None
    variant: str
    scenario: str
    repeat: int
    turn: int | None
    step: int | None
    score: str
    value: float | None
    error: str | None = None


def checked_scorers(scorers: object) -> list[Scorer]:
    """Return scorers as a list.

    Raises
    ------
    ConfigurationError
        One is no function, or asks for what there is not; two have one name; or a package is missing.
    """
    if callable(scorers) or isinstance(scorers, str | bytes) or not isinstance(scorers, Sequence):
        raise ConfigurationError(
            f"scorers is a list of functions: scorers=[rtc.word_error_rate], not {scorers!r}."
        )
    names: set[str] = set()
    for scorer in scorers:
        if not callable(scorer):
            raise ConfigurationError(f"A scorer is a function of a turn or a trial, not {scorer!r}.")
        _asked(scorer)
        name = name_of(scorer)
        if name in names:
            raise ConfigurationError(
                f'Two scorers are called {name}: give one another name, such as {name}.__name__ = "another".'
            )
        names.add(name)
        if scorer is word_error_rate:
            counter()
    return list(scorers)


def name_of(scorer: Scorer) -> str:
    """Return what a scorer's scores are called; those of a `functools.partial` as its function is."""
    named = scorer if hasattr(scorer, "__name__") else getattr(scorer, "func", scorer)
    return str(getattr(named, "__name__", type(named).__name__)).replace("<lambda>", "lambda")


@dataclass(frozen=True)
class _Wanted:
    """A parameter of a scorer, and what it gets."""

    name: str
    what: str
    by_name: bool


def _asked(scorer: Scorer) -> list[_Wanted]:
    """Return what a scorer wants to be given, by its parameters' names; a single other one is a turn."""
    try:
        parameters = inspect.signature(scorer).parameters.values()
    except (TypeError, ValueError):
        name = name_of(scorer)
        raise ConfigurationError(
            f"The scorer {name} does not say what it takes. Put it into a function: def score(turn): return "
            f"{name}(…)."
        ) from None
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    unknown = [parameter.name for parameter in needed if parameter.name not in _GIVEN]
    if not needed or len(unknown) > (1 if len(needed) == 1 else 0):
        raise ConfigurationError(
            f"The scorer {name_of(scorer)} asks for {', '.join(unknown) or 'nothing'}: its parameters are "
            f"named after what they get, of {', '.join(_GIVEN)}."
        )
    return [
        _Wanted(one.name, "turn" if unknown else one.name, one.kind is one.KEYWORD_ONLY) for one in needed
    ]


async def scores_of(trial: Trial, scorers: Sequence[Scorer], judges: Judges) -> list[Score]:
    """Score a trial by all scorers; what goes wrong in one is a row."""
    if trial.path is None:
        return []
    made: list[Score] = []
    for scorer in scorers:
        try:
            places = await asyncio.to_thread(_places, trial, {wanted.what for wanted in _asked(scorer)})
        except Exception as error:  # noqa: BLE001 - a session that cannot be read
            made.append(_Place({}).score(trial, name_of(scorer), None, _told(error)))
            continue
        for place in places:
            made += await _judged(trial, scorer, place, judges)
    return made


@dataclass(frozen=True)
class _Place:
    """What one judgement is about, and all that a scorer may be given for it."""

    given: dict[str, Any]
    turn: int | None = None
    step: int | None = None

    def score(self, trial: Trial, name: str, value: float | None, error: str | None = None) -> Score:
        """Return a judgement."""
        return Score(
            session_id=trial.session_id,
            variant=trial.variant,
            scenario=trial.scenario,
            repeat=trial.repeat,
            turn=self.turn,
            step=self.step,
            score=name,
            value=value,
            error=error,
        )


def _places(trial: Trial, asked: set[str]) -> list[_Place]:
    """Return what a scorer is called with: each turn, or each step, where it looks at these, else once."""
    whole = {"trial": trial, "recording": trial.recording}
    if {"turn", "turns", "step"}.isdisjoint(asked):
        return [_Place(whole)]
    places = []
    unheard = trial.unheard_step
    for place in [*range(trial.n_steps), *([] if unheard is None else [unheard])]:
        turns = trial.turns_of(place)
        given = {**whole, "step": trial.steps[place], "turns": turns}
        if "turn" not in asked:
            places.append(_Place(given, turns[-1].index if turns else None, place))
        else:
            places += [_Place({**given, "turn": turn}, turn.index, place) for turn in turns]
    return places


async def _judged(trial: Trial, scorer: Scorer, place: _Place, judges: Judges) -> list[Score]:
    asked = _asked(scorer)
    positional = [place.given[wanted.what] for wanted in asked if not wanted.by_name]
    named = {wanted.name: place.given[wanted.what] for wanted in asked if wanted.by_name}
    name = name_of(scorer)
    try:
        found, raised, _ = await judges.ask(scorer, *positional, **named)
        if raised is not None:
            return [place.score(trial, name, None, _told(raised))]
        several = (
            {whole(f"{name}.{key}"): value for key, value in found.items()}
            if isinstance(found, Mapping)
            else {name: found}
        )
    except _RAISED as error:
        return [place.score(trial, name, None, _told(error))]
    return [_score_of(trial, place, one, value) for one, value in several.items()]


def _told(error: BaseException) -> str:
    """Return an error as its class and its words."""
    return f"{type(error).__name__}: {said_by(error)}"


def _score_of(trial: Trial, place: _Place, name: str, value: object) -> Score:
    try:
        return place.score(trial, name, _number(value))
    except _RAISED as error:  # a tensor of two numbers is none, and says so in its own way
        return place.score(trial, name, None, _told(error))


def _number(value: object) -> float | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if not isinstance(value, numbers.Real) and not hasattr(value, "__float__"):
        raise TypeError(f"a scorer returns a number, a bool, a dict of them, or None, not {value!r}")
    number = float(value)  # numpy's among them
    if math.isinf(number):
        raise ValueError("a score is a finite number, not infinite: return None where there is none")
    return None if math.isnan(number) else number
