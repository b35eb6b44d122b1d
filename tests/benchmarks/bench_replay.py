"""A recording of 10 minutes: how soon it opens, in a notebook and as a page, and how well it keeps step."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import rtc_widget as rtc
from tests.benchmarks.figures import Figure
from tests.browser.chrome import run_chrome
from tests.browser.jupyter import run_jupyter
from tests.browser.lab import HERE, PANEL, Lab
from tests.browser.speech import write_speech
from tests.log.call import STARTED, TURN_S, write_call

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

MINUTES = 10
PLAYED_S = 31
REPEATS = 5
# From the moment that the code of the view runs in the page, or the page is asked for, to the last turn.
WATCH = """(last) => {
  window.opening = performance.now();
  window.opened = new Promise((resolve) => {
    const look = () => {
      const rows = [...document.querySelectorAll("section.rtcw .rtcw-words")];
      return rows.some(({ textContent }) => textContent.includes(last))
        ? requestAnimationFrame(() => resolve(performance.now() - window.opening))
        : requestAnimationFrame(look);
    };
    look();
  });
}"""


async def measure(folder: Path) -> list[Figure]:
    """Measure all of it; medians of 5."""
    n_turns = round(MINUTES * 60 / TURN_S)
    path = write_call(folder / "ten-minutes", n_turns)
    last = f"coming up. ({n_turns})"
    took = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        recording = rtc.load(path)
        took.append(time.perf_counter() - begin)
    size = f"{len(recording.event_log):,} records"
    figures = [Figure("10 minutes: rtc.load", statistics.median(took), "s", None, size)]
    begin = time.perf_counter()
    page_path = recording.to_html(folder / "call.html")
    written = time.perf_counter() - begin
    size = f"{page_path.stat().st_size / 1e6:.1f} MB"
    figures.append(Figure("10 minutes: rec.to_html", written, "s", None, size))
    async with AsyncExitStack() as stack:
        jupyter = await stack.enter_async_context(run_jupyter(folder / "jupyter", {}))
        chrome = await stack.enter_async_context(run_chrome())
        microphone = write_speech(folder / "silence.wav", between_s=0)
        context = await stack.enter_async_context(chrome.context(microphone))
        lab = Lab(await context.new_page(), jupyter)
        await lab.load()
        figures.append(await _notebook(lab, path, last))
        page = await context.new_page()
        await page.add_init_script(path=HERE / "onsets.js")
        figures.append(await _opening(page, page_path, last))
        seqs = [record.seq for record in recording.event_log.records(types={STARTED})]
        figures += await _stepping(page, seqs)
    return figures


async def _notebook(lab: Lab, path: Path, last: str) -> Figure:
    """Run `rtc.load(...).replay()` in a kernel that has only imported, until the last turn shows."""
    notebook = await lab.open("import rtc_widget as rtc\nimport rtc_widget.replay, rtc_widget.log.recording")
    await notebook.run(0)
    source = f"rec = rtc.load({str(path)!r})\nrec.replay()"
    took = []
    for _ in range(REPEATS):
        index = await notebook.add(source)
        await lab.page.evaluate(WATCH, last)
        await notebook.run(index)
        took.append(await lab.page.evaluate("opened") / 1000)
        await notebook.clear(index)
        await lab.page.locator(PANEL).first.wait_for(state="detached")
    text = f"cell to last turn; {', '.join(f'{one:.2f}' for one in took)}"
    return Figure("10 minutes: load and replay in JupyterLab", statistics.median(took), "s", 1.0, text)


async def _opening(page: Page, path: Path, last: str) -> Figure:
    took = []
    for _ in range(REPEATS):
        await page.goto("about:blank")
        begin = time.perf_counter()
        await page.goto(path.as_uri())
        await page.evaluate(WATCH, last)
        await page.evaluate("opened")
        took.append(time.perf_counter() - begin)
    return Figure("10 minutes: call.html opens", statistics.median(took), "s", 1.0, "from disk")


async def _stepping(page: Page, seqs: list[int]) -> list[Figure]:
    """Play, and compare when a sound begins at the output with when its event is marked."""
    await page.get_by_role("button", name="Play").first.click()
    await asyncio.sleep(PLAYED_S)
    await page.get_by_role("button", name="Pause").first.click()
    onsets: list[float] = await page.evaluate("onsets")
    highlights: list[tuple[int, float]] = await page.evaluate("highlights")
    shown = [when for seq, when in highlights if seq in seqs]
    offsets = [abs(when - min(onsets, key=lambda onset: abs(when - onset))) for when in shown]
    turns = f"{len(offsets)} turns"
    return [
        Figure("event marked after its sound, median", statistics.median(offsets), "ms", None, turns),
        Figure("event marked after its sound, worst", max(offsets), "ms", 50.0, turns),
    ]
