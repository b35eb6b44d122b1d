"""The sideband: a WebSocket to a call by its call id, beside or in place of the call's own data channel."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget import protocol
from rtc_widget._errors import ConnectionFailed
from rtc_widget.providers._credentials import NoToken
from rtc_widget.transports.sideband_socket import Refused, check_installed, open_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.providers.base import Provider

__all__ = ["MAX_MESSAGE_BYTES", "Sideband"]

MAX_MESSAGE_BYTES = 15 * 1024 * 1024
"""What the service takes in one message."""

_REFUSALS = 3
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_SETTLED_S = 10.0
"""A socket that has lasted so long was joined for good; one that is closed sooner may be so again at once."""
_HELD_S = 2.0
_CLIENT_FAULT = range(400, 500)


class Sideband:
    """Hears every server event of a call, and says client events; joins again when it is lost.

    Parameters
    ----------
    log
        Where events and notes (`rtc.sideband`) go.
    provider
        Whose call it is; the WebSocket carries its standard key.
    beside
        Whether the call's data channel brings the same events. Then what the sideband brings first, after it
        has joined, waits until both are at the same place, so that the log keeps the order of the wire.
    on_gone
        Called with the reason when there is no call to join any more.
    """

    def __init__(
        self,
        log: EventLog,
        provider: Provider,
        *,
        beside: bool,
        on_gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        check_installed()
        self._log = log
        self._provider = provider
        self._beside = beside
        self._on_gone = on_gone
        self._socket: ClientConnection | None = None
        self._following: asyncio.Task[None] | None = None
        self._held: list[tuple[str | None, str]] | None = None
        self._releasing: asyncio.TimerHandle | None = None
        self._ending: str | None = None
        """Why there is no call any more, as the service has said through this socket."""
        self._unobserve: Callable[[], None] = lambda: None
        self.rtc_call_id: str | None = None
        if beside:
            log.expect_twice()

    @property
    def is_open(self) -> bool:
        """Whether client events can go this way."""
        return self._socket is not None

    async def join(self, rtc_call_id: str) -> None:
        """Join a call; return once it is joined, and follow it from then on.

        Raises
        ------
        ConnectionFailed
            When the service does not let us in, or does not answer.
        """
        await self.leave()
        self.rtc_call_id = rtc_call_id
        for refusal in range(1, _REFUSALS + 1):
            try:
                await self._open()
                break
            except ConnectionFailed:
                if refusal == _REFUSALS:
                    raise
                # A call that was made this moment may not be known everywhere yet.
                await asyncio.sleep(_FIRST_PAUSE_S)
        self._following = asyncio.ensure_future(self._follow())

    async def leave(self) -> None:
        """Follow the call no more; it goes on."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait({following})
            self._note("left")
        await self._close()

    async def send(self, text: str) -> None:
        """Send a client event; it enters the log when the socket took it.

        Raises
        ------
        ConnectionFailed
            When the sideband is lost.
        """
        from websockets.exceptions import ConnectionClosed

        socket = self._socket
        if socket is None:
            raise ConnectionFailed("sideband", "the sideband is not there.", "It joins again by itself.")
        try:
            await socket.send(text)
        except ConnectionClosed:
            raise ConnectionFailed(
                "sideband", "the sideband was lost.", "It joins again by itself."
            ) from None
        self._log.append("client", text, rtc_call_id=self.rtc_call_id)

    # -- the socket -------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._socket = await open_socket(self._provider, str(self.rtc_call_id))
        self._held = [] if self._beside else None
        self._ending = None
        self._note("open")

    async def _follow(self) -> None:
        """Read to the end; join again while there is a call to join, ever later where that does not last."""
        pause_s, unknown = _FIRST_PAUSE_S, 0
        while True:
            opened_s = time.monotonic()
            reason = self._provider.credentials.redact(await self._read())
            await self._close()
            self._note("lost", reason=reason)
            if time.monotonic() - opened_s >= _SETTLED_S:
                pause_s, unknown = _FIRST_PAUSE_S, 0
            # As where it joins: a call that was made this moment may not be known everywhere yet.
            unknown += self._ending == protocol.CALL_UNKNOWN
            if self._ending is not None and (self._ending == protocol.CALL_TOO_LONG or unknown == _REFUSALS):
                self._gone(self._ending, f"{self._ending}: make a new call, and attach() to that")
                return
            while self._socket is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                try:
                    await self._open()
                except Refused as refusal:
                    if refusal.status in _CLIENT_FAULT:
                        self._gone(refusal.reason, reason)
                        return
                except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and the call goes on
                    if isinstance(error, NoToken):
                        self._note("lost", reason=error.reason)
                    elif not isinstance(error, ConnectionFailed):
                        self._note("lost", reason=self._provider.credentials.redact(_told(error)))

    def _gone(self, said: str, reason: str) -> None:
        self._note("gone", reason=said)
        self._on_gone(reason)

    async def _read(self) -> str:
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            return "it was closed"
        try:
            while True:
                message = await self._socket.recv()
                self._take(message if isinstance(message, str) else message.decode("utf-8", "replace"))
        except ConnectionClosed as closed:
            said = closed.rcvd.reason if closed.rcvd is not None else ""
            return said or ("the service closed it" if closed.rcvd is not None else "the connection was lost")
        except Exception as error:  # noqa: BLE001 - as where it is joined again
            return _told(error)

    async def _close(self) -> None:
        socket, self._socket = self._socket, None
        self._release()
        if socket is not None:
            with contextlib.suppress(OSError, TimeoutError):
                await socket.close()

    # -- events -----------------------------------------------------------------------------------

    def _take(self, text: str) -> None:
        self._ending = protocol.ending_of(text) or self._ending
        event_id = _event_id(text) if self._beside else None
        if self._beside and event_id is None:
            return  # nothing tells whether the data channel has brought it: that one counts
        if self._held is None:
            self._append(text)
            return
        if not self._held:
            loop = asyncio.get_running_loop()
            self._releasing = loop.call_later(_HELD_S, self._release)
            self._unobserve = self._log.observe(lambda record: self._look(record, loop))
        self._held.append((event_id, text))
        if event_id is not None and self._log.has_come(event_id):
            self._release()

    def _look(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        """See whether the data channel has come to what is held; on any thread."""
        if record.direction == "server":
            loop.call_soon_threadsafe(self._meet)

    def _meet(self) -> None:
        held = self._held
        if held and any(event_id is not None and self._log.has_come(event_id) for event_id, _ in held):
            self._release()

    def _release(self) -> None:
        """Log what is held: the data channel has caught up, or has nothing to say for long."""
        held, self._held = self._held, None
        self._unobserve()
        if self._releasing is not None:
            self._releasing.cancel()
        for _, text in held or ():
            self._append(text)

    def _append(self, text: str) -> None:
        self._log.append("server", text, rtc_call_id=self.rtc_call_id)

    def _note(self, state: str, **fields: Any) -> None:
        self._log.note("rtc.sideband", state=state, rtc_call_id=self.rtc_call_id, **fields)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class _Head(msgspec.Struct, gc=False):
    """What is looked at of an event."""

    event_id: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


def _event_id(text: str) -> str | None:
    try:
        return _decode_head(text).event_id
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
