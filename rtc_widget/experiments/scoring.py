"""Scorers: functions of the user's that judge trials and turns, and one of ours."""

from __future__ import annotations

import asyncio
import inspect
import numbers
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.scenario import Play

if TYPE_CHECKING:
    import contextvars

    from rtc_widget._turn import Turn
    from rtc_widget.experiments.scenario import Step
    from rtc_widget.experiments.trial import Trial

__all__ = ["Score", "Scorer", "checked_scorers", "scores_of", "word_error_rate"]

Judgement = float | bool | Mapping[str, float | bool | None] | None
Scorer = Callable[..., Judgement | Awaitable[Judgement]]

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


def word_error_rate(step: Step, turns: Sequence[Turn]) -> float | None:
    """Score how much of what was spoken the session's transcription got wrong.

    Word errors (substituted, left out and put in) over the words spoken, letter case and punctuation apart;
    Morris, Maier and Green (2004) define it, `jiwer` counts. None for a step without `rtc.Play(…, text="…")`.

    Parameters
    ----------
    step : Play
        What was spoken.
    turns : sequence of Turn
        What was heard of it: one, or more where a pause split it.

    Raises
    ------
    ConfigurationError
        Without the `[experiments]` extra.
    """
    if not isinstance(step, Play) or step.text is None:
        return None
    try:
        import jiwer
    except ImportError:
        raise ConfigurationError(
            "word_error_rate needs jiwer: run `pip install 'rtc_widget[experiments]'`."
        ) from None
    return float(jiwer.wer(_words(step.text), _words(" ".join(turn.user_transcript for turn in turns))))


def _words(text: str) -> str:
    """Return a text as words alone, in small letters."""
    return " ".join(re.findall(r"[\w']+", text.lower().replace("’", "'")))


def checked_scorers(scorers: object) -> list[Scorer]:
    """Return scorers as a list.

    Raises
    ------
    ConfigurationError
        One is no function, or asks for what there is not; or two have one name.
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
        if name_of(scorer) in names:
            raise ConfigurationError(f"Two scorers are called {name_of(scorer)}: give one another name.")
        names.add(name_of(scorer))
    return list(scorers)


def name_of(scorer: Scorer) -> str:
    """Return what a scorer's scores are called."""
    return getattr(scorer, "__name__", type(scorer).__name__).replace("<lambda>", "lambda")


def _asked(scorer: Scorer) -> tuple[str, ...]:
    """Return what a scorer wants to be given, by its parameters' names; a single other one is a turn."""
    needed = [
        name
        for name, parameter in inspect.signature(scorer).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    unknown = [name for name in needed if name not in _GIVEN]
    if needed and len(unknown) <= (1 if len(needed) == 1 else 0):
        return tuple(needed) if not unknown else ("turn",)
    raise ConfigurationError(
        f"The scorer {name_of(scorer)} asks for {', '.join(unknown) or 'nothing'}: its parameters are named "
        f"after what they get, of {', '.join(_GIVEN)}."
    )


async def scores_of(trial: Trial, scorers: Sequence[Scorer], context: contextvars.Context) -> list[Score]:
    """Score a trial by all scorers, each in a thread of its own and in the context they were given in."""
    if trial.path is None:
        return []
    made: list[Score] = []
    for scorer in scorers:
        for place in await asyncio.to_thread(_places, trial, _asked(scorer)):
            made += await _judged(trial, scorer, place, context)
    return made


@dataclass(frozen=True)
class _Place:
    given: dict[str, Any]
    turn: int | None = None
    step: int | None = None


def _places(trial: Trial, asked: Sequence[str]) -> list[_Place]:
    """Return what a scorer is called with: each turn, or each step, where it looks at these, else once."""
    whole = {"trial": trial, "recording": trial.recording}
    if {"turn", "turns", "step"}.isdisjoint(asked):
        return [_Place(whole)]
    places = []
    for place in range(trial.n_steps):
        turns = trial.turns_of(place)
        given = {**whole, "step": trial.steps[place], "turns": turns}
        if "turn" not in asked:
            places.append(_Place(given, turns[-1].index if turns else None, place))
        else:
            places += [_Place({**given, "turn": turn}, turn.index, place) for turn in turns]
    return places


async def _judged(trial: Trial, scorer: Scorer, place: _Place, context: contextvars.Context) -> list[Score]:
    asked = _asked(scorer)
    positional = [place.given[name] for name in asked]

    def score(name: str, value: float | None, error: str | None = None) -> Score:
        return Score(
            session_id=trial.session_id,
            variant=trial.variant,
            scenario=trial.scenario,
            repeat=trial.repeat,
            turn=place.turn,
            step=place.step,
            score=name,
            value=value,
            error=error,
        )

    try:
        found: Any = await asyncio.to_thread(context.copy().run, scorer, *positional)
        if inspect.isawaitable(found):
            found = await found
        if isinstance(found, Mapping):
            return [score(f"{name_of(scorer)}.{key}", _number(value)) for key, value in found.items()]
        return [score(name_of(scorer), _number(found))]
    except Exception as error:  # noqa: BLE001 - the user's own function; what it raises is a row
        return [score(name_of(scorer), None, f"{type(error).__name__}: {error}")]


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, numbers.Real) or hasattr(value, "__float__"):
        number = float(value)  # numpy's among them
        return None if number != number else number  # noqa: PLR0124 - NaN
    raise TypeError(f"a scorer returns a number, a bool, a dict of them, or None, not {value!r}")
