"""Reading logs back: our journals, others' rows, broken lines, odd input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.reading import read_file
from rtc_widget.log.writing import write_journal
from tests.log.script import Script


def written(path: Path, *lines: str | bytes) -> Path:
    """Write lines."""
    path.write_bytes(b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines))
    return path


def test_plain_rows_of_direction_and_event(tmp_path: Path) -> None:
    script = Script().session()
    script.typed_turn("Say hello.", "Hello there.")
    path = written(
        tmp_path / "rows.jsonl", *(json.dumps({"direction": d, "event": e}) for d, e in script.rows)
    )
    rec = rtc.load(path)
    assert len(rec.events) == len(script.rows)
    assert rec.events["t_ms"].isna().all()
    assert rec.turns["transcript"].tolist() == ["Hello there."]
    assert rec.turns["latency_inferred_ms"].isna().all()
    assert rtc.load(path).event_log.session_id == rec.event_log.session_id


def test_bare_server_events_as_a_list_as_lines_and_as_an_array(tmp_path: Path) -> None:
    script = Script().session()
    script.spoken_turn("A tea.", "One tea.")
    events = [event for direction, event in script.rows if direction == "server"]
    texts = [json.dumps(event) for event in events]
    sources: list[Any] = [
        events,
        texts,
        written(tmp_path / "lines.jsonl", *texts),
        written(tmp_path / "array.json", json.dumps(events, indent=2)),
    ]
    for source in sources:
        rec = rtc.load(source)
        assert rec.turns["user_transcript"].tolist() == ["A tea."]
        assert set(rec.events["direction"]) == {"server"}


def test_what_editors_put_before_a_text_changes_nothing(tmp_path: Path) -> None:
    rows, events = tmp_path / "rows.jsonl", tmp_path / "events.json"
    rows.write_bytes(b'\xef\xbb\xbf{"direction":"client","event":{"type":"a"}}\r\n{"type":"b"}\r\n')
    events.write_bytes(b'\xef\xbb\xbf\n  [{"type": "a"},\n {"type": "b"}]\n')
    for path in (rows, events):
        assert [event["type"] for event in rtc.load(path).event_log] == ["a", "b"]


def test_a_bare_server_event_may_have_a_field_called_event(tmp_path: Path) -> None:
    event = {"type": "input_audio_buffer.dtmf_event_received", "event": "9", "received_at": 1763605109}
    path = written(tmp_path / "lines.jsonl", json.dumps(event), json.dumps({**event, "direction": None}))
    for source in ([event], path):
        rec = rtc.load(source)
        assert set(rec.events["type"]) == {"input_audio_buffer.dtmf_event_received"}
        assert set(rec.events["direction"]) == {"server"}
        assert rec.events.rtc.path("event").tolist() == ["9"] * len(rec.events)


def test_any_number_of_blanks_may_come_before_an_array(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(" \n" * 5000 + '[{"type": "a"},{"type": "b"}]', "utf-8")
    assert [event["type"] for event in rtc.load(path).event_log] == ["a", "b"]


def test_a_torn_last_line_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path / "events.jsonl", '{"direction":"server","event":{"type":"a"}}')
    path.write_bytes(path.read_bytes() + b'{"direction":"server","event":{"ty')
    with pytest.warns(UserWarning, match=r"last line \(2\)"):
        rec = rtc.load(path)
    assert len(rec.event_log) == 1
    assert rec.problems["line"].tolist() == [2]


@pytest.mark.parametrize("data", [b"hello\n", b"\xff\xfe\x00\n", b'{"direction": "sideways", "event": {}}\n'])
def test_a_file_that_holds_no_record_is_no_journal_that_was_cut(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(data)
    with pytest.raises(rtc.RecordingError, match="line 1"):
        rtc.load(path)
    assert list(rtc.load(path, strict=False).problems["line"]) == [1]


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path) -> None:
    good = '{"direction":"server","event":{"type":"a"}}'
    path = written(tmp_path / "events.jsonl", good, "", good, '{"direction":"ser', good)
    with pytest.raises(rtc.RecordingError, match=r"events.jsonl, line 4: .*strict=False") as caught:
        rtc.load(path)
    assert caught.value.line == 4


def test_not_strict_leaves_broken_lines_out_and_lists_them(tmp_path: Path) -> None:
    good = '{"direction":"server","event":{"type":"a"}}'
    bad = ['{"direction":"ser', '{"direction":"up","event":{}}', '{"direction":"server"}', "5", '"x"']
    lines = [line for one in bad for line in (good, one)]
    rec = rtc.load(written(tmp_path / "events.jsonl", *lines, good), strict=False)
    assert len(rec.event_log) == 6
    assert rec.problems["line"].tolist() == [2, 4, 6, 8, 10]
    assert rec.problems["text"].tolist() == bad
    assert "object" not in map(str, rec.problems.dtypes)


def test_what_is_not_there_is_a_recording_error(tmp_path: Path) -> None:
    with pytest.raises(rtc.RecordingError, match="no recording"):
        rtc.load(tmp_path / "nothing")
    with pytest.raises(rtc.RecordingError, match="no recording"):
        rtc.load(tmp_path)
    with pytest.raises(rtc.RecordingError, match="event 1"):
        rtc.load([5])


def test_a_compressed_file_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"direction": "server", "event": {"type": "a"}}\n'))
    with pytest.raises(rtc.RecordingError, match=r"rows.jsonl.gz is compressed \(gzip\): unpack it first"):
        rtc.load(path)


def test_lines_that_are_neither_rows_nor_events_are_no_session(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text('{"name": "x", "score": 1}\n' * 3, "utf-8")
    with pytest.raises(rtc.RecordingError, match=r"line 1.*a bare event has a type"):
        rtc.load(path)


def test_an_empty_journal_has_frames_too(tmp_path: Path) -> None:
    rec = rtc.load(written(tmp_path / "events.jsonl"))
    assert len(rec.events) == len(rec.turns) == 0
    assert len(rec.sessions) == 1
    assert rec.summary()["what"].iloc[0] == "session"


ODD = {
    "a long line": '{"type":"a","x":"' + "y" * 20_000_000 + '"}',
    "no object": "[1,2]",
    "null": "null",
    "a number": " 5",
    "keys twice": '{"type":"a","item":{"id":"x"},"type":"b","item":"gone"}',
    "a lone surrogate": '{"type":"a","x":"\\ud800"}',
    "a lone surrogate in an id": '{"type":"a","item_id":"\\udfff"}',
    "an item that is a string": '{"type":"conversation.item.added","item":"item_1"}',
    "numbers as written": '{"type":"a","n":[1.50,1e400,-0,123456789012345678901234567890]}',
    "spacing as written": '{ "type" :\t"a" ,"x":  [ ] }',
    "escapes as written": '{"type":"a","x":"\\u00e9\\/\\n"}',
    "numbers that are none": '{"type":"a","item_id":"x","n":[NaN, Infinity,-Infinity]}',
    "an id that is a number": '{"type":"a","event_id":7,"item_id":null}',
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_odd_input_loads_byte_for_byte_from_rows_and_from_a_journal(tmp_path: Path, raw: str) -> None:
    row = '{"direction": "server", "event": ' + raw + "}"
    rec = rtc.load(written(tmp_path / "rows.jsonl", row, row))
    assert rec.events["event"].tolist() == [raw.strip()] * 2
    log = EventLog()
    log.append("server", raw)
    write_journal(log, tmp_path / "events.jsonl")
    again = rtc.load(tmp_path)
    assert again.events["event"].tolist() == [raw]
    assert again.events["type"].tolist() == rec.events["type"].tolist()[:1]
    for name in rtc.frames.FRAMES:
        again.frames.get(name)


def test_an_event_with_numbers_that_are_none_keeps_all_it_says(tmp_path: Path) -> None:
    """As Python's `json` writes them."""
    completed = "conversation.item.input_audio_transcription.completed"
    usage = {"type": "duration", "seconds": float("nan"), "input_tokens": float("inf")}
    event: dict[str, Any] = {"type": completed, "item_id": "u1", "transcript": "Hello.", "usage": usage}
    event["logprobs"] = [{"logprob": float("-inf")}]
    raw = json.dumps(event)
    log = EventLog()
    log.append("server", raw)
    write_journal(log, tmp_path / "events.jsonl")
    for rec in (rtc.load([{"direction": "server", "event": event}]), rtc.load(tmp_path)):
        assert rec.events[["type", "item_id", "event"]].to_numpy().tolist() == [[completed, "u1", raw]]
        assert rec.event_log[0]["logprobs"] == event["logprobs"]
        assert rec.transcripts["text"].tolist() == ["Hello."]
        for name in rtc.frames.FRAMES:
            rec.frames.get(name)


