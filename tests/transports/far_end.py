"""The other end of a call: a small real peer on its own thread, that keeps what it hears and when."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from rtc_widget.audio.outgoing import OutgoingTrack
from rtc_widget.providers.base import Answer, ClientSecret, Provider

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiortc import MediaStreamTrack, RTCDataChannel
    from numpy.typing import NDArray

    from rtc_widget._errors import ConnectionFailed, SecretError


@dataclass
class Heard:
    """One packet's frame as it came."""

    t_s: float
    position: int
    samples: NDArray[np.int16]


@dataclass
class Arrival:
    """One RTP packet: when it came, and what its header says."""

    t_s: float
    sequence: int
    timestamp: int


@dataclass
class FarEnd:
    """Answers one offer; use it as a context manager."""

    events: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    said_ms: list[float] = field(default_factory=list)
    offer: str = ""
    greets: bool = True
    """Whether it sends `session.created`, which a filter of a service's keeps back."""
    track: OutgoingTrack | None = None

    def __enter__(self) -> Self:
        """Start its loop."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._pc: RTCPeerConnection | None = None
        self._channel: RTCDataChannel | None = None
        self._listening: asyncio.Task[None] | None = None
        self._came = threading.Condition()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up and end the loop."""
        self.hang_up()
        self.run(self._wind_up())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def answer(self, offer_sdp: str) -> str:
        """Answer an offer; awaited on any loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._answer(offer_sdp), self.loop))

    async def _answer(self, offer_sdp: str) -> str:
        self.offer = offer_sdp
        pc = self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track = OutgoingTrack(self._said)
        pc.addTrack(self.track)

        @pc.on("datachannel")
        def opened(channel: RTCDataChannel) -> None:
            self._channel = channel
            channel.on("message", self._took)
            if self.greets:
                channel.send(json.dumps({"type": "session.created", "label": channel.label}))

        @pc.on("track")
        def received(track: MediaStreamTrack) -> None:
            self._listening = asyncio.ensure_future(self._listen(track))

        await pc.setRemoteDescription(RTCSessionDescription(offer_sdp, "offer"))
        self._watch_packets(pc)
        await pc.setLocalDescription(await pc.createAnswer())
        return pc.localDescription.sdp

    def _watch_packets(self, pc: RTCPeerConnection) -> None:
        receiver: Any = pc.getReceivers()[0]
        handle = receiver._handle_rtp_packet

        async def watched(packet: Any, arrival_time_ms: int) -> None:
            self.arrivals.append(Arrival(time.monotonic(), packet.sequence_number, packet.timestamp))
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = watched

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().reshape(-1, 2)[:, 0]
            with self._came:
                self.heard.append(Heard(time.monotonic(), frame.pts, samples))
                self._came.notify_all()

    def _took(self, text: str) -> None:
        with self._came:
            self.events.append(text)
            self._came.notify_all()

    def wait(self, condition: Any, timeout: float = 10.0) -> None:
        """Wait until something that came makes a condition true."""
        with self._came:
            assert self._came.wait_for(condition, timeout), "the far end waited in vain"

    def send(self, text: str) -> None:
        channel = self._channel
        assert channel is not None
        self.loop.call_soon_threadsafe(channel.send, text)

    def _said(self, samples: NDArray[np.int16], at_ms: float) -> None:
        if samples.any():
            self.said_ms.append(at_ms)

    def speak(self, samples: NDArray[np.int16]) -> None:
        """Send samples at 48 kHz."""
        track = self.track
        assert track is not None
        self.loop.call_soon_threadsafe(track.feed, samples)

    def hang_up(self) -> None:
        if self._pc is not None:
            self.run(self._pc.close())
            self._pc = None

    def sound(self) -> NDArray[np.int16]:
        """All that was heard, by its timestamps, silence where none came."""
        heard = list(self.heard)
        first, last = heard[0].position, heard[-1].position
        sound = np.zeros(last - first + 960, np.int16)
        for frame in heard:
            sound[frame.position - first : frame.position - first + len(frame.samples)] = frame.samples
        return sound


class FarProvider(Provider):
    """A provider whose service is a far end in this process."""

    name = "far"

    def __init__(self, far: FarEnd, *, delay_s: float = 0.0) -> None:
        super().__init__("http://127.0.0.1:1/v1", {})
        self._far = far
        self._delay_s = delay_s
        self.asked: list[tuple[str, Any]] = []
        self.refuse_secret: SecretError | None = None
        self.refuse_offer: ConnectionFailed | None = None
        self.spoil = ""
        """What the answer is instead of the far end's."""

    async def mint(
        self,
        session: dict[str, Any],
        *,
        seconds: int | None = None,
        requester: str = "kernel",  # noqa: ARG002 - as every provider
    ) -> ClientSecret:
        self.asked.append(("mint", session))
        await asyncio.sleep(self._delay_s)
        if self.refuse_secret is not None:
            raise self.refuse_secret
        return ClientSecret("ek_canary", time.time() + (seconds or 30), "req_1")

    async def create_call(
        self, offer_sdp: str, *, session: dict[str, Any] | None = None, secret: ClientSecret | None = None
    ) -> Answer:
        self.asked.append(("call", session if secret is None else secret.value))
        if self.refuse_offer is not None:
            raise self.refuse_offer
        return Answer(self.spoil or await self._far.answer(offer_sdp), "rtc_far")
