"""Evidence: what differs between the variants of an experiment, by numbers and by ear."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rtc_widget._frame_properties import FrameProperties
from rtc_widget.experiments.compare import compare
from rtc_widget.experiments.forest import forest
from rtc_widget.experiments.preferences import judgements_in, preferences_of, ranking_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import altair as alt
    import pandas as pd

    from rtc_widget.experiments.listen import ListeningTest
    from rtc_widget.experiments.results import Results

__all__ = ["Evidence"]


class Evidence(FrameProperties):
    """What results show; `Results` is one."""

    folder: Path

    def _results(self) -> Results:
        return cast("Results", self)

    def compare(
        self, metric: str | Sequence[str], *, baseline: str | None = None, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Return how each variant differs from one of them, with evidence.

        A pair is what two variants did on one scenario in one repeat: their means of the metric, over the
        steps that both have it for. Of several turns in a step, what adds up (cost_usd, heard_ms,
        n_responses, n_tool_calls, overlap_ms) is added, other metrics are averaged; a step with a cost that
        is not known has none. Of failed trials, columns of `trials` do not count. Each row is about the
        differences of these pairs, variant less baseline.

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
            with a fixed seed), and can be under 0.05 with six pairs or more that differ. `p_adjusted` holds
            the false discovery rate over the rows (Benjamini and Hochberg, 1995), and the effect size is
            Cohen's d_z: difference over the differences' standard deviation, NA where they do not vary.

        Raises
        ------
        ConfigurationError
            For a metric or a baseline that there is not (names those there are), or without `[experiments]`.
        """
        return compare(self._results(), metric, baseline=baseline, confidence=confidence)

    def plot(
        self, metric: str | Sequence[str], *, baseline: str | None = None, confidence: float = 0.95
    ) -> alt.VConcatChart:
        """Draw what `compare` tells, as a forest plot: a dot a pair, and on them the mean with its interval.

        Hovering shows the numbers; what is not shown to differ is grey.

        Parameters
        ----------
        metric, baseline, confidence
            As of `compare`.

        Returns
        -------
        altair.VConcatChart
            A picture a metric, a row a variant, along the difference to the baseline.

        Raises
        ------
        ConfigurationError
            As of `compare`, or without `[analysis]`.
        """
        return forest(self._results(), metric, baseline=baseline, confidence=confidence)

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

        return ListeningTest(self._results(), scenario=scenario, n_pairs=n_pairs, seed=seed)

    @property
    def preferences(self) -> pd.DataFrame:
        """A row is a judgement of any listening test of this experiment, in the order they were made.

        Columns: scenario, repeat, step, variant_a, variant_b, preferred (a variant, or "neither"), judged_at.
        """
        return preferences_of(judgements_in(self.folder))

    def ranking(self) -> pd.DataFrame:
        """Return what all these judgements amount to; see `ListeningTest.ranking`."""
        return ranking_of(judgements_in(self.folder))
