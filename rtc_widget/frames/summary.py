"""A session in a few lines, to paste into a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from rtc_widget.frames._columns import MISSING, STRING, text_of

if TYPE_CHECKING:
    from rtc_widget.frames import Frames


def summary(frames: Frames) -> pd.DataFrame:
    """Return a table of two columns, `what` and `value`, both text.

    Parameters
    ----------
    frames : Frames
        The frames of a session.
    """
    session = frames.get("sessions").iloc[0]
    turns, errors = frames.get("turns"), frames.get("errors")
    tools, usage = frames.get("tool_calls"), frames.get("usage")
    interrupted = int(turns["interrupted"].sum())
    rows = [
        ("session", session["session_id"]),
        ("started", _time(session["started_at"])),
        ("model, voice", _and(session["model"], session["voice"])),
        ("variant", session["variant"]),
        ("outcome", _and(session["outcome"], session["failed_step"])),
        ("duration", _seconds(session["duration_ms"])),
        ("calls", session["n_calls"]),
        ("turns", f"{len(turns)}, {interrupted} interrupted" if interrupted else len(turns)),
        (
            "latency, inferred",
            _p50_p95(session["latency_inferred_p50_ms"], session["latency_inferred_p95_ms"]),
        ),
        ("latency, heard", _p50_p95(session["latency_heard_p50_ms"], session["latency_heard_p95_ms"])),
        ("tool calls", _counts(tools["name"].astype(STRING))),
        ("tokens in / out", _tokens(usage)),
        ("cost", text_of(session["cost_usd"], "{:.4f} USD")),
        ("errors", _counts(errors["code"].astype(STRING).fillna("unnamed"))),
    ]
    return pd.DataFrame(
        {
            "what": pd.array([what for what, _ in rows], STRING),
            "value": pd.array([text_of(value) for _, value in rows], STRING),
        }
    )


def _time(value: Any) -> str:
    return MISSING if pd.isna(value) else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def _and(first: Any, second: Any) -> str:
    return ", ".join(str(value) for value in (first, second) if not pd.isna(value)) or MISSING


def _seconds(ms: Any) -> str:
    return MISSING if pd.isna(ms) else f"{ms / 1000:.1f} s"


def _p50_p95(p50_ms: Any, p95_ms: Any) -> str:
    return MISSING if pd.isna(p50_ms) else f"{p50_ms:.0f} ms (p50), {p95_ms:.0f} ms (p95)"


def _counts(names: pd.Series[Any]) -> str:
    counts = names.value_counts()
    each = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{len(names)}: {each}" if len(names) else "0"


def _tokens(usage: pd.DataFrame) -> str:
    each = (usage[name].sum(min_count=1) for name in ("input_tokens", "output_tokens"))
    both = [text_of(count, "{:,}") for count in each]
    return MISSING if set(both) == {MISSING} else " / ".join(both)
