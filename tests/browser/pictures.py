"""The pictures of the README, taken of a real call: `make pictures`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.browser.chrome import run_chrome
from tests.browser.jupyter import run_jupyter
from tests.browser.lab import PANEL, Lab
from tests.browser.sandbox import BARISTA_TOOLS, run_sandbox, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

PICTURES = Path(__file__).parents[2] / "docs"
WIDTH_PX = 960
STORY = "Tell me a long story of the sea, the ships and the people on them."
CALM = 'w.update(rtc.Variant("calm", instructions="You are a calm barista. Be brief."))'


async def converse(lab: Lab, question: Path) -> None:
    """Hold a call with speech, a tool, an interruption and a tool that waits for a person."""
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="You are a barista.", record=True))
    await notebook.run(BARISTA_TOOLS)
    await notebook.run(CALM)
    await notebook.run("await w.connect()")
    await notebook.run(f"await w.play({str(question)!r})")
    await notebook.run("await w.say('What is the price of a flat white?')")
    await notebook.run(f"told = w.say({STORY!r})\nawait w.wait_for('output_audio_buffer.started')")
    await notebook.run("import asyncio\nawait asyncio.sleep(2.5)\nw.interrupt()\nawait told")
    await notebook.run("asked = w.say('Please place my order.')\nawait w.wait_for('rtc.approval')")


async def take(lab: Lab) -> None:
    """Picture the transcript and the timeline, in light and dark."""
    panel = lab.page.locator(PANEL).first
    await panel.evaluate("(element, width) => { element.style.width = `${width}px`; }", WIDTH_PX)
    for theme in ("light", "dark"):
        await lab.theme(theme)
        await panel.get_by_role("tab", name="Transcript").click()
        await panel.locator(".rtcw-row[data-asks=true]").wait_for()
        await panel.screenshot(path=PICTURES / f"transcript-{theme}.png")
        await panel.get_by_role("tab", name="Timeline").click()
        await panel.get_by_role("button", name="Fit", exact=True).click()
        await panel.locator(".rtcw-bracket").first.wait_for()
        await panel.screenshot(path=PICTURES / f"timeline-{theme}.png")


async def main() -> None:
    """Start what a picture needs, and take them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        question = write_speech(folder / "question.wav", QUESTIONS[0], between_s=0.3)
        room = write_speech(folder / "room.wav", before_s=60)
        async with (
            run_sandbox(folder / "sandbox.log") as sandbox,
            run_jupyter(folder / "jupyter", sandbox.environment) as jupyter,
            run_chrome() as chrome,
            chrome.context(room) as context,
        ):
            lab = Lab(await context.new_page(), jupyter)
            await lab.load()
            await lab.page.set_viewport_size({"width": 1800, "height": 1000})
            await converse(lab, question)
            await take(lab)


if __name__ == "__main__":
    asyncio.run(main())
