"""Judgements of listeners: kept a line each, and what they amount to."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it where it decodes
from typing import TYPE_CHECKING, Any, TypedDict

from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments.line_files import append_lines, read_lines
from rtc_widget.experiments.table import CATEGORY, FLOAT, INT, TIME, frame_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["NEITHER", "judgements_in", "keep_judgement", "preferences_of", "ranking_of"]

NEITHER = "neither"
_FILE = "preferences.jsonl"
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


class _Judgement(TypedDict):
    scenario: str
    repeat: int
    step: int
    variant_a: str
    variant_b: str
    preferred: str
    judged_at: datetime


def keep_judgement(folder: Path, row: dict[str, Any]) -> None:
    """Write a judgement down."""
    append_lines(folder / _FILE, [row])


def judgements_in(folder: Path) -> list[dict[str, Any]]:
    """Return what was written down; a last line that was cut off is left out.

    Raises
    ------
    RecordingError
        Another line cannot be read.
    """
    return [dict(row) for row in read_lines(folder / _FILE, _Judgement)]


def preferences_of(judged: list[dict[str, Any]]) -> pd.DataFrame:
    """Return judgements as a frame."""
    return frame_of(judged, _PREFERENCES)


def ranking_of(judged: list[dict[str, Any]]) -> pd.DataFrame:
    """Return what judgements amount to, best first; see `ListeningTest.ranking`."""
    if not judged:
        raise ConfigurationError("Nothing has been judged yet: show results.listen() in a cell, and judge.")
    try:
        import evalica
        from scipy import stats
    except ImportError as error:
        raise ConfigurationError(
            f"ranking() needs {error.name}: run `pip install 'rtc_widget[experiments]'`."
        ) from None
    winners = [
        evalica.Winner.Draw
        if row["preferred"] == NEITHER
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
    one = _is_one(met)
    rows = []
    for name, strength in strengths.items():
        of_it = [row for row in judged if name in (row["variant_a"], row["variant_b"])]
        n_preferred = sum(row["preferred"] == name for row in of_it)
        n_neither = sum(row["preferred"] == NEITHER for row in of_it)
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
                "strength": float(strength) if one else None,
            }
        )
    return frame_of(rows, _RANKING).sort_values(["strength", "share"], ascending=False, ignore_index=True)


def _is_one(met: list[tuple[str, str]]) -> bool:
    """Whether pairs that were held against each other hang together: else no strength of one is another's."""
    reached, waiting = set(met[0]), list(met[1:])
    while found := [pair for pair in waiting if not reached.isdisjoint(pair)]:
        reached.update(*found)
        waiting = [pair for pair in waiting if pair not in found]
    return not waiting
