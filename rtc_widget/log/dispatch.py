"""Handing records to callbacks: in order, one at a time, whichever threads append."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.record import Record


NOTED = "rtc.error"
"""The type of the note of a callback that failed."""


def is_of_callback(record: Record) -> bool:
    """Say whether a record is the note of a callback that failed: one that fails on it is not noted again."""
    return record.type == NOTED and record.event.get("source") == "callback"


class Dispatch:
    """The callbacks of a log, and the records they have yet to see.

    One thread at a time delivers. What is put meanwhile, by a callback or by another thread, is
    delivered by that same thread after the current record: never nested, never out of order.

    Parameters
    ----------
    on_failure : callable
        Called with the record and the exception when a callback raises.

    Attributes
    ----------
    callbacks : tuple of callable
        In the order in which they came.
    """

    def __init__(self, on_failure: Callable[[Record, Exception], None]) -> None:
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self.callbacks: tuple[Callable[[Record], None], ...] = ()
        self._outbox: deque[Record] = deque()
        self._busy = False

    def observe(self, callback: Callable[[Record], None]) -> Callable[[], None]:
        """Add a callback; return what removes it."""
        with self._lock:
            self.callbacks = (*self.callbacks, callback)

        def unobserve() -> None:
            with self._lock:
                self.callbacks = tuple(c for c in self.callbacks if c is not callback)

        return unobserve

    def put(self, record: Record) -> None:
        """Take a record to be delivered; the log calls this under its lock, so in order."""
        self._outbox.append(record)

    def deliver(self) -> None:
        """Deliver what there is, unless a thread (this one, further up, perhaps) is at it already."""
        if not self._outbox:
            return
        with self._lock:
            if self._busy:
                return
            self._busy = True
        stopped: BaseException | None = None
        while (record := self._next()) is not None:
            for callback in self.callbacks:
                try:
                    callback(record)
                except Exception as error:  # noqa: BLE001 - a callback may raise anything, and harms nobody
                    self._on_failure(record, error)
                except BaseException as error:  # noqa: BLE001 - raised below, once everybody has the record
                    stopped = error
        if stopped is not None:
            raise stopped

    def _next(self) -> Record | None:
        try:
            return self._outbox.popleft()
        except IndexError:
            pass
        with self._lock:
            if self._outbox:
                return self._outbox.popleft()
            self._busy = False
            return None
