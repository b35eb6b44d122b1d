"""Results of an experiment: trials, scores and every frame over all of them, and what differs in them."""

from __future__ import annotations

import asyncio
import contextvars
import html
from typing import TYPE_CHECKING, Any, Self

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError
from rtc_widget._frame_properties import FrameProperties
from rtc_widget._loop import Handle, submit
from rtc_widget.experiments import kept
from rtc_widget.experiments.compare import compare
from rtc_widget.experiments.judges import Judges
from rtc_widget.experiments.preferences import judgements_in, preferences_of, ranking_of
from rtc_widget.experiments.scoring import Scorer, checked_scorers, name_of, scores_of
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, STRING, frame_of
from rtc_widget.experiments.trial import Trial
from rtc_widget.log.folders import JOURNAL
from rtc_widget.log.many import Recordings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from rtc_widget.experiments.listen import ListeningTest
    from rtc_widget.experiments.scoring import Score

__all__ = ["Results"]

_TRIALS = {
    "session_id": STRING,
    "variant": CATEGORY,
    "scenario": CATEGORY,
    "repeat": INT,
    "status": CATEGORY,
    "error": STRING,
    "duration_ms": FLOAT,
    "path": STRING,
}
_SCORES = {
    "session_id": STRING,
    "variant": CATEGORY,
    "scenario": CATEGORY,
    "repeat": INT,
    "turn": INT,
    "step": INT,
    "score": CATEGORY,
    "value": FLOAT,
    "error": STRING,
}
_OF_SESSION = (
    "n_turns",
    "n_errors",
    "latency_inferred_p50_ms",
    "latency_inferred_p95_ms",
    "latency_heard_p50_ms",
    "latency_heard_p95_ms",
    "cost_usd",
)


