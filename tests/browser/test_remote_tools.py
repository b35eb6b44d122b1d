"""Live captions, and a remote MCP server's call that waits in the panel for a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import URL_VARIABLE, WRITTEN, widget_cell
from tests.browser.speech import QUESTIONS, write_speech
from tests.sandbox.mcp_server import weather_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

CAPTIONS = f"""
import os
import rtc_widget as rtc
w = rtc.TranscriptionWidget(provider=rtc.Sandbox(os.environ["{URL_VARIABLE}"]))
w
"""

WRITTEN_DOWN = """[w.conversation.items[0].transcript,
    w.transcripts[(w.transcripts.item_id == w.conversation.items[0].item_id) & ~w.transcripts.is_final]
    .delta.str.cat().strip()]"""
HAPPENED = """[[e["type"], e.get("message") or e.get("reason") or e.get("response", {}).get("status")]
    for e in w.event_log if e["type"] != "rtc.stats"]"""


async def test_a_remote_call_waits_in_the_panel_for_a_person(lab: Lab) -> None:
    async with weather_server() as weather:
        notebook = await lab.open()
        await notebook.run(widget_cell(tools=[weather.tool()], **WRITTEN))
        await notebook.run("await w.connect()\nawait w.wait_for('mcp_list_tools.completed', since=0)")
        await notebook.run(
            "handle = w.say('What is the weather in Paris?')\nawait w.wait_for('rtc.approval', since=0)"
        )
        panel = notebook.element.locator(PANEL)
        row = panel.locator(".rtcw-row[data-asks=true]")
        await expect(row).to_contain_text("get_weather")
        await lab.screenshot("remote_approval")
        assert weather.cities == []
        await row.get_by_role("button", name="Approve").click()
        said = await notebook.value("(await handle).transcript")
        assert "foggy in Paris" in said, str(await notebook.value(HAPPENED))
        await expect(panel.get_by_role("button", name="Approve")).to_have_count(0)
        assert await notebook.value("w.tool_calls[['kind', 'approval']].values.tolist()") == [
            ["mcp", "approved"]
        ]
        await lab.screenshot("remote_approved")


async def test_what_the_microphone_hears_is_written_down_in_the_panel(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    speech = write_speech(tmp_path / "speech.wav", *QUESTIONS[:2], before_s=4, between_s=3)
    async with open_lab(microphone=speech) as lab:
        notebook = await lab.open()
        await notebook.run(CAPTIONS)
        await notebook.run("await w.connect()")
        panel = notebook.element.locator(PANEL)
        await expect(panel.locator(".rtcw-row")).to_contain_text(["London"], timeout=40_000)
        # Nothing answers here: there is nobody to write to, to stop or to make louder.
        await expect(panel.get_by_label("Type to the agent")).to_have_count(0)
        await expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
        await expect(panel.get_by_label("Speaker")).to_have_count(0)
        await lab.screenshot("captions")
        await notebook.run("await w.hang_up()")
        assert "london" in (await notebook.value("w.captions")).lower()
        assert await notebook.value("len(w.responses)") == 0


async def test_a_live_model_writes_while_the_button_is_held(open_lab: OpenLab, tmp_path: Path) -> None:
    talking = write_speech(tmp_path / "talking.wav", *QUESTIONS * 10, before_s=0, between_s=0.4)
    async with open_lab(microphone=talking) as lab:
        notebook = await lab.open()
        await notebook.run(CAPTIONS.replace(")\nw", ', transcription={"model": "gpt-live-transcribe"})\nw'))
        await notebook.run("await w.connect()")
        panel = notebook.element.locator(PANEL)
        row = panel.locator(".rtcw-row[data-key][data-who=you]")
        await panel.get_by_role("button", name="Hold to talk").focus()
        # No cell runs meanwhile: it would take the focus, and a button that loses it is let go.
        async with lab.holding("Space"):
            await expect(row).to_contain_text(re.compile(r"\w+ \w+ \w+"))
            await lab.screenshot("captions_live")
        await notebook.run(
            "await w.wait_for('conversation.item.input_audio_transcription.completed', since=0, timeout=50)"
        )
        types = await notebook.value("w.events.query('direction == \"client\"').type.tolist()")
        assert types == ["input_audio_buffer.clear", "input_audio_buffer.commit"]
        # The microphone stays open, and what it hears next is written too: it belongs to no turn yet.
        said, in_pieces = await notebook.value(WRITTEN_DOWN)
        assert in_pieces == said
        await expect(row.first).to_contain_text(said)
        assert await notebook.value("w.errors.message.tolist()") == []
