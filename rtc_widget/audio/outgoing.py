"""What we send: a track that gives one frame every 20 ms of real time, silence unless there are samples.

Frames are encoded here, one frame ahead: in time for their deadlines whatever else the process does, and with
RTP timestamps that follow the clock even where frames had to be left out.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SAMPLE_RATE_HZ", "OutgoingTrack"]

SAMPLE_RATE_HZ = 48_000
_FRAME_S = 0.020
_FRAME_SAMPLES = 960
_BIT_RATE = 64_000
# A loop that was held up this long catches up at once, so that no word is torn: a receiver's jitter buffer
# takes so much (aiortc's has 16 packets). After a longer time it goes on from now.
_MOST_LATE_FRAMES = 15
# A stream that ran dry goes on when there is this much again, so that a late chunk is one gap and not many.
_PREFETCH_SAMPLES = 3 * _FRAME_SAMPLES
_SILENCE = np.zeros(_FRAME_SAMPLES, np.int16)
# After so many frames of silence a coder has nothing left to tell: the last packet says the same.
_SETTLED_FRAMES = 25


class OutgoingTrack(MediaStreamTrack):
    """Mono 48 kHz as Opus packets, paced by the monotonic clock.

    Parameters
    ----------
    on_sent
        Called with the samples of each frame and its instant, in ms of the kernel's monotonic clock.
    """

    kind = "audio"

    def __init__(self, on_sent: Callable[[NDArray[np.int16], float], None] | None = None) -> None:
        super().__init__()
        self.frames_left_out = 0
        self._on_sent = on_sent
        self._encoder = _Encoder()
        self._queue: deque[NDArray[np.int16]] = deque()
        self._queued = 0
        self._streaming = False
        self._dry = False
        self._taken = 0
        self._sent = 0
        self._drains: list[tuple[int, asyncio.Future[None]]] = []
        self._start_s: float | None = None
        self._index = 0

    @property
    def queued_s(self) -> float:
        """Seconds of sound that wait to be sent."""
        return self._queued / SAMPLE_RATE_HZ

    @property
    def sent_s(self) -> float:
        """Seconds of sound that were sent so far, silence aside."""
        return self._sent / SAMPLE_RATE_HZ

    def begin_stream(self) -> None:
        """Say that samples will come in pieces: a frame is sent when it is full, silence meanwhile."""
        self._streaming = self._dry = True

    def end_stream(self) -> None:
        """Say that the last piece has come."""
        self._streaming = self._dry = False

    def feed(self, samples: NDArray[np.int16]) -> None:
        """Queue mono samples at 48 kHz, shape (n,)."""
        if len(samples):
            self._queue.append(samples)
            self._queued += len(samples)

    def clear(self) -> None:
        """Drop what waits; whoever waits for it goes on."""
        self._queue.clear()
        self._queued = 0
        self.end_stream()
        self._sent = self._taken
        for _, future in self._drains:
            if not future.done():
                future.set_result(None)
        self._drains = []

    async def drained(self, most_left_s: float = 0.0) -> None:
        """Return when no more than this of what is queued now has still to be sent, in s."""
        target = self._taken + self._queued - round(most_left_s * SAMPLE_RATE_HZ)
        if target <= self._sent:
            return
        if self.readyState != "live":
            raise MediaStreamError
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drains.append((target, future))
        await future

    def stop(self) -> None:
        """End the track; whoever waits gets MediaStreamError."""
        super().stop()
        for _, future in self._drains:
            if not future.done():
                future.set_exception(MediaStreamError())
        self._drains = []

    async def recv(self) -> av.Packet[Any]:
        """Return the next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        # The frame before this one has gone out by now.
        self._sent = self._taken
        self._wake()
        samples = self._next_frame()
        data = self._encoder.encode(samples)
        due_s = await self._due()
        if self.readyState != "live":
            raise MediaStreamError
        if self._on_sent is not None:
            self._on_sent(samples, due_s * 1000)
        packet = av.Packet(data)
        packet.pts = self._index * _FRAME_SAMPLES
        packet.time_base = Fraction(1, SAMPLE_RATE_HZ)
        return packet

    async def _due(self) -> float:
        """Wait for the instant of the next frame, in s of the monotonic clock, and return it."""
        now = time.monotonic()
        if self._start_s is None:
            self._start_s = now
            return now
        self._index += 1
        due_s = self._start_s + self._index * _FRAME_S
        late_frames = int((now - due_s) / _FRAME_S)
        if late_frames > _MOST_LATE_FRAMES:
            # A burst would reach the other side as speech too fast, or be dropped by its jitter buffer.
            self._index += late_frames
            self.frames_left_out += late_frames
            due_s += late_frames * _FRAME_S
        # Not before its time: the loop may wake up to a clock tick early.
        while (wait_s := due_s - time.monotonic()) > 0:  # noqa: ASYNC110 - it waits for an instant
            await asyncio.sleep(wait_s)
        return due_s

    def _next_frame(self) -> NDArray[np.int16]:
        if self._dry and self._queued >= _PREFETCH_SAMPLES:
            self._dry = False
        if self._streaming and self._queued < _FRAME_SAMPLES:
            self._dry = True
        if self._dry or not self._queued:
            return _SILENCE
        frame = np.zeros(_FRAME_SAMPLES, np.int16)
        filled = 0
        while self._queue and filled < _FRAME_SAMPLES:
            piece = self._queue.popleft()
            room = _FRAME_SAMPLES - filled
            if len(piece) > room:
                self._queue.appendleft(piece[room:])
                piece = piece[:room]
            frame[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._queued -= filled
        self._taken += filled
        return frame

    def _wake(self) -> None:
        for target, future in self._drains:
            if target <= self._sent and not future.done():
                future.set_result(None)
        self._drains = [entry for entry in self._drains if not entry[1].done()]


class _Encoder:
    """libopus, mono, made for speech."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate = SAMPLE_RATE_HZ
        self._codec.layout = "mono"
        self._codec.format = "s16"
        self._codec.bit_rate = _BIT_RATE
        self._codec.options = {"application": "voip"}
        self._codec.time_base = Fraction(1, SAMPLE_RATE_HZ)
        self._pts = 0
        self._silent_frames = 0
        self._silent_packet = b""

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """Return the packet of one frame."""
        if samples is not _SILENCE:
            self._silent_frames = 0
            return self._encode(samples)
        self._silent_frames += 1
        if self._silent_frames <= _SETTLED_FRAMES:
            self._silent_packet = self._encode(samples)
        return self._silent_packet

    def _encode(self, samples: NDArray[np.int16]) -> bytes:
        frame = av.AudioFrame(format="s16", layout="mono", samples=_FRAME_SAMPLES)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        frame.pts = self._pts
        self._pts += _FRAME_SAMPLES
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))
