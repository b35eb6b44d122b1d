"""The kernel end of the relay for sound, against a page that is written out by hand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtc_widget.log.clocks import ClockFit
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.recorder import Recorder
from rtc_widget.transports.audio_relay import AudioRelay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 2_048
_OFFSET_MS = 1_000_000.0


class Line:
    """A page that records, and what the kernel posted to it."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog()
        self.log.append("local", '{"type": "rtc.session"}', t_kernel_ms=5_000.0)
        self.log.set_clock(ClockFit(_OFFSET_MS, 1.0, 1))
        self.recorder = Recorder(self.log, folder)
        self.recorder.begin()
        self.posted: list[dict[str, Any]] = []
        self.relay = AudioRelay(self.log, self.recorder, self.posted.append)

    def sends(self, first: int, *numbers: int, lost_before: int = 0) -> None:
        """Send chunks by their numbers; the first began 100 ms after the session."""
        chunks: list[dict[str, Any]] = []
        buffers = []
        for number in numbers:
            frame = (number + lost_before) * _CHUNK
            t_browser_ms = _OFFSET_MS + 5_100.0 + frame / 24
            chunks.append({"frame": frame, "frames": _CHUNK, "t_browser_ms": t_browser_ms})
            if lost_before:
                chunks[-1]["lost_frames"] = lost_before * _CHUNK
            buffers += [samples(number), samples(-number)]
        self.relay.receive({"kind": "audio", "page": "p1", "first": first, "chunks": chunks}, buffers)

    def ack(self) -> tuple[int, int]:
        return self.posted[-1]["received"], self.posted[-1]["durable"]


def samples(number: int) -> bytes:
    return np.full(_CHUNK, 100 + number, np.int16).tobytes()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    yield line
    line.recorder.close()


def test_chunks_lie_where_their_clock_puts_the_first_of_them(line: Line) -> None:
    line.sends(0, 0, 1)
    line.recorder.flush()
    tracks = line.recorder.tracks
    assert not tracks.read("user", 0, 2_400).any()
    assert set(tracks.read("user", 2_400, 2_400 + 2 * _CHUNK)) == {100, 101}
    assert set(tracks.read("agent", 2_400 + _CHUNK, 2_400 + 2 * _CHUNK)) == {99}


def test_chunks_are_durable_once_they_are_on_disk(line: Line) -> None:
    line.sends(0, 0, 1)
    assert line.ack()[0] == 2
    line.recorder.flush()
    assert line.ack() == (2, 2)


def test_a_chunk_that_comes_twice_is_kept_once_and_a_missing_one_is_asked_for(line: Line) -> None:
    line.sends(0, 0, 1)
    line.sends(1, 1, 2)
    line.sends(7, 7)
    assert line.ack()[0] == 3
    line.recorder.flush()
    assert line.recorder.tracks.frames == 2_400 + 3 * _CHUNK


def test_what_the_browser_lost_is_silence_and_said(line: Line) -> None:
    line.sends(0, 0)
    line.sends(1, 1, lost_before=2)
    line.recorder.flush()
    gaps = [event for event in line.log if event["type"] == "rtc.audio"]
    assert [(gap["track"], gap["gap_frames"], gap["reason"]) for gap in gaps] == [
        ("user", 2 * _CHUNK, "the browser lost it"),
        ("agent", 2 * _CHUNK, "the browser lost it"),
    ]


def test_a_call_that_is_over_waits_for_the_chunks_that_its_page_made(line: Line) -> None:
    line.sends(0, 0, 1)
    line.relay.expect("p1", 4)
    waiting = threading.Thread(target=line.relay.wait)
    waiting.start()
    line.sends(2, 2)
    assert waiting.is_alive()
    line.sends(3, 3)
    waiting.join(5)
    assert not waiting.is_alive()


def test_nobody_waits_for_a_page_that_said_nothing_of_its_chunks(line: Line) -> None:
    line.sends(0, 0, 1)
    line.relay.expect("p1", None)
    line.relay.wait()
    assert line.ack()[0] == 2


def test_without_a_recorder_chunks_are_acknowledged_and_forgotten() -> None:
    posted: list[dict[str, Any]] = []
    relay = AudioRelay(EventLog(), None, posted.append)
    relay.receive({"kind": "audio", "page": "p1", "first": 0, "chunks": [{"frame": 0}]}, [b"", b""])
    assert posted == [{"kind": "audio_ack", "page": "p1", "received": 1, "durable": 1}]
