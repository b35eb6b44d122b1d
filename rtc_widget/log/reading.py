"""Reading a log back: journals, plain rows of direction and event, and bare lists of server events."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from rtc_widget._conversation.shapes import number
from rtc_widget._errors import RecordingError
from rtc_widget.log.blocks import DIRECTIONS, Rows
from rtc_widget.log.event_log import Direction, EventLog
from rtc_widget.log.members import members
from rtc_widget.log.record import as_utf8, read_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_CHUNK_BYTES = 1 << 18  # larger pieces fall out of the processor's cache, and take half as long again
_BEGINNING = 64
_MARK = b"\xef\xbb\xbf"  # which some editors put before a text
_EXCERPT = 200
_NAMING = 100


@dataclass(slots=True)
class Problem:
    """A line that could not be read."""

    line: int
    reason: str
    text: str


@dataclass(slots=True)
class Loaded:
    """What reading gave.

    Attributes
    ----------
    log : EventLog
        The records.
    problems : list of Problem
        Lines left out.
    n_bytes : int
        Size of the whole lines: where a journal may go on.
    torn : bool
        Whether the last line was left out.
    """

    log: EventLog
    problems: list[Problem] = field(default_factory=list)
    n_bytes: int = 0
    torn: bool = False


class _Line(msgspec.Struct, gc=False, kw_only=True):
    v: int = 1  # in the order of a journal's line, which is how they are found fastest
    seq: int = 0
    direction: Direction | None = None
    t_ms: float | None = None
    t_browser_ms: float | None = None
    t_kernel_ms: float | None = None
    rtc_call_id: str | None = None
    event: msgspec.Raw = msgspec.Raw(b"")
    text: str | None = None
    session_id: str | None = None
    started_at: str | None = None


_decode_lines = msgspec.json.Decoder(_Line).decode_lines
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
_event_of = attrgetter("event")


def read_file(path: Path, *, strict: bool = True, progress: Callable[[int], None] | None = None) -> Loaded:
    """Read a file of one record a line, or of one JSON array of server events.

    Parameters
    ----------
    path : Path
        The file.
    strict : bool
        Whether a broken line that is not the last is an error; otherwise it is left out and told.
    progress : callable, optional
        Called with a number of bytes each time some have been read.

    Raises
    ------
    RecordingError
        A line cannot be read.
    """
    loaded = _nothing()
    with path.open("rb") as file:
        start = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
        file.seek(start)
        if file.read(_BEGINNING).lstrip()[:1] == b"[":
            file.seek(start)
            _read_array(loaded, file.read(), path)
            return _named(loaded)
        file.seek(start)
        reader = _Reader(loaded, path, strict, start)
        for lines in _whole_lines(file, progress):
            reader.take(lines)
    reader.finish()
    return _named(loaded)


def read_events(events: Iterable[Any]) -> Loaded:
    """Read what is in memory: server events, or rows of direction and event; dicts or JSON text.

    Raises
    ------
    RecordingError
        One is neither.
    """
    loaded = _nothing()
    lines = []
    for place, event in enumerate(events, 1):
        try:
            text = event if isinstance(event, str | bytes) else json.dumps(event)
            lines.append(_odd_line(as_utf8(text)))
        except (*_UNREADABLE, TypeError) as error:
            raise RecordingError(f"event {place} is no event: {error}") from None
    _adopt(loaded.log, lines)
    return _named(loaded)


def _nothing() -> Loaded:
    loaded = Loaded(EventLog(""))
    loaded.log.wall_time_known = False
    return loaded


def _named(loaded: Loaded) -> Loaded:
    """Give a log that brings no session id one made of its first records: the same each time it is loaded."""
    log = loaded.log
    if not log.session_id:
        first = b"\n".join(record.raw for record in log.records(0, _NAMING))
        log.session_id = f"rtcs_{hashlib.sha256(first + b'%d' % len(log)).hexdigest()[:12]}"
    return loaded


def _whole_lines(file: BinaryIO, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield pieces of the file that end where a line ends; the last one where the file does."""
    rest: list[bytes] = []
    while chunk := file.read(_CHUNK_BYTES):
        if progress is not None:
            progress(len(chunk))
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield b"".join((*rest, chunk[:cut]))
            rest = []
        if cut < len(chunk):
            rest.append(chunk[cut:])
    if rest:
        yield b"".join(rest)


