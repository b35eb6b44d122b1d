"""The lines of a file that is read back: many at a time, or an odd one by itself."""

from __future__ import annotations

import contextlib
import json
import warnings
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._conversation.shapes import number
from rtc_widget.log.blocks import DIRECTIONS, Rows, texts_of
from rtc_widget.log.event_log import Direction  # noqa: TC001 - the decoder asks for it
from rtc_widget.log.members import members
from rtc_widget.log.record import as_utf8, read_heads
from rtc_widget.log.writing import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.log.event_log import EventLog

__all__ = ["UNREADABLE", "Line", "adopt", "elements", "odd_line", "read_lines"]

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class Line(msgspec.Struct, gc=False, kw_only=True):
    """A record as a line holds it, its event as it came or (of a journal) as text."""

    v: int = 1  # in the order of a journal's line, which is how they are found fastest
    seq: int = 0
    direction: Direction
    t_ms: float | None = None
    t_browser_ms: float | None = None
    t_kernel_ms: float | None = None
    rtc_call_id: str | None = None
    event: msgspec.Raw = msgspec.Raw(b"")
    text: str | None = None
    session_id: str | None = None
    started_at: str | None = None


_decode_lines = msgspec.json.Decoder(Line).decode_lines
_decode_line = msgspec.json.Decoder(Line).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_event_of = attrgetter("event")


def read_lines(piece: bytes) -> list[Line] | None:
    """Read whole lines; None where one of them is no row that can be read the fast way."""
    if not _is_utf8(piece):
        return None
    try:
        lines = _decode_lines(piece)
    except UNREADABLE:
        return None
    return lines if _have_events(lines) else None


def _have_events(lines: Sequence[Line]) -> bool:
    return all(map(_event_of, lines)) or all(line.event or line.text is not None for line in lines)


def _is_utf8(piece: bytes) -> bool:
    if piece.isascii():
        return True
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def elements(data: bytes) -> list[bytes]:
    """Return the elements of a JSON array, as they are written where that can be."""
    try:
        return [bytes(element) for element in _decode_array(data)]
    except UNREADABLE:
        return [json.dumps(element).encode() for element in json.loads(data)]


def odd_line(text: bytes) -> Line:
    """Read one line by itself: a row that the fast way does not take, or a bare server event."""
    try:
        line = _decode_line(text)
        if _have_events([line]):
            return line
    except UNREADABLE:
        pass
    parts = members(text.decode("utf-8"))
    direction = json.loads(parts.get("direction", "null"))
    if direction is None and "type" in parts:
        return Line(direction="server", event=msgspec.Raw(text.strip()))
    if direction is None and "event" not in parts:
        raise ValueError("a row has a direction and an event, a bare event has a type")
    if direction not in DIRECTIONS:
        raise ValueError(f"a direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if "event" not in parts:
        raise ValueError("a row has an event")
    line = Line(direction=direction, event=msgspec.Raw(parts["event"].encode("utf-8")))
    for name in ("t_ms", "t_browser_ms", "t_kernel_ms"):
        setattr(line, name, number(json.loads(parts.get(name, "null"))))
    return line


def adopt(log: EventLog, lines: Sequence[Line]) -> None:
    """Put lines into the log as one sealed block."""
    if not lines:
        return
    if not len(log):
        _introduce(log, lines[0])
    raws: list[Any] = list(map(_event_of, lines))
    if all(raws):
        texts = texts_of(raws)
        heads = read_heads(raws, texts.buffers()[2])
    else:
        raws = [line.event or as_utf8(line.text or "") for line in lines]
        texts, heads = texts_of(raws), read_heads(raws)
    log.adopt(
        Rows(
            [line.direction for line in lines],
            texts,
            heads,
            [line.t_ms for line in lines],
            [line.t_browser_ms for line in lines],
            [line.t_kernel_ms for line in lines],
            [line.rtc_call_id for line in lines],
        )
    )


def _introduce(log: EventLog, first: Line) -> None:
    """Take over what a journal's first line says of the session."""
    if first.v > VERSION:
        warnings.warn(
            f"this journal is of version {first.v}, and this rtc_widget knows version {VERSION}: "
            "upgrade it, lest something be read wrongly.",
            UserWarning,
            stacklevel=2,
        )
    if first.session_id is not None:
        log.session_id = first.session_id
    if first.started_at is not None:
        with contextlib.suppress(ValueError):
            began = datetime.fromisoformat(first.started_at)
            log.started_at = began if began.tzinfo is not None else began.replace(tzinfo=UTC)
            log.wall_time_known = True
