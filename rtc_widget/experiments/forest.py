"""A forest plot: how far each variant is from the baseline, pair by pair and on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from rtc_widget.experiments.compare import compare, pairs_of
from rtc_widget.frames._columns import text_of
from rtc_widget.frames._host_drawn import altair_for, host_drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from rtc_widget.experiments.results import Results

__all__ = ["forest"]

_WIDTH_PX = 480
_ROW_PX = 46
_SHOWN, _NOT_SHOWN = "#4c78a8", "#9a9a9a"
_PAIR = ("scenario:N", "repeat:Q", "ours:Q", "theirs:Q", "difference:Q")
_TOLD = ("difference", "ci_low", "ci_high", "baseline_mean", "mean", "p_adjusted", "effect_size")


def forest(
    results: Results, metric: str | Sequence[str], *, baseline: str | None, confidence: float
) -> alt.VConcatChart:
    """Return the chart; see `Results.plot`."""
    altair = altair_for("plot()")
    table = compare(results, metric, baseline=baseline, confidence=confidence)
    charts = [_one(altair, results, rows, confidence) for _, rows in table.groupby("metric", sort=False)]
    drawn: alt.VConcatChart = host_drawn(altair.VConcatChart, "forest plot")(vconcat=charts)
    return drawn


def _one(altair: Any, results: Results, rows: pd.DataFrame, confidence: float) -> Any:
    """Draw one metric."""
    metric, base = rows["metric"].iloc[0], rows["baseline"].iloc[0]
    names = rows["variant"].tolist()
    title = f"{metric}: difference to {base}, with its interval of {confidence:.0%}"

    def along(name: str) -> Any:
        return altair.X(f"{name}:Q", title=title, scale=altair.Scale(padding=14))

    def chart(data: list[dict[str, Any]]) -> Any:
        return altair.Chart(altair.InlineData(values=data))

    y = altair.Y("variant:N", sort=names, title=None, axis=altair.Axis(labelLimit=240))
    shown = "datum.conclusion == 'lower' || datum.conclusion == 'higher'"
    told = [altair.Tooltip("variant:N")]
    told += [altair.Tooltip(f"told.{name}:N", title=name) for name in _TOLD]
    told += [altair.Tooltip("n_pairs:Q"), altair.Tooltip("conclusion:N")]
    zero = chart([{"difference": 0}]).mark_rule(strokeDash=[4, 4]).encode(x=along("difference"))
    dots = chart([pair for name in names for pair in _dots(results, metric, name, base)])
    dots = dots.mark_circle(size=46, opacity=0.5, color=_NOT_SHOWN).encode(
        x=along("difference"), y=y, tooltip=[altair.Tooltip(name) for name in _PAIR]
    )
    whole = chart([_told(row) for row in rows.to_dict("records")]).encode(
        y=y, tooltip=told, color=altair.condition(shown, altair.value(_SHOWN), altair.value(_NOT_SHOWN))
    )
    mean = whole.encode(x=along("difference"))
    return altair.layer(
        zero,
        dots,
        whole.mark_rule(strokeWidth=3).encode(x=along("ci_low"), x2="ci_high:Q"),
        mean.mark_point(filled=True, size=110, shape="diamond", opacity=1),
        whole.mark_text(dy=-13, align="right", fontWeight="bold").encode(
            x=altair.value(_WIDTH_PX - 4), text="words:N"
        ),
        width=_WIDTH_PX,
        height=_ROW_PX * len(names),
    )


def _told(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row as it is drawn, without what is missing, and as it is told."""
    known = {name: value for name, value in row.items() if not pd.isna(value)}
    words = (
        f"{known['difference']:+.4g} ({known['conclusion']})"
        if "difference" in known
        else known["conclusion"]
    )
    told = {name: text_of(row[name], "{:.4g}") for name in _TOLD}
    return known | {"words": words.replace("-", "−", 1), "told": told}


def _dots(results: Results, metric: str, variant: str, base: str) -> list[dict[str, Any]]:
    pairs = pairs_of(results, metric, variant, base)
    pairs = pairs.assign(variant=variant, difference=pairs["ours"] - pairs["theirs"])
    return [{str(name): value for name, value in row.items()} for row in pairs.to_dict("records")]
