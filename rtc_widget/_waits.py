"""Waiting for what comes back: futures that records resolve, each with a time limit and a story."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from rtc_widget._errors import ConnectionFailed, WaitTimeout
from rtc_widget._kernel import kernel_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget.log.record import Record

__all__ = ["BACKGROUND", "Wait", "Waits"]

BACKGROUND = frozenset({"rtc.audio", "rtc.stats"})
"""Notes that come every second, and say nothing of why something else did not come."""

T = TypeVar("T")

_SEEN = 8


class Wait(Generic[T]):
    """One thing awaited.

    Parameters
    ----------
    test
        Called with each record; returns None to go on waiting, anything else to end, or raises.
    needs_call
        Whether the end of the call ends the wait.
    """

    def __init__(self, test: Callable[[Record], T | None], *, needs_call: bool) -> None:
        self.future: Future[T] = Future()
        self.test = test
        self.needs_call = needs_call
        self.seen: deque[str] = deque(maxlen=_SEEN)


class Waits:
    """All that a session awaits; fed with every record, from whichever thread dispatches it."""

    def __init__(self) -> None:
        self.hidden_by: str | None = None
        """What keeps events from us, where something does."""
        self._lock = threading.Lock()
        self._open: list[Wait[object]] = []

    def hint(self) -> str | None:
        """Say why what is awaited may never come, where there is a reason, and the way out."""
        if self.hidden_by is not None:
            return f'{self.hidden_by} hides events: signaling="kernel", sideband=True brings all of them.'
        return kernel_hint()

    def expect(self, test: Callable[[Record], T | None], *, needs_call: bool = True) -> Wait[T]:
        """Begin to wait; do so before sending what is to be answered."""
        wait = Wait(test, needs_call=needs_call)
        with self._lock:
            self._open.append(wait)  # type: ignore[arg-type]  # a Wait[T] is read as a Wait[object] only
        return wait

    def feed(self, record: Record) -> None:
        """Show a record to all who wait."""
        with self._lock:
            waiting = list(self._open)
        ended = _end_of_call(record)
        for wait in waiting:
            if record.type not in BACKGROUND:
                wait.seen.append(record.type)
            _try(wait, record, ended)
        if waiting:
            with self._lock:
                self._open = [wait for wait in self._open if not wait.future.done()]

    async def within(
        self,
        wait: Wait[T],
        timeout: float,
        what: str,
        *,
        seen: Callable[[], Sequence[str]] | None = None,
    ) -> T:
        """Return what the wait ends with.

        Parameters
        ----------
        wait
            From `expect`.
        timeout
            In s.
        what
            What is awaited, for the error.
        seen
            Returns the types of the last events that came instead; None takes those since `expect`.

        Raises
        ------
        WaitTimeout
            With the last events that came instead.
        """
        try:
            return await asyncio.wait_for(asyncio.wrap_future(wait.future), timeout)
        except TimeoutError:
            if wait.future.done() and not wait.future.cancelled():
                return wait.future.result(0)
            came = wait.seen if seen is None else seen()
            raise WaitTimeout(what, timeout, list(came), self.hint()) from None
        finally:
            self.drop(wait)

    def drop(self, wait: Wait[T]) -> None:
        """Stop waiting."""
        with self._lock:
            self._open = [other for other in self._open if other is not wait]


def _try(wait: Wait[object], record: Record, ended: ConnectionFailed | None) -> None:
    if wait.future.done():
        return
    try:
        found = wait.test(record)
    except Exception as error:  # noqa: BLE001 - it reaches whoever awaits
        _settle(wait.future, error=error)
        return
    if found is not None:
        _settle(wait.future, found)
    elif ended is not None and wait.needs_call:
        _settle(wait.future, error=ended)


def _settle(future: Future[object], value: object = None, *, error: Exception | None = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


def _end_of_call(record: Record) -> ConnectionFailed | None:
    if record.direction != "local" or record.type != "rtc.state":
        return None
    note = record.event
    if note.get("state") not in {"ended", "failed"}:
        return None
    reason = str(note.get("reason") or "the call ended")
    return ConnectionFailed(str(note.get("step") or "channel"), reason, note.get("advice"))