def test_newlines_inside_an_event_survive_the_journal(tmp_path: Path) -> None:
    log = EventLog()
    raw = '{\n  "type": "a",\r\n  "x": 1\n}'
    log.append("client", raw)
    write_journal(log, tmp_path / "events.jsonl")
    rec = rtc.load(tmp_path)
    assert rec.events["event"].tolist() == [raw]
    assert rec.events["type"].tolist() == ["a"]


def test_lines_of_many_pieces_are_all_there(tmp_path: Path) -> None:
    log = EventLog()
    for n in range(3000):
        log.append("server", json.dumps({"type": f"t{n % 5}", "n": n, "x": "é" * (n % 400)}))
    write_journal(log, tmp_path / "events.jsonl")
    loaded = rtc.load(tmp_path).event_log
    assert list(loaded.records()) == list(log.records())


def test_bytes_that_are_no_text_get_replacement_characters(tmp_path: Path) -> None:
    line = b'{"direction":"server","event":{"type":"a","x":"\xff"}}'
    rec = rtc.load(written(tmp_path / "rows.jsonl", line, line))
    assert rec.events["event"].tolist() == ['{"type":"a","x":"\N{REPLACEMENT CHARACTER}"}'] * 2


def test_loading_shows_progress_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "events.jsonl", '{"direction":"server","event":{"type":"a"}}')
    rtc.load(path, progress=True)
    assert "loading" in capsys.readouterr().err


