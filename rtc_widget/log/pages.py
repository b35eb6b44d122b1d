"""The log as the panel asks for it: some records at a time, and a search over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

__all__ = ["Row", "find", "row_of", "tail"]

Row = tuple[int, str, float | None, str]
"""seq, direction, ms since the session's first record, text."""
_MOST_ROWS = 500
_MOST_BYTES = 256 * 1024


def row_of(record: Record) -> Row:
    """Return a record as the panel takes it."""
    return record.seq, record.direction, record.t_ms, record.text


def tail(log: EventLog, params: dict[str, Any]) -> dict[str, Any]:
    """Return records from {"since"} on, {"limit"} at most, and where the next ones begin; None at the end."""
    since = max(0, int(params.get("since") or 0))
    limit = min(_MOST_ROWS, int(params.get("limit") or _MOST_ROWS))
    rows: list[Row] = []
    size = 0
    for record in log.records(since, min(since + limit, len(log))):
        rows.append(row_of(record))
        size += len(rows[-1][3])
        if size > _MOST_BYTES:
            break
    following = since + len(rows)
    return {"records": rows, "next": following if following < len(log) else None}


def find(log: EventLog, query: str) -> list[int]:
    """Return the numbers of the records whose text holds some words, whatever the case."""
    wanted = query.lower()
    return [record.seq for record in log.records() if wanted in record.text.lower()]
