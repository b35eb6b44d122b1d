"""The open file of a journal: locked while it is written, never cut where somebody else has gone on."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from rtc_widget.log import locks
from rtc_widget.log.belonging import belongs, has_records

if TYPE_CHECKING:
    from pathlib import Path

    from rtc_widget.log.event_log import EventLog

__all__ = ["JournalFile"]


class JournalFile:
    """A file that whole lines are appended to.

    Parameters
    ----------
    path
        Where it is.
    size
        How many bytes of it are known to be whole lines.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._file: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is ours at the moment."""
        return self._file is not None

    def open(self, log: EventLog | None) -> None:
        """Open it for nobody but us; a torn line at its end is cut off.

        Parameters
        ----------
        log
            What is written to it; None where that is what was just read from it.

        Raises
        ------
        BlockingIOError
            Somebody else still writes it, or has gone on with it.
        OSError
            It cannot be written.
        """
        if self._file is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            locks.claim(file)
            if os.fstat(file).st_size > self._size and not self._is_ours(log):
                raise BlockingIOError(errno.EBUSY, "somebody else has gone on with it")
            os.ftruncate(file, self._size)
            os.lseek(file, self._size, os.SEEK_SET)
            if not self._ends_a_line():
                self._size += os.write(file, b"\n")  # all of the last line was written but its end
        except OSError:
            os.close(file)
            raise
        self._file = file

    def _is_ours(self, log: EventLog | None) -> bool:
        return not has_records(self.path, self._size) if log is None else belongs(self.path, log)

    def _ends_a_line(self) -> bool:
        """Whether what is to be kept is nothing, or ends where a line does."""
        with self.path.open("rb") as file:
            file.seek(max(self._size - 1, 0))
            return file.read(1) in {b"", b"\n"}

    def append(self, log: EventLog, lines: bytes) -> None:
        """Hand lines of a log to the operating system.

        Raises
        ------
        OSError
            It took not all of them: see `cut`.
        """
        self.open(log)
        if self._file is None:
            return
        data = memoryview(lines)
        while data:
            data = data[os.write(self._file, data) :]
        self._size = os.lseek(self._file, 0, os.SEEK_CUR)

    def cut(self) -> None:
        """Leave no half line behind."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
                os.lseek(self._file, self._size, os.SEEK_SET)

    def sync(self) -> None:
        """Have the disk keep what was written.

        Raises
        ------
        OSError
            It does not.
        """
        if self._file is not None:
            os.fsync(self._file)

    def is_gone(self) -> bool:
        """Whether somebody deleted or moved the file that is open."""
        if self._file is None:
            return False
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._file))  # noqa: PTH116 - beside an open file's
        except FileNotFoundError:
            return True

    def close(self, *, let_go: bool = True) -> None:
        """Close it; where it is not let go, its lock stays with the process that this one was forked from."""
        if self._file is not None:
            if let_go:
                locks.let_go(self._file)
            os.close(self._file)
            self._file = None
