"""The journal: every record on disk soon, whatever happens to the disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rtc_widget import RecordingError
from rtc_widget.log.clocks import ClockFit
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.folders import open_log, resume_log, tell_once
from rtc_widget.log.journal import Journal
from rtc_widget.log.reading import read_file
from rtc_widget.log.saving import save_recording
from tests.full_disk import no_file_over

if TYPE_CHECKING:
    from pathlib import Path

    from rtc_widget.log.record import Record


class Saved:
    """As much of a session as saving one needs."""

    def __init__(self, log: EventLog) -> None:
        self.event_log = log


def durable(log: EventLog, n: int, *, timeout_s: float = 10.0) -> None:
    """Wait until that many records are on disk."""
    there = threading.Event()
    forget = log.on_durable(lambda count: there.set() if count >= n else None)
    if log.durable < n:
        assert there.wait(timeout_s)
    forget()


def test_a_line_is_a_record_with_its_event_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.jsonl"
    log = EventLog(journal=Journal(path))
    raw = '{"type":  "a", "n": 1.50}'
    log.append("server", raw, t_browser_ms=1.5, t_kernel_ms=7.25, rtc_call_id="rtc_1")
    log.append("server", '{\n"type": "b"}')
    log.append("server", "no json")
    log.close()
    first, second, third = path.read_bytes().splitlines()
    assert first.endswith(b',"event":' + raw.encode() + b"}")
    told = json.loads(first)
    assert (told["v"], told["seq"], told["direction"], told["t_ms"]) == (1, 0, "server", 0.0)
    assert (told["t_browser_ms"], told["t_kernel_ms"], told["rtc_call_id"]) == (1.5, 7.25, "rtc_1")
    assert (told["session_id"], told["started_at"]) == (log.session_id, log.started_at.isoformat())
    assert json.loads(second)["text"] == '{\n"type": "b"}'
    assert json.loads(third)["text"] == "no json"


def test_records_reach_the_disk_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(journal=Journal(path))
    for _ in range(3):
        log.append("server", "{}")
    durable(log, 3)
    assert len(path.read_bytes().splitlines()) == 3
    log.append("server", "{}")
    durable(log, 4)
    assert len(read_file(path).log) == 4
    log.close()


def test_nothing_is_on_disk_before_the_first_record(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path / "rtc_sessions")
    assert folder is not None
    assert not folder.exists()
    log.note("rtc.session")
    log.close()
    assert folder.parent == tmp_path / "rtc_sessions"
    assert log.session_id[5:11] in folder.name
    assert len(read_file(folder / "events.jsonl").log) == 1


def test_a_notebook_is_told_once_where_sessions_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_once(tmp_path / "a")
    assert capsys.readouterr().out == "", "a script is told nothing"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    tell_once(tmp_path / "b")
    told = capsys.readouterr().out
    assert f"kept in {tmp_path}, this one in b " in told
    assert "directory=None" in told
    tell_once(tmp_path / "c")
    assert capsys.readouterr().out == ""


def test_memory_only_writes_nothing() -> None:
    log, folder = open_log(None)
    assert folder is None
    assert log.journal is None


def test_a_turn_that_ends_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "events.jsonl")
    synced: list[int] = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append(file) if file == journal._file._file else None
    )
    log = EventLog(journal=journal)
    log.append("server", '{"type": "response.output_text.delta"}')
    durable(log, 1)
    assert synced == []
    log.append("server", '{"type": "response.done"}')
    durable(log, 2)
    assert len(synced) == 1
    log.close()
    assert len(synced) == 2


def test_a_folder_that_cannot_be_written_becomes_an_error_and_the_session_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    log = EventLog(journal=Journal(tmp_path / "file" / "events.jsonl"))
    told = threading.Event()
    log.observe(lambda record: told.set() if record.type == "rtc.error" else None)
    log.append("server", '{"type": "a"}')
    assert told.wait(10)
    log.append("server", '{"type": "b"}')
    assert [event["type"] for event in log] == ["a", "rtc.error", "b"]
    assert log[1]["source"] == "disk"
    assert log[1]["code"] in {"ENOTDIR", "EEXIST"}
    assert log.durable == 0
    log.close()


def test_a_disk_that_was_full_gets_everything_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    log = EventLog(journal=journal)
    log.append("server", '{"type": "first"}')
    durable(log, 1)
    write = os.write

    def full(file: int, data: memoryview) -> int:
        if journal.failing or len(data) <= 10:
            raise OSError(28, "No space left on device")
        return write(file, data[:10])

    with monkeypatch.context() as patched:
        told = threading.Event()
        log.observe(lambda record: told.set() if record.type == "rtc.error" else None)
        patched.setattr(os, "write", full)
        log.append("server", '{"type": "second"}')
        assert told.wait(10)
    assert journal.failing
    assert len(read_file(path).log) == 1, "no half line is left behind"
    log.append("server", '{"type": "third"}')
    log.close()
    assert [event["type"] for event in read_file(path).log] == ["first", "second", "rtc.error", "third"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not taken away there")
@pytest.mark.parametrize("how", ["deleted", "moved"])
def test_a_journal_that_is_taken_away_is_written_anew_and_it_is_said(tmp_path: Path, how: str) -> None:
    path = tmp_path / "runs" / "events.jsonl"
    log = EventLog(journal=Journal(path))
    for number in range(5):
        log.append("server", f'{{"type": "before", "n": {number}}}')
    durable(log, 5)
    if how == "deleted":
        shutil.rmtree(path.parent)
    else:
        path.parent.rename(tmp_path / "elsewhere")
    log.append("server", '{"type": "after"}')
    durable(log, 7)
    log.close()
    (note,) = [event for event in log if event["type"] == "rtc.error"]
    assert "was deleted or moved" in note["message"]
    assert [record.raw for record in read_file(path).log.records()] == [
        record.raw for record in log.records()
    ]


def test_a_session_goes_on_in_the_next_kernel(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.append("server", '{"type": "a"}')
    log.append("server", '{"type": "b"}')
    log.close()
    path = folder / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"v":1,"seq":2,"dir')
    with pytest.warns(UserWarning, match="last line"):
        again = resume_log(folder)
    assert again.session_id == log.session_id
    again.append("server", '{"type": "c"}')
    again.close()
    loaded = read_file(path).log
    assert [event["type"] for event in loaded] == ["a", "b", "c"]
    times = [record.t_ms for record in loaded.records()]
    assert None not in times
    assert times == sorted(times, key=lambda t: t or 0.0)


def test_what_a_page_saved_comes_after_what_the_journal_has_and_once(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.set_clock(ClockFit(0.0, 1.0, 1))
    log.append("local", '{"type": "rtc.session"}', t_kernel_ms=1_000.0)
    log.append("server", '{"type": "a"}', t_browser_ms=1_100.0)
    log.append("server", '{"type": "b"}', t_browser_ms=1_200.0)
    log.close()
    rest = tmp_path / "rest.jsonl"
    rows = [
        (1_200.0, '"event":{"type": "b"}'),
        (1_200.0, '"event":{"type": "b"}'),
        (1_350.5, '"text":"c\\n"'),
    ]
    rest.write_text("".join(f'{{"direction":"server","t_browser_ms":{t},{event}}}\n' for t, event in rows))
    again = resume_log(folder, rest)
    again.close()
    records = list(read_file(folder / "events.jsonl").log.records())
    assert [record.text for record in records[1:]] == [
        '{"type": "a"}',
        '{"type": "b"}',
        '{"type": "b"}',
        "c\n",
    ]
    assert [record.t_ms for record in records[1:]] == [100.0, 200.0, 200.0, 350.5]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_a_session_that_is_still_being_written_is_not_resumed(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.append("server", '{"type": "a"}')
    assert log.journal is not None
    log.journal.sync()
    with pytest.raises(RecordingError, match="still being written"):
        resume_log(folder)
    log.append("server", '{"type": "b"}')
    log.close()
    assert [event["type"] for event in resume_log(folder)] == ["a", "b"]


def test_close_may_be_called_twice_and_the_log_stays_readable(tmp_path: Path) -> None:
    log = EventLog(journal=Journal(tmp_path / "events.jsonl"))
    log.append("server", '{"type": "a"}')
    log.close()
    log.close()
    assert log[0] == {"type": "a"}


def test_records_of_many_threads_are_all_written_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(journal=Journal(path, flush_ms=1.0))

    def work() -> None:
        for n in range(3000):
            log.append("server", '{"type": "t"}' if n % 7 else "odd\n")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert log.durable == len(log) == 12_000
    loaded = read_file(path).log
    assert [record.raw for record in loaded.records()] == [record.raw for record in log.records()]
    seqs = [json.loads(line)["seq"] for line in path.read_bytes().splitlines()]
    assert seqs == list(range(12_000))


@pytest.mark.parametrize("began", ["2999-01-01T00:00:00+00:00", "2020-01-01T00:00:00"])
def test_what_follows_in_a_session_that_goes_on_follows_in_time_whatever_the_clock_says(
    tmp_path: Path, began: str
) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    line = {"v": 1, "seq": 0, "session_id": "rtcs_1", "started_at": began, "direction": "server"}
    lines = [{**line, "t_ms": t_ms, "event": {"type": "a"}} for t_ms in (0.0, 60_000.0)]
    (folder / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    log = resume_log(folder)
    log.note("rtc.remark")
    log.close()
    t_ms = read_file(folder / "events.jsonl").log.record(-1).t_ms
    assert t_ms is not None
    assert t_ms >= 60_000.0


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def test_a_session_that_was_closed_cuts_nothing_of_what_another_one_wrote_since(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.note("rtc.session")
    log.close()
    again = resume_log(folder)
    for number in range(50):
        again.note("rtc.remark", n=number)
    again.close()
    before = (folder / "events.jsonl").read_bytes()
    log.note("rtc.remark", text="late")
    with pytest.raises(RecordingError, match="went on elsewhere"):
        save_recording(Saved(log), folder)
    assert (folder / "events.jsonl").read_bytes() == before
    save_recording(Saved(log), tmp_path / "elsewhere")
    assert (folder / "events.jsonl").read_bytes() == before
    assert lines_of(tmp_path / "elsewhere" / "events.jsonl") == 2
    resume_log(folder).close()


def test_as_many_records_of_somebody_else_are_not_ours(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.note("rtc.session")
    log.close()
    again = resume_log(folder)
    again.note("rtc.remark", text="theirs")
    again.close()
    log.note("rtc.remark", text="ours")
    with pytest.raises(RecordingError, match="went on elsewhere"):
        save_recording(Saved(log), folder)
    assert [event.get("text") for event in read_file(folder / "events.jsonl").log] == [None, "theirs"]


def test_what_was_noted_after_the_end_is_saved_where_nobody_went_on(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.note("rtc.session")
    log.close()
    for number in range(2):
        log.note("rtc.remark", n=number)
        save_recording(Saved(log), folder)
    assert lines_of(folder / "events.jsonl") == 3
    resume_log(folder).close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_a_session_that_was_closed_leaves_the_journal_to_the_one_that_writes_it(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.note("rtc.session")
    log.close()
    again = resume_log(folder)
    with pytest.raises(RecordingError, match="still being written"):
        save_recording(Saved(log), folder)
    again.note("rtc.remark")
    again.close()
    assert lines_of(folder / "events.jsonl") == 2


def test_records_that_came_while_a_session_was_read_are_not_cut(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    log.note("rtc.session")
    log.close()
    path = folder / "events.jsonl"
    known = read_file(path)
    again = resume_log(folder)
    again.note("rtc.remark")
    again.close()
    journal = Journal(path, start=len(known.log), size=known.n_bytes)
    assert not journal.claim()
    known.log.go_on(journal)
    known.log.note("rtc.remark", text="mine")
    known.log.close()
    assert lines_of(path) == 2
    assert "somebody else has gone on" in known.log[-1]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not taken away there")
@pytest.mark.parametrize("how", ["deleted", "in the way"])
def test_who_is_told_that_the_disk_fails_may_save_elsewhere_at_once(tmp_path: Path, how: str) -> None:
    runs = tmp_path / "runs"
    log = EventLog(journal=Journal(runs / "events.jsonl"))
    saved = threading.Event()

    def save(record: Record) -> None:
        if record.type == "rtc.error":
            assert log.journal is not None
            with contextlib.suppress(OSError):
                log.journal.sync()
            save_recording(Saved(log), tmp_path / "elsewhere")
            saved.set()

    log.observe(save)
    if how == "deleted":
        log.note("rtc.session")
        durable(log, 1)
        shutil.rmtree(runs)
    else:
        runs.write_text("in the way")
    log.note("rtc.remark")
    assert saved.wait(10)
    closing = threading.Thread(target=log.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    assert "rtc.error" in [event["type"] for event in read_file(tmp_path / "elsewhere/events.jsonl").log]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is not taken away there")
def test_a_journal_that_is_taken_away_just_before_the_end_says_so_itself(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "events.jsonl"
    log = EventLog(journal=Journal(path))
    log.note("rtc.session")
    durable(log, 1)
    shutil.rmtree(path.parent)
    log.close()
    assert [event["type"] for event in read_file(path).log] == ["rtc.session", "rtc.error"]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
def test_a_journal_that_is_deleted_while_the_disk_is_full_is_written_anew_too(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "events.jsonl"
    log = EventLog(journal=Journal(path))
    assert log.journal is not None
    log.note("rtc.session")
    log.journal.sync()
    with no_file_over(1_000):
        log.note("rtc.remark", text="x" * 2_000)
        with pytest.raises(OSError, match="1 of 2 records"):
            log.journal.sync()
        shutil.rmtree(path.parent)
    log.close()
    told = [event["type"] for event in read_file(path).log]
    assert told == ["rtc.session", "rtc.remark", "rtc.error", "rtc.error"]


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
def test_saving_where_the_journal_is_raises_until_all_of_it_is_written(tmp_path: Path) -> None:
    (told,) = run(
        f"""
