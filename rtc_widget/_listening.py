"""Waiting for events, and calling back with them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_seq, checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import Handle, submit
from rtc_widget._parts import SessionParts
from rtc_widget.log.record import decode_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rtc_widget.log.record import Record

__all__ = ["Listening"]


class Listening(SessionParts):
    """The ways a session's events reach the user's code."""

    def wait_for(
        self, type: str, *, timeout: float = 20.0, since: int | None = None
    ) -> Handle[dict[str, Any]]:
        """Wait for an event of a type.

        Parameters
        ----------
        type
            Of a server event, a client event or a note (`rtc.…`).
        timeout
            In s.
        since
            `seq` to look from; None looks from the last command's place in the log on.

        Returns
        -------
        Handle
            Of the event as a dict.

        Raises
        ------
        ConfigurationError
            For a timeout that is no number above 0, or a `since` that is no `seq`.
        ProtocolError
            For the name of an event that never was, or is no more.
        ConnectionFailed
            When awaited: the call ended before; notes are waited for all the same.
        WaitTimeout
            When awaited: says what came instead.
        """
        protocol.check_event_name(type)
        start = checked_seq(since, self._core.command_seq)
        return Handle(
            submit(self._wait_for(type, start, checked_timeout(timeout))),
            f"wait_for({type!r})",
            forbid_result=self._forbid_result,
        )

    async def _wait_for(self, type: str, start: int, timeout: float) -> dict[str, Any]:
        wait = self._core.waits.expect(
            lambda record: decode_event(record.raw) if record.type == type and record.seq >= start else None,
            needs_call=not type.startswith("rtc."),
        )
        for record in self._core.log.records(start):
            if record.type == type:
                self._core.waits.drop(wait)
                return decode_event(record.raw)
        return await self._core.waits.within(
            wait, timeout, type, seen=lambda: self._core.last_types(since=start)
        )

    def on(self, type: str, function: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Call a function with each event of a type; what it prints lands under the cell that registered it.

        Parameters
        ----------
        type
            Of a server event, a client event or a note (`rtc.…`); "*" for every one.
        function
            Called with the event as a dict, in order, on a thread apart; may be async.

        Returns
        -------
        callable
            Call it to stop.

        Raises
        ------
        ConfigurationError
            For what is no function.
        ProtocolError
            For an event that never was, or is no more; says the right name.
        """
        self._check_open()
        given: object = type
        if not isinstance(given, str) or given != "*":
            protocol.check_event_name(type)
        if not callable(function):
            raise ConfigurationError(f"on({type!r}, …) needs a function, not {function!r}.")
        return self._core.callbacks.add(type, function)

    def stream(self, *, since: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Go through the events as dicts, from now on, until the session is closed.

        Parameters
        ----------
        since
            `seq` to begin with instead of now.

        Returns
        -------
        async iterator
            Now is when it is made, however much later it is gone through.
        """
        return self._stream(checked_seq(since, len(self._core.log)))

    async def _stream(self, position: int) -> AsyncIterator[dict[str, Any]]:
        core = self._core
        loop = asyncio.get_running_loop()
        came = asyncio.Event()

        def wake(_: Record | None = None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop that streamed has closed
                loop.call_soon_threadsafe(came.set)

        stop = core.log.observe(wake)
        core.at_close.append(wake)
        try:
            while True:
                came.clear()
                is_last = core.closed
                while position < len(core.log):
                    yield core.log[position]
                    position += 1
                if is_last:
                    return
                await came.wait()
        finally:
            core.at_close.remove(wake)
            stop()
