"""One WebRTC call: an aiortc peer between a client and a session, on the loopback interface alone."""

from __future__ import annotations

import asyncio
import fractions
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcconfiguration import RTCBundlePolicy
from av import AudioFrame, AudioResampler

from rtc_widget.sandbox.session import Session
from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE, HEARD_RATE_HZ, SPOKEN_RATE_HZ, silence
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.mouth import Mouth
    from rtc_widget.sandbox.prompt import Brain

__all__ = ["Call", "listen_on_loopback_only"]

CHANNEL: Final = "oai-events"
_FRAME_MS: Final = 20
_FRAME_SAMPLES: Final = SPOKEN_RATE_HZ * _FRAME_MS // 1000
_LATE_S: Final = 0.4
"""Frames up to this late are sent at once to catch up; later than that, the clock starts again."""
_MISSING_S: Final = 0.4
"""When no sound arrives for so long, silence is heard: a track may end with a word, and its turn with it."""
_CONNECT_S: Final = 30.0
_MAX_MESSAGE_BYTES: Final = 1_073_741_823
"""As the service says: what a browser takes is less."""
_log = logging.getLogger(__name__)


def listen_on_loopback_only() -> None:
    """Let every ICE connection of this process gather 127.0.0.1, which aioice leaves out, and no more."""

    def addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:  # noqa: ARG001 - aioice's signature
        return ["127.0.0.1"]

    aioice.ice.get_host_addresses = addresses


