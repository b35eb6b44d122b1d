"""The `config` frame: a row is a change of configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Source
    from rtc_widget.log.record import Record


class _Row(NamedTuple):
    version: Any
    t_ms: float | None
    variant: Any
    cause: Any
    changed: Any
    effective: Any


COLUMNS = (
    Column("version", "version", "int", "Number of the configuration within the session, from 1."),
    Column("t_ms", "t_ms", "float", "It took effect; ms since the first record."),
    Column("variant", "variant", "category", "The variant, where it has a name."),
    Column("cause", "cause", "category", "What brought it.", ("connect", "update", "server")),
    Column("changed", "changed", "string", "Fields that differ from the version before, as JSON text."),
    Column("effective", "effective", "string", "The whole configuration, as JSON text."),
)
_SERVER = {"session.created": "server", "session.updated": "update"}


def _read(record: Record) -> list[Record]:
    return [record]


def _rows(source: Source) -> list[_Row]:
    records: list[Record] = source.kept.get("config", [])
    notes = [record for record in records if record.direction == "local"]
    if notes:
        return [_of_note(record) for record in notes]
    return _of_server([record for record in records if record.direction == "server"])


def _of_note(record: Record) -> _Row:
    event = record.event
    rest = [event.get(name) for name in ("variant", "cause", "changed", "effective")]
    return _Row(event.get("version"), record.t_ms, *rest)


def _of_server(records: list[Record]) -> list[_Row]:
    """Where nobody took notes, read the server's own word: each session event that changes something."""
    rows: list[_Row] = []
    before: dict[str, Any] = {}
    for record in records:
        session = record.event.get("session")
        if not isinstance(session, dict):
            continue
        changed = difference(before, session)
        if changed or not rows:
            rows.append(_Row(len(rows) + 1, record.t_ms, None, _SERVER[record.type], changed, session))
        before = session
    return rows


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `after` that differ from `before`, at every depth; None for what is gone."""
    changed: dict[str, Any] = {key: None for key in before if key not in after}
    for key, new in after.items():
        old = before.get(key)
        if old == new and key in before:
            continue
        changed[key] = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
    return changed


FRAME = Frame(
    "config",
    "a change of configuration",
    COLUMNS,
    _rows,
    frozenset({"rtc.config", "session.created", "session.updated"}),
    _read,
)
