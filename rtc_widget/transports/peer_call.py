"""One call of the peer transport: its steps in order, each timed, and the notes it leaves in the log."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget import protocol
from rtc_widget._errors import ConnectionFailed, SecretError
from rtc_widget._limit import within
from rtc_widget.audio.incoming import receive
from rtc_widget.log.clocks import kernel_ms
from rtc_widget.transports.base import is_loopback
from rtc_widget.transports.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from aiortc import MediaStreamTrack

    from rtc_widget.audio.incoming import Downsampler
    from rtc_widget.audio.outgoing import OutgoingTrack
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.providers.base import Answer, ClientSecret
    from rtc_widget.transports.base import CallRequest

__all__ = ["NO_CALL", "PeerCall"]

NO_CALL = ("channel", "there is no call.", "Connect first: `await s.connect()`.")

_LAST_FRAMES_S = 0.1
_STATS_S = 1.0
_MICROPHONE = {
    "microphone": "silent",
    "microphone_reason": "a headless session has none: play a file, an array or a stream",
}
_ADVICE = {
    "secret": "Check the network and the provider's base_url.",
    "offer": "Check the network and the provider's base_url.",
    "ice": "UDP may be blocked here (VPN, firewall): try another network, or a browser, which can use TCP.",
    "channel": "Try again.",
}
_MISSED = {
    "secret": "no client secret came",
    "offer": "the service did not answer the offer",
    "ice": "no way to the service was found",
    "channel": "the data channel did not open",
}


class PeerCall:
    """A call from its first step to its end.

    Parameters
    ----------
    log
        Where events and notes go.
    request
        What to call, and how.
    track
        What is sent.
    heard
        Takes what is received.
    on_end
        Called once when the call that was up is over, whoever ended it.
    """

    def __init__(
        self,
        log: EventLog,
        request: CallRequest,
        track: OutgoingTrack,
        *,
        heard: Downsampler,
        on_end: Callable[[], None],
    ) -> None:
        self.track = track
        self.rtc_call_id: str | None = None
        self.live = False
        self._log = log
        self._request = request
        self._heard = heard
        self._on_end = on_end
        self._connection: Connection | None = None
        self._work: asyncio.Future[None] | None = None
        self._hung_up: str | None = None
        self._ending: str | None = None
        self._step = request.first_step
        self._steps: dict[str, float] = {}
        self._start_ms = 0.0
        self._channel_start_ms = 0.0
        self._listening: asyncio.Task[None] | None = None
        self._closing: asyncio.Future[None] | None = None
        self._parting: asyncio.Future[None] | None = None
        self._measuring: asyncio.Task[None] | None = None

    @property
    def max_message_bytes(self) -> int | None:
        """Bytes the data channel takes in one message; None before there is one."""
        return None if self._connection is None else self._connection.max_message_bytes

    async def connect(self) -> None:
        """Return when the data channel is open.

        Raises
        ------
        ConnectionFailed
            With the step that failed.
        SecretError
            When the client secret was refused.
        """
        try:
            await self._in_time()
        except asyncio.CancelledError:
            reason = self._hung_up or "cancelled"
            failure = ConnectionFailed(self._step, f"hung up before the call was up ({reason}).")
            await self._give_up(failure)
            if self._hung_up is None:
                raise
            raise failure from None
        except (ConnectionFailed, SecretError) as error:
            await self._give_up(error)
            raise
        except Exception as error:
            failure = ConnectionFailed(self._step, f"{type(error).__name__}: {error}")
            await self._give_up(failure)
            raise failure from error

    async def _in_time(self) -> None:
        # A sandbox may have to start first, which is no part of the call.
        await self._stoppable(self._request.provider.ready())
        self._start_ms = kernel_ms()
        self._note("connecting", **_MICROPHONE)
        timeout_s = self._request.timeout_s
        try:
            with within(timeout_s):
                await asyncio.wait_for(self._stoppable(self._establish()), timeout_s)
        except TimeoutError:
            reason = f"{_MISSED[self._step]} within {timeout_s:g} s."
            raise ConnectionFailed(self._step, reason, _ADVICE[self._step]) from None

    async def _stoppable(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = asyncio.ensure_future(work)
        await self._work

    async def _give_up(self, error: ConnectionFailed | SecretError) -> None:
        step, reason, advice = "secret", str(error), None
        if isinstance(error, ConnectionFailed):
            step, reason, advice = error.step, error.reason, error.advice
        code = type(error).__name__
        self._note("failed", step=step, reason=reason, advice=advice, steps=self._steps, code=code)
        await self._close()

    async def _establish(self) -> None:
        request, provider = self._request, self._request.provider
        connection = self._connection = Connection(
            self.track,
            loopback=is_loopback(provider.base_url),
            on_open=self._opened,
            on_message=self._received,
            on_track=self._listen,
            on_over=self._over,
        )
        offering = asyncio.ensure_future(self._offer(connection))
        try:
            secret = await self._secret() if request.signaling == "ephemeral" else None
            self._step = "offer"
            offer_sdp = await offering
        finally:
            offering.cancel()
        answer = await self._answer(offer_sdp, secret)
        self.rtc_call_id = answer.rtc_call_id
        if request.on_answered is not None:
            request.on_answered(answer)
        self._step = "ice"
        with self._timed("ice_ms"):
            await connection.accept(answer.sdp)
            await connection.ice
        self._step = "channel"
        self._channel_start_ms = kernel_ms()
        await connection.opened

    async def _offer(self, connection: Connection) -> str:
        with self._timed("offer_ms"):
            return await connection.offer()

    async def _secret(self) -> ClientSecret:
        self._step = "secret"
        provider, session = self._request.provider, self._request.session
        note = {"provider": provider.name, "model": session.get("model"), "seconds": provider.policy.seconds}
        try:
            with self._timed("secret_ms"):
                secret = await provider.mint(session)
        except SecretError as error:
            self._log.note("rtc.secret", **note, request_id=error.request_id, outcome=f"refused: {error}")
            raise
        self._log.note(
            "rtc.secret", **note, expires_at=secret.expires_at, request_id=secret.request_id, outcome="minted"
        )
        return secret

    async def _answer(self, offer_sdp: str, secret: ClientSecret | None) -> Answer:
        with self._timed("answer_ms"):
            if secret is not None:
                return await self._request.provider.create_call(offer_sdp, secret=secret)
            return await self._request.provider.create_call(offer_sdp, session=self._request.session)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start_ms = kernel_ms()
        yield
        self._steps[step] = round(kernel_ms() - start_ms, 1)

    def send(self, text: str) -> None:
        """Send a client event; it enters the log when the channel took it."""
        if self._connection is None:
            raise ConnectionFailed(*NO_CALL)
        self._connection.send(text)
        self._log.append("client", text, rtc_call_id=self.rtc_call_id)

    async def hang_up(self, reason: str) -> None:
        """End the call, or the attempt at one."""
        if self.live:
            self._ended(reason)
        elif self._work is not None and not self._work.done():
            self._hung_up = reason
            self._work.cancel()
            await asyncio.wait({self._work})
        await self._close()

    async def _close(self) -> None:
        self.track.stop()
        if self._measuring is not None:
            self._measuring.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._closing = asyncio.ensure_future(self._let_go(connection))
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _let_go(self, connection: Connection) -> None:
        await connection.close()
        if self._listening is not None:
            # A track that never began to flow does not end either.
            await asyncio.wait({self._listening}, timeout=_LAST_FRAMES_S)
            self._listening.cancel()

    def _listen(self, track: MediaStreamTrack) -> None:
        async def listen() -> None:
            try:
                await receive(track, self._heard.push)
            finally:
                self._heard.flush()

        self._listening = asyncio.create_task(listen())

    def _opened(self) -> None:
        # Noted before the first event that comes through the channel.
        self.live = True
        now_ms = kernel_ms()
        self._steps["channel_ms"] = round(now_ms - self._channel_start_ms, 1)
        self._note(
            "live",
            connect_ms=round(now_ms - self._start_ms, 1),
            steps=self._steps,
            **_MICROPHONE,
        )
        self._measuring = asyncio.ensure_future(self._measure())

    async def _measure(self) -> None:
        """Note getStats once a second."""
        while self._connection is not None:
            await asyncio.sleep(_STATS_S)
            stats = await self._connection.stats()
            self._log.append(
                "local",
                msgspec.json.encode({"type": "rtc.stats", "stats": stats}),
                rtc_call_id=self.rtc_call_id,
            )

    def _received(self, text: str) -> None:
        self._ending = protocol.ending_of(text) or self._ending
        self._log.append("server", text, rtc_call_id=self.rtc_call_id)

    def _over(self, reason: str) -> None:
        # The service says why before it closes; the closing itself says nothing.
        self._ended(f"{self._ending}: connect() begins a new one" if self._ending is not None else reason)
        self._parting = asyncio.ensure_future(self._close())

    def _ended(self, reason: str) -> None:
        if self.live:
            self.live = False
            self._note("ended", reason=reason)
            self._on_end()

    def _note(self, state: str, **fields: Any) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        if self.rtc_call_id is not None:
            known["rtc_call_id"] = self.rtc_call_id
        self._log.note("rtc.state", state=state, call=self._request.attempt, transport="peer", **known)
