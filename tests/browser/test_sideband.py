"""With the sideband on, a spoken turn with a tool call completes while a cell blocks the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab

TOOL = '''
@w.tool
def train() -> str:
    """Look up when a train leaves."""
    return "It leaves at noon."
'''
BLOCKED = """
import json, time
await w.connect()
await w.wait_for("rtc.sideband", since=0)
began = len(w.event_log)
time.sleep(20)
end = time.monotonic() + 40
while time.monotonic() < end and list(w.events.type[began:]).count("output_audio_buffer.stopped") < 1:
    time.sleep(1)  # a busy machine takes longer; the kernel is blocked all the same
meanwhile = [[r.direction, r.type, r.text] for r in w.event_log.records(began)]
print(json.dumps(meanwhile))
"""
SERVER = "[r.text for r in w.event_log.records() if r.direction == 'server']"


async def test_a_spoken_turn_with_a_tool_call_completes_while_a_cell_blocks_the_kernel(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    question = write_speech(tmp_path / "train.wav", QUESTIONS[1], before_s=5, between_s=60)
    async with open_lab(microphone=question) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell(signaling="kernel", sideband=True))
        await notebook.run(TOOL)
        meanwhile = await notebook.printed(BLOCKED)
        types = [(direction, name) for direction, name, _ in meanwhile]
        heard = [text for _, name, text in meanwhile if name.endswith("transcription.completed")]
        assert "train" in "".join(heard).lower()
        assert ("server", "response.function_call_arguments.done") in types
        assert ("client", "conversation.item.create") in types
        assert types.count(("server", "response.done")) == 2
        assert ("server", "output_audio_buffer.stopped") in types
        said = [text for _, name, text in meanwhile if name == "response.output_audio_transcript.done"]
        assert "noon" in said[-1]
        await notebook.run("await w.hang_up()")
        # What the page saw on the wire is in the log once, in that order.
        wire = [text for direction, _, text in await lab.wire() if direction == "server"]
        assert len(wire) > 30
        assert await notebook.value(SERVER) == wire
        assert await notebook.value("w.tool_calls.output.tolist()") == ["It leaves at noon."]
        assert await notebook.value("len(w.turns)") == 1
