"""The `stats` frame: a row is a value of getStats."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget.audio.jitter import COUNTERS
from rtc_widget.frames._columns import Column
from rtc_widget.frames._derived import METRICS, Totals, derive, totals_of
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtc_widget.frames._frame import Source
    from rtc_widget.log.record import Record

_WIDTH = 4


class _Row(NamedTuple):
    t_ms: float | None
    rtc_call_id: str | None
    stat_type: Any
    id: Any
    metric: Any
    value: Any


class _Between(_Row):
    """A value of the jitter buffer alone, read between two getStats."""


COLUMNS = (
    Column("t_ms", "t_ms", "float", "The value was taken; ms since the first record."),
    Column("rtc_call_id", "rtc_call_id", "string", "The WebRTC call."),
    Column(
        "stat_type",
        "stat_type",
        "category",
        "RTCStatsType, such as `inbound-rtp`; `derived`: since the last getStats.",
    ),
    Column("id", "id", "string", "The id of the stats object, to tell two of a type apart."),
    Column(
        "metric",
        "metric",
        "category",
        "The W3C name of the value, such as `jitterBufferDelay`; of derived ones ours: "
        + "; ".join(f"{name}, {doc}" for name, doc in METRICS.items())
        + ".",
    ),
    Column("value", "value", "float", "The value in the unit that W3C gives it."),
)


def _rows(source: Source) -> list[_Row]:
    """Return what was measured, and after each getStats what it means."""
    rows: list[_Row] = source.kept.get("stats", [])
    found: list[_Row] = []
    before: dict[Any, tuple[float, Totals]] = {}
    for (t_ms, call), group in groupby(rows, key=lambda row: (row.t_ms, row.rtc_call_id)):
        values = list(group)
        found += values
        if isinstance(values[0], _Between):
            continue
        now = totals_of([row[2:] for row in values])
        if call in before and t_ms is not None:
            before_ms, totals = before[call]
            derived = derive(totals, now, (t_ms - before_ms) / 1_000)
            found += [_Row(t_ms, call, "derived", None, name, value) for name, value in derived.items()]
        before[call] = t_ms or 0.0, now
    return found


def _read(record: Record) -> Iterator[_Row]:
    event = record.event
    call = record.rtc_call_id or event.get("rtc_call_id")
    values = [
        value for value in _list(event.get("stats")) if isinstance(value, list) and len(value) == _WIDTH
    ]
    received = next((value[1] for value in values if value[0] == "inbound-rtp"), None)
    for sample in _list(event.get("jitter")):
        # Taken since the last getStats: ms before this one, and the counters.
        if isinstance(sample, list) and len(sample) > 1 and record.t_ms is not None:
            for metric, value in zip(COUNTERS, sample[1:], strict=False):
                yield _Between(record.t_ms + sample[0], call, "inbound-rtp", received, metric, value)
    for value in values:
        yield _Row(record.t_ms, call, *value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


FRAME = Frame(
    "stats",
    "a value of getStats",
    COLUMNS,
    _rows,
    frozenset({"rtc.stats"}),
    _read,
)
