"""What cannot work says so: in Python, in the panel, with the step and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.jupyter import PLAIN_HOST
from tests.browser.lab import PANEL
from tests.browser.sandbox import WRITTEN, widget_cell

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab, Notebook


async def refused(notebook: Notebook, source: str, kind: str) -> str:
    """Run what shall raise, and return the error's message."""
    ran = await notebook.run(source, raises=kind)
    assert ran.error
    return ran.error.message


async def panel_says(notebook: Notebook, text: str) -> None:
    """Wait until the panel shows a text."""
    await notebook.element.locator(PANEL).get_by_text(text).first.wait_for()


async def test_bad_input_is_refused_before_anything_is_sent(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "letter.wav").write_text("Dear sir or madam")
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("await w.connect()")
    before = await notebook.value("int((w.events.direction == 'client').sum())")
    for source, kind, word in (
        ("await w.connect()", "ConfigurationError", "has a call already"),
        ("await w.say('')", "ConfigurationError", "needs words"),
        ("await w.say('  ')", "ConfigurationError", "needs words"),
        (f"await w.play({str(tmp_path / 'missing.wav')!r})", "ConfigurationError", "missing.wav"),
        (f"await w.play({str(tmp_path / 'empty.wav')!r})", "ConfigurationError", "empty"),
        (f"await w.play({str(tmp_path / 'letter.wav')!r})", "ConfigurationError", "letter.wav"),
        ("await w.send_event({'response': {}})", "ProtocolError", "type"),
        (
            "await w.send_event({'type': 'conversation.item.edit'})",
            "ProtocolError",
            "conversation.item.delete",
        ),
        ("await w.update(colour='red')", "ConfigurationError", "colour"),
        ("rtc.RealtimeWidget(colour='red')", "ConfigurationError", "colour"),
        ("w.instructions = 'Be brief.'", "ConfigurationError", "update("),
    ):
        assert word in await refused(notebook, source, kind), source
    assert await notebook.value("int((w.events.direction == 'client').sum())") == before
    assert await notebook.value("w.status") == "live"


async def test_a_wrong_key_is_named_by_its_status_in_python_and_in_the_panel(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(key="sk-wrong"))
    message = await refused(notebook, "await w.connect()", "SecretError")
    assert "401" in message
    await panel_says(notebook, "401")
    assert await notebook.value("w.status") == "failed"
    assert await lab.live_microphones() == 0


async def test_a_sandbox_that_is_not_there_is_named(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(
        "import rtc_widget as rtc\n"
        "w = rtc.RealtimeWidget(provider=rtc.Sandbox('http://127.0.0.1:9/v1', key='sk-any'))\n"
        "w"
    )
    message = await refused(notebook, "await w.connect()", "SecretError")
    assert "127.0.0.1:9" in message
    assert await notebook.value("w.status") == "failed"
    assert await lab.live_microphones() == 0


@pytest.mark.parametrize(
    ("microphone", "reason"),
    [("none", "no microphone was found"), ("denied", "permission for the microphone was denied")],
)
async def test_without_a_microphone_the_call_goes_on_and_says_so(
    open_lab: OpenLab, microphone: Literal["none", "denied"], reason: str
) -> None:
    async with open_lab(microphone=microphone) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell(**WRITTEN))
        await notebook.run("await w.connect()")
        await panel_says(notebook, reason)
        await notebook.run("turn = await w.say('Can you hear me?')")
        assert await notebook.value("turn.transcript") == "You said: Can you hear me?"
        assert await lab.live_microphones() == 0


async def test_a_page_on_plain_http_has_no_microphone_and_says_so(open_lab: OpenLab, lab: Lab) -> None:
    port = lab.jupyter.port
    async with open_lab(base_url=f"http://{PLAIN_HOST}:{port}") as plain:
        notebook = await plain.open()
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        await panel_says(notebook, "this page is not secure")
