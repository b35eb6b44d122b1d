"""Every tab in both themes, narrow and wide: looked at by axe, pictured to be looked at by people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import BARISTA_TOOLS, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

AXE = Path(__file__).parents[2] / "js/node_modules/axe-core/axe.min.js"
TABS = ("Transcript", "Events", "Timeline", "Prompt", "Network")
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
WIDTHS_PX = (1200, 400)
CALM = 'rtc.Variant("calm", instructions="You are a calm barista.", voice="cedar", speed=0.9).save()'
DRAWN = """() => {
  const waves = document.querySelector(".rtcw-waves");
  return waves.dataset.drawn === String(waves.clientWidth);
}"""
# The body of JupyterLab has no height, so that axe holds every text in it for cut off.
BODY_WITH_A_HEIGHT = "() => { document.body.style.minHeight = '100vh'; }"
SERIOUS = """async (element) => {
  const { passes, violations } = await axe.run(element);
  if (!passes.some(({ id, nodes }) => id === "color-contrast" && nodes.length > 10)) {
    return ["axe saw no text"];
  }
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => html + any[0]?.message)}`);
}"""


async def fit(panel: Locator, width_px: int) -> None:
    """Give the panel a width, as a narrower cell does."""
    await panel.evaluate("(element, width) => { element.style.width = `${width}px`; }", width_px)


async def talk(lab: Lab, microphone: Path) -> Any:
    """Hold a recorded call with speech, an interruption, a tool, and a tool that waits."""
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="You are a barista.\nBe brief.", record=True))
    await notebook.run(CALM)
    await notebook.run(BARISTA_TOOLS)
    await notebook.run("await w.connect(microphone='none')")
    await notebook.run(f"await w.play({str(microphone)!r})")
    await notebook.run("await w.say('What is the price of a flat white?')")
    await notebook.run("told = w.say('Tell me a long story of the sea, the ships and the people on them.')")
    await notebook.run("await w.wait_for('output_audio_buffer.started')")
    await notebook.run("w.interrupt()")
    await notebook.run("asked = w.say('Please place my order.')\nawait w.wait_for('rtc.approval')")
    return notebook


async def test_every_tab_is_fit_to_be_seen_and_without_a_serious_fault(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    question = write_speech(tmp_path / "question.wav", QUESTIONS[1], between_s=0.3)
    async with open_lab() as lab:
        await lab.page.set_viewport_size({"width": 1800, "height": 1000})
        notebook = await talk(lab, question)
        panel = notebook.element.locator(PANEL)
        await panel.get_by_role("button", name="Sound settings").click()
        await lab.page.add_script_tag(content=AXE.read_text("utf-8"))
        await lab.page.evaluate(BODY_WITH_A_HEIGHT)
        found: list[str] = []
        for theme in THEMES:
            await lab.theme(theme)
            await expect(panel).to_have_attribute("data-theme", theme)
            for tab in TABS:
                await panel.get_by_role("tab", name=tab).click()
                await ready(panel, tab)
                faults: list[str] = await panel.evaluate(SERIOUS)
                found += [f"{theme} {tab}: {fault}" for fault in faults]
                for width_px in WIDTHS_PX:
                    await fit(panel, width_px)
                    if tab == "Timeline":
                        await lab.page.wait_for_function(DRAWN)
                    overflow = await panel.evaluate("(element) => element.scrollWidth - element.clientWidth")
                    assert overflow <= 0, f"{tab} is wider than {width_px} px"
                    await lab.screenshot(f"panel-{tab.lower()}-{theme}-{width_px}", panel)
            if theme == "light":
                await panel.get_by_role("button", name="Sound settings").click()
        assert found == []
        assert lab.page_errors == []


async def ready(panel: Locator, tab: str) -> None:
    """Wait until a tab shows what it has."""
    shown = {
        "Transcript": ".rtcw-row[data-asks=true]",
        "Events": ".rtcw-event",
        "Timeline": ".rtcw-bracket",
        "Prompt": ".rtcw-variant",
        "Network": ".rtcw-chart",
    }
    if tab == "Timeline":
        # Of a call that has lasted long only the end is in sight.
        await panel.get_by_role("button", name="Fit", exact=True).click()
    await panel.locator(shown[tab]).first.wait_for()
    if tab == "Events":
        await panel.locator(".rtcw-event").nth(2).click()


async def test_two_views_show_the_same_and_are_worked_by_keyboard_alone(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("w")
    await notebook.run("await w.connect()")
    await notebook.run("await w.say('A flat white, please.')")
    first, second = (notebook.element.locator(PANEL).nth(place) for place in (0, 1))
    rows = [await panel.locator(".rtcw-rows").inner_text() for panel in (first, second)]
    assert rows[0] == rows[1]
    await first.get_by_role("tab", name="Transcript").focus()
    await lab.page.keyboard.press("ArrowRight")
    await expect(first.get_by_role("tab", name="Events")).to_be_focused()
    await expect(second.get_by_role("tab", name="Transcript")).to_have_attribute("aria-selected", "true")
    await first.get_by_label("Search events").fill("output_audio_buffer")
    log = first.locator(".rtcw-log")
    await expect(log.get_by_role("option")).to_have_count(2)
    shown = [float(text) for text in await log.locator(".rtcw-event-at").all_inner_texts()]
    kept = await notebook.value(
        "(w.events.t_ms[w.events.type.str.startswith('output_audio_buffer')] / 1000).tolist()"
    )
    assert shown == pytest.approx(kept, abs=0.25)  # one clock, the log's: this page began to count later
    await first.get_by_role("button", name="Mute").press("x")
    await expect(first).to_be_visible()
    await log.focus()
    await lab.page.keyboard.press("End")
    await expect(first.locator(".rtcw-details pre")).to_contain_text("output_audio_buffer.stopped")
    await lab.page.keyboard.press("Home")
    await expect(first.locator(".rtcw-details pre")).to_contain_text("output_audio_buffer.started")
    await first.get_by_role("button", name="In the transcript").press("Enter")
    await expect(first.locator("[data-sought=true]")).to_contain_text("You said: A flat white, please.")


async def test_a_prompt_is_tuned_in_the_panel_from_the_edit_to_the_answer_that_is_kept(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="Your name is Otto.", record=True))
    await notebook.run("await w.connect(microphone='none')\nawait w.say('What is your name?')")
    panel = notebook.element.locator(PANEL)
    await panel.get_by_role("tab", name="Prompt").click()
    await panel.get_by_label("Instructions").fill("Your name is Bruno.")
    await panel.get_by_label("Name of the variant").fill("bruno")
    await panel.get_by_role("button", name="Save as variant").click()
    await expect(panel.locator(".rtcw-prompt-version")).to_have_text("prompt v2 “bruno”")
    assert (
        await notebook.value("[w.instructions, rtc.Variant.load('bruno').instructions]")
        == ["Your name is Bruno."] * 2
    )
    await panel.get_by_label("Instructions").fill("Your name is Lena.")
    await panel.get_by_role("button", name="Apply", exact=True).click()
    await notebook.run("await w.wait_for('session.updated')")
    await expect(panel.locator(".rtcw-prompt-version")).to_have_text("prompt v3")
    items = await notebook.value("[item.item_id for item in w.conversation.items]")
    await panel.get_by_role("tab", name="Transcript").click()
    asked = panel.locator(".rtcw-row[data-who=you]").first
    await asked.get_by_role("button", name="Ask again").click()
    await asked.get_by_label("bruno").check()
    await asked.get_by_role("button", name="Ask", exact=True).click()
    answers = asked.locator(".rtcw-answers-of")
    await expect(answers.nth(1)).to_contain_text("My name is Bruno.", timeout=60_000)
    await expect(answers.nth(0)).to_contain_text("My name is Lena.")
    await answers.nth(1).get_by_role("button", name="Hear it").click()
    await expect(answers.nth(1).get_by_role("button", name="Hear it")).to_be_visible()
    await answers.nth(1).get_by_role("button", name="Keep this one").click()
    await expect(panel.locator(".rtcw-prompt-version")).to_have_text("prompt v4 “bruno”")
    assert await notebook.value("w.instructions") == "Your name is Bruno."
    assert await notebook.value("[item.item_id for item in w.conversation.items]") == items