class _Reader:
    """Takes in pieces of a file; a broken line is judged when it is known whether another follows."""

    def __init__(self, loaded: Loaded, path: Path, strict: bool, start: int = 0) -> None:
        self._loaded = loaded
        self._path = path
        self._strict = strict
        self._offset = start
        self._broken: Problem | None = None

    def take(self, piece: bytes) -> None:
        """Take in a piece that ends where a line ends."""
        lines: Sequence[_Line] | None = None
        if self._broken is None and _is_utf8(piece):
            try:
                lines = _decode_lines(piece)
            except _UNREADABLE:
                lines = None
            if lines is not None and not _are_rows(lines):
                lines = None
        if lines is None:
            lines = self._one_by_one(piece)
        else:
            self._loaded.n_bytes = self._offset + len(piece)
        self._offset += len(piece)
        _adopt(self._loaded.log, lines)

    def finish(self) -> None:
        """Tell of a last line that was broken."""
        if self._broken is not None:
            self._loaded.torn = True
            self._loaded.problems.append(self._broken)
            warnings.warn(
                f"{self._path}: the last line ({self._broken.line}) was not written whole and is left out.",
                UserWarning,
                stacklevel=4,
            )

    def _one_by_one(self, piece: bytes) -> list[_Line]:
        lines = []
        at = self._offset
        for text in piece.split(b"\n"):
            begin, at = at, at + len(text) + 1
            if not text.strip():
                continue
            self._judge()
            try:
                lines.append(_odd_line(as_utf8(text)))
                self._loaded.n_bytes = min(at, self._offset + len(piece))
            except _UNREADABLE as error:
                excerpt = text[:_EXCERPT].decode("utf-8", "replace")
                self._broken = Problem(_line_number(self._path, begin), str(error), excerpt)
        return lines

    def _judge(self) -> None:
        """Refuse, or tell of, a broken line that turns out not to be the last."""
        if self._broken is None:
            return
        if self._strict:
            raise RecordingError(
                f"this line cannot be read ({self._broken.reason}). "
                "load(…, strict=False) leaves such lines out and lists them in `problems`.",
                path=self._path,
                line=self._broken.line,
            )
        self._loaded.problems.append(self._broken)
        self._broken = None


def _line_number(path: Path, offset: int) -> int:
    """Return the number of the line that begins at this byte."""
    with path.open("rb") as file:
        return file.read(offset).count(b"\n") + 1


def _are_rows(lines: Sequence[_Line]) -> bool:
    if None in {line.direction for line in lines}:
        return False
    return all(map(_event_of, lines)) or all(line.event or line.text is not None for line in lines)


def _is_utf8(piece: bytes) -> bool:
    if piece.isascii():
        return True
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _read_array(loaded: Loaded, data: bytes, path: Path) -> None:
    try:
        _adopt(loaded.log, [_odd_line(text) for text in _elements(as_utf8(data))])
    except _UNREADABLE as error:
        raise RecordingError(f"this is no JSON array of events: {error}", path=path, line=1) from None
    loaded.n_bytes = len(data)


def _elements(data: bytes) -> list[bytes]:
    try:
        return [bytes(element) for element in _decode_array(data)]
    except _UNREADABLE:
        return [json.dumps(element).encode() for element in json.loads(data)]


def _odd_line(text: bytes) -> _Line:
    """Read one line by itself: a row that the fast way does not take, or a bare server event."""
    try:
        line = _decode_line(text)
        if _are_rows([line]):
            return line
    except _UNREADABLE:
        pass
    parts = members(text.decode("utf-8"))
    direction = json.loads(parts.get("direction", "null"))
    if direction is None and "event" not in parts:
        return _Line(direction="server", event=msgspec.Raw(text.strip()))
    if direction not in DIRECTIONS:
        raise ValueError(f"a direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if "event" not in parts:
        raise ValueError("a row has an event")
    line = _Line(direction=direction, event=msgspec.Raw(parts["event"].encode("utf-8")))
    for name in ("t_ms", "t_browser_ms", "t_kernel_ms"):
        setattr(line, name, number(json.loads(parts.get(name, "null"))))
    return line


def _adopt(log: EventLog, lines: Sequence[_Line]) -> None:
    """Put lines into the log as one sealed block."""
    if not lines:
        return
    if not len(log):
        _introduce(log, lines[0])
    raws: list[Any] = [line.event or as_utf8(line.text or "") for line in lines]
    log.adopt(
        Rows(
            [line.direction or "server" for line in lines],
            raws,
            read_heads(raws),
            [line.t_ms for line in lines],
            [line.t_browser_ms for line in lines],
            [line.t_kernel_ms for line in lines],
            [line.rtc_call_id for line in lines],
        )
    )


def _introduce(log: EventLog, first: _Line) -> None:
    """Take over what a journal's first line says of the session."""
    if first.session_id is not None:
        log.session_id = first.session_id
    if first.started_at is not None:
        with contextlib.suppress(ValueError):
            log.started_at = datetime.fromisoformat(first.started_at)
            log.wall_time_known = True
