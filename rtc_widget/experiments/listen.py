"""Listening test: two answers to the same, side by side and without names; and which is better."""

from __future__ import annotations

import html
import itertools
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets

from rtc_widget._arguments import checked_count
from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.scenario import words_of
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, TIME, frame_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rtc_widget.audio.sound import Sound
    from rtc_widget.experiments.results import Results
    from rtc_widget.experiments.trial import Trial

__all__ = ["ListeningTest"]

FILE = "preferences.jsonl"
_NEITHER = "neither"
_HOST_STYLE = "jp-RenderedHTMLCommon"  # tables as the notebook's own
_PREFERENCES = {
    "scenario": CATEGORY,
    "repeat": INT,
    "step": INT,
    "variant_a": CATEGORY,
    "variant_b": CATEGORY,
    "preferred": CATEGORY,
    "judged_at": TIME,
}
_RANKING = {"variant": CATEGORY} | dict.fromkeys(("n_judged", "n_preferred", "n_neither"), INT)
_RANKING |= dict.fromkeys(("share", "share_low", "share_high", "strength"), FLOAT)


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
    `preferences.jsonl` in the experiment's folder.

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
        When no two variants have recorded answers to the same.
    """

    def __init__(
        self, results: Results, *, scenario: str | None = None, n_pairs: int | None = None, seed: int = 0
    ) -> None:
        if n_pairs is not None:
            checked_count(n_pairs, "n_pairs is how many pairs are judged at most")
        self._pairs = _pairs_of(results, scenario, seed)[:n_pairs]
        self._judged: list[dict[str, Any]] = []
        self._path = results.folder / FILE
        self._head = ipywidgets.HTML()
        self._head.add_class(_HOST_STYLE)
        self._players = ipywidgets.HBox([ipywidgets.HTML(), ipywidgets.HTML()])
        buttons = [
            self._button("A is better", lambda pair: pair.a.variant),
            self._button("No difference", lambda _: _NEITHER),
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
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str, ensure_ascii=False) + "\n")

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
        return frame_of(self._judged, _PREFERENCES)

    def ranking(self) -> pd.DataFrame:
        """Return what the judgements amount to, best first.

        Returns
        -------
        DataFrame
            A row a variant: n_judged, n_preferred, n_neither, share (preferred where one was, 0 to 1) with
            its Wilson interval of 95 % (share_low, share_high), and strength: Bradley and Terry's (1952),
            with which i is preferred to j with probability sᵢ / (sᵢ + sⱼ). One "neither" more between each
            two keeps it finite where one of them always wins.

        Raises
        ------
        ConfigurationError
            Before the first judgement, or without `[experiments]`.
        """
        if not self._judged:
            raise ConfigurationError("Nothing has been judged yet: show the test in a cell, and judge.")
        return _ranking(self._judged)

    def __repr__(self) -> str:
        """Say how far it is."""
        return f"<ListeningTest: {len(self._judged)} of {len(self)} pairs judged>"


def _pairs_of(results: Results, scenario: str | None, seed: int) -> list[_Pair]:
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
    from dataclasses import replace

    return str(replace(sound, name="an answer")._repr_html_())


def _ranking(judged: list[dict[str, Any]]) -> pd.DataFrame:
    try:
        import evalica
        from scipy import stats
    except ImportError as error:
        raise ConfigurationError(
            f"ranking() needs {error.name}: run `pip install 'rtc_widget[experiments]'`."
        ) from None
    winners = [
        evalica.Winner.Draw
        if row["preferred"] == _NEITHER
        else evalica.Winner.X
        if row["preferred"] == row["variant_a"]
        else evalica.Winner.Y
        for row in judged
    ]
    firsts, seconds = [row["variant_a"] for row in judged], [row["variant_b"] for row in judged]
    met = sorted({(min(pair), max(pair)) for pair in zip(firsts, seconds, strict=True)})
    strengths = evalica.bradley_terry(
        [*firsts, *(first for first, _ in met)],
        [*seconds, *(second for _, second in met)],
        [*winners, *(evalica.Winner.Draw for _ in met)],
    ).scores
    rows = []
    for name, strength in strengths.items():
        of_it = [row for row in judged if name in (row["variant_a"], row["variant_b"])]
        n_preferred = sum(row["preferred"] == name for row in of_it)
        n_neither = sum(row["preferred"] == _NEITHER for row in of_it)
        n_told = len(of_it) - n_neither
        interval = stats.binomtest(n_preferred, n_told).proportion_ci(method="wilson") if n_told else None
        rows.append(
            {
                "variant": name,
                "n_judged": len(of_it),
                "n_preferred": n_preferred,
                "n_neither": n_neither,
                "share": None if not n_told else n_preferred / n_told,
                "share_low": None if interval is None else interval.low,
                "share_high": None if interval is None else interval.high,
                "strength": float(strength),
            }
        )
    return frame_of(rows, _RANKING).sort_values("strength", ascending=False, ignore_index=True)
