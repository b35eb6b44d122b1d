"""The user's own functions: called in order, on one thread apart, in the context of their cell."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import queue
import threading
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget._loop import get_loop
from rtc_widget.log.dispatch import NOTED, is_of_callback
from rtc_widget.log.record import decode_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.record import Record

__all__ = ["Callbacks"]


@dataclass(eq=False)
class _Registered:
    type: str
    function: Callable[[dict[str, Any]], object]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop | None
    own_failures: set[int] = field(default_factory=set)
    """The `seq` of each note of its own failure that it would be called with."""

    def wants(self, type: str) -> bool:
        return self.type in ("*", type)


@dataclass(frozen=True)
class _Failure:
    record: Record
    error: BaseException
    detail: str


_Job = tuple[_Registered, "Record | _Failure"] | threading.Event | None


class Callbacks:
    """Functions by event type.

    Parameters
    ----------
    report
        Called with an exception of a function and its traceback as text; notes it, and returns the `seq` of
        the note. No function is called with the note of its own failure, and what fails with the note of
        another's is not noted again: neither would ever end.
    """

    def __init__(self, report: Callable[[BaseException, str], int]) -> None:
        self._report = report
        self._registered: list[_Registered] = []
        self._queue: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, type: str, function: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Register a function for an event type ("*": every one); return what takes it away again."""
        loop = None
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
        entry = _Registered(type, function, contextvars.copy_context(), loop)
        self._registered = [*self._registered, entry]
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="rtc_widget callbacks", daemon=True)
            self._thread.start()

        def remove() -> None:
            self._registered = [other for other in self._registered if other is not entry]

        return remove

    def feed(self, record: Record) -> None:
        """Queue the functions that want this record."""
        for entry in self._registered:
            if entry.wants(record.type):
                self._queue.put((entry, record))

    def drain(self) -> None:
        """Return when all that is queued now has been called."""
        passed = threading.Event()
        self._queue.put(passed)
        passed.wait()

    def close(self) -> None:
        """End the thread after what is queued."""
        self._registered = []
        self._queue.put(None)
        self._thread = None

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if isinstance(job, threading.Event):
                job.set()
                continue
            entry, what = job
            if isinstance(what, _Failure):
                self._failed(entry, what)
            elif what.seq in entry.own_failures:
                entry.own_failures.remove(what.seq)
            else:
                self._call(entry, what)

    def _call(self, entry: _Registered, record: Record) -> None:
        try:
            # A dict of its own: what a function does to it is nobody else's.
            outcome = entry.context.run(entry.function, decode_event(record.raw))
            if inspect.isawaitable(outcome):
                self._await(entry, outcome, record)
        except BaseException as error:  # noqa: BLE001 - shown in w.errors and the panel; the others go on
            self._failed(entry, _Failure(record, error, traceback.format_exc()))

    def _failed(self, entry: _Registered, failure: _Failure) -> None:
        """Report on the thread that calls, so that the note is known before anybody is called with it."""
        if is_of_callback(failure.record):
            return
        seq = self._report(failure.error, failure.detail)
        if entry.wants(NOTED):
            entry.own_failures.add(seq)

    def _await(self, entry: _Registered, outcome: Any, record: Record) -> None:
        async def run() -> None:
            try:
                await outcome
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - shown in w.errors and the panel
                self._queue.put((entry, _Failure(record, error, traceback.format_exc())))

        loop = entry.loop if entry.loop is not None and entry.loop.is_running() else get_loop()
        entry.context.run(lambda: asyncio.run_coroutine_threadsafe(run(), loop))
