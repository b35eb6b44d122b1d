"""Reading a log back: journals, plain rows of direction and event, and bare lists of server events."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from rtc_widget._errors import RecordingError
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.lines import UNREADABLE, Line, adopt, elements, odd_line, read_lines
from rtc_widget.log.record import as_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_CHUNK_BYTES = 1 << 18  # larger pieces fall out of the processor's cache, and take half as long again
_BLOCK_BYTES = 1 << 19  # of these a block is made: fewer are less work, until their lines fall out of it too
_BEGINNING = 64
_MARK = b"\xef\xbb\xbf"  # which some editors put before a text
_OF_UTF_16 = {begin.encode(kind) for begin in ("\ufeff{", "\ufeff[") for kind in ("utf-16-le", "utf-16-be")}
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"(\xb5/\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_EXCERPT = 200
_NAMING = 100


@dataclass(slots=True)
class Problem:
    """A line that could not be read."""

    line: int
    reason: str
    text: str
    whole: bool = True
    """Whether the line's end was written too."""


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
    with _opened(path) as file:
        _refuse_packed(path, file.read(_BEGINNING))
        file.seek(0)
        start = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
        file.seek(start)
        if _begins_with_array(file):
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
            lines.append(odd_line(as_utf8(text)))
        except (*UNREADABLE, TypeError) as error:
            raise RecordingError(f"event {place} is no event: {error}") from None
    adopt(loaded.log, lines)
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


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}", path=path) from error


def _refuse_packed(path: Path, begin: bytes) -> None:
    if begin[:4] in _OF_UTF_16:
        raise RecordingError(f"{path} is UTF-16 text: write it as UTF-8", path=path)
    for mark, name in _PACKED.items():
        if begin.startswith(mark):
            raise RecordingError(f"{path} is compressed ({name}): unpack it first", path=path)


def _begins_with_array(file: BinaryIO) -> bool:
    """Whether the first character that is no blank opens an array."""
    while piece := file.read(_BEGINNING):
        if begun := piece.lstrip():
            return begun.startswith(b"[")
    return False


def _whole_lines(file: BinaryIO, progress: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield pieces of the file that end where a line ends; the last one where the file does."""
    while piece := file.read(_CHUNK_BYTES):
        piece += file.readline()
        if progress is not None:
            progress(len(piece))
        yield piece


class _Reader:
    """Takes in pieces of a file; a broken line is judged when it is known whether another follows."""

    def __init__(self, loaded: Loaded, path: Path, strict: bool, start: int = 0) -> None:
        self._loaded = loaded
        self._path = path
        self._strict = strict
        self._offset = start
        self._broken: Problem | None = None
        self._lines: list[Line] = []
        self._adopted_to = start
        self._counted = 0, 1
        """A byte, and the number of the line that it is in."""

    def take(self, piece: bytes) -> None:
        """Take in a piece that ends where a line ends."""
        lines = read_lines(piece) if self._broken is None else None
        if lines is None:
            lines = self._one_by_one(piece)
        else:
            self._loaded.n_bytes = self._offset + len(piece)
        self._offset += len(piece)
        self._lines += lines
        if self._offset - self._adopted_to >= _BLOCK_BYTES:
            self._adopt()

    def _adopt(self) -> None:
        adopt(self._loaded.log, self._lines)
        self._lines, self._adopted_to = [], self._offset

    def finish(self) -> None:
        """Take what is left, and tell of a last line that was broken."""
        self._adopt()
        if self._broken is not None and self._broken.whole and not len(self._loaded.log):
            self._judge()  # no journal that was cut begins like this: the file holds something else
        if self._broken is not None:
            self._loaded.torn = True
            self._loaded.problems.append(self._broken)
            warnings.warn(
                f"{self._path}: the last line ({self._broken.line}) was not written whole and is left out.",
                UserWarning,
                stacklevel=4,
            )

    def _one_by_one(self, piece: bytes) -> list[Line]:
        lines = []
        at = self._offset
        for text in piece.split(b"\n"):
            begin, at = at, at + len(text) + 1
            if not text.strip():
                continue
            self._judge()
            try:
                lines.append(odd_line(as_utf8(text)))
                self._loaded.n_bytes = min(at, self._offset + len(piece))
            except UNREADABLE as error:
                excerpt = text[:_EXCERPT].decode("utf-8", "replace")
                number, whole = self._line_number(begin), at <= self._offset + len(piece)
                self._broken = Problem(number, str(error), excerpt, whole)
        return lines

    def _line_number(self, offset: int) -> int:
        """Return the number of the line that begins at this byte; each byte is counted once."""
        counted_to, number = self._counted
        with self._path.open("rb") as file:
            file.seek(counted_to)
            while counted_to < offset and (piece := file.read(min(_CHUNK_BYTES, offset - counted_to))):
                counted_to += len(piece)
                number += piece.count(b"\n")
        self._counted = counted_to, number
        return number

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


def _read_array(loaded: Loaded, data: bytes, path: Path) -> None:
    try:
        adopt(loaded.log, [odd_line(text) for text in elements(as_utf8(data))])
    except UNREADABLE as error:
        raise RecordingError(f"this is no JSON array of events: {error}", path=path, line=1) from None
    loaded.n_bytes = len(data)