def test_rows_with_fields_of_other_kinds_load_without_them(tmp_path: Path) -> None:
    rows = [
        '{"direction": "client", "t_ms": "soon", "rtc_call_id": 5, "event": {"type": "a"}}',
        '{"event": {"type": "b"}, "seq": null, "t_ms": 5, "direction": "server", "more": [1]}',
    ]
    rec = rtc.load(written(tmp_path / "rows.jsonl", *rows))
    assert rec.events["type"].tolist() == ["a", "b"]
    assert rec.events["t_ms"].tolist() == [pd.NA, 5.0]
    with pytest.raises(rtc.RecordingError, match="a direction is one of"):
        rtc.load(written(tmp_path / "bad.jsonl", '{"direction": {"up": 1}, "event": {}}', *rows))


@pytest.mark.parametrize("given", [None, 5])
def test_what_is_neither_a_path_nor_events_is_refused_with_the_way_out(given: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=rf"folder, a file .* not {given}; .*load_many"):
        rtc.load(given)


def test_the_numbers_of_many_broken_lines_take_one_more_look_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, cut = b'{"direction": "server", "event": {"type": "a"}}\n', b'{"direction": "ser\n'
    rows = (good + cut) * 400 + good
    path = tmp_path / "rows.jsonl"
    path.write_bytes(rows)
    opened: Any = Path.open
    read = 0

    class Watched:
        def __init__(self, path: Path, mode: str) -> None:
            self._file = opened(path, mode)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def read(self, size: int = -1) -> Any:
            nonlocal read
            data = self._file.read(size)
            read += len(data)
            return data

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode="r", **_: Watched(path, mode))
        problems = read_file(path, strict=False).problems
    assert [problem.line for problem in problems] == list(range(2, 802, 2))
    assert read < 3 * len(rows)


def test_a_file_of_utf_16_is_called_that_and_one_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"direction": "server", "event": {"type": "a"}}\n', encoding="utf-16")
    with pytest.raises(rtc.RecordingError, match="UTF-16 text: write it as UTF-8"):
        rtc.load(path)


def test_a_time_with_more_digits_than_a_clock_has_is_not_known() -> None:
    row = '{"direction": "server", "t_ms": 1' + "0" * 400 + ', "event": {"type": "a"}}'
    loaded = rtc.load([row, row])
    assert loaded.events["t_ms"].isna().all()


def test_a_journal_of_a_later_version_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"v":2,"seq":0,"direction":"server","t_ms":0.0,"event":{"type":"a"}}\n')
    with pytest.warns(UserWarning, match="version 2, and this rtc_widget knows version 1: upgrade"):
        assert len(rtc.load(path).event_log) == 1


def test_the_log_of_a_session_is_no_list_of_events() -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"save\(\) its session"):
        rtc.load(EventLog())
