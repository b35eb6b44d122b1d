"""Listening test: two answers to the same, side by side and without names; and which is better."""

from __future__ import annotations

import html
import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets

from rtc_widget._arguments import checked_count, checked_seed
from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.preferences import NEITHER, keep_judgement, preferences_of, ranking_of
from rtc_widget.experiments.scenario import words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rtc_widget.audio.sound import Sound
    from rtc_widget.experiments.results import Results
    from rtc_widget.experiments.trial import Trial

__all__ = ["ListeningTest"]

_HOST_STYLE = "jp-RenderedHTMLCommon"  # tables as the notebook's own


@dataclass(frozen=True)
class _Pair:
    """Two answers to one step."""

    a: Trial
    b: Trial
    step: int

    def judged(self, preferred: str) -> dict[str, Any]:
        """Return a judgement as a row."""
        return {
            "scenario": self.a.scenario,
            "repeat": self.a.repeat,
            "step": self.step,
            "variant_a": self.a.variant,
            "variant_b": self.b.variant,
            "preferred": preferred,
            "judged_at": datetime.now(UTC),
        }


class ListeningTest(ipywidgets.VBox):  # type: ignore[misc]  # it ships no types
    """Pairs of answers, one after the other: play both, say which is better.

    Whose they are shows when the last has been judged. Each judgement is written at once, to
    `preferences.jsonl` in the experiment's folder; `results.preferences` has those of all tests.

    Parameters
    ----------
    results : Results
        Where the answers are.
    scenario : str, optional
        Of this one only.
    n_pairs : int, optional
        So many at most; None: all.
    seed : int
        Of the order of the pairs, and of which is A.

    Raises
    ------
    ConfigurationError
        For a scenario that there is not, a variant called "neither", or when no two variants have recorded
        answers to the same.
    """

    def __init__(
        self, results: Results, *, scenario: str | None = None, n_pairs: int | None = None, seed: int = 0
    ) -> None:
        if n_pairs is not None:
            checked_count(n_pairs, "n_pairs is how many pairs are judged at most")
        self._pairs = _pairs_of(results, scenario, checked_seed(seed))[:n_pairs]
        self._judged: list[dict[str, Any]] = []
        self._folder = results.folder
        self._head = ipywidgets.HTML()
        self._head.add_class(_HOST_STYLE)
        self._players = ipywidgets.HBox([ipywidgets.HTML(), ipywidgets.HTML()])
        buttons = [
            self._button("A is better", lambda pair: pair.a.variant),
            self._button("No difference", lambda _: NEITHER),
            self._button("B is better", lambda pair: pair.b.variant),
        ]
        self._buttons = ipywidgets.HBox(buttons)
        super().__init__([self._head, self._players, self._buttons])
        self._show()

    def _button(self, words: str, preferred: Callable[[_Pair], str]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=words)
        button.on_click(lambda _: self._judge(preferred))
        return button

    def _judge(self, preferred: Callable[[_Pair], str]) -> None:
        if len(self._judged) == len(self._pairs):
            return  # a double click on the last one
        pair = self._pairs[len(self._judged)]
        row = pair.judged(preferred(pair))
        self._judged.append(row)
        self._show()
        keep_judgement(self._folder, row)

    def _show(self) -> None:
        n_judged, n_pairs = len(self._judged), len(self._pairs)
        if n_judged == n_pairs:
            table = self.ranking().to_html(index=False, border=0, float_format="{:.2f}".format)
            self._head.value = f"<p>All {n_pairs} pairs are judged.</p>{table}"
            self.children = (self._head,)
            return
        pair = self._pairs[n_judged]
        asked = html.escape(words_of(pair.a.steps[pair.step]))
        self._head.value = f"<p><b>{n_judged + 1} of {n_pairs}</b> · asked: {asked}</p>"
        for player, name, trial in zip(self._players.children, "AB", (pair.a, pair.b), strict=True):
            player.value = f"<p><b>{name}</b></p>{_player(trial.turns_of(pair.step)[-1].audio)}"

    def __len__(self) -> int:
        """Return how many pairs there are."""
        return len(self._pairs)

    @property
    def preferences(self) -> pd.DataFrame:
        """A row is a judgement: scenario, repeat, step, variant_a, variant_b, preferred, judged_at.

        `preferred` is the name of a variant, or "neither".
        """
        return preferences_of(self._judged)

    def ranking(self) -> pd.DataFrame:
        """Return what the judgements amount to, best first.

        Returns
        -------
        DataFrame
            A row a variant: n_judged, n_preferred, n_neither, share (preferred where one was, 0 to 1) with
            its Wilson interval of 95 % (share_low, share_high), and strength: Bradley and Terry's (1952),
            with which i is preferred to j with probability sᵢ / (sᵢ + sⱼ). One "neither" more between each
            two keeps it finite where one of them always wins. It is NA where not all were held against each
            other, at least by way of a third.

        Raises
        ------
        ConfigurationError
            Before the first judgement, or without `[experiments]`.
        """
        return ranking_of(self._judged)

    def __repr__(self) -> str:
        """Say how far it is."""
        return f"<ListeningTest: {len(self._judged)} of {len(self)} pairs judged>"


def _pairs_of(results: Results, scenario: str | None, seed: int) -> list[_Pair]:
    if any(trial.variant == NEITHER for trial in results):
        raise ConfigurationError(
            f'A variant is called "{NEITHER}", which a judgement means by no difference: replace("…") gives '
            "it another name in the next experiment."
        )
    scenarios = sorted({trial.scenario for trial in results})
    if scenario is not None and scenario not in scenarios:
        raise ConfigurationError(f"There is no scenario {scenario!r}: {', '.join(scenarios)}.")
    answers: dict[tuple[str, int, int], list[Trial]] = defaultdict(list)
    for trial in results:
        if scenario is None or trial.scenario == scenario:
            for step in range(trial.n_steps):
                answers[trial.scenario, trial.repeat, step].append(trial)
    audible = _audible(results)
    dice = random.Random(seed)  # noqa: S311 - an order, no secret
    pairs = []
    for (_, _, step), trials in sorted(answers.items()):
        heard = [trial for trial in trials if _answer(trial, step) in audible]
        for pair in itertools.combinations(heard, 2):
            first, second = dice.sample(pair, 2)
            pairs.append(_Pair(first, second, step))
    if not pairs:
        where = "" if scenario is None else f" on {scenario!r}"
        raise ConfigurationError(
            f"No two variants have recorded answers to the same{where}: an experiment with record=True and "
            "two variants brings some."
        )
    dice.shuffle(pairs)
    return pairs


def _audible(results: Results) -> set[tuple[str | None, int | None]]:
    """Return which turns have an answer that can be heard on their recording, by session and number."""
    if not results.recordings.paths:
        return set()
    turns = results.turns
    heard = turns[turns["heard_ms"].notna()]
    return set(zip(heard["session_id"], heard["turn"], strict=True))


def _answer(trial: Trial, step: int) -> tuple[str | None, int | None]:
    """Return which turn has the answer to a step: the last it made."""
    made = trial.turn_numbers[step]
    return trial.session_id, made[-1] if made else None


def _player(sound: Sound | None) -> str:
    """Return a player that does not say whose sound it is."""
    if sound is None:
        return ""
    return str(replace(sound, name="an answer")._repr_html_())
