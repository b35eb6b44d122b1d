"""Recording both tracks: by place, gaps reported, FLAC at the end, and what a killed kernel leaves."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from rtc_widget import ConfigurationError, RecordingError
from rtc_widget.log import recorder as recorder_module
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.recorder import Recorder
from rtc_widget.log.tracks import RATE_HZ, Tracks
from tests.full_disk import no_file_over
from tests.log import recording_writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]


def ramp(first: int, count: int) -> NDArray[np.int16]:
    """Return samples that say where they belong."""
    return (np.arange(first, first + count) % 30_000 + 1).astype(np.int16)


def audio_notes(log: EventLog) -> list[dict[str, Any]]:
    return [event for event in log if event["type"] == "rtc.audio"]


class Room:
    """A log, and what records into a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.log = EventLog()
        self.log.append("local", '{"type": "rtc.session"}', t_kernel_ms=5_000.0)
        self.recorder = Recorder(self.log, folder)
        self.recorder.begin()

    def both(self, first: int, count: int) -> None:
        for track in ("user", "agent"):
            self.recorder.keep(track, first, ramp(first, count).tobytes())


def test_samples_lie_where_the_kernel_clock_puts_them(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.recorder.keep_at("user")(ramp(0, 2_400).tobytes(), 5_250.0)
    room.recorder.flush()
    found = room.recorder.tracks.sound("user", 250.0, 350.0)
    assert np.array_equal(found.samples, ramp(0, 2_400))
    assert not room.recorder.tracks.sound("user", 0.0, 250.0).samples.any()
    room.recorder.close()


def test_a_gap_is_filled_with_silence_and_reported(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 2_400)
    room.recorder.keep("agent", 4_800, ramp(4_800, 2_400).tobytes(), reason="the browser lost it")
    room.recorder.flush()
    assert not room.recorder.tracks.read("agent", 2_400, 4_800).any()
    gap = {
        "track": "agent",
        "frame": 2_400,
        "frames": 0,
        "gap_frames": 2_400,
        "reason": "the browser lost it",
    }
    assert audio_notes(room.log) == [{"type": "rtc.audio", **gap}]
    room.recorder.close()


def test_what_overlaps_is_left_out(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 2_400)
    room.both(1_200, 2_400)
    room.recorder.finish()
    assert np.array_equal(room.recorder.tracks.read("user", 0, 3_600), ramp(0, 3_600))
    assert [note.get("gap_frames") for note in audio_notes(room.log)] == [None]
    room.recorder.close()


def test_a_place_is_reached_when_the_agent_is_recorded_to_there_or_nothing_comes_of_it_any_more() -> None:
    room = Room(None)
    room.both(0, RATE_HZ)
    assert room.recorder.reaches(1_000.0)
    assert not room.recorder.reaches(1_100.0)
    room.recorder.keep("user", RATE_HZ, ramp(RATE_HZ, RATE_HZ // 2).tobytes())
    assert not room.recorder.reaches(1_100.0)
    room.recorder.keep("user", RATE_HZ * 3 // 2, ramp(0, RATE_HZ // 10).tobytes())
    assert room.recorder.reaches(1_100.0)
    room.recorder.close()


def test_hanging_up_makes_flac_of_the_same_samples_and_one_length(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 30_000)
    room.recorder.keep("user", 30_000, ramp(30_000, 1_000).tobytes())
    room.recorder.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.flac", "user.flac"]
    tracks = Tracks(tmp_path)
    assert np.array_equal(tracks.user.samples, ramp(0, 31_000))
    assert len(tracks.agent.samples) == 31_000
    assert np.array_equal(tracks.read("agent", 29_000, 31_000)[:1_000], ramp(29_000, 1_000))
    assert audio_notes(room.log) == [{"type": "rtc.audio", "frame": 0, "frames": 30_000}]
    room.recorder.close()


def test_tracks_say_how_long_they_are_and_where_whatever_state_they_are_in(tmp_path: Path) -> None:
    tracks = Tracks(tmp_path)
    assert repr(tracks) == f"<Tracks: nothing recorded in {tmp_path}>"
    room = Room(tmp_path)
    room.both(0, 30_000)
    room.recorder.flush()
    assert repr(tracks) == f"<Tracks: user and agent, 1.25 s in {tmp_path}>"
    room.recorder.finish()
    assert repr(tracks) == f"<Tracks: user and agent, 1.25 s in {tmp_path}>"
    room.recorder.close()
    (tmp_path / "user.flac").write_bytes(b"no flac")
    assert repr(tracks) == f"<Tracks: cannot be read in {tmp_path}>"


def test_a_second_call_goes_on_in_the_same_tracks_and_the_pause_is_no_gap(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 2_400)
    room.recorder.finish()
    room.recorder.begin()
    room.both(24_000, 2_400)
    room.recorder.finish()
    user = Tracks(tmp_path).user.samples
    assert np.array_equal(user[:2_400], ramp(0, 2_400))
    assert np.array_equal(user[24_000:], ramp(24_000, 2_400))
    assert not any("gap_frames" in note for note in audio_notes(room.log))
    room.recorder.close()


def test_samples_after_the_end_of_a_call_are_not_kept(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 2_400)
    room.recorder.finish()
    room.both(2_400, 2_400)
    room.recorder.close()
    assert Tracks(tmp_path).frames == 2_400


def test_a_track_that_ends_early_is_reported(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.both(0, 2_400)
    room.recorder.keep("user", 2_400, ramp(2_400, RATE_HZ).tobytes())
    room.recorder.finish()
    gaps = [note for note in audio_notes(room.log) if "gap_frames" in note]
    assert [(gap["track"], gap["frame"], gap["gap_frames"]) for gap in gaps] == [("agent", 2_400, RATE_HZ)]
    room.recorder.close()


def test_without_a_folder_it_spills_into_a_temporary_file_with_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "_MOST_SPILL_FRAMES", 4_800)
    room = Room(None)
    for first in range(0, 12_000, 2_400):
        room.both(first, 2_400)
        room.recorder.flush()
    room.recorder.close()
    tracks = room.recorder.tracks
    assert tracks.frames == 4_800
    assert [event["code"] for event in room.log if event["type"] == "rtc.error"] == ["recording_full"]
    folder = tracks.folder
    del room, tracks
    assert not folder.exists()


def test_a_disk_that_takes_nothing_ends_no_call_and_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    room = Room(tmp_path / "file" / "inside")
    room.both(0, 2_400)
    room.recorder.flush()
    types = [event["type"] for event in room.log]
    assert types.count("rtc.error") == 1
    assert "the disk took none" in [note.get("reason") for note in audio_notes(room.log)]
    room.recorder.close()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not taken away there")
@pytest.mark.parametrize("when", ["while it goes on", "just before the end"])
@pytest.mark.parametrize("what", ["the folder", "a track", "moved"])
def test_sound_that_is_taken_away_during_a_call_is_written_anew_in_its_place_and_it_is_said(
    tmp_path: Path, when: str, what: str
) -> None:
    folder = tmp_path / "there"
    room = Room(folder)
    room.both(0, 2_400)
    room.recorder.flush()
    if what == "the folder":
        shutil.rmtree(folder)
    elif what == "a track":
        (folder / "agent.pcm").unlink()
    else:
        folder.rename(tmp_path / "elsewhere")
    if when == "while it goes on":
        room.both(2_400, 2_400)
        room.recorder.flush()
        room.both(4_800, 2_400)
    room.recorder.close()
    end = 7_200 if when == "while it goes on" else 2_400
    tracks = Tracks(folder)
    for sound in (tracks.user, tracks.agent):
        assert np.array_equal(sound.samples, ramp(0, end))
    (note,) = [event for event in room.log if event["type"] == "rtc.error"]
    assert (note["source"], note["code"]) == ("disk", "ENOENT")
    assert "was deleted or moved; it is written anew" in note["message"]
    assert not any("gap_frames" in note for note in audio_notes(room.log))


def test_sound_that_was_deleted_between_two_calls_is_a_gap(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    room = Room(folder)
    room.both(0, 2_400)
    room.recorder.finish()
    shutil.rmtree(folder)
    room.recorder.begin()
    room.both(24_000, 2_400)
    room.recorder.close()
    user = Tracks(folder).user.samples
    assert not user[:24_000].any()
    assert np.array_equal(user[24_000:], ramp(24_000, 2_400))
    gaps = [note for note in audio_notes(room.log) if "gap_frames" in note]
    assert [(g["track"], g["frame"], g["gap_frames"], g["reason"]) for g in gaps] == [
        (track, 0, 2_400, "it was deleted or moved") for track in ("user", "agent")
    ]
    (note,) = [event for event in room.log if event["type"] == "rtc.error"]
    assert "what was recorded before is lost" in note["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_disk_that_fills_up_at_the_end_costs_no_sound_and_it_is_sealed_later(
    tmp_path: Path, share: float
) -> None:
    room = Room(tmp_path / "there")
    noise = np.random.default_rng(1).integers(-9_000, 9_000, 2 * RATE_HZ).astype(np.int16)
    for track in ("user", "agent"):
        room.recorder.keep(track, 0, noise.tobytes())
    room.recorder.flush()
    soundfile.write(tmp_path / "whole.flac", noise, RATE_HZ, subtype="PCM_16")
    with no_file_over(int((tmp_path / "whole.flac").stat().st_size * share)):
        room.recorder.finish()
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["agent.pcm", "user.pcm"]
    assert [event["code"] for event in room.log if event["type"] == "rtc.error"] == ["EFBIG"]
    with pytest.raises(OSError, match="too large"), no_file_over(1_000):
        room.recorder.tracks.copy_to(tmp_path)
    room.recorder.close()
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["agent.flac", "user.flac"]
    assert np.array_equal(Tracks(tmp_path / "there").user.samples, noise)


def test_a_flac_file_that_claims_more_than_it_can_hold_is_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "user.flac", np.zeros(RATE_HZ, np.int16), RATE_HZ, subtype="PCM_16")
    data = bytearray((tmp_path / "user.flac").read_bytes())
    data[21] |= 0x0F  # where it says how many samples there are
    data[22:26] = b"\xff" * 4
    (tmp_path / "user.flac").write_bytes(data)
    tracks = Tracks(tmp_path)
    for ask in (lambda: tracks.user, lambda: tracks.frames, lambda: tracks.read("user", 0, 10)):
        with pytest.raises(RecordingError, match=rf"user\.flac.*68719476735 samples.*{len(data)} bytes"):
            ask()


@pytest.mark.parametrize(("rate_hz", "shape"), [(48_000, (4_800,)), (RATE_HZ, (2_400, 2))])
def test_a_flac_file_of_another_rate_or_of_two_channels_is_no_track(
    tmp_path: Path, rate_hz: int, shape: tuple[int, ...]
) -> None:
    soundfile.write(tmp_path / "user.flac", np.zeros(shape, np.int16), rate_hz, subtype="PCM_16")
    tracks = Tracks(tmp_path)
    for ask in (lambda: tracks.user, lambda: tracks.frames, lambda: tracks.read("user", 0, 10)):
        with pytest.raises(RecordingError, match=rf"24000 Hz and 1 channel.*{rate_hz} Hz and {len(shape)}"):
            ask()


@pytest.mark.parametrize("odd", [math.nan, math.inf, 1e13, "1"])
def test_a_stretch_of_a_track_goes_from_one_time_to_another(tmp_path: Path, odd: Any) -> None:
    for bounds in ((0.0, odd), (odd, None)):
        with pytest.raises(ConfigurationError, match="number of ms"):
            Tracks(tmp_path).sound("user", *bounds)


def test_an_hour_of_silence_is_no_larger_a_claim_than_its_file_holds(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "user.flac", "w", RATE_HZ, 1, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE_HZ, np.int16))
    assert Tracks(tmp_path).duration_ms == 3_600_000


def test_a_flac_file_that_is_none_says_which_file_it_is(tmp_path: Path) -> None:
    (tmp_path / "user.flac").write_bytes(b"no flac")
    with pytest.raises(RecordingError, match=r"user\.flac cannot be read"):
        Tracks(tmp_path).sound("user", 0.0, 100.0)


def test_a_killed_kernel_loses_at_most_its_last_half_second_of_sound(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, recording_writer.__file__, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    ) as kernel:
        assert kernel.stdout is not None
        lines = [kernel.stdout.readline()]
        begin = time.monotonic()
        while time.monotonic() < begin + 1.5:
            lines.append(kernel.stdout.readline())
        kernel.send_signal(signal.SIGKILL)
        lines += kernel.stdout.readlines()
    durable = int(lines[-1].split()[-1])
    tracks = Tracks(tmp_path)
    assert durable > 10 * 240
    for sound in (tracks.user, tracks.agent):
        assert np.array_equal(sound.samples[:durable], ramp(0, durable))
