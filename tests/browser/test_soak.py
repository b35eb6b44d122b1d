"""What takes long: ten minutes of talk, and a call that nobody looks at any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.lab import PILL
from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS

if TYPE_CHECKING:
    from tests.browser.lab import Lab

pytestmark = pytest.mark.soak

MINUTES = 10
MEMORY_KB = "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss"


async def test_ten_minutes_of_talk_lose_nothing_and_hold_no_more_memory_than_the_log(lab: Lab) -> None:
    notebook = await lab.open(widget_cell())
    await notebook.run(0)
    await notebook.run("await w.connect()\nawait w.say('First.')")
    before_kb = await notebook.value(MEMORY_KB)
    end_s = time.monotonic() + 60 * MINUTES
    turns = 1
    while time.monotonic() < end_s:
        await notebook.run(f"await w.say({QUESTIONS[turns % 3]!r})")
        turns += 1
    wire = [text for _, _, text in await lab.wire()]
    logged = await notebook.value("[r.text for r in w.event_log.records() if r.direction != 'local']")
    assert logged == wire
    assert await notebook.value("w.turns.turn.tolist()") == list(range(turns))
    assert await notebook.value("w.status") == "live"
    assert await notebook.value(MEMORY_KB) - before_kb < 100_000


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