class Call:
    """One call.

    Parameters
    ----------
    asked
        The checked `session` of the request.
    brain
        What answers.
    seconds
        How long the session may last.
    on_over
        Called with the call once it has ended, whoever ended it.
    may_be_joined
        Whether a sideband may.
    is_beta
        Whether the client asks for the beta of the API.

    Attributes
    ----------
    id
        `rtc_…`
    session
        Its session.
    """

    def __init__(
        self,
        asked: Event,
        *,
        brain: Brain,
        seconds: float,
        on_over: Callable[[Call], None],
        may_be_joined: bool = True,
        is_beta: bool = False,
    ) -> None:
        self.id = fresh_id("rtc")
        self.may_be_joined = may_be_joined
        self.session = Session(
            asked,
            brain=brain,
            send=self._send,
            seconds=seconds,
            on_expired=self._hang_up_soon,
            is_beta=is_beta,
        )
        self._on_over: Callable[[Call], None] | None = on_over
        self._channel: Any = None
        self._heard_at_s = 0.0
        self._filled = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._peer = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._peer.on("datachannel", self._take_channel)
        self._peer.on("track", self._take_track)
        self._peer.on("connectionstatechange", self._look_at_the_connection)

    async def answer(self, offer: str) -> str:
        """Return the answer to an SDP offer.

        Raises
        ------
        ApiError
            The offer is none, or holds no audio.
        """
        if not re.search(r"^m=audio ", offer, re.MULTILINE):
            raise ApiError("Invalid SDP offer: it has no audio section.", code="invalid_offer", param="sdp")
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(_without_mdns(offer), "offer"))
            for transceiver in self._peer.getTransceivers():
                if transceiver.kind == "audio":
                    _hear_at_once(transceiver.receiver)
                    transceiver.direction = "sendrecv"
                    transceiver.sender.replaceTrack(_Voice(self.session.mouth))
            await self._peer.setLocalDescription()
        except Exception as error:
            # aiortc has no error of its own for an offer it cannot read.
            _log.debug("refused an offer", exc_info=True)
            told = str(error) or type(error).__name__
            raise ApiError(f"Invalid SDP offer: {told}.", code="invalid_offer", param="sdp") from error
        self._start(self._give_up())
        return re.sub(
            r"^(a=max-message-size:)\d+", rf"\g<1>{_MAX_MESSAGE_BYTES}", self._peer.localDescription.sdp,
            flags=re.MULTILINE,
        )  # fmt: skip

    async def hang_up(self) -> None:
        """End the call; a second time does nothing."""
        on_over, self._on_over = self._on_over, None
        if on_over is None:
            return
        on_over(self)
        self.session.close()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        await self._peer.close()

    def _send(self, text: str) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            try:
                self._channel.send(text)
            except ValueError as error:  # more than the other side takes; a sideband hears it
                _log.warning("the data channel did not take an event: %s", error)

    def _take_channel(self, channel: Any) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            return
        self._channel = channel
        channel.on("message", self._take_message)
        self.session.open()

    def _take_message(self, message: str | bytes) -> None:
        self.session.receive(message if isinstance(message, str) else message.decode(errors="replace"))

    def _take_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._start(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        """Give the session the user's sound as it comes, and silence for what was lost on the way."""
        resampler = AudioResampler(format="s16", layout="mono", rate=HEARD_RATE_HZ)
        loop = asyncio.get_running_loop()
        expected: int | None = None
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if not isinstance(frame, AudioFrame) or frame.pts is None:
                continue
            if expected is None:
                self._start(self._fill_in())
            else:
                lost = min(frame.pts - expected, SPOKEN_RATE_HZ) - self._filled
                if lost >= _FRAME_SAMPLES:
                    self.session.hear(silence(lost * 1000 / SPOKEN_RATE_HZ, HEARD_RATE_HZ))
            expected, self._filled = frame.pts + frame.samples, 0
            self._heard_at_s = loop.time()
            for piece in resampler.resample(frame):
                self.session.hear(bytes(piece.planes[0])[: piece.samples * BYTES_PER_SAMPLE])

    async def _fill_in(self) -> None:
        """Let the session hear silence while no sound comes at all."""
        loop = asyncio.get_running_loop()
        gap = silence(_FRAME_MS, HEARD_RATE_HZ)
        self._heard_at_s = loop.time()
        while True:
            missing_s = self._heard_at_s + _MISSING_S - loop.time()
            if missing_s > 0:
                await asyncio.sleep(missing_s)
            else:
                self.session.hear(gap)
                self._filled += _FRAME_SAMPLES
                await asyncio.sleep(_FRAME_MS / 1000)

    async def _look_at_the_connection(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            await self.hang_up()

    async def _give_up(self) -> None:
        """End a call that nobody takes up."""
        await asyncio.sleep(_CONNECT_S)
        if self._channel is None:
            _log.info("%s: no data channel after %g s", self.id, _CONNECT_S)
            await self.hang_up()

    def _hang_up_soon(self) -> None:
        self._start(self.hang_up())

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Voice(MediaStreamTrack):
    """The mouth as a track: a frame every 20 ms by the clock, speech or silence."""

    kind = "audio"

    def __init__(self, mouth: Mouth) -> None:
        super().__init__()
        self._mouth = mouth
        self._frames = 0
        self._start_s = 0.0

    async def recv(self) -> AudioFrame:
        """Wait for the next frame's time, and return it."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if not self._frames:
            self._start_s = loop.time()
        wait_s = self._due_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif wait_s < -_LATE_S:
            self._start_s -= wait_s
        frame = AudioFrame(format="s16", layout="mono", samples=_FRAME_SAMPLES)
        frame.planes[0].update(self._mouth.take(_FRAME_SAMPLES * BYTES_PER_SAMPLE, self._due_s))
        frame.pts = self._frames * _FRAME_SAMPLES
        frame.sample_rate = SPOKEN_RATE_HZ
        frame.time_base = fractions.Fraction(1, SPOKEN_RATE_HZ)
        self._frames += 1
        return frame

    @property
    def _due_s(self) -> float:
        """When the next frame goes out."""
        return self._start_s + self._frames * _FRAME_MS / 1000


def _hear_at_once(receiver: RTCRtpReceiver) -> None:
    """Take each packet as the next one comes: aiortc waits for four, and loopback keeps their order."""
    jitter_buffer = getattr(receiver, "_RTCRtpReceiver__jitter_buffer", None)
    if jitter_buffer is not None:
        jitter_buffer._prefetch = 1  # noqa: SLF001 - aiortc has no public way


def _without_mdns(offer: str) -> str:
    """Drop what only costs time: `.local` candidates, and the word that no others will come.

    The client's own checks reveal where it is.
    """
    lines = offer.replace("\r\n", "\n").rstrip("\n").split("\n")
    kept = [
        line
        for line in lines
        if not (line.startswith("a=candidate:") and ".local " in line) and line != "a=end-of-candidates"
    ]
    return "\r\n".join(kept) + "\r\n"
