"""A client of the sandbox over real WebRTC: a microphone that plays sound, and everything that came back."""

from __future__ import annotations

import asyncio
import fractions
import io
import json
import wave
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler

from rtc_widget.sandbox.sound import HEARD_RATE_HZ, SPOKEN_RATE_HZ, resample
from rtc_widget.sandbox.voice import synthesise
from tests.sandbox.events import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.events import Event
    from tests.sandbox.service import Service

TRANSCRIPTION = {"model": "gpt-realtime-whisper"}
FRAME_SAMPLES = 960
TIME_LIMIT_S = 45.0


def spoken(text: str, voice: str = "cedar") -> bytes:
    """Return a text as mono s16 sound at 48 kHz."""
    return resample(*synthesise(text, voice=voice), SPOKEN_RATE_HZ)


def wav(pcm: bytes) -> bytes:
    """Return mono s16 sound at 48 kHz as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(SPOKEN_RATE_HZ)
        written.writeframes(pcm)
    return file.getvalue()


class Microphone(MediaStreamTrack):
    """A track that is silent until it is given sound."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sound = bytearray()
        self._frames = 0
        self._start_s = 0.0
        self.spoken_until_s = 0.0
        """When the last frame with sound was sent, by the loop's clock."""

    def play(self, pcm: bytes) -> None:
        """Send sound from now on: mono s16 at 48 kHz."""
        self._sound += pcm

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if not self._frames:
            self._start_s = loop.time()
        await asyncio.sleep(max(self._start_s + self._frames * 0.02 - loop.time(), 0))
        piece = bytes(self._sound[: FRAME_SAMPLES * 2])
        del self._sound[: FRAME_SAMPLES * 2]
        if piece:
            self.spoken_until_s = loop.time()
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(piece.ljust(FRAME_SAMPLES * 2, b"\0"))
        frame.pts = self._frames * FRAME_SAMPLES
        frame.sample_rate = SPOKEN_RATE_HZ
        frame.time_base = fractions.Fraction(1, SPOKEN_RATE_HZ)
        self._frames += 1
        return frame


class Client:
    """One call, and what it brought.

    Attributes
    ----------
    events
        All server events, in order.
    heard
        What was heard: the loop's time, and mono s16 sound at 16 kHz.
    rtc_call_id
        `rtc_…`
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.heard: list[tuple[float, bytes]] = []
        self.microphone = Microphone()
        self.rtc_call_id = ""
        self.is_over = asyncio.Event()
        self._is_open = asyncio.Event()
        self._news = asyncio.Event()
        self._listening: set[asyncio.Task[None]] = set()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.addTrack(self.microphone)
        self._peer.on("track", self._listen)
        self._channel = self._peer.createDataChannel("oai-events")
        self._channel.on("open", self._is_open.set)
        self._channel.on("close", self.is_over.set)
        self._channel.on("message", self._take)

    async def offer(self) -> str:
        """Return the SDP offer."""
        await self._peer.setLocalDescription()
        return self._peer.localDescription.sdp

    async def accept(self, answer: httpx.Response) -> None:
        """Take the answer to the offer, and wait until the data channel is open."""
        assert answer.status_code == 201, answer.text
        self.rtc_call_id = answer.headers["location"].rsplit("/", 1)[-1]
        await self._peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await asyncio.wait_for(self._is_open.wait(), TIME_LIMIT_S)

    def send(self, type: str, **fields: Any) -> None:
        """Send a client event."""
        self._channel.send(json.dumps({"type": type, **fields}))

    def type_text(self, text: str) -> None:
        """Send a typed message, and ask for the answer."""
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")

    def stop_microphone(self) -> None:
        """Send no sound any more, not even silence."""
        self.microphone.stop()

    async def wait_for(self, type: str, since: int = 0) -> Event:
        """Return the first event of a type from a place in `events` on."""
        async with asyncio.timeout(TIME_LIMIT_S):
            while True:
                self._news.clear()
                for event in self.events[since:]:
                    if event["type"] == type:
                        return event
                await self._news.wait()

    async def turn(self, since: int) -> list[Event]:
        """Return the events from a place on, once the answer was heard to its end."""
        await self.wait_for("output_audio_buffer.stopped", since)
        return self.events[since:]

    async def hear(self, seconds: float) -> bytes:
        """Return the next seconds of sound, once they are here."""
        first = len(self.heard)
        wanted = int(seconds * HEARD_RATE_HZ) * 2
        async with asyncio.timeout(TIME_LIMIT_S):
            while True:
                self._news.clear()
                pcm = b"".join(piece for _, piece in self.heard[first:])
                if len(pcm) >= wanted:
                    return pcm
                await self._news.wait()

    def heard_since(self, moment_s: float) -> bytes:
        """Return the sound that came after a moment of the loop's clock."""
        return b"".join(pcm for when_s, pcm in self.heard if when_s >= moment_s)

    async def close(self) -> None:
        """Hang up."""
        await self._peer.close()
        for task in self._listening:
            task.cancel()

    def _take(self, message: str) -> None:
        self.events.append(check(json.loads(message)))
        self._news.set()

    def _listen(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._hear(track))
        self._listening.add(task)

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = AudioResampler(format="s16", layout="mono", rate=HEARD_RATE_HZ)
        loop = asyncio.get_running_loop()
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame)
            for piece in resampler.resample(frame):
                self.heard.append((loop.time(), bytes(piece.planes[0])[: piece.samples * 2]))
            self._news.set()


@asynccontextmanager
async def call(service: Service, session: Event | None = None) -> AsyncIterator[Client]:
    """Hold a call with a sandbox while the block lasts."""
    client = Client()
    asked = {"type": "realtime", **(session or {})}
    async with httpx.AsyncClient(base_url=service.base_url, verify=False, trust_env=False) as http:  # noqa: S501 - plain http
        minted = await http.post(
            "/realtime/client_secrets", headers=service.authorization, json={"session": asked}
        )
        assert minted.status_code == 200, minted.text
        answer = await http.post(
            "/realtime/calls",
            headers={"Authorization": f"Bearer {minted.json()['value']}", "Content-Type": "application/sdp"},
            content=await client.offer(),
        )
    try:
        await client.accept(answer)
        await client.wait_for("session.created")
        yield client
    finally:
        await client.close()
