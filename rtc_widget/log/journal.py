"""The journal: the log on disk as it grows, one JSON object a line, written off the hot path."""

from __future__ import annotations

import atexit
import contextlib
import errno
import threading
import time
import weakref
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtc_widget._fork import in_a_fork
from rtc_widget.log.journal_file import JournalFile
from rtc_widget.log.record import read_head
from rtc_widget.log.writing import BATCH, encode_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

_RETRY_S = 5.0
_LET_GO_S = 1.0
_TURN_ENDS = {"response.done", "output_audio_buffer.stopped", "output_audio_buffer.cleared", "rtc.state"}


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _forget_all() -> None:
    for journal in list(_journals):
        journal.forget()


in_a_fork(_forget_all)


class Journal:
    """Writes the records of one log to a file, on a thread of its own.

    Every record is handed to the operating system within 250 ms, so that a killed kernel loses no
    more; the file is synced to the disk at turn ends and when a call changes its state. Where it
    cannot be written, the log gets a note `rtc.error` (source `disk`), the session goes on in
    memory, and writing is tried again every 5 s.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made.
    flush_ms : float
        How long records may wait.
    start, size : int
        To go on with a journal that is there: its records, and the bytes they take; a torn line
        after those is cut off. Records after those are somebody else's: then nothing is written.
    """

    def __init__(self, path: str | Path, *, flush_ms: float = 100.0, start: int = 0, size: int = 0) -> None:
        self.path = Path(path)
        self.flush_s = flush_ms / 1000
        self._durable = start
        self._log: EventLog | None = None
        self._file = JournalFile(self.path, size)
        self._pending: list[Record] = []
        self._odd: set[int] = set()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed_at_s: float | None = None
        self._errno = errno.EIO
        self._closed = False
        self._over = False
        self._callbacks: tuple[Callable[[int], None], ...] = ()
        _journals.add(self)

    @property
    def durable(self) -> int:
        """How many records the file holds."""
        return self._durable

    @property
    def failing(self) -> bool:
        """Whether the file cannot be written at the moment."""
        return self._failed_at_s is not None

    @property
    def over(self) -> bool:
        """Whether nothing is written any more: the file is closed, and may be somebody else's by now."""
        return self._over

    def open_for(self, log: EventLog) -> None:
        """Belong to a log; the file is opened with its first record."""
        self._log = log

    def claim(self) -> bool:
        """Open the file now, for nobody but us; False where somebody else still writes it."""
        until_s = time.monotonic() + _LET_GO_S
        while True:
            try:
                with self._writing:
                    self._file.open(self._log)
            except BlockingIOError:
                # A process that is just being started holds for a moment what its parent held.
                if time.monotonic() > until_s:
                    return False
                time.sleep(_LET_GO_S / 20)
            except OSError:
                return True  # it cannot be written: the first record says so
            else:
                return True

    def put(self, record: Record, strict: bool) -> None:
        """Take a record to be written soon; the log calls this under its lock.

        Parameters
        ----------
        record : Record
            The record.
        strict : bool
            Whether its text is strict JSON.
        """
        if self._over:
            return
        if not strict:
            self._odd.add(record.seq)
        self._pending.append(record)
        if not self._wake.is_set():
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="rtc-journal", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._wake.set()

    def sync(self) -> None:
        """Write all that is in the log now and have the disk keep it, however lately that failed.

        Raises
        ------
        OSError
            Not all of it is on disk.
        """
        n = 0 if self._log is None else len(self._log)
        self._write(sync=True)
        if self._durable < n or self.failing:
            raise OSError(
                self._errno,
                f"{min(self._durable, n)} of {n} records could be written and kept; save() to another folder",
                str(self.path),
            )

    def close(self) -> None:
        """Write what is left, sync and close the file, for good: somebody else may go on with it."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._hurry.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._write(sync=True)
        with self._writing:
            self._over = True
            self._file.close()

    def forget(self) -> None:
        """Write nothing more, and leave the file to the process that this one was forked from."""
        self._closed = self._over = True
        self._writing = threading.Lock()  # a thread that is not in this process may have held it
        self._pending.clear()
        atexit.unregister(self.close)
        self._file.close(let_go=False)

    def on_durable(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call back, on the journal's thread, with the number of records in the file when it has grown.

        Returns
        -------
        callable
            Ends it.
        """
        with self._lock:
            self._callbacks = (*self._callbacks, callback)

        def forget() -> None:
            with self._lock:
                self._callbacks = tuple(c for c in self._callbacks if c is not callback)

        return forget

    # -- the journal's thread --------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._hurry.wait(self.flush_s)  # let records gather
            self._wake.clear()
            self._write()

    def _write(self, *, sync: bool = False) -> None:
        """Write what waits; one thread at a time is here."""
        log = self._log
        if log is None:
            return
        with self._writing:
            if self._over:
                return
            before = self._durable
            notes = self._write_waiting(log, sync=sync)
        for note in notes:  # with no lock held that a callback might wait for
            log.note(**note)
        if self._durable != before:
            for callback in self._callbacks:
                with contextlib.suppress(Exception):
                    callback(self._durable)
        if notes and sync:
            self._write(sync=True)  # what was noted, too

    def _write_waiting(self, log: EventLog, *, sync: bool) -> list[dict[str, Any]]:
        """Write what waits; return what is to be noted of it."""
        notes = []
        try:
            failed_at_s = self._failed_at_s
            if failed_at_s is not None:
                self._pending.clear()  # all of it is in the log
                if not sync and time.monotonic() - failed_at_s < _RETRY_S:
                    return []
            if self._file.is_gone():
                notes.append(self._error("ENOENT", "was deleted or moved; it is written anew."))
                self._begin_anew(log)
            elif failed_at_s is not None:
                self._catch_up(log)
            fresh = self._take()
            self._write_records(log, fresh)
            if sync or any(record.type in _TURN_ENDS for record in fresh):
                self._file.sync()
        except OSError as error:
            notes += self._give_up(error)
        return notes

    def _take(self) -> list[Record]:
        """Take what waits, without what the file has already; others may put more in meanwhile."""
        fresh = self._pending[:]
        del self._pending[: len(fresh)]
        if fresh and fresh[0].seq < self._durable:
            return [record for record in fresh if record.seq >= self._durable]
        return fresh

    def _write_records(self, log: EventLog, records: list[Record]) -> None:
        if not records:
            return
        odd = self._odd
        self._file.append(log, encode_records(log, records, odd))
        self._durable = records[-1].seq + 1
        if odd:
            odd.difference_update(record.seq for record in records)

    def _begin_anew(self, log: EventLog) -> None:
        """Write the whole log again, where the file was deleted or moved: it has all that was in there."""
        self._file.close()
        self._file, self._durable = JournalFile(self.path, 0), 0
        self._pending.clear()
        self._catch_up(log)

    def _catch_up(self, log: EventLog) -> None:
        """Write from the log itself what the file lacks."""
        records = log.records(self._durable)
        while batch := list(islice(records, BATCH)):
            self._odd.update(record.seq for record in batch if not read_head(record.raw)[1])
            self._write_records(log, batch)
        self._failed_at_s = None

    def _give_up(self, error: OSError) -> list[dict[str, Any]]:
        first = self._failed_at_s is None
        self._failed_at_s = time.monotonic()
        self._errno = error.errno or errno.EIO
        self._pending.clear()
        self._file.cut()
        if not first:
            return []
        code = errno.errorcode.get(error.errno or 0, type(error).__name__)
        said = f"cannot be written ({error.strerror or error}). The session goes on in memory; "
        return [self._error(code, said + "save() it to another folder.")]

    def _error(self, code: str, said: str) -> dict[str, Any]:
        message = f"The journal {self.path} {said}"
        return {"type": "rtc.error", "source": "disk", "code": code, "message": message}
