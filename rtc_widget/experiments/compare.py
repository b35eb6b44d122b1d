"""What differs between variants: pairs of one scenario and repeat, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, STRING, frame_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rtc_widget.experiments.results import Results

__all__ = ["compare", "pairs_of"]

_N_DRAWN = 9_999
_PAIR = ["scenario", "repeat"]
_UNIT = ["variant", *_PAIR, "step"]
_NUMBERS = dict.fromkeys(
    ("baseline_mean", "mean", "difference", "ci_low", "ci_high", "p_value", "p_adjusted", "effect_size"),
    FLOAT,
)
_NAMES = dict.fromkeys(("metric", "variant", "baseline"), STRING)
_COLUMNS = {**_NAMES, "n_pairs": INT, **_NUMBERS, "conclusion": CATEGORY}
_LEAST = 0.5
_SUMS = frozenset({"cost_usd", "heard_ms", "n_responses", "n_tool_calls", "overlap_ms"})
"""What of several turns adds up."""
_WHOLE = frozenset({"cost_usd"})
"""What a step has only if each of its turns has it: a part would be taken for all of it."""
_ROUNDED = 64.0
"""A spread of so many spacings of floats is their rounding."""


def compare(
    results: Results, metric: str | Sequence[str], *, baseline: str | None, confidence: float
) -> pd.DataFrame:
    """Return a row a metric and variant other than the baseline; see `Results.compare`."""
    share: object = confidence
    if not isinstance(share, float) or not _LEAST <= share < 1:
        raise ConfigurationError(f"confidence is a share, from 0.5 to below 1: 0.95, not {confidence!r}.")
    names = list(dict.fromkeys(trial.variant for trial in results))
    if not names:
        raise ConfigurationError("There are no trials to compare: the experiment held none.")
    base: object = names[0] if baseline is None else baseline
    if not isinstance(base, str) or base not in names:
        raise ConfigurationError(f"There is no variant {base!r} to hold others against: {', '.join(names)}.")
    if len(names) == 1:
        raise ConfigurationError(f"There is only {base}: a comparison takes two variants.")
    rows = []
    for one, values in [(one, _values_of(results, one)) for one in _checked(metric)]:
        rows += [
            {"metric": one, "variant": name, "baseline": base} | _told(_pairs(values, name, base), confidence)
            for name in names
            if name != base
        ]
    return _concluded(rows, 1 - confidence)


def _checked(metric: object) -> list[str]:
    """Return the metrics, each once."""
    given = [metric] if isinstance(metric, str) else metric
    if not isinstance(given, list | tuple) or not given or not all(isinstance(one, str) for one in given):
        raise ConfigurationError(
            f"A metric is the name of a score or a column, or a list of them, not {metric!r}."
        )
    return list(dict.fromkeys(given))


def _values_of(results: Results, metric: str) -> pd.Series[Any]:
    """Return the metric for each variant, scenario, repeat and step."""
    scores = results.scores
    is_score = metric in set(scores["score"].dropna())
    found = scores[scores["score"] == metric] if is_score else _column_of(results, metric)
    found = found.assign(step=found["step"].astype("float64").fillna(-1.0))
    for name in ("variant", "scenario"):
        found[name] = found[name].astype("object")
    numbers = pd.to_numeric(found["value"], errors="coerce").astype("float64")
    numbers = numbers.where(np.isfinite(numbers))
    unit = [found[name] for name in _UNIT]
    if is_score or metric not in _SUMS:
        return numbers.groupby(unit).mean().dropna()
    sums = numbers.groupby(unit).sum(min_count=1)
    if metric in _WHOLE:
        sums = sums.where(~numbers.isna().groupby(unit).any())
    return sums.dropna()


def _column_of(results: Results, metric: str) -> pd.DataFrame:
    """Return a column of turns or trials as `value`, with what each is of."""
    known = sorted(set(results.scores["score"].dropna()))
    frames = {"turns": results.turns} if results.recordings.paths else {}
    frames["trials"] = results.trials
    for name, frame in frames.items():
        numeric = [column for column in frame if _is_metric(str(column), frame[column])]
        if metric in numeric:
            whole = frame if name == "turns" else frame[frame["status"] == "completed"]
            of_steps = _with_steps(results, whole) if name == "turns" else whole.assign(step=-1)
            if name == "turns" and metric in _WHOLE:
                # What was typed and not answered costs nothing.
                of_steps = of_steps[of_steps["n_responses"].gt(0) | of_steps["t_committed_ms"].notna()]
            return of_steps[_UNIT].assign(value=of_steps[metric])
        known += numeric
    raise ConfigurationError(
        f"There is no score and no column of numbers called {metric!r}. There are: "
        f"{', '.join(dict.fromkeys(known))}."
    )


def _is_metric(name: str, values: pd.Series[Any]) -> bool:
    """Whether a column holds numbers that can be held against each other: no instants, no numbering."""
    counts = name in (*_PAIR, "turn") or name.startswith("t_")
    return not counts and bool(pd.api.types.is_numeric_dtype(values))


def _with_steps(results: Results, turns: pd.DataFrame) -> pd.DataFrame:
    """Say of each turn which trial it is of, and which step made it; a turn that no step made is left out."""
    places = pd.DataFrame(
        [
            (trial.session_id, turn, trial.variant, trial.scenario, trial.repeat, step)
            for trial in results
            for step, made in enumerate(trial.turn_numbers)
            for turn in made
        ],
        columns=["session_id", "turn", "variant", "scenario", "repeat", "step"],
    )
    rest = turns.drop(columns=[name for name in ("variant", *_PAIR, "step") if name in turns])
    keys = {"session_id": "object", "turn": "int64"}
    return rest.astype(keys).merge(places.astype(keys), on=list(keys))


def pairs_of(results: Results, metric: str, variant: str, baseline: str) -> pd.DataFrame:
    """Return the pairs that a row of `compare` is about: scenario, repeat, ours, theirs."""
    return _pairs(_values_of(results, metric), variant, baseline).reset_index()


def _pairs(values: pd.Series[Any], name: str, base: str) -> pd.DataFrame:
    """Return the means of a variant (ours) and of the baseline (theirs), over the steps that both have."""
    table = values.unstack("variant").reindex(columns=[name, base]).dropna()  # noqa: PD010 - one level of an index
    means = table.groupby(level=_PAIR).mean()
    return means.set_axis(["ours", "theirs"], axis="columns")


def _told(pairs: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """Return what pairs show."""
    ours, theirs = pairs["ours"].to_numpy(), pairs["theirs"].to_numpy()
    told: dict[str, Any] = dict.fromkeys(_NUMBERS)
    told["n_pairs"] = len(ours)
    if not len(ours):
        return told
    differences = ours - theirs
    told |= {
        "baseline_mean": theirs.mean(),
        "mean": ours.mean(),
        "difference": differences.mean(),
    }
    rounding = _ROUNDED * np.spacing(max(np.abs(ours).max(), np.abs(theirs).max()))
    spread = differences.std(ddof=1) if len(differences) > 1 else 0.0
    if len(differences) > 1:
        stats = _scipy_stats()
        differing = differences[np.abs(differences) > rounding]
        told |= {"p_value": _p_value(stats, differing), "least_p": 2.0 / 2.0 ** len(differing)}
        if spread > rounding:
            interval = stats.ttest_1samp(differences, 0.0).confidence_interval(confidence)
            told |= {"ci_low": interval.low, "ci_high": interval.high}
            told["effect_size"] = differences.mean() / spread
        else:
            told |= {"ci_low": differences.mean(), "ci_high": differences.mean()}
    return told


def _p_value(stats: Any, differences: NDArray[Any]) -> float:
    """Return how often signs that mean nothing would bring a mean as far from 0; no difference is 0."""
    if len(differences) <= 1:
        return 1.0
    found = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_N_DRAWN,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError:
        message = "compare() needs SciPy: run `pip install 'rtc_widget[experiments]'`."
        raise ConfigurationError(message) from None
    return stats


def _concluded(rows: list[dict[str, Any]], alpha: float) -> pd.DataFrame:
    known = [row for row in rows if row["p_value"] is not None]
    if known:
        adjusted = _scipy_stats().false_discovery_control([row["p_value"] for row in known])
        for row, p_adjusted in zip(known, np.atleast_1d(adjusted), strict=True):
            row["p_adjusted"] = float(p_adjusted)
    for row in rows:
        row["conclusion"] = _conclusion(row, alpha)
    return frame_of(rows, _COLUMNS)


def _conclusion(row: dict[str, Any], alpha: float) -> str:
    """Say what is shown.

    Of n pairs that differ the smallest p-value is 2 / 2ⁿ: where that is not enough, or is what those that do
    differ came to, more may be.
    """
    if row["p_adjusted"] is None:
        return "too few pairs"
    if row["p_adjusted"] <= alpha:
        return "lower" if row["difference"] < 0 else "higher"
    too_few = 2.0 / 2.0 ** row["n_pairs"] > alpha or np.isclose(row["p_value"], row["least_p"])
    return "too few pairs" if too_few else "not shown"
