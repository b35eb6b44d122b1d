"""A fork leaves its parent's calls, journals and sandbox alone; what it makes itself ends as always."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import rtc_widget as rtc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it forks")

FORKED = """
import os, sys
import rtc_widget as rtc

s = rtc.HeadlessSession(provider=rtc.Sandbox(), directory="runs", output_modalities=["text"])
s.connect().result(60)
for i in range(200):
    s.event_log.note("rtc.probe", i=i)
child = os.fork()
if child == 0:
    s.event_log.note("rtc.error", source="callback", code="X", message="of the child")
    for refused in (lambda: s.update(instructions="Be mine."), lambda: s.say("Hello.").result(5)):
        try:
            refused()
        except rtc.RtcWidgetError as error:
            print(error, flush=True)
    s.close().result(5)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
try:
    rtc.resume(s.folder)
except rtc.RecordingError:
    print("still ours")
print(s.say("What is your name?").result(30).transcript)
folder, n = s.folder, len(s.event_log)
s.close().result(30)
print(folder)
"""
SAVED = """
import os, sys
import rtc_widget as rtc

s = rtc.HeadlessSession(provider=rtc.Sandbox(), directory="runs", output_modalities=["text"])
s.connect().result(60)
ready, go = os.pipe()
child = os.fork()
if child == 0:
    os.read(ready, 1)  # the parent has ended its session
    s.event_log.note("rtc.remark", text="of the child")
    s.save("copy")
    try:
        s.save(s.folder)
    except rtc.RecordingError as error:
        print(error, flush=True)
    os._exit(0)
for i in range(200):
    s.event_log.note("rtc.probe", i=i)
s.close().result(30)
os.write(go, b"x")
assert os.waitpid(child, 0)[1] == 0
print(s.folder, len(s.event_log))
"""
WORKER = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import rtc_widget as rtc

def work(_):
    s = rtc.HeadlessSession(provider=rtc.Sandbox(), directory="runs", output_modalities=["text"])
    s.connect().result(60)
    for i in range(20):
        s.event_log.note("rtc.probe", i=i)
    return str(s.folder)

rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None).close().result(10)
with ProcessPoolExecutor(1, mp_context=get_context("fork")) as workers:
    print(workers.submit(work, 0).result(90))
"""


def printed(script: str, folder: Path) -> list[str]:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_forked_process_leaves_its_parents_session_alone_and_ends(tmp_path: Path) -> None:
    *said, folder = printed(FORKED, tmp_path)
    assert ["closed" in line for line in said[:2]] == [True, True]
    assert said[2] == "still ours"
    recording = rtc.load(tmp_path / folder)
    records = list(recording.event_log.records())
    assert sum(record.type == "rtc.probe" for record in records) == 200
    assert "of the child" not in "".join(record.text for record in records)
    assert recording.sessions["outcome"].tolist() == ["ended"]
    assert len(recording.turns) == 1


def test_what_a_forked_process_saves_elsewhere_cuts_nothing_of_its_parents_journal(tmp_path: Path) -> None:
    told, last = printed(SAVED, tmp_path)
    folder, n_records = last.split()
    assert "went on elsewhere" in told
    assert len(rtc.load(tmp_path / folder).event_log) == int(n_records)
    assert rtc.load(tmp_path / "copy").event_log[-1]["text"] == "of the child"


def test_a_session_that_nobody_closes_in_a_forked_worker_is_whole_on_disk(tmp_path: Path) -> None:
    (folder,) = printed(WORKER, tmp_path)
    recording = rtc.load(tmp_path / folder)
    assert recording.events["type"].eq("rtc.probe").sum() == 20
    assert recording.sessions["outcome"].tolist() == ["ended"]
