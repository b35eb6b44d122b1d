"""The event log: append-only, in memory, safe from any thread, watched by callbacks."""

from __future__ import annotations

import math
import time
import traceback
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

from rtc_widget._arguments import is_whole
from rtc_widget._errors import ConfigurationError
from rtc_widget._words import said_by
from rtc_widget.log.blocks import DIRECTIONS, Rows, last_browser_time, last_time
from rtc_widget.log.clocks import ClockFit
from rtc_widget.log.dispatch import NOTED, Dispatch, is_of_callback
from rtc_widget.log.masking import masked
from rtc_widget.log.record import Head, Record, as_json, as_utf8, decode_event, read_head
from rtc_widget.log.store import Store
from rtc_widget.log.twice import Twice
from rtc_widget.protocol.refusal import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rtc_widget.log.journal import Journal

__all__ = ["Direction", "EventLog", "Record"]

Direction = Literal["client", "server", "local"]
_Prepared = tuple[Direction, bytes, Head, bool]


class EventLog(Store):
    """Client events, server events and notes of one session, in the order they passed.

    Records are appended, never changed. The newest are Python objects; every 1,024 of them are
    sealed into an Arrow block, which the `events` frame shares.

    Parameters
    ----------
    session_id : str, optional
        Our own id of the session; made (`rtcs_` and 12 hex digits) when not given.
    journal : Journal, optional
        Where records are written as they arrive; memory only without one.
    """

    def __init__(self, session_id: str | None = None, *, journal: Journal | None = None) -> None:
        super().__init__()
        self.session_id = f"rtcs_{uuid.uuid4().hex[:12]}" if session_id is None else session_id
        self.journal = journal
        self.clock: ClockFit | None = None
        self.started_at: datetime = datetime.now(UTC)
        self.wall_time_known = True
        self._t0_us: int | None = None
        self._twice: Twice | None = None
        self._dispatch = Dispatch(self._note_failure)
        if journal is not None:
            journal.open_for(self)

    def append(
        self,
        direction: Direction,
        raw: str | bytes,
        *,
        t_browser_ms: float | None = None,
        t_kernel_ms: float | None = None,
        rtc_call_id: str | None = None,
    ) -> int:
        """Append one event; from any thread.

        Parameters
        ----------
        direction : {"client", "server", "local"}
            Sent by us, sent to us, or a note of our own.
        raw : str or bytes
            The event's JSON text, kept byte for byte.
        t_browser_ms : float, optional
            When the browser saw it, by the browser's clock (epoch ms).
        t_kernel_ms : float, optional
            When the kernel saw it, by its monotonic clock (ms); now, when not given.
        rtc_call_id : str, optional
            The WebRTC call it travelled on.

        Returns
        -------
        int
            The record's `seq`; of an event that another path brought before, that one's. When this thread
            is not itself inside a callback and no other thread is delivering records, its callbacks have
            run.

        Raises
        ------
        ValueError
            The direction is none of the three.
        """
        prepared = _prepare(direction, raw)
        with self._lock:
            now_us = time.monotonic_ns() // 1000 if t_kernel_ms is None else round(t_kernel_ms * 1000)
            seq = self._add(prepared, now_us, t_browser_ms, rtc_call_id)
        if self._dispatch.callbacks:
            self._dispatch.deliver()
        return seq

    def extend(
        self,
        rows: Iterable[tuple[Direction, str | bytes, float | None]],
        *,
        t_kernel_ms: float | None = None,
        rtc_call_id: str | None = None,
    ) -> range:
        """Append several events under one lock.

        Parameters
        ----------
        rows : iterable of (direction, raw, t_browser_ms)
            As in `append`.
        t_kernel_ms, rtc_call_id : optional
            As in `append`, the same for all of them.

        Returns
        -------
        range
            The `seq` numbers they got; none for those that another path brought before.
        """
        prepared = [(_prepare(direction, raw), t_browser_ms) for direction, raw, t_browser_ms in rows]
        with self._lock:
            first = len(self)
            now_us = _now_us() if t_kernel_ms is None else round(t_kernel_ms * 1000)
            for row, t_browser_ms in prepared:
                self._add(row, now_us, t_browser_ms, rtc_call_id)
            last = len(self)
        self._dispatch.deliver()
        return range(first, last)

    def expect_twice(self) -> None:
        """From now on take a server event once that comes by two paths; its `event_id` tells."""
        with self._lock:
            self._twice = self._twice or Twice()

    def has_come(self, event_id: str) -> bool:
        """Say whether a server event is here, since events are expected twice."""
        with self._lock:
            return self._twice is not None and self._twice.seq_of(Head(event_id=event_id)) is not None

    def note(self, type: str, **fields: Any) -> int:
        """Append a note of our own: direction `local`, event `{"type": type, **fields}`.

        Returns
        -------
        int
            The record's `seq`.
        """
        return self.append("local", as_json({"type": type, **fields}))

    def adopt(self, rows: Rows) -> None:
        """Append records that a journal brings, with the times they have; observers are not called."""
        with self._lock:
            self._adopt(rows)

    def go_on(self, journal: Journal) -> None:
        """Append to a log that was loaded: new records get times that follow, and go to this journal."""
        with self._lock:
            self.journal = journal
            journal.open_for(self)
            since = datetime.now(UTC) - self.started_at  # less than it had, where a clock was set back
            since_us = max(since // timedelta(microseconds=1), round(last_time(self._blocks) * 1_000))
            self._t0_us = _now_us() - since_us if self._sealed else None
            times = last_browser_time(self._blocks)
            if times is not None:  # what follows it in the browser follows it here, until there is a new fit
                t_ms, t_browser_ms = times
                self.clock = ClockFit(t_browser_ms - t_ms + self.t_ms_of(0.0), math.inf, 0)

    def set_clock(self, fit: ClockFit) -> None:
        """From the next record on, place browser times on the log's clock by this fit."""
        with self._lock:
            self.clock = fit

    def t_ms_of(self, t_kernel_ms: float) -> float:
        """Return an instant of the kernel's clock as `t_ms`; 0 while there is no record."""
        return 0.0 if self._t0_us is None else t_kernel_ms - self._t0_us / 1000

    def close(self) -> None:
        """Write what is left to the journal and close it; the log stays readable."""
        if self.journal is not None:
            self.journal.close()

    @overload
    def __getitem__(self, seq: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, seq: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, seq: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return one event as a dict, or a slice of them; negative numbers count from the end.

        Raises
        ------
        ConfigurationError
            For what is no number of a record.
        IndexError
            There is no such record.
        """
        if isinstance(seq, slice):
            return [decode_event(self.record(place).raw) for place in range(len(self))[seq]]
        if not is_whole(seq):
            raise ConfigurationError(f"event_log[…] takes a record's number, seq, not {shown(seq)}.")
        return decode_event(self.record(seq).raw)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Go through the events, as dicts."""
        return (decode_event(record.raw) for record in self.records())

    def __repr__(self) -> str:
        """Say whose log it is, and how long."""
        return f"<EventLog {self.session_id}: {len(self)} records>"

    def observe(self, callback: Callable[[Record], None]) -> Callable[[], None]:
        """Call back for every record from now on, in order, one at a time.

        A record appended inside a callback, or by another thread meanwhile, is delivered after the
        current one. What a callback raises becomes a note `rtc.error` and harms nobody else.

        Returns
        -------
        callable
            Ends it.
        """
        return self._dispatch.observe(callback)

    @property
    def durable(self) -> int:
        """How many records are on disk; all of them when there is no journal to wait for."""
        return len(self) if self.journal is None else self.journal.durable

    def on_durable(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call back with the number of records on disk whenever it grows; may be on another thread.

        Returns
        -------
        callable
            Ends it.
        """
        if self.journal is None:
            return self.observe(lambda record: callback(record.seq + 1))
        return self.journal.on_durable(callback)

    def _add(
        self, prepared: _Prepared, now_us: int, t_browser_ms: float | None, rtc_call_id: str | None
    ) -> int:
        """Add one record, under the lock."""
        direction, text, head, strict = prepared
        seq = len(self)
        if self._twice is not None and direction == "server":
            before = self._twice.seq_of(head)
            if before is not None:
                return before
            self._twice.add(head, seq)
        if t_browser_ms is None or self.clock is None:
            t_us = now_us
        else:
            t_us = round(self.clock.to_kernel_ms(t_browser_ms) * 1000)
        if self._t0_us is None:
            self._t0_us, self.started_at = t_us, datetime.now(UTC)
        record = Record(
            seq,
            direction,
            head.type or "",
            text,
            (t_us - self._t0_us) / 1000,
            t_browser_ms,
            now_us / 1000,
            rtc_call_id,
        )
        self._put(record, head)
        if self.journal is not None:
            self.journal.put(record, strict)
        if self._dispatch.callbacks:
            self._dispatch.put(record)
        return seq

    def _note_failure(self, record: Record, error: Exception) -> None:
        if is_of_callback(record):
            return
        self.note(
            NOTED,
            source="callback",
            code=type(error).__name__,
            message=said_by(error),
            detail="".join(traceback.format_exception(error)),
        )


def _prepare(direction: Direction, raw: str | bytes) -> _Prepared:
    if direction not in DIRECTIONS:
        raise ValueError(f"a direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
    came = as_utf8(raw)
    head, strict = read_head(came)
    text = masked(came, head)
    if text is not came:
        head, strict = read_head(text)
    return direction, text, head, strict


def _now_us() -> int:
    """Return the clock of `kernel_ms` in whole µs."""
    return time.monotonic_ns() // 1000
