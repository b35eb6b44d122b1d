"""The commands over the browser transport: awaited, not awaited, refused by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.sandbox import WRITTEN, widget_cell

if TYPE_CHECKING:
    from tests.browser.lab import Lab

COMMANDS = """
import numpy as np
commands = {
    "session.updated": lambda item: w.update(instructions="Be brief."),
    "conversation.item.added": lambda item: w.add_message("user", "Good morning."),
    "conversation.item.retrieved": lambda item: w.retrieve(item),
    "input_audio_buffer.cleared": lambda item: w.clear_input(),
    "response.done": lambda item: w.respond(instructions="In one word."),
    "conversation.item.deleted": lambda item: w.delete(item),
}
missing = []
for confirmation, command in commands.items():
    item = await w.add_message("user", "What is your name?")
    since = len(w.event_log)
    await command(item)
    if not any(record.type == confirmation for record in w.event_log.records(since)):
        missing.append(confirmation)
    item = await w.add_message("user", "What is your name?")
    since = len(w.event_log)
    command(item)
    await w.wait_for(confirmation, since=since)
picture = await w.add_image(np.full((2000, 3000, 3), 90, np.uint8), text="Look.")
edited = await w.edit(await w.add_message("user", "said"), "meant")
beside = await w.respond(conversation="none", metadata={"probe": "a"})
"""
REFUSED = """
import rtc_widget as rtc
try:
    await w.add_message("user", "Hi.", previous_item_id="item_nowhere")
except rtc.ServerError as error:
    print("refused:", error.code)
w.truncate(edited, audio_end_ms=10)
await w.wait_for("error")
"""


async def test_every_command_awaited_not_awaited_and_refused_in_the_browser(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(turn_detection=None, **WRITTEN))
    await notebook.run("await w.connect()")
    await notebook.run(COMMANDS)
    assert await notebook.value("missing") == []
    assert await notebook.value("edited.text") == "meant"
    assert await notebook.value("beside.metadata") == {"probe": "a"}
    refused = await notebook.run(REFUSED)
    assert "refused:" in str(refused)
    assert await notebook.value("w.errors.source.tolist()") == ["server", "server"]
    assert await notebook.value("w.status") == "live"


async def test_an_event_larger_than_the_channel_takes_is_refused_and_the_call_goes_on(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(**WRITTEN))
    await notebook.run("await w.connect()")
    await notebook.run("await w.add_message('user', 'x' * 300_000)", raises="ProtocolError")
    assert await notebook.value("(await w.say('Still there?')).transcript") == "You said: Still there?"
