"""The lines of a journal as they are written: a record each, its event as it came."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from rtc_widget.log.record import read_head
from rtc_widget.log.replacing import replaced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

__all__ = ["BATCH", "Line", "encode_records", "write_journal"]

BATCH = 10_000
"""Records that are written at once."""

VERSION = 1
_SPACE = 32  # JSON's white space and nothing else comes before it; a reader of lines drops it at the ends


class Line(msgspec.Struct, gc=False):
    """One line of a journal: a record, with its event as it came or, where that cannot be, as text."""

    v: int
    seq: int
    session_id: str | msgspec.UnsetType
    started_at: str | msgspec.UnsetType
    direction: str
    t_ms: float | None
    t_browser_ms: float | None
    t_kernel_ms: float | None
    rtc_call_id: str | None
    event: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET


_Raw, _UNSET = msgspec.Raw, msgspec.UNSET
_encode_lines = msgspec.json.Encoder().encode_lines


def encode_records(log: EventLog, records: Sequence[Record], odd: set[int]) -> bytes:
    """Return records as the lines of a journal; `odd` are the `seq` of those that are no strict JSON."""
    data = _encode(log, records, odd)
    if data.count(b"\n") == len(records) and b"\r" not in data:
        return data
    broken = {record.seq for record in records if b"\n" in record.raw or b"\r" in record.raw}
    return _encode(log, records, odd | broken)


def _encode(log: EventLog, records: Sequence[Record], odd: set[int]) -> bytes:
    lines = [_line_of(r, r.seq not in odd and r.raw[0] > _SPACE < r.raw[-1]) for r in records]
    if records and records[0].seq == 0:
        lines[0].session_id = log.session_id
        if log.wall_time_known:
            lines[0].started_at = log.started_at.isoformat()
    return _encode_lines(lines)


def _line_of(record: Record, plain: bool) -> Line:
    return Line(
        VERSION,
        record.seq,
        _UNSET,
        _UNSET,
        record.direction,
        record.t_ms,
        record.t_browser_ms,
        record.t_kernel_ms,
        record.rtc_call_id,
        _Raw(record.raw) if plain else _UNSET,
        _UNSET if plain else record.text,
    )


def write_journal(log: EventLog, path: Path) -> int:
    """Write all records of a log to a file at once; one that is there is replaced once all is on disk.

    Returns
    -------
    int
        How many.

    Raises
    ------
    OSError
        It cannot be written.
    """
    n = 0
    records = log.records()
    with replaced(path) as file:
        while batch := list(islice(records, BATCH)):
            odd = {record.seq for record in batch if not read_head(record.raw)[1]}
            file.write(encode_records(log, batch, odd))
            n += len(batch)
    return n