import resource, signal, threading
from pathlib import Path
from rtc_widget.log.folders import open_log
from rtc_widget.log.reading import read_file
from rtc_widget.log.saving import save_recording

class Saved: event_log, folder = open_log({str(tmp_path)!r})

log, folder = Saved.event_log, Saved.folder
log.note("rtc.session")
log.journal.sync()
failed = threading.Event()
log.observe(lambda record: failed.set() if record.type == "rtc.error" else None)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
log.note("rtc.remark", text="x" * 2_000)
assert failed.wait(10)
try:
    save_recording(Saved, folder)
except OSError as error:
    assert "1 of 3 records could" in str(error) and error.filename == str(folder / "events.jsonl"), error
else:
    raise AssertionError("it was not saved")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
save_recording(Saved, folder)
print(len(read_file(folder / "events.jsonl").log), len(log))
"""
    )
    assert told.split() == ["3", "3"]


def run(script: str) -> list[str]:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_journal_whose_last_line_lacks_only_its_end_goes_on_in_a_line_of_its_own(tmp_path: Path) -> None:
    line = {"v": 1, "seq": 0, "session_id": "rtcs_1", "direction": "server", "event": {"type": "a"}}
    journal = tmp_path / "s" / "events.jsonl"
    journal.parent.mkdir()
    journal.write_text(json.dumps(line))
    log = resume_log(journal.parent)
    log.note("rtc.remark")
    log.close()
    assert [json.loads(one)["seq"] for one in journal.read_text().splitlines()] == [0, 1]
    assert journal.read_bytes().endswith(b"\n")
