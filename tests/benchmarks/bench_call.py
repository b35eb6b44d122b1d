"""A call in a real page: how soon it is up, how soon an event is in Python, how soon the sandbox answers."""

from __future__ import annotations

import json
import statistics
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.figures import Figure
from tests.benchmarks.services import SESSION, run_service
from tests.browser.chrome import run_chrome
from tests.browser.jupyter import run_jupyter
from tests.browser.lab import HERE, Lab
from tests.browser.sandbox import run_sandbox, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.lab import Notebook
    from tests.browser.sandbox import SandboxProcess

RUNS = 20
WARM_UP = 2
RELAYS = 2
SAYINGS = 4
ANSWERS = 8
SILENCE_MS = 200
LONG = "It is a long way, and there is much to see, so let us take the slow train and look around."

SLOW_WIDGET = """
import os
import rtc_widget as rtc
w = rtc.RealtimeWidget(provider=rtc.OpenAI(os.environ["RTC_SANDBOX_KEY"], base_url={base_url!r}))
w
"""
NOTE_TIMES = """
import time
came = {}
def note(event):
    if "event_id" in event:
        came[event["event_id"]] = time.time_ns() / 1e6
stop = w.on("*", note)
"""
SPOKEN = "w.turns.dropna(subset='t_speech_stopped_ms').latency_inferred_ms.dropna().tolist()"


async def measure(folder: Path) -> list[Figure]:
    """Measure in one JupyterLab and one Chromium, with a spoken question for a microphone.

    Parameters
    ----------
    folder
        An empty folder for what all of them write.
    """
    microphone = write_speech(folder / "silence.wav", between_s=0)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(run_sandbox(folder / "sandbox.log"))
        jupyter = await stack.enter_async_context(run_jupyter(folder / "jupyter", sandbox.environment))
        chrome = await stack.enter_async_context(run_chrome())
        context = await stack.enter_async_context(chrome.context(microphone))
        lab = Lab(await context.new_page(), jupyter)
        await lab.load()
        figures = await _connecting(lab, sandbox)
        notebook = await lab.open()
        await notebook.run(widget_cell())
        figures += await _relaying(notebook, sandbox)
        return figures + await _answering(notebook, folder)


async def _connecting(lab: Lab, sandbox: SandboxProcess) -> list[Figure]:
    """Measure click → data channel open, of the widget and of the bare page, in turns."""
    async with (
        run_service("slow", sandbox.base_url, sandbox.key) as slow,
        run_service("bare", f"{slow}/v1", sandbox.key) as bare_url,
    ):
        bare = await lab.page.context.new_page()
        await bare.add_init_script(path=HERE / "tap.js")
        await bare.goto(bare_url)
        notebook = await lab.open()
        await notebook.run(SLOW_WIDGET.format(base_url=f"{slow}/v1"))
        times_ms: dict[str, list[float]] = {"widget": [], "bare": []}
        for _ in range(WARM_UP + RUNS):
            times_ms["widget"].append(await _click(lab.page))
            await notebook.run("await w.hang_up()")
            times_ms["bare"].append(await _click(bare))
            await bare.evaluate("() => hangUp()")
        await notebook.run("w.close()")
        await notebook.close()
        await bare.close()
    ours, theirs = (np.array(times_ms[which][WARM_UP:]) for which in ("widget", "bare"))
    detail = (
        f"median {np.median(ours):.0f} and {np.median(theirs):.0f} ms, p90 {np.percentile(ours, 90):.0f} "
        f"and {np.percentile(theirs, 90):.0f} ms, {RUNS} runs each, interleaved"
    )
    ratio = float(np.median(ours) / np.median(theirs))
    return [Figure("click → data channel open, widget / bare page", ratio, "×", 1.0, detail)]


async def _click(page: Page) -> float:
    """Click Connect, and return the ms until the data channel is open."""
    await page.bring_to_front()
    calls = await page.evaluate("() => tap.calls.length")
    await page.get_by_role("button", name="Connect", exact=True).click()
    opened = await page.wait_for_function(
        "(calls) => tap.calls[calls]?.open_ms && tap.calls[calls].open_ms - tap.clicked_ms", arg=calls
    )
    return float(await opened.json_value())


async def _relaying(notebook: Notebook, sandbox: SandboxProcess) -> list[Figure]:
    """Measure data-channel message → Python handler while the agent talks, ours and a bare one in turns."""
    await notebook.run((Path(__file__).parent / "bare_channel.py").read_text("utf-8"))
    await notebook.run(f"bare = BareChannel({sandbox.base_url!r}, {SESSION!r})\nbare")
    await notebook.run(NOTE_TIMES)
    ours_ms: list[float] = []
    theirs_ms: list[float] = []
    for _ in range(RELAYS):
        await notebook.run("await w.connect()")
        for _ in range(SAYINGS):
            await notebook.run(f"await w.say({LONG!r})")
        ours_ms += await _delays_ms(notebook, "came")
        await notebook.run("await w.hang_up()")
        await notebook.run("await bare.connect()")
        for _ in range(SAYINGS):
            await notebook.run(f"await bare.say({LONG!r})")
        theirs_ms += await _delays_ms(notebook, "bare.came_ms")
        await notebook.run("bare.hang_up()")
    await notebook.run("stop()")
    (median_ms, late_ms), (bare_ms, bare_late_ms) = (
        (statistics.median(delays_ms), float(np.percentile(delays_ms, 99)))
        for delays_ms in (ours_ms, theirs_ms)
    )
    relayed = "data-channel message → Python handler"
    detail = f"{len(ours_ms)} events; a bare widget"
    return [
        Figure(f"{relayed}, median", median_ms, "ms", 5, f"{detail} {bare_ms:.2f} ms"),
        Figure(f"{relayed}, p99", late_ms, "ms", 30, f"{detail} {bare_late_ms:.1f} ms"),
        Figure(f"{relayed}, widget / bare widget", median_ms / bare_ms, "×", detail="medians, in turns"),
    ]


async def _delays_ms(notebook: Notebook, came: str) -> list[float]:
    """Return how long each event of the latest call took to a handler that noted when it came."""
    came_ms = await notebook.value(came)
    return [
        came_ms[event["event_id"]] - t_ms
        for direction, t_ms, event in (
            (row[0], row[1], json.loads(row[2])) for row in await notebook.lab.wire()
        )
        if direction == "server" and event.get("event_id") in came_ms
    ]


async def _answering(notebook: Notebook, folder: Path) -> list[Figure]:
    """Measure end of speech → first audio, beyond the silence that the VAD waits for."""
    path = write_speech(folder / "question.wav", QUESTIONS[1], between_s=0.2)
    await notebook.run("await w.connect()")
    for _ in range(ANSWERS):
        await notebook.run(f"await w.play({str(path)!r})")
    beyond_ms = [value - SILENCE_MS for value in await notebook.value(SPOKEN)]
    return [
        Figure(
            "end of speech → first audio, beyond VAD silence",
            statistics.median(beyond_ms),
            "ms",
            detail=f"{min(beyond_ms):.0f} to {max(beyond_ms):.0f} ms, {len(beyond_ms)} answers, sandbox",
        )
    ]
