"""One RTCPeerConnection over aiortc: a data channel, a track each way, and what can go wrong on the way."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from aiortc import (
    InvalidStateError,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from rtc_widget._errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiortc import MediaStreamTrack, RTCIceTransport, RTCRtpReceiver

__all__ = ["Connection"]

_CHANNEL = "oai-events"
# What a browser takes, so that what goes headless goes in the widget too; OpenAI itself would take more.
_MOST_BYTES = 262_144
_UNSAID_BYTES = 65_536
_BLOCKED = "UDP may be blocked here (VPN, firewall): try another network, or a browser, which can use TCP."
_LOST = "the connection was lost: nothing came from the service any more"
_CLOSED = "the service ended the call"
# What RTCP counts in, as aiortc hands it on: the clock of Opus, and 256ths.
_UNITS = {"jitter": 1 / 48_000, "fractionLost": 1 / 256}
# A lost connection closes the channel first, and fails as ICE right after that.
_AFTERTHOUGHT_S = 0.02


class Connection:
    """A WebRTC connection from its offer to its end; made and used on one loop.

    Parameters
    ----------
    track
        What is sent.
    loopback
        Whether the service is on this machine: 127.0.0.1 is then offered too.
    on_open
        Called when the data channel is open, before any message.
    on_message
        Called with each message of the data channel.
    on_track
        Called with the received track.
    on_over
        Called once with the reason when the other side ends it or is lost; not after `close`.
    """

    def __init__(
        self,
        track: MediaStreamTrack,
        *,
        loopback: bool,
        on_open: Callable[[], None],
        on_message: Callable[[str], None],
        on_track: Callable[[MediaStreamTrack], None],
        on_over: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ice: asyncio.Future[None] = self._loop.create_future()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.max_message_bytes = _MOST_BYTES
        self._on_open = on_open
        self._on_message = on_message
        self._on_track = on_track
        self._on_over = on_over
        self._over = False
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        transceiver = self._pc.addTransceiver(track, direction="sendrecv")
        _hear_at_once(transceiver.receiver)
        opus = [
            codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"
        ]
        transceiver.setCodecPreferences(opus)
        self._channel = self._pc.createDataChannel(_CHANNEL)
        if loopback:
            _offer_loopback(self._pc)
        self._watch_channel()
        self._watch_connection()

    async def offer(self) -> str:
        """Return the offer, with every candidate in it."""
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return self._pc.localDescription.sdp

    async def accept(self, answer_sdp: str) -> None:
        """Take the answer; `ice` and then `opened` follow.

        Raises
        ------
        ConnectionFailed
            With step "answer" where it is none that we can use.
        """
        kept = "".join(line for line in answer_sdp.splitlines(keepends=True) if not _is_hidden(line))
        wrong = await self._take(kept)
        if wrong is not None:
            reason = f"the service's answer cannot be used: it is no SDP that WebRTC takes ({wrong})."
            raise ConnectionFailed("answer", reason, "Check that base_url leads to a Realtime API.")
        said = re.search(r"^a=max-message-size:(\d+)", kept, re.MULTILINE)
        self.max_message_bytes = min(int(said[1]) if said else _UNSAID_BYTES, _MOST_BYTES) or _MOST_BYTES

    async def _take(self, answer_sdp: str) -> str | None:
        """Return the kind of what aiortc's parser stumbles over; its words quote the answer, keys and all."""
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(answer_sdp, "answer"))
        except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
            return type(error).__name__
        return None

    def send(self, text: str) -> None:
        """Hand a message to the data channel.

        Raises
        ------
        ConnectionFailed
            When the channel is not open (any more).
        """
        try:
            self._channel.send(text)
        except InvalidStateError:
            raise ConnectionFailed("channel", "there is no call.", "Connect first.") from None

    async def stats(self) -> list[tuple[str, str, str, float]]:
        """Return the numbers of getStats: type, id, W3C name and value of each, in the W3C's unit."""
        found = []
        for report in (await self._pc.getStats()).values():
            for name, value in vars(report).items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found.append((str(report.type), str(report.id), name, value * _UNITS.get(name, 1)))
        return found

    async def close(self) -> None:
        """End the connection."""
        self._over = True
        for future in (self.ice, self.opened):
            future.cancel()
        await self._pc.close()

    def _watch_channel(self) -> None:
        @self._channel.on("open")
        def opened() -> None:
            if not self.opened.done():
                self.opened.set_result(None)
                self._on_open()

        @self._channel.on("message")
        def message(data: str | bytes) -> None:
            self._on_message(data if isinstance(data, str) else data.decode("utf-8", "replace"))

        @self._channel.on("close")
        def closed() -> None:
            self._loop.call_later(_AFTERTHOUGHT_S, self._end, _CLOSED)

    def _watch_connection(self) -> None:
        @self._pc.on("track")
        def received(track: MediaStreamTrack) -> None:
            self._on_track(track)

        # Not the connection's own state: it says "closed" by the time that a lost one is noticed.
        ice = _ice_transport(self._pc)

        @ice.on("statechange")
        def ice_changed() -> None:
            if ice.state == "completed" and not self.ice.done():
                self.ice.set_result(None)
            elif ice.state == "failed":
                self._end(_LOST)

        @self._pc.on("connectionstatechange")
        def changed() -> None:
            if self._pc.connectionState in {"failed", "closed"}:
                self._loop.call_later(_AFTERTHOUGHT_S, self._end, _CLOSED)

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        if not self.ice.done():
            self.ice.set_exception(ConnectionFailed("ice", "no way to the service was found.", _BLOCKED))
            self.opened.cancel()
        elif not self.opened.done():
            self.opened.set_exception(
                ConnectionFailed(
                    "channel",
                    "the service closed the connection before the data channel was open.",
                    "Try again.",
                )
            )
        else:
            self._on_over(reason)


def _is_hidden(line: str) -> bool:
    """Say whether a line of SDP is a candidate that only a multicast look-up of a second could resolve."""
    return line.startswith("a=candidate:") and ".local " in line


def _ice_transport(pc: RTCPeerConnection) -> RTCIceTransport:
    """Return the one that all tracks and the data channel share."""
    if pc.sctp is None:
        raise RuntimeError("the data channel comes first")
    return pc.sctp.transport.transport


def _offer_loopback(pc: RTCPeerConnection) -> None:
    # aioice leaves 127.0.0.1 out of its host addresses and has no option for it: without a network there
    # would be no candidate at all, and a service on 127.0.0.1 alone would be out of reach on some systems.
    connection: Any = _ice_transport(pc).iceGatherer._connection  # noqa: SLF001
    gather = connection.get_component_candidates

    async def with_loopback(component: int, addresses: list[str], timeout: int = 5) -> Any:
        return await gather(component, ["127.0.0.1", *addresses], timeout)

    connection.get_component_candidates = with_loopback


def _hear_at_once(receiver: RTCRtpReceiver) -> None:
    """Take each packet as the next one comes: aiortc waits for four, which smooths what nobody plays here."""
    jitter_buffer = getattr(receiver, "_RTCRtpReceiver__jitter_buffer", None)
    if jitter_buffer is not None:
        jitter_buffer._prefetch = 1  # noqa: SLF001 - aiortc has no public way
