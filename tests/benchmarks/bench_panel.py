"""The panel with a long log: how soon it shows, and whether it ever keeps the page from answering."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.figures import Figure
from tests.browser.chrome import run_chrome

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

EVENTS = 100_000
HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "rtc_widget/static"
ORIGIN = "http://panel.test"
HTML = """<!doctype html><meta charset="utf-8"><title>panel</title>
<link rel="stylesheet" href="/widget.css"><div id="view" style="width: 900px"></div>
<script src="/panel.js"></script>"""
CONFIG = {
    "provider": "sandbox",
    "sandbox": True,
    "model": "gpt-realtime-2.1",
    "voice": "marin",
    "signaling": "ephemeral",
    "microphone": "auto",
    "prompt_version": 1,
    "variant": None,
    "transcription": True,
    "answers": True,
    "calls_url": "",
    "loopback": True,
    "record": False,
    "cost_usd": None,
    "elapsed_ms": None,
    "replay": None,
}
LOAD = """async ([events, config]) => {
  const { default: widget } = await import("/widget.js");
  const model = bench.createModel(events, config);
  const began = performance.now();
  const { initialize, render } = widget();
  initialize({ model });
  render({ model, el: document.getElementById("view") });
  window.model = model;
  const count = () => document.querySelector(".rtcw-tabs sup")?.textContent.trim();
  const ms = await bench.until(() => undefined, () => count() === events.toLocaleString("en"), 90_000);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return { ms, long: bench.longTasks(began) };
}"""
OPEN = """async () => {
  const tab = document.querySelectorAll("[role=tab]")[1];
  return bench.until(() => tab.click(), () => document.querySelectorAll(".rtcw-event").length > 5);
}"""
SCROLL = """async () => {
  const log = document.querySelector(".rtcw-log");
  const began = performance.now();
  for (let step = 0; step < 240; step++) {
    const far = step % 40 === 0;
    log.scrollTop = far ? (step / 240) * log.scrollHeight : log.scrollTop + 90;
    await bench.painted();
  }
  return bench.longTasks(began);
}"""
FILTER = """async () => {
  const select = document.querySelector(".rtcw-tools select");
  const set = (value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const rows = () => [...document.querySelectorAll(".rtcw-event")];
  const only = () => rows().every(({ dataset }) => dataset.failed === "true");
  const shown = () => rows().length > 5;
  const began = performance.now();
  const ms = await bench.until(() => set("errors"), () => only() && shown());
  await bench.until(() => set("all"), () => !only());
  return { ms, long: bench.longTasks(began) };
}"""
SEARCH = """async () => {
  const box = document.querySelector(".rtcw-search");
  const log = document.querySelector(".rtcw-log");
  const types = () => [...document.querySelectorAll(".rtcw-type")].map(({ textContent }) => textContent);
  const began = performance.now();
  const act = () => {
    box.value = "needle";
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const first = await bench.until(act, () => types().length > 0 && types().every((type) => type === "error"));
  const whole = first + (await bench.until(() => undefined, () => log.ariaBusy === "false"));
  return { first, whole, rows: log.ariaLabel, long: bench.longTasks(began) };
}"""
FOLLOW = """async (from) => {
  const box = document.querySelector(".rtcw-search");
  box.value = "";
  box.dispatchEvent(new Event("input", { bubbles: true }));
  const log = document.querySelector(".rtcw-log");
  await bench.until(() => undefined, () => log.ariaBusy === "false");
  const began = performance.now();
  for (let step = 0; step < 40; step++) {
    model.push(from + step * 10, 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return bench.longTasks(began);
}"""


async def measure() -> list[Figure]:
    """Measure in a page of its own, whose kernel has a log of 100,000 events."""
    async with run_chrome() as chrome, chrome.context("none") as context:
        page = await context.new_page()
        await page.route(f"{ORIGIN}/**", _serve)
        await page.goto(f"{ORIGIN}/")
        return await _measure(page)


async def _measure(page: Page) -> list[Figure]:
    loaded: dict[str, Any] = await page.evaluate(LOAD, [EVENTS, CONFIG])
    opened_ms: float = await page.evaluate(OPEN)
    scrolled: list[float] = await page.evaluate(SCROLL)
    filtered: dict[str, Any] = await page.evaluate(FILTER)
    searched: dict[str, Any] = await page.evaluate(SEARCH)
    followed: list[float] = await page.evaluate(FOLLOW, EVENTS)
    detail = f"{EVENTS:,} events"
    return [
        Figure("Events tab → first paint", opened_ms, "ms", 200, detail),
        Figure("longest task while scrolling", _longest(scrolled), "ms", 50, f"{detail}, 240 frames"),
        Figure("filter → its rows painted", filtered["ms"], "ms", 100, detail),
        Figure("search → first rows painted", searched["first"], "ms", 100, detail),
        Figure("longest task while searching", _longest(searched["long"]), "ms", 50, searched["rows"]),
        Figure("search → all of the log searched", searched["whole"], "ms", detail=detail),
        Figure("longest task while 200 events a second come", _longest(followed), "ms", 50, detail),
        Figure("longest task while the log is read after a reload", _longest(loaded["long"]), "ms", 50),
        Figure(
            "the log read after a reload", loaded["ms"] / 1000, "s", detail=f"{detail}, kernel in the page"
        ),
    ]


def _longest(tasks: list[float]) -> float:
    """Return the longest of the tasks over 50 ms that the browser tells of; 0 where there was none."""
    return max(tasks, default=0.0)


async def _serve(route: Route) -> None:
    name = route.request.url.removeprefix(ORIGIN).removeprefix("/")
    if name in {"widget.js", "widget.css"}:
        await route.fulfill(path=STATIC / name)
    elif name == "panel.js":
        await route.fulfill(path=HERE / name)
    elif name:
        await route.fulfill(status=404)
    else:
        await route.fulfill(body=HTML, content_type="text/html")
