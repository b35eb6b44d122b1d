"""The track that is sent keeps time: a frame every 20 ms, silence or sound, also after it was held up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from rtc_widget.audio.outgoing import OutgoingTrack
from tests.audio.signals import strength, tone16
from tests.audio.witness import Witness


@dataclass
class Taken:
    """A frame that was given: when, and with which position."""

    at_ms: float
    position_ms: float
    packet: Any


class Sender:
    """Takes frames as a sender does, and keeps what `on_sent` said."""

    def __init__(self) -> None:
        self.sent: list[tuple[np.ndarray[Any, Any], float]] = []
        self.taken: list[Taken] = []
        self.track = OutgoingTrack(lambda samples, t_ms: self.sent.append((samples, t_ms)))

    async def take(self, count: int) -> None:
        for _ in range(count):
            packet = await self.track.recv()
            self.taken.append(Taken(time.monotonic() * 1_000, (packet.pts or 0) / 48, packet))

    @property
    def samples(self) -> np.ndarray[Any, Any]:
        return np.concatenate([samples for samples, _ in self.sent])

    def late_ms(self) -> list[float]:
        """How much later than its place on the clock each frame came."""
        first = self.taken[0]
        return [entry.at_ms - first.at_ms - entry.position_ms for entry in self.taken]

    def steps_ms(self) -> list[float]:
        return [b.position_ms - a.position_ms for a, b in pairwise(self.taken)]


def decoded(taken: list[Taken]) -> np.ndarray[Any, Any]:
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 48_000, "mono", "s16"
    frames = [frame for entry in taken for frame in decoder.decode(entry.packet)]
    return np.concatenate(
        [np.frombuffer(bytes(frame.planes[0]), np.int16)[: frame.samples] for frame in frames]
    )


async def test_silence_goes_out_at_the_pace_of_time() -> None:
    sender = Sender()
    with Witness() as witness:
        await sender.take(26)
    assert min(sender.late_ms()) > -2
    assert float(np.median(sender.late_ms())) < 60 + witness.stalled_ms
    assert sum(sender.steps_ms()) == pytest.approx(500 + 20 * sender.track.frames_left_out)
    assert not sender.samples.any()
    instants = [t_ms for _, t_ms in sender.sent]
    np.testing.assert_allclose(np.diff(instants), sender.steps_ms())


async def test_a_sound_goes_out_once_and_whole_and_then_silence() -> None:
    sender = Sender()
    sound = tone16(440, 48_000, 0.205)
    sender.track.feed(sound[:5_000])
    sender.track.feed(sound[5_000:])
    taking = asyncio.ensure_future(sender.take(15))
    await sender.track.drained()
    assert sender.track.sent_s == pytest.approx(0.205)
    # 0.205 s are 11 frames; the wait ends when the last of them has left.
    assert 11 <= len(sender.taken) <= 12
    await taking
    np.testing.assert_array_equal(sender.samples[: len(sound)], sound)
    assert not sender.samples[len(sound) :].any()


async def test_what_goes_out_is_opus_that_sounds_the_same_also_after_a_long_silence() -> None:
    sender = Sender()
    await sender.take(40)
    sender.track.feed(tone16(440, 48_000, 0.2))
    await sender.take(11)
    sound = decoded(sender.taken[40:])[960:9_600]
    assert strength(sound, 440, 48_000) > 0.99
    assert float(np.abs(sound).max()) == pytest.approx(16_384, rel=0.1)


async def test_a_loop_held_up_for_long_sends_no_burst_and_stays_on_the_clock() -> None:
    sender = Sender()
    sound = tone16(440, 48_000, 0.4)
    sender.track.feed(sound)
    with Witness() as witness:
        await sender.take(5)
        time.sleep(0.5)  # noqa: ASYNC251 - the very thing
        await sender.take(10)
    # The frames of that half second were left out: the gap is in the count, as silence.
    assert sender.track.frames_left_out >= 20
    assert sum(sender.steps_ms()) == pytest.approx(14 * 20 + 20 * sender.track.frames_left_out)
    assert max(sender.late_ms()[5:]) < 40 + witness.stalled_ms
    # No word is lost by it: the sound goes on where it was.
    np.testing.assert_array_equal(sender.samples, sound[: 15 * 960])


async def test_a_loop_held_up_for_a_moment_catches_up() -> None:
    sender = Sender()
    with Witness() as witness:
        await sender.take(5)
        time.sleep(0.07)  # noqa: ASYNC251 - the very thing
        await sender.take(10)
    assert sender.track.frames_left_out <= witness.stalled_ms / 20 + 5
    assert float(np.median(sender.late_ms()[9:])) < 60 + witness.stalled_ms


async def test_a_stream_begins_when_there_is_enough_and_waits_for_whole_frames() -> None:
    sender = Sender()
    sound = tone16(440, 48_000, 0.1)
    sender.track.begin_stream()
    sender.track.feed(sound[:1_000])
    await sender.take(2)
    assert not sender.samples.any()
    sender.track.feed(sound[1_000:3_500])
    await sender.take(5)  # three frames and a rest that is no frame
    np.testing.assert_array_equal(sender.samples[2 * 960 : 5 * 960], sound[: 3 * 960])
    assert not sender.samples[5 * 960 :].any()
    sender.track.feed(sound[3_500:])
    sender.track.end_stream()
    await sender.take(2)
    np.testing.assert_array_equal(sender.samples[7 * 960 : 9 * 960], sound[3 * 960 : 5 * 960])


async def test_clearing_ends_every_wait_and_what_was_queued() -> None:
    sender = Sender()
    sender.track.feed(tone16(440, 48_000, 10.0))
    waiting = asyncio.ensure_future(sender.track.drained())
    await sender.take(5)
    assert not waiting.done()
    sender.track.clear()
    await waiting
    assert sender.track.queued_s == 0
    await sender.take(2)
    assert not sender.samples[-960:].any()


async def test_a_stopped_track_gives_nothing_and_fails_who_waits() -> None:
    sender = Sender()
    sender.track.feed(tone16(440, 48_000, 1.0))
    waiting = asyncio.ensure_future(sender.track.drained())
    await sender.take(1)
    sender.track.stop()
    with pytest.raises(MediaStreamError):
        await waiting
    with pytest.raises(MediaStreamError):
        await sender.track.recv()
    with pytest.raises(MediaStreamError):
        await sender.track.drained()


async def test_a_frame_that_is_not_due_when_the_track_ends_was_never_sent() -> None:
    sent: list[float] = []
    track = OutgoingTrack(lambda _, t_ms: sent.append(t_ms))
    await track.recv()
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await waiting
    assert len(sent) == 1
