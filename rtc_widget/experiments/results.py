"""Results of an experiment: trials, scores and every frame over all of them, and what differs in them."""

from __future__ import annotations

import asyncio
import contextvars
import html
from typing import TYPE_CHECKING, Any, Self, overload

from rtc_widget._arguments import expanded, is_whole
from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import Handle, submit
from rtc_widget.experiments import kept
from rtc_widget.experiments.evidence import Evidence
from rtc_widget.experiments.judges import Judges
from rtc_widget.experiments.scoring import Scorer, checked_scorers, name_of, scores_of
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, STRING, frame_of
from rtc_widget.experiments.trial import Trial
from rtc_widget.log.folders import JOURNAL
from rtc_widget.log.many import Recordings
from rtc_widget.protocol.refusal import shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

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
_OF_SESSION = dict.fromkeys(("n_turns", "n_errors"), INT) | dict.fromkeys(
    (
        "latency_inferred_p50_ms",
        "latency_inferred_p95_ms",
        "latency_heard_p50_ms",
        "latency_heard_p95_ms",
        "cost_usd",
    ),
    FLOAT,
)


class Results(Evidence):
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
        """Return results of trials and their scores, in order of variant, scenario, repeat.

        Parameters
        ----------
        done : iterable of tuple
            Each trial, with its scores.
        variants : sequence of str
            Names of the variants, in their order.
        folder : Path
            Where its sessions lie.
        """
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

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...

    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        """Return a trial by its row in `trials`, or several by a slice.

        Raises
        ------
        ConfigurationError
            For what is no number of a row; says what there is.
        IndexError
            There is no such row.
        """
        if not is_whole(index) and not isinstance(index, slice):
            raise ConfigurationError(
                f"results[…] is a trial by its row in results.trials, a whole number, not {shown(index)}. "
                "Frames are attributes: results.trials, results.scores, results.turns."
            )
        try:
            return self._trials[index]
        except IndexError:
            raise IndexError(f"there are {len(self)} trials, no trial {index}") from None

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
            return trials.join(frame_of([], _OF_SESSION))
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
            await asyncio.to_thread(kept.write_scores, self.folder, lambda: self._scores)
        return self

    def sql(self, query: str) -> pd.DataFrame:
        """Ask DuckDB; every frame is a table, with the columns `variant`, `scenario` and `repeat`.

        Parameters
        ----------
        query : str
            As of `rtc.sql`.

        Raises
        ------
        ConfigurationError
            DuckDB is not installed, or cannot answer.
        """
        return self.recordings.sql(query)


def _is_of(score: Score, names: Sequence[str]) -> bool:
    """Whether a score, or a part of one that is a dict, is of one of these scorers."""
    return any(score.score == name or score.score.startswith(f"{name}.") for name in names)
