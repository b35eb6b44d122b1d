"""Whose a journal is: one that somebody else has gone on with is neither cut nor written over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_widget.log.lines import read_lines
from rtc_widget.log.record import as_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.lines import Line

__all__ = ["belongs", "has_records"]

_CHUNK_BYTES = 1 << 18


def belongs(path: Path, log: EventLog) -> bool:
    """Whether a log has all the records of a journal.

    Parameters
    ----------
    path
        The journal.
    log
        The log that is to be written there.
    """
    n, last = 0, None
    for lines in _lines(path, 0):
        n, last = n + len(lines), lines[-1]
    if last is None:
        return True
    if n > len(log):
        return False
    known = log.record(n - 1)
    raw = bytes(last.event) or as_utf8(last.text or "")
    return (known.raw, known.t_kernel_ms) == (raw, last.t_kernel_ms)


def has_records(path: Path, start: int) -> bool:
    """Whether a journal has a record from this byte on; a torn line is none."""
    return any(_lines(path, start))


def _lines(path: Path, start: int) -> Iterator[list[Line]]:
    """Yield the records of a journal, some at a time; what cannot be read is none."""
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(_CHUNK_BYTES):
            piece += file.readline()
            lines = read_lines(piece)
            if lines is None:
                lines = [line for text in piece.split(b"\n") for line in read_lines(text) or ()]
            if lines:
                yield lines
