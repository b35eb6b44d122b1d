"""The transport of a call that was made elsewhere: its sideband alone; its sound goes another way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget.log.clocks import kernel_ms
from rtc_widget.transports.sideband import MAX_MESSAGE_BYTES, Sideband

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.providers.base import Provider
    from rtc_widget.transports.base import CallRequest

__all__ = ["Joined"]


class Joined:
    """One call, by its call id.

    Parameters
    ----------
    log
        The session's event log.
    provider
        Where the call was made.
    rtc_call_id
        Its id.
    """

    name = "sideband"
    late_s = 0.0

    def __init__(self, log: EventLog, provider: Provider, rtc_call_id: str) -> None:
        self._log = log
        self._provider = provider
        self._rtc_call_id = rtc_call_id
        self._sideband = Sideband(log, provider, beside=False, on_gone=self._ended)
        self._live = False
        self._joining: asyncio.Future[None] | None = None
        self._left: str | None = None
        self._attempt = 0

    @property
    def max_message_bytes(self) -> int:
        """Bytes that one message may have."""
        return MAX_MESSAGE_BYTES

    async def connect(self, request: CallRequest) -> None:
        """Join the call.

        Raises
        ------
        ConnectionFailed
            With step "sideband": there is no such call, or it cannot be joined in time.
        """
        self._attempt, self._left = request.attempt, None
        await request.provider.ready()
        start_ms = kernel_ms()
        self._note("connecting")
        try:
            await self._join(request.timeout_s)
        except (Exception, asyncio.CancelledError) as error:
            failure = self._failure(error)
            self._note("failed", step=failure.step, reason=failure.reason, advice=failure.advice or "")
            await self._sideband.leave()
            if isinstance(error, asyncio.CancelledError) and self._left is None:
                raise
            raise failure from None if failure is error else error
        self._live = True
        self._note("live", connect_ms=round(kernel_ms() - start_ms, 1), microphone="elsewhere")

    async def _join(self, timeout_s: float) -> None:
        self._joining = asyncio.ensure_future(self._sideband.join(self._rtc_call_id))
        try:
            await asyncio.wait_for(self._joining, timeout_s)
        except TimeoutError:
            raise ConnectionFailed("sideband", f"the call was not joined within {timeout_s:g} s.") from None
        finally:
            self._joining = None

    def _failure(self, error: BaseException) -> ConnectionFailed:
        if isinstance(error, ConnectionFailed):
            return error
        if isinstance(error, asyncio.CancelledError):
            why = self._left or "cancelled"
            return ConnectionFailed("sideband", f"left before the call was joined ({why}).")
        return ConnectionFailed("sideband", f"{type(error).__name__}: {error}")

    async def send(self, texts: list[str]) -> None:
        """Send client events in order."""
        for text in texts:
            await self._sideband.send(text)

    async def play(self, pcm: bytes, sample_rate_hz: int, *, what: str) -> None:
        """Refuse: what is said in this call is said where it was made."""
        del pcm, sample_rate_hz, what
        self._refuse("played into")

    async def stop_play(self) -> None:
        """Nothing: nothing of ours plays."""

    async def set_muted(self, muted: bool) -> None:
        """Refuse: the microphone is where the call was made."""
        self._refuse("muted" if muted else "unmuted")

    async def hang_up(self, reason: str) -> None:
        """Leave the call, which goes on; or give up joining it."""
        if self._joining is not None:
            self._left = reason
            self._joining.cancel()
        self._ended(reason)
        await self._sideband.leave()

    async def end_call(self, reason: str) -> None:
        """End the call, for whoever made it too."""
        if self._live:
            await self._provider.hang_up(self._rtc_call_id)
        await self.hang_up(reason)

    async def last_samples(self) -> None:
        """Nothing: no sound comes this way."""

    async def close(self) -> None:
        """Leave the call, which goes on."""
        await self.hang_up("left")

    def _refuse(self, what: str) -> NoReturn:
        raise ConfigurationError(
            f"A call made elsewhere cannot be {what} from here: its sound goes between the page or phone "
            "that made it and the service. Type with say(), or ask for an answer with respond()."
        )

    def _ended(self, reason: str) -> None:
        if self._live:
            self._live = False
            self._note("ended", reason=reason)

    def _note(self, state: str, **fields: object) -> None:
        self._log.note(
            "rtc.state",
            state=state,
            call=self._attempt,
            transport=self.name,
            rtc_call_id=self._rtc_call_id,
            **fields,
        )
