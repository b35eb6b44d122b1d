"""Recordings in a notebook: one to be played in step, two on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.log.call import write_call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab

DRAWN = """() => [...document.querySelectorAll(".rtcw-waves")].every(
  (waves) => waves.dataset.drawn === String(waves.clientWidth))"""
CURSORS = """() => [...document.querySelectorAll(".rtcw-cursor")].map((each) => each.style.transform)"""


async def test_a_recording_is_replayed_and_compared_without_a_call_or_a_microphone(
    lab: Lab, tmp_path: Path
) -> None:
    first = write_call(tmp_path / "calm-1", 3)
    second = write_call(tmp_path / "brisk-1", 2, asked="A tea.", answer="Tea it is.")
    notebook = await lab.open(
        f"import rtc_widget as rtc\nrec = rtc.load({str(first)!r})\nrec.replay()",
        f"rtc.side_by_side(rec, rtc.load({str(second)!r}), turn=1)",
    )
    await lab.page.set_viewport_size({"width": 1800, "height": 1200})
    await notebook.run(0)
    panel = notebook.element.locator(PANEL).first
    await expect(panel.get_by_text("coming up. (3)")).to_be_visible()
    await expect(panel.get_by_role("button", name="Connect")).to_have_count(0)
    await expect(panel.get_by_label("Type to the agent")).to_have_count(0)
    await panel.get_by_role("button", name="Play").click()
    await expect(panel.locator(".rtcw-row[data-now=true]")).to_contain_text("coming up. (1)")
    await panel.get_by_role("button", name="Pause").click()
    for width_px, theme in ((1200, "light"), (400, "dark")):
        await lab.theme("light" if theme == "light" else "dark")
        await panel.evaluate("(element, width) => { element.style.width = `${width}px`; }", width_px)
        await lab.screenshot(f"replay-{theme}-{width_px}", panel)
        assert await panel.evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0

    # A row of the transcript leads to its event, and the recording goes there.
    await panel.locator(".rtcw-row", has_text="coming up. (2)").locator(".rtcw-at button").click()
    await expect(panel.locator(".rtcw-place")).to_contain_text("0:06.")

    await notebook.clear(0)
    await notebook.run(1)
    panels = notebook.element.locator(PANEL)
    await expect(panels).to_have_count(2)
    await expect(panels.nth(1).locator(".rtcw-bar-part").first).to_be_attached()
    await lab.page.wait_for_function(DRAWN)
    await panels.nth(1).get_by_label("Place in the recording").first.focus()
    await lab.page.keyboard.press("PageDown")
    before, after = await lab.page.evaluate(CURSORS)
    assert before == after != "translateX(0px)"
    await panels.first.get_by_role("button", name="Zoom in").click()
    await expect(panels.nth(1).locator(".rtcw-aligned")).to_be_attached()
    places = [await panels.nth(side).locator(".rtcw-aligned").bounding_box() for side in (0, 1)]
    assert places[0] is not None
    assert places[1] is not None
    assert abs(places[0]["x"] - places[1]["x"]) < 1
    await lab.screenshot("side-by-side", notebook.element.locator(".jp-OutputArea").last)
    assert await lab.live_microphones() == 0
    assert await lab.live_calls() == 0
    assert lab.page_errors == []
