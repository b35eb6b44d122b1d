"""What a session can do with its call: make it, mute it, end it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from typing import TYPE_CHECKING

from rtc_widget._arguments import checked_timeout
from rtc_widget._core import OVER
from rtc_widget._errors import ConfigurationError, ConnectionFailed, WaitTimeout
from rtc_widget._parts import SessionParts
from rtc_widget.transports.base import CallRequest

if TYPE_CHECKING:
    from rtc_widget._keeping import Keeper
    from rtc_widget._late_session import LateSession
    from rtc_widget._loop import Handle
    from rtc_widget.log.recorder import Recorder
    from rtc_widget.providers import Answer, Provider
    from rtc_widget.transports.two_paths import TwoPaths

__all__ = ["Calling"]

_CALL_UP_S = 120.0
_CREATED_S = 2.0


class Calling(SessionParts):
    """The commands of a session that are about its call."""

    _provider: Provider
    _signaling: str
    _attempts: int
    _connecting: Handle[None] | None
    _one_attempt: asyncio.Lock
    _paths: TwoPaths | None = None
    _recorder: Recorder | None
    _keeper: Keeper
    _late: LateSession
    _closing: Future[None] | None
    """Done when the session has closed; None before it is asked to."""

    def connect(self, *, microphone: str = "auto", timeout: float = 20.0) -> Handle[None]:
        """Make a call.

        Parameters
        ----------
        microphone
            "auto": the default one, and a silent track where there is none; "none": a silent track; or
            a device id.
        timeout
            Until the data channel is open, in s; the start of a sandbox does not count.

        Raises
        ------
        ConfigurationError
            When there is a call already, or the session is closed; for what is no microphone, or a timeout
            that is no number above 0.
        ConnectionFailed
            When awaited: names the step that failed, and what to try.
        """
        self._check_open()
        given_up = self._connecting is not None and self._connecting.cancelled()
        if self._placing is None or not given_up:
            self._check_free(placing=self._placing is not None)
        chosen: object = microphone
        if not isinstance(chosen, str) or not chosen.strip():
            raise ConfigurationError('microphone is "auto", "none" or a device id.')
        request = self._call_request(microphone, checked_timeout(timeout))
        placing: Future[None] = Future()
        self._placing = placing
        self._connecting = self._start("connect", self._connect(request, placing))
        return self._connecting

    def _check_free(self, *, placing: bool = False) -> None:
        """Refuse to make a call beside another one."""
        if placing or self._core.status not in OVER:
            status = "connecting" if self._core.status in OVER else self._core.status
            raise ConfigurationError(
                f"This session has a call already ({status}): go on with it, or hang_up() first."
            )

    def _check_open(self) -> None:
        """Refuse to begin anything in a session that is closed: its log takes nothing more."""
        if self._closing is None:
            return
        folder = self._keeper.folder if len(self._core.log) else None
        other = "" if folder is None else f", or go on with this one in a widget: rtc.resume({str(folder)!r})"
        raise ConfigurationError(f"This session is closed. Make a new one{other}.")

    def _forget(self) -> None:
        """Be closed in a forked process: the call and the journal are its parent's."""
        self._closing = Future()
        self._closing.set_result(None)
        self._core.closed, self._core.status = True, "ended"

    async def _connect(self, request: CallRequest, placing: Future[None]) -> None:
        try:
            async with self._one_attempt:  # one that was given up is taken down first
                self._check_free()
                await self._reach(request)
        finally:
            if self._placing is placing:
                self._placing = None
            placing.set_result(None)

    async def _call_on_its_way(self) -> bool:
        """Wait until a call that is on its way is up or over; say whether there was one."""
        if self._placing is not None:
            await asyncio.wait({asyncio.wrap_future(self._placing)})
            return True
        if self._core.status in OVER or self._core.status == "live":
            return False
        with contextlib.suppress(ConnectionFailed):
            await self._core.until(
                lambda: self._core.status == "live", what="the call to be up", timeout=_CALL_UP_S
            )
        return True

    async def _reach(self, request: CallRequest) -> None:
        """Connect, and await the service's own word of the session, which a filter may keep back."""
        created = self._core.waits.expect(
            lambda record: True if record.type == "session.created" else None, needs_call=False
        )
        try:
            await self._core.transport.connect(request)
            with contextlib.suppress(WaitTimeout):
                await self._core.waits.within(created, _CREATED_S, "session.created")
            await self._late.settled()
        finally:
            self._core.waits.drop(created)

    def _answered(self, answer: Answer) -> None:
        """Take note of the answer to an offer that the kernel posted; on the loop."""
        self._late.answered(answer)
        if self._paths is not None:
            self._paths.answered(answer.rtc_call_id)

    def _call_request(self, microphone: str = "auto", timeout: float = 20.0) -> CallRequest:
        """Return what the next call is made with; the first one opens the log."""
        self._attempts += 1
        self._configuration.begin_call()
        session = self._provider.session_of(self._configuration.requested)
        if self._attempts == 1:
            self._core.log.note(
                "rtc.session",
                provider=self._provider.name,
                provider_url=self._provider.base_url,
                sandbox=self._provider.is_sandbox,
                model=session.get("model"),
                transport=self._core.transport.name,
            )
        return CallRequest(
            provider=self._provider,
            session=session,
            signaling=self._signaling,
            microphone=microphone,
            timeout_s=timeout,
            attempt=self._attempts,
            on_answered=self._answered,
        )

    def hang_up(self) -> Handle[None]:
        """End the call, once the last word of an answer that was spoken to its end has been heard.

        Half a second at most; an answer that is still being spoken is cut at once. No error when there is
        no call.

        Raises
        ------
        ConnectionFailed
            When awaited: the page that holds the call, or the service, does not answer.
        """
        return self._start("hang_up", self._hang_up())

    async def _hang_up(self) -> None:
        await asyncio.sleep(self._core.playback.tail_s())
        await self._end_call("hung up from Python")
        if self._recorder is not None:
            await self._keeper.settled()

    async def _end_call(self, reason: str) -> None:
        await self._core.transport.hang_up(reason)

    def mute(self) -> Handle[None]:
        """Silence the microphone.

        Raises
        ------
        ConnectionFailed
            When awaited: there is no call (any more), or the page that holds it does not answer.
        ConfigurationError
            When awaited: the call was made elsewhere, and so is its microphone (`rtc.attach`).
        """
        return self._start("mute", self._set_muted(muted=True))

    def unmute(self) -> Handle[None]:
        """Let the microphone be heard again.

        Raises
        ------
        ConnectionFailed, ConfigurationError
            As of `mute`.
        """
        return self._start("unmute", self._set_muted(muted=False))

    async def _set_muted(self, *, muted: bool) -> None:
        if self._core.status in OVER:  # else at once: a call that is not up yet can be silent from the start
            await self._call_on_its_way()
        self._core.require_call()
        await self._core.transport.set_muted(muted)
