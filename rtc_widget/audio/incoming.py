"""What we hear: the frames of a received track as mono 24 kHz on the kernel's clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from aiortc.mediastreams import MediaStreamError

from rtc_widget.audio.resample import Resampler, to_float, to_int16

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiortc import MediaStreamTrack
    from av import AudioFrame
    from numpy.typing import NDArray

__all__ = ["SAMPLE_RATE_HZ", "Downsampler", "PlayoutClock", "receive"]

SAMPLE_RATE_HZ = 24_000
_WIRE_RATE_HZ = 48_000
_MS = 1_000.0
_TOLERANCE_MS = 40.0
_FOLLOW_MS = 1_000.0
_DOUBTFUL_MS = 200.0
_DOUBTFUL_FRAMES = 4
_PACED_MS = 30.0
_QUIET = 300
_FRAMES_A_PIECE = 5


async def receive(track: MediaStreamTrack, on_frame: Callable[[NDArray[np.int16], float], None]) -> None:
    """Hand every frame of a track to `on_frame` until the track ends.

    Parameters
    ----------
    track
        A received audio track.
    on_frame
        Called with mono samples at 48 kHz and the instant of the first one, in ms of the kernel's clock.
    """
    clock = PlayoutClock()
    while True:
        try:
            frame: AudioFrame = await track.recv()  # type: ignore[assignment]  # an audio track gives audio frames
        except MediaStreamError:
            for samples, t_kernel_ms in clock.flush():
                on_frame(samples, t_kernel_ms)
            return
        samples = _mono(frame)
        duration_ms = len(samples) / _WIRE_RATE_HZ * _MS
        position_ms = (frame.pts or 0) / _WIRE_RATE_HZ * _MS
        # It is handed on as the next one comes: its last sample was there a frame ago, its first two.
        begin_ms = time.monotonic() * _MS - 2 * duration_ms
        for placed, t_kernel_ms in clock.push(samples, position_ms, begin_ms):
            on_frame(placed, t_kernel_ms)


def _mono(frame: AudioFrame) -> NDArray[np.int16]:
    # The decoder gives packed s16.
    channels = frame.layout.nb_channels
    samples = np.frombuffer(bytes(frame.planes[0]), np.int16)[: frame.samples * channels]
    if channels == 1:
        return samples
    # An average of two that stays in 16 bits: speech comes as the same sample twice.
    left, right = samples[0::2], samples[1::2]
    average: NDArray[np.int16] = (left >> 1) + (right >> 1) + (left & right & 1)
    return average


@dataclass(frozen=True)
class _Frame:
    samples: NDArray[np.int16]
    position_ms: float
    arrival_ms: float


class PlayoutClock:
    """Where frames belong on the kernel's clock: by the sender's own count, which has no jitter.

    The count is tied to the clock at the first frame, and again when the sender stood still without counting,
    or when all frames of a second came too early or too late for it (the sender's clock runs otherwise).
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None
        self._held: list[_Frame] = []
        self._least_ms = math.inf
        self._since_ms = 0.0
        self._due_ms = 0.0

    def push(
        self, samples: NDArray[np.int16], position_ms: float, arrival_ms: float
    ) -> list[tuple[NDArray[np.int16], float]]:
        """Return frames with their instants: this one, those held before it, or none while it is in doubt.

        Parameters
        ----------
        samples
            The frame.
        position_ms
            Its place by the sender's count.
        arrival_ms
            When it came, in ms of the kernel's clock.
        """
        if self._offset_ms is None:
            self._offset_ms = arrival_ms - position_ms
        late_ms = self._follow(samples, arrival_ms - position_ms - self._offset_ms, arrival_ms)
        if late_ms < _DOUBTFUL_MS and not self._held:
            return [(samples, position_ms + self._offset_ms)]
        self._held.append(_Frame(samples, position_ms, arrival_ms))
        if late_ms >= _DOUBTFUL_MS and len(self._held) < _DOUBTFUL_FRAMES:
            return []
        # Late frames that come all at once were held up on the way; at their usual pace they are what is
        # said now.
        spread_ms = arrival_ms - self._held[0].arrival_ms
        if late_ms >= _DOUBTFUL_MS and spread_ms > _PACED_MS:
            self._offset_ms += late_ms
            self._restart(arrival_ms)
        return self.flush()

    def flush(self) -> list[tuple[NDArray[np.int16], float]]:
        """Return the frames held, with their instants."""
        held, self._held = self._held, []
        return [(frame.samples, frame.position_ms + (self._offset_ms or 0.0)) for frame in held]

    def _follow(self, samples: NDArray[np.int16], late_ms: float, arrival_ms: float) -> float:
        """Return how late a frame is, after the correction that was due before it."""
        if arrival_ms - self._since_ms > _FOLLOW_MS:
            is_off = math.isfinite(self._least_ms) and abs(self._least_ms) > _TOLERANCE_MS
            self._due_ms = self._least_ms if is_off else 0.0
            self._restart(arrival_ms)
        self._least_ms = min(self._least_ms, late_ms)
        if self._due_ms == 0.0 or self._offset_ms is None:
            return late_ms
        # In the middle of a word a correction would cut into it or tear it apart: that waits for silence.
        if abs(self._due_ms) < _DOUBTFUL_MS and np.abs(samples.astype(np.int32)).max(initial=0) > _QUIET:
            return late_ms
        late_ms -= self._due_ms
        self._offset_ms += self._due_ms
        self._due_ms = 0.0
        self._restart(arrival_ms)
        return late_ms

    def _restart(self, arrival_ms: float) -> None:
        self._least_ms = math.inf
        self._since_ms = arrival_ms


class Downsampler:
    """48 kHz to 24 kHz for frames that come with their instants; gives them out in pieces of 100 ms.

    Parameters
    ----------
    give
        Called with samples at 24 kHz as bytes and the instant of the first one, in ms of the kernel's clock.
    """

    def __init__(self, give: Callable[[bytes, float], None]) -> None:
        self._give = give
        self._resampler = Resampler(_WIRE_RATE_HZ, SAMPLE_RATE_HZ)
        self._frames: list[NDArray[np.int16]] = []
        self._start_ms: float | None = None
        self._taken = 0
        self._given = 0

    def push(self, samples: NDArray[np.int16], t_kernel_ms: float) -> None:
        """Take the next frame; one that does not follow the last begins anew."""
        expected_ms = None if self._start_ms is None else self._start_ms + self._taken / _WIRE_RATE_HZ * _MS
        if expected_ms is None or abs(t_kernel_ms - expected_ms) > 1.0:
            self.flush()
            self._start_ms = t_kernel_ms
        self._taken += len(samples)
        self._frames.append(samples)
        if len(self._frames) == _FRAMES_A_PIECE:
            self._hand_on(self._resampler.push(self._joined()))

    def flush(self) -> None:
        """Hand out what is still held."""
        if self._frames:
            self._hand_on(self._resampler.push(self._joined()))
        self._hand_on(self._resampler.flush())
        self._start_ms = None
        self._taken = self._given = 0

    def _joined(self) -> NDArray[np.float32]:
        frames, self._frames = self._frames, []
        return to_float(np.concatenate(frames))

    def _hand_on(self, samples: NDArray[np.float32]) -> None:
        if not len(samples) or self._start_ms is None:
            return
        t_kernel_ms = self._start_ms + self._given / SAMPLE_RATE_HZ * _MS
        self._given += len(samples)
        self._give(to_int16(samples).astype("<i2", copy=False).tobytes(), t_kernel_ms)
