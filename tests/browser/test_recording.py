"""Recording in a page: both sides as they were sent and heard, whatever the notebook and its kernel do."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import numpy as np
from playwright.async_api import expect

import rtc_widget as rtc
from tests.browser.lab import PANEL
from tests.browser.sandbox import URL_VARIABLE, widget_cell
from tests.browser.speech import QUESTIONS, word_error_rate, write_speech
from tests.browser.test_talk import MOST_MISHEARD, MOST_WRONG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab

LONG = "It is a long way, and there is much to see, so let us take the slow train and look around."
# Words that the recogniser hears even where a busy machine tears the sound, and more than a few.
NEXT = "How many people live in Paris, and how many people live in London today?"
HEARD = """json.loads(w.turns[["latency_heard_ms", "heard_quality", "heard_ms", "overlap_ms"]]
    .to_json(orient="records"))"""
# In its first moments a page has everything to do at once.
GAPS = """[event for event in w.event_log if event["type"] == "rtc.audio" and event.get("gap_frames")
    and event["frame"] > 24 * (w.calls.t_open_ms.iloc[0] + 500)]"""
RESUME = f"""
import os
import rtc_widget as rtc
w = rtc.resume(%r, provider=rtc.Sandbox(os.environ[{URL_VARIABLE!r}]), record=True)
w
"""
LOST = "w.stats.groupby('metric').value.last()[['packetsLost', 'packetsDiscarded']].tolist()"
DURABLE = """[os.getpid(), str(w.folder),
    min(os.stat(w.folder / f"{track}.pcm").st_size for track in ("user", "agent")) // 2]"""
SOUNDS = """
turns = [one, two, three]
said = [rtc.Sandbox.recognised(turn.audio) for turn in turns]
asked = [rtc.Sandbox.recognised(turn.user_audio) for turn in turns]
"""


async def test_a_recorded_call_is_heard_on_both_tracks_and_measured(lab: Lab, tmp_path: Path) -> None:
    notebook = await lab.open(widget_cell(record=True))
    await notebook.run(0)
    await notebook.run("found = await w.calibrate(turns=5)")
    assert await notebook.value("0 < found.constant_ms < 100")
    await notebook.run("await w.connect()")
    panel = notebook.element.locator(PANEL)
    await expect(panel.locator(".rtcw-recording")).to_have_text("● rec")
    for name, question in zip(("one", "two", "three"), QUESTIONS, strict=True):
        path = write_speech(tmp_path / f"{name}.wav", question, between_s=0)
        await notebook.run(f"{name} = await w.play({str(path)!r})")
    await notebook.run("await w.hang_up()")
    await expect(panel.locator(".rtcw-recording")).to_be_hidden()

    await notebook.run(SOUNDS)
    said, asked = await notebook.value("[said, asked]")
    transcripts = await notebook.value("[turn.transcript for turn in turns]")
    assert word_error_rate(" ".join(transcripts), " ".join(said)) <= MOST_WRONG, said
    assert word_error_rate(" ".join(QUESTIONS), " ".join(asked)) <= MOST_MISHEARD, asked
    rows = await notebook.value(HEARD)
    qualities = [row["heard_quality"] for row in rows]
    assert qualities[0] == "first_turn"
    assert set(qualities[1:]) <= {"ok", "jitter", "slip"}
    for row in rows:
        assert row["latency_heard_ms"] > 0
        assert row["heard_ms"] > 1_000
        assert row["overlap_ms"] >= 0
    latency_ms = await notebook.value("w.latency_heard_ms")
    assert latency_ms is not None
    await expect(panel.locator(".rtcw-latency")).to_contain_text(f"{round(latency_ms)} ms")
    edges = panel.locator("li.rtcw-row[data-who=agent] .rtcw-edge span[title^='latency heard']")
    await expect(edges).to_have_text([f"{round(row['latency_heard_ms'])} ms" for row in rows])
    assert await notebook.value(GAPS) == []
    derived = await notebook.value("sorted(w.stats.query('stat_type == \"derived\"').metric.unique())")
    assert {"bit_rate_in_bps", "concealed_ratio", "jitter_buffer_delay_ms", "loss_ratio"} <= set(derived)


async def test_views_that_come_and_go_never_interrupt_the_sound(lab: Lab) -> None:
    notebook = await lab.open(widget_cell(record=True), "w", *(["'a cell'"] * 30))
    await notebook.run(0)
    await notebook.run("await w.connect()")
    await notebook.run("await w.say('First.')")
    await notebook.run(f"asked = w.say({LONG!r})")
    panels = notebook.element.locator(PANEL)
    rounds = 0
    while not await notebook.value("asked.done()"):
        await notebook.run(1)
        await expect(panels).to_have_count(2)
        await notebook.scroll_to(31)
        await notebook.fold(0, folded=True)
        await notebook.fold(0, folded=False)
        await notebook.clear(1)
        await expect(panels).to_have_count(1)
        rounds += 1
    assert rounds > 1
    await notebook.run("turn = await asked\nawait w.hang_up()")
    assert await notebook.value(GAPS) == []
    heard = await notebook.value("rtc.Sandbox.recognised(turn.audio)")
    assert word_error_rate(f"You said: {LONG}", heard) <= MOST_WRONG, heard
    # No packet lost, nothing made up: what was received is continuous.
    assert await notebook.value(LOST) == [0, 0]


async def test_a_killed_kernel_leaves_both_tracks_as_far_as_they_were_on_disk(
    lab: Lab, tmp_path: Path
) -> None:
    path = write_speech(tmp_path / "question.wav", QUESTIONS[1], between_s=0)
    notebook = await lab.open(widget_cell(record=True))
    await notebook.run(0)
    await notebook.run("await w.connect()")
    await notebook.run(f"turn = await w.play({str(path)!r})")
    pid, folder, durable = await notebook.value(DURABLE)
    transcript = await notebook.value("turn.transcript")
    os.kill(pid, signal.SIGKILL)
    recording = await asyncio.to_thread(rtc.load, folder, strict=False)
    assert recording.audio is not None
    before = recording.audio.frames
    agent_before = recording.audio.read("agent", 0, before)
    assert before >= durable > 3 * 24_000
    spoken = recording.segments.groupby("track").t_start_ms.count()
    assert spoken["user"] >= 1
    assert spoken["agent"] >= 1
    heard = await asyncio.to_thread(rtc.Sandbox.recognised, recording.audio.agent)
    assert word_error_rate(transcript, str(heard)) <= MOST_WRONG, heard
    assert np.isfinite(recording.turns.latency_heard_ms.iloc[0])

    # The page lives on: the next kernel gets what was not on disk, and the rest of the call.
    await lab.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click(timeout=60_000)
    await notebook.run(RESUME % folder)
    await notebook.run(f"turn = await w.say({NEXT!r})\nawait w.hang_up()")
    heard = await notebook.value("rtc.Sandbox.recognised(turn.audio)")
    assert word_error_rate(f"You said: {NEXT}", heard) <= MOST_WRONG, heard
    whole = await asyncio.to_thread(rtc.load, folder)
    assert whole.audio is not None
    assert np.array_equal(whole.audio.read("agent", 0, durable), agent_before[:durable])
    assert whole.audio.frames > before + 24_000
