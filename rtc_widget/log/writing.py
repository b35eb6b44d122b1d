"""The lines of a journal as they are written: a record each, its event as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

__all__ = ["Line", "encode_lines", "line_of"]

VERSION = 1
_SPACE = 32  # JSON's white space and nothing else comes before it; a reader of lines drops it at the ends
_LF, _CR = b"\n\r"


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
encode_lines = msgspec.json.Encoder().encode_lines


def line_of(log: EventLog, record: Record, strict: bool) -> Line:
    """Return a record as its line; `strict` says whether its text is strict JSON."""
    raw = record.raw
    plain = strict and raw[0] > _SPACE and raw[-1] > _SPACE and _LF not in raw and _CR not in raw
    line = Line(
        VERSION,
        record.seq,
        _UNSET,
        _UNSET,
        record.direction,
        record.t_ms,
        record.t_browser_ms,
        record.t_kernel_ms,
        record.rtc_call_id,
        _Raw(raw) if plain else _UNSET,
        _UNSET if plain else raw.decode("utf-8"),
    )
    if record.seq == 0:
        line.session_id = log.session_id
        if log.wall_time_known:
            line.started_at = log.started_at.isoformat()
    return line
