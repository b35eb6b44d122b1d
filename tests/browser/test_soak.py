"""What takes long: ten minutes of talk, and a call that nobody looks at any more."""

from __future__ import annotations

import json
import logging
import os
import statistics
import time
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.lab import PILL
from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab

pytestmark = pytest.mark.soak

_LOG = logging.getLogger(__name__)

MINUTES = float(os.environ.get("RTC_WIDGET_SOAK_MINUTES", "10"))
WARM_UP_TURNS = 8
MOST_DRIFT_MS = 20
MOST_GROWTH_MB = 20
MOST_CUT_OFF_MS = 1_000
MEMORY_MB = (
    """int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024"""
)
WATCH = """
import time
came = {}
def note(event):
    if "event_id" in event:
        came[event["event_id"]] = time.time_ns() / 1e6
stop = w.on("*", note)
"""
SOUND = """(lambda notes: {
    "first_frame": min(note["frame"] for note in notes),
    "last_frame": max(note["frame"] + note["frames"] for note in notes),
    "covered_frames": sum(note["frames"] for note in notes),
    "missing_frames": sum(note.get("gap_frames", 0) for note in notes),
    "t_end_ms": float(w.calls.t_end_ms.iloc[-1]),
})([event for event in w.event_log if event["type"] == "rtc.audio"])"""
APART = """(lambda rows: [
    [sorted(apart for _, track, apart in part if track == which)[sum(r[1] == which for r in part) // 2]
     for which in ("user", "agent")]
    for part in (rows[:len(rows) // 4], rows[-len(rows) // 4:])
])([row for event in w.event_log if event["type"] == "rtc.stats" for row in event.get("clock", [])])"""


def first_and_last(values: list[float]) -> tuple[float, float]:
    """Return the medians of the first and the last third."""
    third = len(values) // 3
    return statistics.median(values[:third]), statistics.median(values[-third:])


async def test_ten_minutes_of_talk_are_logged_and_recorded_whole_in_flat_memory(
    lab: Lab, tmp_path: Path
) -> None:
    paths = [write_speech(tmp_path / f"{n}.wav", QUESTIONS[n], between_s=0) for n in range(3)]
    notebook = await lab.open(widget_cell(record=True))
    await notebook.run(0)
    await notebook.run(WATCH)
    await notebook.run("await w.connect()\nawait w.say('First.')")
    end_s = time.monotonic() + 60 * MINUTES
    turns = 1
    memory_mb: list[float] = []
    while time.monotonic() < end_s:
        asked = f"w.play({str(paths[turns % 3])!r})" if turns % 2 else f"w.say({QUESTIONS[turns % 3]!r})"
        await notebook.run(f"await {asked}")
        turns += 1
        if turns > WARM_UP_TURNS:
            memory_mb.append(await notebook.value(MEMORY_MB))
    wire = await lab.wire()
    logged = await notebook.value("[r.text for r in w.event_log.records() if r.direction != 'local']")
    assert logged == [text for _, _, text in wire]
    assert await notebook.value("w.turns.turn.tolist()") == list(range(turns))
    assert await notebook.value("w.status") == "live"
    came = await notebook.value("came")
    await notebook.run("await w.hang_up()")

    sound = await notebook.value(SOUND)
    # Every sample of the call is on disk, or said to be missing.
    assert sound["covered_frames"] == sound["last_frame"] - sound["first_frame"]
    assert abs(sound["last_frame"] / 24 - sound["t_end_ms"]) < MOST_CUT_OFF_MS
    assert await notebook.value("w.turns.latency_heard_ms.notna().sum().item()") >= turns // 2 - 2
    (user_early, agent_early), (user_late, agent_late) = await notebook.value(APART)
    drift_ms = (agent_late - user_late) - (agent_early - user_early)
    delays_ms = [
        came[event["event_id"]] - t_ms
        for direction, t_ms, event in ((row[0], row[1], json.loads(row[2])) for row in wire)
        if direction == "server" and event.get("event_id") in came
    ]
    early_ms, late_ms = first_and_last(delays_ms)
    early_mb, late_mb = first_and_last(memory_mb)
    _LOG.info(
        "%d turns, %+.1f MB, drift %.1f ms, %d frames missing, relay %.1f ms at first, %.1f ms at last",
        *(turns, late_mb - early_mb, drift_ms, sound["missing_frames"], early_ms, late_ms),
    )
    assert abs(drift_ms) <= MOST_DRIFT_MS
    assert late_mb - early_mb <= MOST_GROWTH_MB
    assert late_ms <= 2 * early_ms + 5


async def test_a_call_that_nobody_sees_ends_by_itself_after_ten_minutes(lab: Lab) -> None:
    notebook = await lab.open(widget_cell())
    await notebook.run(0)
    await notebook.run("await w.connect()")
    await notebook.clear(0)
    await expect(lab.page.locator(PILL)).to_be_visible()
    await lab.page.wait_for_function("() => tap.liveMicrophones() === 0", timeout=11 * 60_000)
    await expect(lab.page.locator(PILL)).to_be_hidden()
    assert await notebook.value("w.status") == "ended"
    assert "10 minutes" in (await notebook.value("w.calls.reason.tolist()"))[0]
