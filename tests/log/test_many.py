"""Many sessions: found, put together, kept as Parquet, asked in SQL."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import rtc_widget as rtc
from rtc_widget.frames import FRAMES
from rtc_widget.log import parquet
from rtc_widget.log.parquet import frame_path
from rtc_widget.log.saving import save_recording
from tests.log.script import Script
from tests.log.test_recording import Session, talked


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three sessions of two variants, a folder deep or two."""
    for number, variant in enumerate(["calm", "brisk", "calm"]):
        save_recording(Session(talked(variant)), tmp_path / "runs" / f"day{number % 2}" / f"run{number}")
    return tmp_path / "runs"


def test_sessions_are_found_in_folders_and_by_patterns(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(rtc.load_many(runs)) == 3
    assert len(rtc.load_many(f"{runs}/**")) == 3
    assert len(rtc.load_many(f"{runs}/day0/*")) == 2
    assert len(rtc.load_many([runs / "day0" / "run0", runs / "day0"])) == 2
    assert len(rtc.load_many(runs.glob("day0"))) == 2
    monkeypatch.chdir(runs.parent)
    assert len(rtc.load_many("runs/**")) == 3
    with pytest.raises(rtc.RecordingError, match="no recordings at elsewhere"):
        rtc.load_many("elsewhere/**")


def test_without_a_place_the_sessions_of_this_folder_are_found(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    with pytest.raises(rtc.RecordingError, match="no recordings at rtc_sessions"):
        rtc.load_many()
    runs.rename(runs.parent / "rtc_sessions")
    assert len(rtc.load_many()) == 3
    assert rtc.sql("select count(*) as n from sessions")["n"].tolist() == [3]


@pytest.mark.parametrize("name", ["runs [1]", "what?", "a*b", "[", "**"])
def test_a_folder_that_is_there_is_found_whatever_its_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_recording(Session(talked()), tmp_path / name / "day [2]" / "s")
    save_recording(Session(talked()), tmp_path / "runs 1" / "day 2" / "s")
    monkeypatch.chdir(tmp_path)
    here = Path(name) / "day [2]"
    for where in (here, str(here), [here / "s"], f"{here}/**", f"{here}/*", f"{tmp_path}/{name}/d*"):
        assert [path.resolve() for path in rtc.load_many(where).paths] == [saved], where
    assert [path.resolve() for path in rtc.load_many(name).paths] == [saved]
    session_ids = [rtc.load(saved).event_log.session_id]
    query = "select session_id from sessions union select session_id from turns"
    assert rtc.sql(query, here)["session_id"].tolist() == session_ids


def test_frames_of_many_are_those_of_each_with_its_variant(runs: Path) -> None:
    many = rtc.load_many(runs)
    for name, frame in FRAMES.items():
        together = getattr(many, name)
        each = [getattr(rec, name) for rec in many]
        assert len(together) == sum(map(len, each))
        names = [column.name for column in frame.all_columns]
        if "variant" not in names:
            names.insert(1, "variant")
        assert list(together.columns) == names
        for column in frame.all_columns:
            values = [value for one in each for value in one[column.name].astype(object)]
            pairs = zip(together[column.name].astype(object), values, strict=True)
            assert all(repr(left) == repr(right) for left, right in pairs), column.name
    assert many.items["variant"].value_counts().to_dict() == {"calm": 16, "brisk": 8}


def test_a_session_of_several_variants_says_of_each_row_which_it_was_under(tmp_path: Path) -> None:
    script = Script().session()
    for version, variant in enumerate([None, "calm", "brisk"], 1):
        script.note("rtc.config", version=version, cause="update", variant=variant, changed={}, effective={})
        script.tool_turn()
    save_recording(Session(script.log()), tmp_path / "run")
    many = rtc.load_many(tmp_path)

    def variants(name: str) -> list[str | None]:
        column = getattr(many, name)["variant"].astype(object)
        return [None if pd.isna(value) else value for value in column]

    assert variants("turns") == [None, "calm", "brisk"]
    assert variants("tool_calls") == [None, "calm", "brisk"]
    assert variants("usage") == [None, None, "calm", "calm", "brisk", "brisk"]
    assert variants("items") == [None] * 4 + ["calm"] * 4 + ["brisk"] * 4
    assert set(variants("calls")) <= {None}
    spent = many.sql(
        "select variant, count(*) as n from usage where variant is not null group by 1 order by 1"
    )
    assert spent.to_dict("list") == {"variant": ["brisk", "calm"], "n": [2, 2]}


def test_rows_come_in_the_order_of_the_paths_whatever_was_kept(runs: Path) -> None:
    script = Script("plain_").session()
    script.typed_turn()
    rows = (json.dumps({"direction": d, "event": e}) for d, e in script.rows)
    (runs / "a.jsonl").write_text("\n".join(rows), "utf-8")
    assert rtc.load_many(runs).sessions["path"].tolist() == [str(path) for path in rtc.load_many(runs).paths]
    journal = runs / "day0" / "run0" / "events.jsonl"
    later = frame_path(journal.parent, "sessions").stat().st_mtime_ns + 1_000_000
    os.utime(journal, ns=(later, later))
    many = rtc.load_many(runs)
    assert many.sessions["path"].tolist() == [str(path) for path in many.paths]
    assert many.sessions["session_id"].tolist() == [rec.event_log.session_id for rec in many]


def test_frames_that_another_release_or_other_prices_made_are_made_anew(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = runs / "day0" / "run0"
    before = rtc.load_many(runs).turns
    kept = frame_path(folder, "turns")
    monkeypatch.setattr(parquet, "_folder", lambda: "frames-9.9.9-9.9.9")
    assert rtc.load_many(runs).turns.equals(before)
    assert frame_path(folder, "turns").exists()
    assert frame_path(folder, "turns") != kept
    assert not kept.exists()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("frames-of-video", "turns.parquet"),
        ("frames-2024", "turns.parquet"),
        ("frames-1.0-2.0", "holiday.mp4"),
        ("frames-1.0-2.0", "holiday.parquet"),
        ("frames-1.0-2.0", "turns.parquet/frame.png"),
    ],
)
def test_a_folder_of_the_user_s_beside_a_journal_stays_whatever_its_name(
    runs: Path, name: str, file: str
) -> None:
    folder = runs / "day0" / "run0"
    shutil.rmtree(frame_path(folder, "turns").parent)
    (folder / name / file).parent.mkdir(parents=True)
    (folder / name / file).write_text("mine")
    (folder / name / "errors.parquet").write_text("mine too")
    assert len(rtc.load_many(runs).turns)
    assert (folder / name / file).read_text() == "mine"
    assert (folder / name / "errors.parquet").read_text() == "mine too"


def test_frames_that_another_release_was_writing_as_it_ended_are_removed_with_its_others(runs: Path) -> None:
    folder = runs / "day0" / "run0"
    shutil.rmtree(frame_path(folder, "turns").parent)
    older = folder / "frames-0.0.1.dev3+g12ab-0.0.2"
    older.mkdir()
    for file in ("turns.parquet", "items.part"):
        (older / file).write_text("")
    assert len(rtc.load_many(runs).turns)
    assert not older.exists()


def test_scenario_and_repeat_appear_where_an_experiment_set_them(runs: Path) -> None:
    for number, folder in enumerate(sorted(runs.glob("*/*"))):
        told = json.loads((folder / "session.json").read_text("utf-8"))
        (folder / "session.json").write_text(json.dumps({**told, "scenario": "order", "repeat": number}))
        shutil.rmtree(frame_path(folder, "turns").parent)
    turns = rtc.load_many(runs).turns
    assert list(turns.columns)[:3] == ["session_id", "scenario", "repeat"]
    assert set(turns["scenario"]) == {"order"}
    assert sorted(set(turns["repeat"])) == [0, 1, 2]


@pytest.mark.parametrize(
    ("told", "scenario", "repeat"),
    [
        ({"scenario": 5, "variant": ["x"], "repeat": 2}, None, 2),
        ({"scenario": ["order"], "repeat": "2"}, None, None),
        ({"scenario": "order", "repeat": 1.5}, "order", None),
        ({"scenario": "order", "repeat": True}, "order", None),
        ({"scenario": "order", "repeat": 10**30}, "order", None),
        ({"scenario": {}, "repeat": [2], "session_id": 7, "model": {}}, None, None),
    ],
)
def test_what_a_session_file_tells_of_another_kind_than_the_column_is_not_known(
    runs: Path, told: dict[str, Any], scenario: str | None, repeat: int | None
) -> None:
    folder = runs / "day0" / "run0"
    (folder / "session.json").write_text(json.dumps(told))
    shutil.rmtree(frame_path(folder, "turns").parent)
    many = rtc.load_many(folder)
    assert len(many.sessions) == 1
    turns = many.turns
    assert len(turns)
    for name, expected in (("scenario", scenario), ("repeat", repeat)):
        found = set(turns[name]) if name in turns else {None}
        assert found == {expected}


def test_frames_are_built_again_when_the_journal_is_newer(runs: Path) -> None:
    folder = runs / "day1" / "run1"
    before = rtc.load_many(runs).errors
    journal = folder / "events.jsonl"
    line = json.dumps({"direction": "local", "t_ms": 9.0, "event": {"type": "rtc.error", "source": "tool"}})
    journal.write_bytes(journal.read_bytes() + line.encode() + b"\n")
    later = frame_path(folder, "errors").stat().st_mtime_ns + 1_000_000
    os.utime(journal, ns=(later, later))
    assert len(rtc.load_many(runs).errors) == len(before) + 1
    assert frame_path(folder, "errors").stat().st_mtime_ns >= later or len(rtc.load_many(runs).errors) == 1


def test_frames_are_made_where_there_are_none(runs: Path) -> None:
    shutil.rmtree(frame_path(runs / "day0" / "run0", "turns").parent)
    assert len(rtc.load_many(runs).turns) == 9
    assert frame_path(runs / "day0" / "run0", "turns").exists()


def test_plain_files_of_rows_are_sessions_too(tmp_path: Path) -> None:
    for number in range(2):
        script = Script(f"{number}_").session()
        script.typed_turn()
        rows = (json.dumps({"direction": d, "event": e}) for d, e in script.rows)
        (tmp_path / f"{number}.jsonl").write_text("\n".join(rows), "utf-8")
    many = rtc.load_many(tmp_path)
    assert many.turns["transcript"].tolist() == ["Hello there."] * 2
    assert many.sessions["path"].tolist() == [str(tmp_path / f"{number}.jsonl") for number in range(2)]
    assert rtc.sql("select count(*) as n from turns", tmp_path)["n"].tolist() == [2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.jsonl", "1.jsonl"]


@pytest.mark.parametrize("where", [None, 5, [None], ["runs", 5]])
def test_recordings_are_found_by_paths_and_by_nothing_else(where: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match=r"found by a folder, a file, a pattern"):
        rtc.load_many(where)


def test_the_home_directory_is_meant_by_a_tilde(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(runs.parent))
    monkeypatch.setenv("USERPROFILE", str(runs.parent))
    assert len(rtc.load_many("~/runs")) == 3
    assert len(rtc.load_many("~/runs/**")) == 3
    assert len(rtc.load("~/runs/day1/run1").event_log) > 0
    with pytest.raises(rtc.ConfigurationError, match="no such home"):
        rtc.load("~nobody-of-that-name/runs")


def test_sql_asks_all_sessions_at_once(runs: Path) -> None:
    query = """
        select variant, count(*) as n, median(latency_inferred_ms) as p50_ms
        from turns join sessions using (session_id, variant) group by variant order by variant
    """
    answer = rtc.sql(query, runs)
    assert answer["variant"].tolist() == ["brisk", "calm"]
    assert answer["n"].tolist() == [3, 6]
    calm = rtc.load_many(runs).turns.query("variant == 'calm'")
    assert answer["p50_ms"].tolist()[1] == calm["latency_inferred_ms"].median()
    assert "object" not in map(str, answer.dtypes)
    events = rtc.sql("select type, count(*) as n from events where direction = 'server' group by type", runs)
    assert events["n"].sum() == (rtc.load_many(runs).events["direction"] == "server").sum()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "asks nothing"),
        ("-- hi", "asks nothing"),
        (None, "SQL in a str"),
        ("selct 1", r"syntax error at or near(.|\n)*tables are .*turns"),
        ("select * from turn", r"turn does not exist(.|\n)*tables are .*turns"),
        ("select nothing from turns", r"nothing(.|\n)*tables are .*turns"),
        ("select cast(status as int) from turns", r"Could not convert(.|\n)*tables are .*turns"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why_and_names_the_tables(
    runs: Path, query: Any, words: str
) -> None:
    with pytest.raises(rtc.ConfigurationError, match=words):
        rtc.sql(query, runs)


def test_a_session_that_was_moved_says_where_it_lies_now(runs: Path) -> None:
    moved = runs.parent / "moved"
    shutil.move(runs / "day1" / "run1", moved)
    assert rtc.load_many(moved).sessions["path"].tolist() == [str(moved)]
    assert rtc.sql("select path from sessions", moved)["path"].tolist() == [str(moved)]


def test_own_prices_are_never_read_from_old_files(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtc_widget.frames import _prices

    before = rtc.load_many(runs).usage["cost_usd"].sum()
    monkeypatch.setattr(_prices.PRICES, "own", {})
    rtc.frames.set_price("gpt-realtime", text_in_usd=1e3, text_out_usd=1e3, audio_out_usd=1e3)
    assert rtc.load_many(runs).usage["cost_usd"].sum() > before
    monkeypatch.setattr(_prices.PRICES, "own", {})
    assert rtc.load_many(runs).usage["cost_usd"].sum() == before


def test_a_dataset_that_pandas_polars_and_duckdb_read(runs: Path, tmp_path: Path) -> None:
    import duckdb

    many = rtc.load_many(runs)
    dataset = many.to_parquet(tmp_path / "dataset")
    for name in ("turns", "events", "responses"):
        n = len(getattr(many, name))
        assert len(pd.read_parquet(dataset / name)) == n
        assert len(pl.read_parquet(f"{dataset}/{name}/")) == n
        files = duckdb.read_parquet(f"{dataset}/{name}/**/*.parquet", hive_partitioning=True)
        assert files.aggregate("count(distinct session_id)").fetchall() == [(3,)]
    assert rtc.load(runs / "day0" / "run0").to_parquet(tmp_path / "one") == tmp_path / "one"
    assert len(pd.read_parquet(tmp_path / "one" / "turns")) == 3


@pytest.mark.parametrize("name", ["sessions", "turns", "usage"])
def test_pandas_reads_the_dtypes_of_a_dataset_from_its_files(runs: Path, tmp_path: Path, name: str) -> None:
    recording = rtc.load(runs / "day0" / "run0")
    read = pd.read_parquet(recording.to_parquet(tmp_path / "dataset") / name)
    frame = getattr(recording, name) if name != "sessions" else rtc.load_many(runs).sessions
    plain = [column for column in frame if frame[column].dtype != "category" and column != "session_id"]
    assert read[plain].dtypes.tolist() == frame[plain].dtypes.tolist()


def test_a_sum_is_a_number_as_frames_have_them(runs: Path) -> None:
    many = rtc.load_many(runs)
    answer = many.sql(
        """select sum(n_turns) n, sum(n_turns)::decimal(9, 2) part, sum(n_turns) * 1e20::hugeint big
        from sessions"""
    )
    assert [str(dtype) for dtype in answer.dtypes] == ["int64[pyarrow]", "double[pyarrow]", "double[pyarrow]"]
    total = many.sessions["n_turns"].sum()
    assert answer.iloc[0].tolist() == [total, total, total * 1e20]


def test_a_session_that_two_names_lead_to_is_counted_once(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    assert len(rtc.load_many([runs, runs.name, f"{runs.name}/day0"])) == len(rtc.load_many(runs)) == 3


def test_a_broken_session_among_many_may_be_left_out(runs: Path) -> None:
    (runs / "broken.jsonl").write_text('not json\n{"direction": "server", "event": {"type": "a"}}\n', "utf-8")
    with pytest.raises(rtc.RecordingError, match=r"broken\.jsonl.*line 1(.|\n)*strict=False"):
        _ = rtc.load_many(runs).turns
    assert len(rtc.load_many(runs, strict=False).sessions) == 4


def test_a_folder_of_sessions_is_no_session_and_says_what_reads_them(runs: Path) -> None:
    with pytest.raises(rtc.RecordingError, match=r"Below it there are 3: load_many\("):
        rtc.load(runs)


@pytest.mark.parametrize("session_id", ["../../../out", "a/b=c", "50 % é"])
def test_any_session_id_stays_in_the_dataset_and_is_read_back(tmp_path: Path, session_id: str) -> None:
    import duckdb

    line = {"session_id": session_id, "direction": "server", "event": {"type": "a"}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    dataset = rtc.load(tmp_path / "rows.jsonl").to_parquet(tmp_path / "deep" / "dataset")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "rows.jsonl"]
    assert sorted(path.name for path in dataset.parent.iterdir()) == ["dataset"]
    assert sorted(path.name for path in dataset.iterdir()) == sorted(FRAMES)
    files = duckdb.read_parquet(f"{dataset}/events/**/*.parquet", hive_partitioning=True)
    assert files.aggregate("min(session_id)").fetchall() == [(session_id,)]
    for read in (pd.read_parquet(dataset / "events"), pl.read_parquet(f"{dataset}/events/").to_pandas()):
        assert read["session_id"].tolist() == [session_id]


def test_a_missing_extra_names_the_command(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(rtc.ConfigurationError, match=r"pip install 'rtc_widget\[analysis\]'"):
        rtc.sql("select 1", runs)


def test_a_session_that_goes_on_is_read_again_by_those_who_read_it_before(tmp_path: Path) -> None:
    script = Script().session()
    script.spoken_turn()
    journal = tmp_path / "run" / "events.jsonl"
    journal.parent.mkdir()

    def write() -> None:
        rows = [json.dumps({"direction": direction, "event": event}) for direction, event in script.rows]
        journal.write_text("\n".join(rows) + "\n")
        os.utime(journal, ns=(len(rows) * 10**9, len(rows) * 10**9))

    write()
    many = rtc.load_many(tmp_path)
    assert (len(many.turns), len(many.items)) == (1, 2)
    script.spoken_turn()
    write()
    assert len(many.items) == 4  # of a frame that had been kept, and now of one from what is in memory
    assert len(many.turns) == len(rtc.load_many(tmp_path).turns) == 2
    assert rtc.sql("select count(*) as n from turns", tmp_path)["n"].iloc[0] == 2


def test_a_frame_that_was_half_written_is_made_anew(runs: Path) -> None:
    file = frame_path(runs / "day0" / "run0", "turns")
    whole = len(rtc.load_many(runs).turns)
    file.write_bytes(file.read_bytes()[:200])
    assert len(rtc.load_many(runs).turns) == whole
    file.write_bytes(b"")
    assert rtc.sql("select count(*) as n from turns", runs)["n"].iloc[0] == whole
    assert [path.name for path in file.parent.glob("*.part")] == []


@pytest.mark.parametrize("name", ["sessions", "turns", "usage"])
def test_columns_come_out_of_sql_in_the_dtypes_that_frames_have(runs: Path, name: str) -> None:
    many = rtc.load_many(runs)
    answer, frame = many.sql(f"set timezone = 'Asia/Tokyo'; from {name}"), getattr(many, name)
    plain = [column for column in frame if frame[column].dtype != "category"]
    assert answer[plain].dtypes.tolist() == frame[plain].dtypes.tolist()


@pytest.mark.parametrize("folder", ["turn=5", "variant=none", "session_id=foo", "temp=0.7"])
def test_the_names_of_folders_are_no_columns(tmp_path: Path, folder: str) -> None:
    save_recording(Session(talked("calm")), tmp_path / folder / "s")
    many = rtc.load_many(tmp_path)
    turns = many.sql("from turns")
    assert turns["turn"].tolist() == many.turns["turn"].tolist()
    assert turns["session_id"].tolist() == many.turns["session_id"].tolist()
    assert turns["variant"].tolist() == many.turns["variant"].tolist()
    assert "temp" not in turns


def test_links_lead_to_no_session_twice_and_round_in_no_circle(runs: Path) -> None:
    (runs / "latest").symlink_to("day0")
    (runs / "day1" / "loop").symlink_to("..")
    found = rtc.load_many(runs)
    assert [path.relative_to(runs).as_posix() for path in found.paths] == [
        "day0/run0",
        "day0/run2",
        "day1/run1",
    ]
    assert len(found.turns) == len(rtc.load_many(f"{runs}/**").turns)


def test_a_pattern_means_sessions_among_other_files(runs: Path) -> None:
    (runs / "README.md").write_text("Three sessions.")
    (runs / "plot.png").write_bytes(b"\x89PNG")
    (runs / "rows.jsonl").write_text('{"direction": "server", "event": {"type": "a"}}\n')
    (runs / "events.json").write_text('[{"type": "a"}]')
    assert len(rtc.load_many(f"{runs}/*")) == 4
    assert len(rtc.load_many(f"{runs}/*.json")) == 1
    assert len(rtc.load_many(runs / "events.json")) == 1


def test_what_was_read_with_lines_left_out_is_not_kept_for_those_who_are_strict(runs: Path) -> None:
    journal = runs / "day0" / "run0" / "events.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b'{"v":1,"dir\n', *lines[3:]]))
    later = journal.stat().st_mtime + 5
    os.utime(journal, (later, later))
    assert len(rtc.load_many(runs, strict=False).turns) > 3
    with pytest.raises(rtc.RecordingError, match="line 4"):
        _ = rtc.load_many(runs).turns


def test_a_dataset_is_written_at_home_too(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert rtc.load_many(runs).to_parquet("~/ds") == tmp_path / "ds"
    assert (tmp_path / "ds" / "turns").is_dir()
    with pytest.raises(rtc.ConfigurationError):
        rtc.load_many(runs).to_parquet(3)  # type: ignore[arg-type]  # on purpose
