"""What stands behind a session: its log, its conversation, its waits, and how a command runs."""

from __future__ import annotations

import asyncio
import time
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

from rtc_widget import protocol
from rtc_widget._callbacks import Callbacks
from rtc_widget._errors import ConnectionFailed, RtcWidgetError, ServerError, WaitTimeout
from rtc_widget._loop import Handle, on_loop_thread, submit
from rtc_widget._order import Order
from rtc_widget._playback import Playback
from rtc_widget._unanswered import Unanswered
from rtc_widget._waits import BACKGROUND, Waits
from rtc_widget._words import said_by
from rtc_widget.conversation import FIRST_COUNTS, HANDLED, Conversation
from rtc_widget.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from rtc_widget._unanswered import Sent
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.log.recorder import Recorder
    from rtc_widget.log.tracks import Tracks
    from rtc_widget.transports.base import Transport

__all__ = ["NO_CALL", "OVER", "Core"]

T = TypeVar("T")

NO_CALL = ("channel", "there is no call.", "Connect first: `await w.connect()`, or press Connect.")
CLOSED = ("channel", "the session is closed.", "Make a new one.")
OVER = frozenset({"idle", "ended", "failed"})
"""The states in which there is no call, and none on its way."""


class Core:
    """The parts of one session, joined.

    Parameters
    ----------
    log
        The session's event log.
    """

    transport: Transport

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.conversation = Conversation()
        self.frames = Frames(log, self.conversation)
        self.waits = Waits()
        self.unanswered = Unanswered()
        self.order = Order()
        self.playback = Playback()
        self.callbacks = Callbacks(self._report_callback)
        self.status = "idle"
        self.call_state: dict[str, Any] = {}
        self.command_seq = 0
        self.added_at_s: dict[str, float] = {}
        self.audio: Tracks | None = None
        self.recorder: Recorder | None = None
        self.watchers: list[Callable[[Record], None]] = []
        self.closed = False
        self.at_close: list[Callable[[], None]] = []
        """Called when the session has closed."""
        self._catch_up()
        log.observe(self._on_record)

    def _catch_up(self) -> None:
        """Take in what a log that goes on says of the session so far."""
        for record in self.log.records(types=HANDLED, once=FIRST_COUNTS):
            self.conversation.apply(record)
            self._take_state(record)

    def _take_state(self, record: Record) -> None:
        if record.direction == "local" and record.type == "rtc.state":
            self.call_state = record.event
            self.status = str(self.call_state.get("state", self.status))

    def record(self, recorder: Recorder | None) -> None:
        """Take what a recorder keeps as the session's audio."""
        if recorder is not None:
            self.recorder = recorder
            self.audio = recorder.tracks
            self.frames.hear(recorder.tracks, recorder.flush)

    def recall(self, folder: Path) -> None:
        """Take the sound that a session which goes on has recorded before, where nothing records it now."""
        from rtc_widget.log.tracks import Tracks

        tracks = Tracks(folder)
        if tracks.exist:
            self.audio = tracks
            self.frames.hear(tracks)

    def _on_record(self, record: Record) -> None:
        self.conversation.apply(record)
        self.playback.apply(record)
        self._take_state(record)
        self.unanswered.feed(record)
        if record.type == "input_audio_buffer.committed":
            self.added_at_s[str(record.event.get("item_id"))] = time.monotonic()
        elif record.type == "conversation.item.added":
            item = record.event.get("item")
            if isinstance(item, dict) and item.get("role") == "user":
                self.added_at_s[str(item.get("id"))] = time.monotonic()
        for watcher in self.watchers:
            watcher(record)
        self.waits.feed(record)
        self.callbacks.feed(record)

    def _report_callback(self, error: BaseException, detail: str) -> int:
        return self.log.note(
            "rtc.error", source="callback", code=type(error).__name__, message=said_by(error), detail=detail
        )

    # -- commands ---------------------------------------------------------------------------------

    def start(
        self, what: str, work: Coroutine[Any, Any, T], forbid_result: Callable[[], str | None] | None = None
    ) -> Handle[T]:
        """Run a command now; its error is kept even if nobody awaits it."""
        self.command_seq = len(self.log)
        return Handle(submit(self._keep_error(what, work)), what, forbid_result=forbid_result)

    async def _keep_error(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except ServerError:
            raise  # the server's own `error` event is in the log
        except ConnectionFailed as error:
            if self.call_state.get("state") != "failed" or self.call_state.get("reason") != error.reason:
                self._note_error("connection", what, error)
            raise
        except Exception as error:
            self._note_error("protocol", what, error)
            raise

    def _note_error(self, source: str, what: str, error: Exception) -> None:
        if self.closed:
            return  # the log takes nothing more
        detail = None if isinstance(error, RtcWidgetError) else traceback.format_exc()
        extra = {"detail": detail} if detail else {}
        self.log.note(
            "rtc.error", source=source, code=type(error).__name__, message=f"{what}: {error}", **extra
        )

    def require_call(self) -> None:
        """Refuse a command that needs a call while there is none."""
        if self.status in OVER:
            raise ConnectionFailed(*(CLOSED if self.closed else NO_CALL))

    async def execute(
        self,
        *events: dict[str, Any],
        timeout: float,
        on_sent: Future[None] | None = None,
        about: object = None,
    ) -> dict[str, Any]:
        """Send client events and wait for what confirms the last of them.

        Parameters
        ----------
        events
            In order, each with its `event_id`.
        timeout
            In s.
        on_sent
            Done when they have been sent.
        about
            What `unanswered` tells of them when the answer comes, of those it knows.

        Returns
        -------
        dict
            The confirming event.

        Raises
        ------
        ServerError
            When the server answers one of them with an `error` event.
        WaitTimeout
            When nothing confirms them in time.
        """
        answers = [protocol.answers(event) for event in events]
        asked, last = [one for one in answers if one is not None], answers[-1]
        if last is None:
            await self.send(*events)
            return {}
        if not last.in_order:
            return await self._ask(events, asked, timeout, on_sent)
        # Its answer does not say whom it answers: one in flight, first in first out.
        async with self.order.line(last.type):
            with self.unanswered.sending(last, about) as sent:
                return await self._ask(events, asked, timeout, on_sent, sent)

    async def _ask(
        self,
        events: Sequence[dict[str, Any]],
        asked: list[protocol.Answer],
        timeout: float,
        on_sent: Future[None] | None,
        in_order: Sent | None = None,
    ) -> dict[str, Any]:
        def test(record: Record) -> dict[str, Any] | None:
            if record.direction != "server":
                return None
            if record.type == "error":
                if any(one.is_refused_by(record.event) for one in asked):
                    raise ServerError(record.event)
                return None
            if in_order is not None:
                confirmed = self.unanswered.answered_by(record) is in_order
            else:
                confirmed = asked[-1].is_of(record.type) and asked[-1](record.event)
            return record.event if confirmed else None

        wait = self.waits.expect(test)
        try:
            await self.send(*events)
            if on_sent is not None:
                on_sent.set_result(None)
            return await self.waits.within(wait, timeout, asked[-1].what)
        finally:
            self.waits.drop(wait)

    async def send(self, *events: dict[str, Any]) -> None:
        """Send client events; refuse, before the first leaves, one larger than the channel takes.

        Raises
        ------
        RuntimeError
            On any thread but our loop's: two threads at one connection can break its encryption.
        """
        if not on_loop_thread():
            raise RuntimeError("events are sent on the loop of our own: start() the command")
        self.require_call()
        texts = [protocol.encode(event) for event in events]
        for event, text in zip(events, texts, strict=True):
            protocol.check_message_bytes(text, self.transport.max_message_bytes, what=str(event.get("type")))
        await self.transport.send(texts)

    async def until(self, condition: Callable[[], bool | float], *, what: str, timeout: float) -> None:
        """Wait until a condition on the conversation holds, looked at after each record.

        Parameters
        ----------
        condition
            Returns True when it holds, False when only a record can change that, or the s after which to
            look again.
        what
            What is awaited, for the error.
        timeout
            In s.
        """
        end_s = time.monotonic() + timeout
        while True:
            wait = self.waits.expect(lambda _: True)
            try:
                verdict = condition()
                if verdict is True:
                    return
                if self.status in OVER:
                    raise self.call_over()
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    raise WaitTimeout(
                        what, timeout, self.last_types(), self._approval_hint() or self.waits.hint()
                    )
                pause_s = left_s if verdict is False else min(left_s, float(verdict))
                await asyncio.wait({asyncio.wrap_future(wait.future)}, timeout=pause_s)
            finally:
                self.waits.drop(wait)

    def call_over(self) -> ConnectionFailed:
        """Return the error that says why the last call is over."""
        state = self.call_state
        reason = state.get("reason") or "the call ended"
        return ConnectionFailed(str(state.get("step") or "channel"), str(reason), state.get("advice"))

    def _approval_hint(self) -> str | None:
        """Name the tool call that waits for a person, who may not know it."""
        for call_id, run in self.conversation.tool_runs.items():
            if run.approval == "asked":
                return f"A tool call waits for approval: w.approve({call_id!r}), or press Approve."
        return None

    def last_types(self, count: int = 8, *, since: int = 0) -> list[str]:
        """Return the types of the last records from a `seq` on, oldest first."""
        types = [record.type for record in self.log.records(max(since, len(self.log) - 4 * count))]
        return [name for name in types if name not in BACKGROUND][-count:]

    def close(self) -> None:
        """End callbacks and close the log."""
        self.callbacks.close()
        self.log.close()
        self.closed = True
        for call in list(self.at_close):
            call()
