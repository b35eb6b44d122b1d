"""Recordings: saved, loaded, summed up and drawn."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.frames import FRAMES, Frames
from rtc_widget.frames.timeline import LANES, counted, stretches
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.saving import save_recording, write_session_files
from rtc_widget.log.tracks import Tracks
from rtc_widget.log.writing import write_journal
from tests.full_disk import no_file_over
from tests.log.call import write_call
from tests.log.script import Script

if TYPE_CHECKING:
    from pathlib import Path


class Session:
    """As much of a session as saving one needs."""

    def __init__(self, log: EventLog) -> None:
        self.event_log = log


def talked(variant: str | None = "calm") -> EventLog:
    """Return the log of a short session with an interruption and a tool call."""
    script = Script()
    script.note("rtc.session", provider="openai", model="gpt-realtime")
    script.note("rtc.state", state="live", call=1, connect_ms=200.0)
    script.note("rtc.config", version=1, cause="connect", variant=variant, changed={}, effective={})
    script.session()
    script.spoken_turn("A tea.", "One tea.")
    script.speech()
    response_id = script.created()
    item = script.say(response_id, "We have coffee and tea.", said=3)
    details = {"type": "cancelled", "reason": "turn_detected"}
    script.done(response_id, [item], status="cancelled", details=details)
    script.stopped(response_id, cleared=True)
    script.tool_turn()
    script.note("rtc.state", state="ended", call=1, reason="hung up")
    return script.log()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    log = talked()
    folder = save_recording(Session(log), tmp_path / "runs" / "one")
    rec = rtc.load(folder)
    assert rec.event_log.session_id == log.session_id
    assert [(r.seq, r.raw, r.t_ms) for r in rec.event_log.records()] == [
        (r.seq, r.raw, r.t_ms) for r in log.records()
    ]
    mine, theirs = Frames(log, info={"path": str(folder)}), rec.frames
    for name in FRAMES:
        pd.testing.assert_frame_equal(theirs.get(name), mine.get(name), obj=name)
    assert rec.sessions["started_at"].iloc[0] == log.started_at


def test_session_json_says_what_made_it(tmp_path: Path) -> None:
    told = json.loads((save_recording(Session(talked()), tmp_path) / "session.json").read_text("utf-8"))
    assert (told["provider"], told["model"], told["voice"]) == ("openai", "gpt-realtime", "marin")
    assert told["variant"] == "calm"
    assert told["configuration"]["instructions"] == "You are a barista."
    assert len(told["instructions_hash"]) == 12
    assert {"python", "rtc_widget", "pandas", "pyarrow", "openai"} <= told["versions"].keys()


def test_saving_again_brings_the_folder_up_to_date_and_never_overwrites_another(tmp_path: Path) -> None:
    log = talked()
    save_recording(Session(log), tmp_path)
    log.note("rtc.state", state="idle", call=1)
    save_recording(Session(log), tmp_path)
    assert len(rtc.load(tmp_path).event_log) == len(log)
    with pytest.raises(rtc.RecordingError, match="another session"):
        save_recording(Session(talked()), tmp_path)
    assert len(rtc.load(tmp_path).event_log) == len(log)


def test_a_recording_is_saved_under_a_name_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Mine.", "utf-8")
    with pytest.raises(rtc.RecordingError, match="is a file; a recording is a folder"):
        save_recording(Session(talked()), tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text("utf-8") == "Mine."
    with pytest.raises(rtc.ConfigurationError, match="'' is no path"):
        save_recording(Session(talked()), "")


def test_a_save_that_was_cut_short_is_made_again_and_known_as_its_own(tmp_path: Path) -> None:
    log = talked()
    (tmp_path / "half").mkdir()
    write_journal(log, tmp_path / "half/events.jsonl")
    assert rtc.load(save_recording(Session(log), tmp_path / "half")).event_log.session_id == log.session_id
    (tmp_path / "half/session.json").unlink()
    with pytest.raises(rtc.RecordingError, match="another session"):
        save_recording(Session(talked()), tmp_path / "half")


def test_a_session_without_records_keeps_its_id(tmp_path: Path) -> None:
    log = EventLog()
    folder = save_recording(Session(log), tmp_path / "empty")
    assert rtc.load(folder).sessions["session_id"].iloc[0] == log.session_id


def test_threads_that_save_to_one_folder_take_turns(tmp_path: Path) -> None:
    write_call(tmp_path / "call", 1)
    rec = rtc.load(tmp_path / "call")
    together = threading.Barrier(6)

    def save(number: int) -> Path:
        together.wait()
        return save_recording(rec, tmp_path / ("saved" if number % 2 else "call/../saved"))

    with ThreadPoolExecutor(6) as pool:
        assert {path.resolve() for path in pool.map(save, range(6))} == {tmp_path / "saved"}
    saved = rtc.load(tmp_path / "saved")
    assert saved.event_log.session_id == rec.event_log.session_id
    for name in FRAMES:
        if name != "sessions":  # which says where it lies
            pd.testing.assert_frame_equal(getattr(saved, name), getattr(rec, name), obj=name)


def test_a_recording_can_be_saved_elsewhere(tmp_path: Path) -> None:
    save_recording(Session(talked()), tmp_path / "one")
    rec = rtc.load(tmp_path / "one")
    save_recording(rec, tmp_path / "two")
    one, two = (tmp_path / name / "events.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_saving_a_loaded_recording_where_it_is_keeps_its_sound_and_what_was_heard(tmp_path: Path) -> None:
    write_call(tmp_path / "calm-1", 1)
    rec = rtc.load(tmp_path / "calm-1")
    assert rec.audio is not None
    before = rec.audio.agent.samples
    segments = rec.segments
    save_recording(rec, tmp_path / "calm-1")
    again = rtc.load(tmp_path / "calm-1")
    assert again.audio is not None
    assert (again.audio.agent.samples == before).all()
    assert (tmp_path / "calm-1/heard.json").exists()
    pd.testing.assert_frame_equal(again.segments, segments)


def test_a_journal_that_cannot_be_written_anew_is_still_the_old_one(tmp_path: Path) -> None:
    save_recording(Session(talked()), tmp_path)
    rec = rtc.load(tmp_path)
    before = (tmp_path / "events.jsonl").read_bytes()
    (tmp_path / "events.jsonl.part").mkdir()  # where the new one would be written
    with pytest.raises(OSError, match="part"):
        save_recording(rec, tmp_path)
    assert (tmp_path / "events.jsonl").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
def test_a_save_for_which_there_is_no_room_leaves_nothing_half_written(tmp_path: Path) -> None:
    log = talked()
    with pytest.raises(OSError, match="too large"), no_file_over(5_000):
        save_recording(Session(log), tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
def test_what_tells_of_a_session_stays_as_it_was_where_there_is_no_room(tmp_path: Path) -> None:
    log = talked()
    folder = save_recording(Session(log), tmp_path / "one")
    before = (folder / "session.json").read_bytes()
    with pytest.raises(OSError, match="too large"), no_file_over(100):
        write_session_files(log, folder)
    assert (folder / "session.json").read_bytes() == before
    assert not list(folder.glob("*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
def test_sound_for_which_there_is_no_room_leaves_the_older_copy_as_it_is(tmp_path: Path) -> None:
    call = write_call(tmp_path / "call", 1)
    save_recording(rtc.load(call), tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in (tmp_path / "copy").glob("*.flac")}
    assert len(before) == 2
    tracks = Tracks(call)
    tracks.unseal()
    assert len(list(call.glob("*.pcm"))) == 2
    with pytest.raises(OSError, match="too large"), no_file_over(1_000):
        tracks.copy_to(tmp_path / "copy")
    sound = [path for path in (tmp_path / "copy").iterdir() if path.name.startswith(("user", "agent"))]
    assert {path.name: path.read_bytes() for path in sound} == before


def test_the_summary_fits_into_a_report(tmp_path: Path) -> None:
    rec = rtc.load(save_recording(Session(talked()), tmp_path))
    table = rec.summary().set_index("what")["value"]
    assert table["turns"] == "3, 1 interrupted"
    assert table["tool calls"] == "1: get_weather 1"
    assert table["outcome"] == "ended"
    assert table["latency, heard"] == "–"
    assert "ms (p50)" in table["latency, inferred"]
    assert table["cost"].endswith("USD")


def test_the_timeline_has_a_lane_for_each_kind_of_thing(tmp_path: Path) -> None:
    rec = rtc.load(save_recording(Session(talked()), tmp_path))
    bars = list(stretches(rec.frames))
    assert {bar["lane"] for bar in bars} == set(LANES)
    assert [b["words"] for b in bars if b["lane"] == "user speech"] == ["A tea.", None, "Weather?"]
    spoken = next(bar for bar in bars if bar["lane"] == "user speech")
    turn = rec.turns.iloc[0]
    assert spoken["t_start_ms"] == turn["t_speech_started_ms"]
    tool = next(bar for bar in bars if bar["lane"] == "tool calls")
    assert tool["words"] == "get_weather({}) → Foggy."
    assert all(bar["t_start_ms"] <= bar["t_end_ms"] for bar in bars)
    drawn = rec.timeline().to_dict()
    assert len(drawn["layer"]) == 3
    [rows] = drawn["datasets"].values()
    assert {None, "nan", "None"}.isdisjoint(text for row in rows for text in row["told"].values())
    assert rec.event_log.session_id in drawn["title"]


def test_an_answer_that_never_played_is_cut_when_it_is_cut_and_not_when_it_was_made() -> None:
    script = Script().session()
    first = script.created()
    spoken = script.say(first, "A long story.")
    script.done(first, [spoken])
    second = script.created()
    waiting = script.say(second, "And another.")
    script.done(second, [waiting])
    script.speech()
    script.stopped(first, cleared=True)
    at = {"content_index": 0, "audio_end_ms": 0}
    script.server("conversation.item.truncated", item_id=spoken["id"], **at)
    script.server("conversation.item.truncated", item_id=waiting["id"], **at)
    frames = Frames(script.log())
    events = frames.get("events").set_index("seq")
    cuts = {bar["id"]: bar["t_start_ms"] for bar in stretches(frames) if bar["lane"] == "interruptions"}
    cleared = events.index[events["type"] == "output_audio_buffer.cleared"][0]
    assert cuts[first] == events["t_ms"][cleared]
    assert cuts[second] == events["t_ms"].iloc[-1]


def test_what_runs_still_is_drawn_to_the_last_record() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    script.server("output_audio_buffer.started", response_id=response_id)
    script.server("rate_limits.updated", rate_limits=[])
    frames = Frames(script.log())
    last = frames.log.record(-1).t_ms
    assert [b["t_end_ms"] for b in stretches(frames) if b["lane"] != "user speech"] == [last, last]


def test_agent_audio_that_its_call_ended_is_drawn_to_the_end_of_the_call() -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "One two six ten.")])
    script.note("rtc.state", state="ended", call=1)
    script.note("rtc.stats")
    frames = Frames(script.log())
    ended_ms = frames.log.record(-2).t_ms
    assert [bar["t_end_ms"] for bar in stretches(frames) if bar["lane"] == "agent audio"] == [ended_ms]


def test_a_call_that_waits_for_a_person_is_not_drawn_as_one_that_runs() -> None:
    script = Script().session()
    script.typed("Please place my order.")
    response_id = script.created()
    call_ids = [script.call(response_id, name, "{}")["call_id"] for name in ("order", "pay", "bake")]
    for call_id, name in zip(call_ids, ("asked", "rejected", "approved"), strict=True):
        script.note("rtc.approval", tool_call_id=call_id, decision=name)
    script.note("rtc.tool", tool_call_id=call_ids[2], name="bake", phase="started")
    bars = [bar for bar in stretches(Frames(script.log())) if bar["lane"] == "tool calls"]
    assert [(bar["words"], bar["status"]) for bar in bars] == [
        ("order({})", "asked"),
        ("pay({})", "rejected"),
        ("bake({})", None),
    ]


def test_a_recording_without_times_is_drawn_by_the_count_of_its_records() -> None:
    rows = [{"direction": record.direction, "event": record.event} for record in talked().records()]
    rec = rtc.load(rows)
    drawn = rec.timeline().to_dict()
    assert "no times were kept" in drawn["layer"][0]["encoding"]["x"]["title"]
    titles = [tip["title"] for tip in drawn["layer"][0]["encoding"]["tooltip"]]
    assert titles == ["turn", "transcript", "record", "records", "status", "latency_inferred_ms"]
    bars = list(counted(rec.frames))
    assert {bar["lane"] for bar in bars} == set(LANES)
    created = [seq for seq, event in enumerate(rec.event_log) if event["type"] == "response.created"]
    assert [bar["t_start_ms"] / 1000 for bar in bars if bar["lane"] == "responses"] == created
    assert rec.turns["latency_inferred_ms"].isna().all()


def test_a_log_without_notes_of_ours_does_not_say_how_many_calls_there_were() -> None:
    rec = rtc.load([{"type": "session.created", "session": {}}])
    assert rec.summary().set_index("what")["value"]["calls"] == "–"


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    rec = rtc.load([{"type": "session.created", "session": {}}])
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(rtc.ConfigurationError, match=r"pip install 'rtc_widget\[analysis\]'"):
        rec.timeline()


def test_the_summary_says_when_the_session_began(tmp_path: Path) -> None:
    recording = rtc.load(save_recording(Session(talked()), tmp_path / "run"))
    told = recording.summary().set_index("what")["value"]
    assert told["started"] == f"{recording.event_log.started_at:%Y-%m-%d %H:%M:%S} UTC"


def test_a_tool_call_without_notes_of_ours_is_drawn_until_its_output_was_sent() -> None:
    script = Script().session()
    script.tool_turn()
    frames = Frames(script.log())
    call = frames.get("tool_calls").iloc[0]
    (bar,) = [bar for bar in stretches(frames) if bar["lane"] == "tool calls"]
    assert (bar["t_start_ms"], bar["t_end_ms"]) == (call["t_arguments_done_ms"], call["t_sent_ms"])
