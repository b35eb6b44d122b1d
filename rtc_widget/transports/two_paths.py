"""A call with a sideband: sound and events as before, and a second path for events while a cell blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtc_widget._errors import ConnectionFailed, RtcWidgetError
from rtc_widget.transports.sideband import MAX_MESSAGE_BYTES, Sideband

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.providers.base import Provider
    from rtc_widget.transports.base import CallRequest, Transport

__all__ = ["TwoPaths"]

_OVER = frozenset({"ended", "failed"})


class TwoPaths:
    """A transport and the sideband of its calls.

    Client events go by the sideband while it is open, else by the data channel; server events come by both.

    Parameters
    ----------
    log
        The session's event log.
    provider
        Where calls are made.
    transport
        What makes them.
    """

    def __init__(self, log: EventLog, provider: Provider, transport: Transport) -> None:
        self.name = transport.name
        self.late_s = transport.late_s
        self.sideband = Sideband(log, provider, beside=True)
        self._log = log
        self._provider = provider
        self._transport = transport
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._unobserve = log.observe(self._on_record)

    def answered(self, rtc_call_id: str | None) -> None:
        """Join the call that an offer has become; on the loop."""
        self._loop = asyncio.get_running_loop()
        if rtc_call_id is None:
            self._log.note("rtc.sideband", state="none", reason="the service names no call id")
            return
        self._spawn(self._join(rtc_call_id))

    async def _join(self, rtc_call_id: str) -> None:
        try:
            await self.sideband.join(rtc_call_id)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and the call goes on
            said = str(error) if isinstance(error, RtcWidgetError) else f"{type(error).__name__}: {error}"
            message = f"{self._provider.credentials.redact(said)} The call goes on without it."
            self._log.note("rtc.error", source="connection", code="sideband", message=message)

    def _on_record(self, record: Record) -> None:
        over = (
            record.direction == "local" and record.type == "rtc.state" and record.event.get("state") in _OVER
        )
        if over and self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self._spawn(self.sideband.leave()))

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]  # a coroutine of ours
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what a session asks of a transport --------------------------------------------------------

    @property
    def max_message_bytes(self) -> int:
        """Bytes that one message may have: many more by the sideband."""
        return MAX_MESSAGE_BYTES if self.sideband.is_open else self._transport.max_message_bytes

    async def connect(self, request: CallRequest) -> None:
        """Make a call; the sideband joins it as soon as it has an id."""
        await self._transport.connect(request)

    async def send(self, texts: list[str]) -> None:
        """Send client events in order, by whichever path is there."""
        sent = 0
        if self.sideband.is_open:
            try:
                for text in texts:
                    await self.sideband.send(text)
                    sent += 1
            except ConnectionFailed:
                pass  # the data channel takes the rest
        if sent < len(texts):
            await self._transport.send(texts[sent:])

    async def play(self, pcm: bytes, sample_rate_hz: int, *, what: str) -> None:
        """Play a sound in place of the microphone."""
        await self._transport.play(pcm, sample_rate_hz, what=what)

    async def stop_play(self) -> None:
        """Give the line back to the microphone."""
        await self._transport.stop_play()

    async def set_muted(self, muted: bool) -> None:
        """Silence the microphone, or let it be heard again."""
        await self._transport.set_muted(muted)

    async def hang_up(self, reason: str) -> None:
        """End the call; by its id, where its page does not answer."""
        try:
            await self._transport.hang_up(reason)
        except ConnectionFailed:
            if not self.sideband.is_open or self.sideband.rtc_call_id is None:
                raise
            await self._provider.hang_up(self.sideband.rtc_call_id)

    async def last_samples(self) -> None:
        """Return when the sound of a call that is over has come."""
        await self._transport.last_samples()

    async def close(self) -> None:
        """Let everything go."""
        self._unobserve()
        await self.sideband.leave()
        await self._transport.close()
