"""The `rate_limits` frame: a row is a limit in an update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtc_widget.log.record import Record


class _Row(NamedTuple):
    t_ms: float | None
    limit: dict[str, Any]


COLUMNS = (
    Column("t_ms", "t_ms", "float", "`rate_limits.updated` came; ms since the first record."),
    Column("name", "limit.name", "category", "What is limited.", ("requests", "tokens")),
    Column("limit", "limit.limit", "int", "How much is allowed."),
    Column("remaining", "limit.remaining", "int", "How much is left."),
    Column("reset_s", "limit.reset_seconds", "float", "Until it is all there again, s."),
)


def _read(record: Record) -> Iterator[_Row]:
    limits = record.event.get("rate_limits")
    for limit in limits if isinstance(limits, list) else ():
        if isinstance(limit, dict):
            yield _Row(record.t_ms, limit)


FRAME = Frame(
    "rate_limits",
    "a limit in an update",
    COLUMNS,
    lambda source: source.kept.get("rate_limits", []),
    frozenset({"rate_limits.updated"}),
    _read,
)
