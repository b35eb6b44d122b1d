"""The panel: what it shows, and what its buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

OUTGOING = """async () => {
  const report = await tap.calls.at(-1).connection.getStats();
  return [...report.values()].find(({ type }) => type === "media-source").audioLevel;
}"""


async def test_what_is_typed_in_the_panel_is_answered_and_both_sides_show(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell())
    panel = notebook.element.locator(PANEL)
    await expect(panel.get_by_text("sandbox", exact=True)).to_be_visible()
    await panel.get_by_role("button", name="Connect").click()
    box = panel.get_by_label("Type to the agent")
    await expect(box).to_be_enabled()
    await box.fill("A flat white, <b>please</b>.")
    await box.press("Enter")
    await expect(panel.get_by_text("You said: A flat white, <b>please</b>.")).to_be_visible()
    await expect(panel.get_by_text("A flat white, <b>please</b>.", exact=True)).to_be_visible()
    await notebook.run("await w.wait_for('output_audio_buffer.stopped')")
    assert await notebook.value("w.turns.transcript.tolist()") == ["You said: A flat white, <b>please</b>."]


async def test_stop_interrupts_the_agent(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("await w.connect()\nhandle = w.say('Tell me a story.')")
    await notebook.run("await w.wait_for('output_audio_buffer.started')")
    await notebook.element.locator(PANEL).get_by_role("button", name="Stop").click()
    await notebook.run("await w.wait_for('output_audio_buffer.cleared')")
    assert await notebook.value("(await handle).status") in {"cancelled", "completed"}
    assert await notebook.value("w.conversation.audio_playing") is False


async def test_mute_silences_the_microphone_and_unmute_lets_it_be_heard(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    talking = write_speech(tmp_path / "talking.wav", *QUESTIONS * 10, before_s=0, between_s=0.1)
    async with open_lab(microphone=talking) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        panel = notebook.element.locator(PANEL)
        await lab.until(OUTGOING, "level > 0.01")
        await panel.get_by_role("button", name="Mute").click()
        await lab.until(OUTGOING, "level === 0")
        await expect(panel.get_by_role("button", name="Unmute")).to_be_visible()
        await notebook.run("assert (await w.wait_for('rtc.mute'))['muted'] and w.muted")
        await notebook.run("await w.unmute()\nassert not w.muted")
        await lab.until(OUTGOING, "level > 0.01")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_panel_wears_the_theme_of_jupyterlab(lab: Lab, theme: Literal["light", "dark"]) -> None:
    await lab.theme(theme)
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="You are a barista."))
    panel = notebook.element.locator(PANEL)
    await expect(panel).to_have_attribute("data-theme", theme)
    await lab.screenshot(f"panel-{theme}-idle")
    await notebook.run("await w.connect()")
    await notebook.run("await w.say('A flat white, please.')")
    await notebook.run("await w.say('What does that come to?')")
    await lab.screenshot(f"panel-{theme}-live")
    await lab.page.set_viewport_size({"width": 760, "height": 900})
    await lab.screenshot(f"panel-{theme}-narrow", panel)
    overflow = await panel.evaluate("(element) => element.scrollWidth - element.clientWidth")
    assert overflow <= 0
    other: Literal["light", "dark"] = "dark" if theme == "light" else "light"
    await lab.theme(other)
    await expect(panel).to_have_attribute("data-theme", other)
