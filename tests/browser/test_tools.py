"""Tools and push to talk, as a person uses them in the panel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import WRITTEN, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

HELD_S = 3  # of speech
ORDER = '''
@w.tool(needs_approval=True)
def place_order(drink: str = "flat white") -> str:
    """Place an order with the kitchen."""
    print("the kitchen is told")
    return f"One {drink}, number 42."
'''


async def test_a_tool_call_that_needs_approval_waits_in_the_panel_for_a_person(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(instructions="You are a barista.", **WRITTEN))
    tool_cell = await notebook.add(ORDER)
    await notebook.run(tool_cell)
    await notebook.run("await w.connect()")
    await notebook.run("handle = w.say('Please place my order.')\nasked = await w.wait_for('rtc.approval')")
    panel = notebook.element.locator(PANEL)
    row = panel.locator(".rtcw-row[data-asks=true]")
    await expect(row).to_contain_text("place_order")
    await expect(row).to_contain_text("needs your approval")
    await lab.screenshot("approval")
    await row.get_by_role("button", name="Approve").click()
    assert "number 42" in await notebook.value("(await handle).transcript")
    await expect(panel.get_by_role("button", name="Approve")).to_have_count(0)
    assert await notebook.value("w.tool_calls.approval.tolist()") == ["approved"]
    assert "the kitchen is told" in str(await notebook.outputs(tool_cell))
    await notebook.run("handle = w.say('Please place another order.')\nawait w.wait_for('rtc.approval')")
    await panel.get_by_role("button", name="Reject").click()
    await notebook.run("await handle")
    assert await notebook.value("w.tool_calls.approval.tolist()") == ["approved", "rejected"]


async def test_hold_to_talk_ends_the_turn_when_it_is_let_go(open_lab: OpenLab, tmp_path: Path) -> None:
    talking = write_speech(tmp_path / "talking.wav", *QUESTIONS * 10, before_s=0, between_s=0.4)
    async with open_lab(microphone=talking) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell(turn_detection=None))
        await notebook.run("await w.connect()")
        button = notebook.element.locator(PANEL).get_by_role("button", name="Hold to talk")
        await button.focus()
        # No cell runs meanwhile: it would take the focus, and a button that loses it is let go.
        async with lab.holding("Space"):
            await expect(notebook.element.get_by_role("button", name="Listening…")).to_be_visible()
            await asyncio.sleep(HELD_S)
        await notebook.run("await w.wait_for('output_audio_buffer.stopped', since=0, timeout=50)")
        types = await notebook.value("w.events.query('direction == \"client\"').type.tolist()")
        assert types == ["input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"]
        await notebook.run(
            "await w.wait_for('conversation.item.input_audio_transcription.completed', since=0, timeout=50)"
        )
        assert len(await notebook.value("w.turns.user_transcript.dropna().tolist()")) == 1
