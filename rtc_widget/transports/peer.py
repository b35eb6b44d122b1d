"""The transport without a browser: the call is made from the kernel, over aiortc, on the loop of our own."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

from aiortc.mediastreams import MediaStreamError

from rtc_widget._errors import ConfigurationError, ConnectionFailed, ProtocolError
from rtc_widget.audio.incoming import Downsampler
from rtc_widget.audio.outgoing import SAMPLE_RATE_HZ as WIRE_RATE_HZ
from rtc_widget.audio.outgoing import OutgoingTrack
from rtc_widget.audio.pieces import pieces_of
from rtc_widget.audio.timeline import Timeline
from rtc_widget.transports.peer_call import NO_CALL, PeerCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    import numpy as np
    from numpy.typing import NDArray

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.transports.base import CallRequest

__all__ = ["Peer"]

# Before a call; what its answer says, up to this, while there is one.
_MAX_MESSAGE_BYTES = 262_144
_AHEAD_S = 0.2


class Peer:
    """One call at a time, from the kernel itself.

    Parameters
    ----------
    log
        The session's event log.
    on_sent, on_received
        Called with every piece of what was sent and of what was heard: mono 16-bit samples at 24 kHz, and
        the instant of the first one in ms of the kernel's monotonic clock (`t_kernel_ms`). They run on the
        loop, so they must not block.
    keep_s
        How many seconds of sound of each side stay in memory.

    Attributes
    ----------
    user_audio, agent_audio : Timeline
        What was sent and what was heard, on one clock; the last `keep_s` of sound of each.
    muted : bool
        Whether live streams are silenced.
    """

    name = "peer"
    late_s = 0.3

    def __init__(
        self,
        log: EventLog,
        *,
        on_sent: Callable[[bytes, float], None] | None = None,
        on_received: Callable[[bytes, float], None] | None = None,
        keep_s: float = 600.0,
    ) -> None:
        self.user_audio = Timeline(name="user", keep_s=keep_s)
        self.agent_audio = Timeline(name="agent", keep_s=keep_s)
        self._log = log
        self._sent = Downsampler(self._keeper(self.user_audio, on_sent))
        self._received = Downsampler(self._keeper(self.agent_audio, on_received))
        self._call: PeerCall | None = None
        self.muted = False
        self._line = asyncio.Lock()

    @property
    def max_message_bytes(self) -> int:
        """Bytes the data channel takes in one message."""
        return (self._call.max_message_bytes if self._call is not None else None) or _MAX_MESSAGE_BYTES

    async def connect(self, request: CallRequest) -> None:
        """Make a call; return when its data channel is open.

        Raises
        ------
        ConfigurationError
            When there is a call already.
        ConnectionFailed
            With the step that failed.
        SecretError
            When the client secret was refused.
        """
        if self._call is not None:
            raise ConfigurationError("There is a call already: go on with it, or hang_up() first.")
        call = self._call = PeerCall(
            self._log, request, OutgoingTrack(self._sent.push), heard=self._received, on_end=self._ended
        )
        try:
            await call.connect()
        except BaseException:
            if self._call is call:
                self._ended()
            raise

    async def send(self, texts: list[str]) -> None:
        """Send client events in order.

        Raises
        ------
        ConnectionFailed
            When there is no call.
        ProtocolError
            For one that is larger than the data channel takes; those before it are sent.
        """
        call = self._live()
        for text in texts:
            size = len(text.encode())
            if size > self.max_message_bytes:
                raise ProtocolError(
                    f"An event of {size:,} bytes is more than the data channel takes in one message "
                    f"({self.max_message_bytes:,}): send less text, or a smaller image."
                )
            call.send(text)

    async def play(
        self, pcm: bytes | AsyncIterable[bytes | NDArray[np.generic]], sample_rate_hz: int, *, what: str
    ) -> None:
        """Send a sound at the pace of real time, then silence; return after its last sample.

        Parameters
        ----------
        pcm
            Mono 16-bit little-endian samples, or a live stream of such or of arrays. A second sound waits
            for the first.
        sample_rate_hz
            In Hz.
        what
            Its name, for notes.

        Raises
        ------
        ConnectionFailed
            When there is no call, or it ends before the sound does.
        """
        self._live()
        async with self._line:
            track = self._live().track
            length = {"seconds": round(len(pcm) / 2 / sample_rate_hz, 3)} if isinstance(pcm, bytes) else {}
            self._log.note("rtc.play", what=what, phase="started", **length)
            before_s = track.sent_s
            try:
                await self._stream(track, pcm, sample_rate_hz)
            except MediaStreamError:
                raise ConnectionFailed("channel", f"the call ended while {what} was played.") from None
            finally:
                track.clear()
                self._log.note(
                    "rtc.play", what=what, phase="ended", seconds=round(track.sent_s - before_s, 3)
                )

    async def _stream(
        self,
        track: OutgoingTrack,
        pcm: bytes | AsyncIterable[bytes | NDArray[np.generic]],
        sample_rate_hz: int,
    ) -> None:
        is_live = not isinstance(pcm, bytes)
        track.begin_stream()
        async for samples in pieces_of(pcm, sample_rate_hz, WIRE_RATE_HZ):
            track.feed(samples * 0 if is_live and self.muted else samples)
            await track.drained(_AHEAD_S)
        track.end_stream()
        await track.drained()

    async def stop_play(self) -> None:
        """Nothing: there is no microphone to give the line back to. Cancel `play` to cut a sound short."""

    async def set_muted(self, muted: bool) -> None:
        """Silence live streams, or let them be heard again; files and arrays are always heard."""
        if muted != self.muted:
            self.muted = muted
            self._log.note("rtc.mute", muted=muted)

    async def hang_up(self, reason: str) -> None:
        """End the call, or the attempt at one; nothing when there is none."""
        if self._call is not None:
            await self._call.hang_up(reason)

    async def last_samples(self) -> None:
        """Give what is still on its way the time that it takes."""
        await asyncio.sleep(self.late_s)

    async def close(self) -> None:
        """Hang up and let everything go."""
        await self.hang_up("closed")

    def _live(self) -> PeerCall:
        if self._call is None or not self._call.live:
            raise ConnectionFailed(*NO_CALL)
        return self._call

    def _ended(self) -> None:
        self._call = None
        self._sent.flush()

    def _keeper(
        self, timeline: Timeline, hook: Callable[[bytes, float], None] | None
    ) -> Callable[[bytes, float], None]:
        def keep(pcm: bytes, t_kernel_ms: float) -> None:
            timeline.append(pcm, t_kernel_ms)
            if hook is None:
                return
            try:
                hook(pcm, t_kernel_ms)
            except Exception as error:  # noqa: BLE001 - a recorder that fails (a full disk, say) ends no call
                self._log.note(
                    "rtc.error",
                    source="callback",
                    code=type(error).__name__,
                    message=f"keeping the audio: {error}",
                    detail=traceback.format_exc(),
                )

        return keep