class Results(FrameProperties):
    """What an experiment brought: iterating gives its trials; `results.turns` and the like are over all.

    Parameters
    ----------
    trials : sequence of Trial
        In order of variant, scenario, repeat.
    scores : sequence of Score
        What the scorers said.
    folder : Path
        Where its sessions lie: `rtc.Results.load(results.folder)` brings all of it back.
    """

    def __init__(self, trials: Sequence[Trial], scores: Sequence[Score], folder: Path) -> None:
        self._trials = list(trials)
        self._scores = list(scores)
        self.folder = folder
        paths = [trial.path for trial in trials if trial.path]
        self.recordings = Recordings(paths, progress=False, trials=True)

    @classmethod
    def of(cls, done: Iterable[tuple[Trial, Sequence[Score]]], variants: Sequence[str], folder: Path) -> Self:
        """Return results of trials and their scores, in order of variant, scenario, repeat."""
        places = {name: place for place, name in enumerate(variants)}
        ordered = sorted(
            done,
            key=lambda pair: (places.get(pair[0].variant, len(places)), pair[0].scenario, pair[0].repeat),
        )
        return cls([one for one, _ in ordered], [score for _, scores in ordered for score in scores], folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read an experiment's folder: trials, scores, and sessions when they are asked for.

        Of one that was cancelled, or whose process ended, it has what was held until then; a trial that was
        cut off has failed. A step that was an async function is known by its name only.

        Parameters
        ----------
        folder : path
            `results.folder`, or where it lies now.

        Raises
        ------
        RecordingError
            It holds no experiment, or one that cannot be read.
        """
        place = expanded(folder).absolute()
        found = kept.read(place)
        trials = [
            Trial(outcome, found.scenarios[outcome.scenario])
            for outcome in found.outcomes
            if outcome.scenario in found.scenarios
        ]
        scores: dict[str | None, list[Score]] = {}
        for score in found.scores:
            scores.setdefault(score.session_id, []).append(score)
        return cls.of([(one, scores.get(one.session_id, [])) for one in trials], found.variants, place)

    def __len__(self) -> int:
        """Return how many trials there were."""
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        """Go through the trials."""
        return iter(self._trials)

    def __getitem__(self, index: int) -> Trial:
        """Return a trial by its row in `trials`."""
        return self._trials[index]

    def __repr__(self) -> str:
        """Say how many trials there were, and how many were finished."""
        return f"<Results: {self._told()}, in {self.folder}>"

    def _told(self) -> str:
        failed = [trial.error for trial in self._trials if trial.error is not None]
        why = f", {len(failed)} of them failed: {failed[0]}" if failed else ""
        return f"{len(self)} trials{why}"

    def _repr_html_(self) -> str:
        shown: Any = self.trials.drop(columns=["path"])
        return f"<p>{html.escape(self._told())}</p>{shown._repr_html_()}"

    def _frame(self, name: str) -> pd.DataFrame:
        if not self.recordings.paths:
            raise ConfigurationError(f"There are no {name}: no trial was begun. results.trials tells why.")
        return self.recordings._frame(name)  # noqa: SLF001 - of this package

    @property
    def sessions(self) -> pd.DataFrame:
        """A row is a session."""
        return self._frame("sessions")

    @property
    def trials(self) -> pd.DataFrame:
        """A row is a trial, with the figures of its session; a failed one says why."""
        trials = frame_of(self._trials, _TRIALS)
        there = [path for path in self.recordings.paths if (path / JOURNAL).exists()]
        if not there:
            return trials.join(frame_of([], dict.fromkeys(_OF_SESSION, FLOAT)))
        found = self.recordings
        if len(there) < len(found.paths):  # somebody has moved one away
            found = Recordings(there, progress=False, trials=True)
        return trials.join(found.sessions.set_index("session_id")[list(_OF_SESSION)], on="session_id")

    @property
    def scores(self) -> pd.DataFrame:
        """A row is what one scorer said of a trial, a step or a turn."""
        return frame_of(self._scores, _SCORES)

    def score(self, scorers: Sequence[Scorer]) -> Handle[Self]:
        """Score what was held, by other scorers or by better ones; no call is made.

        Parameters
        ----------
        scorers : sequence of functions
            As of `Experiment`. What one of the same name said before is replaced, on disk too.

        Returns
        -------
        Handle
            Of these results, with the scores in them.

        Raises
        ------
        ConfigurationError
            For what is no scorer.
        """
        return Handle(submit(self._score(checked_scorers(scorers), contextvars.copy_context())), "score")

    async def _score(self, scorers: Sequence[Scorer], context: contextvars.Context) -> Self:
        made: list[Score] = []
        with Judges(context) as judges:
            for trial in self._trials:
                made += await scores_of(trial, scorers, judges)
                trial.forget()
        names = [name_of(scorer) for scorer in scorers]
        others = [score for score in self._scores if not _is_of(score, names)]
        self._scores = others + made
        if self.folder.is_dir():
            await asyncio.to_thread(kept.write_scores, self.folder, self._scores)
        return self

    def sql(self, query: str) -> pd.DataFrame:
        """Ask DuckDB; every frame is a table, with the columns `variant`, `scenario` and `repeat`."""
        return self.recordings.sql(query)

    def compare(
        self, metric: str | Sequence[str], *, baseline: str | None = None, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Return how each variant differs from one of them, with evidence.

        A pair is what two variants did on one scenario in one repeat: their means of the metric, over the
        steps that both have it for. Of several turns in a step, what adds up (cost_usd, heard_ms,
        n_responses, n_tool_calls, overlap_ms) is added, other metrics are averaged. Of failed trials, columns
        of `trials` do not count. Each row is about the differences of these pairs, variant less baseline.

        Parameters
        ----------
        metric : str, or a list of them
            A score, or a column of numbers of `turns` (`latency_heard_ms`, `cost_usd`, `interrupted`, …) or
            of `trials`. The more you look at, the more will differ by chance: those of one list are adjusted
            for each other.
        baseline : str, optional
            Name of the variant that the others are held against; None: the first.
        confidence : float
            Of the interval, and what is held for shown: 0.95 goes with a p-value of 0.05.

        Returns
        -------
        DataFrame
            A row a metric and variant other than the baseline: metric, variant, baseline, n_pairs,
            baseline_mean, mean, difference, ci_low, ci_high, p_value, p_adjusted, effect_size, conclusion
            (lower, higher, not shown, too few pairs). The interval is Student's; the p-value is that of a
            permutation test which flips the pairs' signs (all of them where there are few, else 9,999 drawn
            with a fixed seed), and can be under 0.05 with six pairs or more. `p_adjusted` holds the false
            discovery rate over the rows (Benjamini and Hochberg, 1995), and the effect size is Cohen's d_z:
            difference over the differences' standard deviation, NA where they do not vary.

        Raises
        ------
        ConfigurationError
            For a metric or a baseline that there is not (names those there are), or without `[experiments]`.
        """
        return compare(self, metric, baseline=baseline, confidence=confidence)

    def listen(
        self, *, scenario: str | None = None, n_pairs: int | None = None, seed: int = 0
    ) -> ListeningTest:
        """Hear answers of two variants side by side without knowing whose they are, and say which is better.

        Parameters
        ----------
        scenario : str, optional
            Of this one only.
        n_pairs : int, optional
            So many at most, drawn from all there are; None: all.
        seed : int
            Of the order of the pairs, and of which is A.

        Returns
        -------
        ListeningTest
            Shown on the last line of a cell; `preferences` is a row a judgement, `ranking()` what they
            amount to.

        Raises
        ------
        ConfigurationError
            For a scenario that there is not, or when no two variants have recorded answers to the same.
        """
        from rtc_widget.experiments.listen import ListeningTest

        return ListeningTest(self, scenario=scenario, n_pairs=n_pairs, seed=seed)

    @property
    def preferences(self) -> pd.DataFrame:
        """A row is a judgement of any listening test of this experiment, in the order they were made.

        Columns: scenario, repeat, step, variant_a, variant_b, preferred (a variant, or "neither"), judged_at.
        """
        return preferences_of(judgements_in(self.folder))

    def ranking(self) -> pd.DataFrame:
        """Return what all these judgements amount to; see `ListeningTest.ranking`."""
        return ranking_of(judgements_in(self.folder))


def _is_of(score: Score, names: Sequence[str]) -> bool:
    """Whether a score, or a part of one that is a dict, is of one of these scorers."""
    return any(score.score == name or score.score.startswith(f"{name}.") for name in names)
