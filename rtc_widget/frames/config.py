"""The `config` frame: a row is a change of configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from rtc_widget._conversation.shapes import text
from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame
from rtc_widget.log.blocks import DIRECTIONS
from rtc_widget.log.record import as_json, decode_event
from rtc_widget.protocol.session_config import session_diff

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Source
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

_NOTHING = msgspec.Raw(b"")


class _Row(NamedTuple):
    version: Any
    t_ms: float | None
    variant: Any
    cause: Any
    changed: bytes | None
    effective: bytes | None


COLUMNS = (
    Column("version", "version", "int", "Number of the configuration within the session, from 1."),
    Column("t_ms", "t_ms", "float", "It took effect; ms since the first record."),
    Column("variant", "variant", "category", "The variant, where it has a name."),
    Column("cause", "cause", "category", "What brought it.", ("connect", "update", "server")),
    Column(
        "changed",
        "changed",
        "string",
        "What differs from the version before, as JSON text: from the place to `[old, new]`.",
    ),
    Column("effective", "effective", "string", "The whole configuration, as JSON text."),
)


def _read(record: Record) -> list[Record]:
    return [record]


class _Event(msgspec.Struct, gc=False):
    """What is read of an event; its objects stay text, as they came."""

    version: Any = None
    variant: Any = None
    cause: Any = None
    changed: msgspec.Raw = _NOTHING
    effective: msgspec.Raw = _NOTHING
    session: msgspec.Raw = _NOTHING


_decode_event = msgspec.json.Decoder(_Event).decode


def _event_of(record: Record) -> _Event:
    try:
        return _decode_event(record.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        event = record.event
        objects = [text(event.get(name)) or "" for name in ("changed", "effective", "session")]
        changed, effective, session = [
            msgspec.Raw(one.encode("utf-8", "backslashreplace")) for one in objects
        ]
        return _Event(
            event.get("version"), event.get("variant"), event.get("cause"), changed, effective, session
        )


def _rows(source: Source) -> list[_Row]:
    records: list[Record] = source.kept.get("config", [])
    notes = [record for record in records if record.direction == "local"]
    if notes:
        return [_of_note(record) for record in notes]
    return _of_server(records, asked=_has_client(source.log))


def _of_note(record: Record) -> _Row:
    event = _event_of(record)
    return _Row(
        event.version, record.t_ms, event.variant, event.cause, _text(event.changed), _text(event.effective)
    )


def _text(raw: msgspec.Raw) -> bytes | None:
    words = bytes(raw)
    return None if words in {b"", b"null"} else words


def _has_client(log: EventLog) -> bool:
    """Whether the log has what the client sent, too."""
    client = DIRECTIONS.index("client")
    return any((block.direction == client).any() for block in log.all_blocks())


def _of_server(records: list[Record], *, asked: bool) -> list[_Row]:
    """Where nobody took notes, read the server's own word: each session event that changes something.

    With `asked`, a change is an update only where one was asked for; else there is no telling.
    """
    rows: list[_Row] = []
    before: tuple[bytes, dict[str, Any]] = b"", {}
    waiting = 0
    for record in records:
        if record.direction != "server":
            waiting += 1
            continue
        cause = "connect"
        if record.type == "session.updated":
            cause = "update" if waiting or not asked else "server"
            waiting = max(0, waiting - 1)
        session = bytes(_event_of(record).session)
        if session == before[0] or not session.startswith(b"{"):
            continue
        effective = decode_event(session)
        changed = session_diff(before[1], effective)
        if changed or not rows:
            rows.append(_Row(len(rows) + 1, record.t_ms, None, cause, as_json(changed), session))
        before = session, effective
    return rows


FRAME = Frame(
    "config",
    "a change of configuration",
    COLUMNS,
    _rows,
    frozenset({"rtc.config", "session.created", "session.update", "session.updated"}),
    _read,
)
