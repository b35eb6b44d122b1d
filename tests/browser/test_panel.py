"""The panel: what it shows, and what its buttons do."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab

OUTGOING = """async () => {
  const report = await tap.calls.at(-1).connection.getStats();
  return [...report.values()].find(({ type }) => type === "media-source").audioLevel;
}"""
SENT = """async () => {
  const sender = tap.calls.at(-1).connection.getSenders().find(({ track }) => track !== null);
  return sender.track.getSettings();
}"""
# What its button is called from the click until the sound has ended; then what the row says went wrong.
HEAR_IT = """(row) => new Promise((done) => {
  const button = row.querySelector(".rtcw-play");
  const called = [];
  const alerts = () => Array.from(row.querySelectorAll("[role=alert]"), (alert) => alert.innerText);
  const over = () => done([...called, ...alerts()]);
  new MutationObserver((_, observer) => {
    const name = button.getAttribute("aria-label");
    if (name !== called.at(-1) && called.push(name) === 2) {
      observer.disconnect();
      over();
    }
  }).observe(row, { attributes: true, childList: true, subtree: true });
  button.click();
  setTimeout(over, 20_000);
})"""


async def test_what_is_typed_in_the_panel_is_answered_and_both_sides_show(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell())
    panel = notebook.element.locator(PANEL)
    await expect(panel.get_by_text("sandbox", exact=True)).to_be_visible()
    await panel.get_by_role("button", name="Connect").click()
    box = panel.get_by_label("Type to the agent")
    await expect(box).to_be_editable()
    await box.fill("A flat white, <b>please</b>.")
    await box.press("Enter")
    await expect(panel.get_by_text("You said: A flat white, <b>please</b>.")).to_be_visible()
    await expect(panel.get_by_text("A flat white, <b>please</b>.", exact=True)).to_be_visible()
    await notebook.run("await w.wait_for('output_audio_buffer.stopped', timeout=50)")
    assert await notebook.value("w.turns.transcript.tolist()") == ["You said: A flat white, <b>please</b>."]


async def test_a_transcript_follows_to_its_end_however_long_it_grows_until_somebody_scrolls(
    lab: Lab,
) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell())
    await notebook.run("await w.connect()")
    box = notebook.element.locator(f"{PANEL} .rtcw-scroll")
    many = """
        added = [w.add_message("user", f"message {{n}}") for n in range({})]
        for message in added:
            await message
    """
    await notebook.run(dedent(many).format(215))
    await expect(box.get_by_role("button", name="earlier row")).to_be_visible()
    rest_px = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    inner = await box.element_handle()
    await lab.page.wait_for_function(f"box => ({rest_px})(box) < 24", arg=inner)
    latest = notebook.element.get_by_role("button", name="Latest")
    assert await latest.count() == 0
    await box.hover()
    await lab.page.mouse.wheel(0, -400)
    await expect(latest).to_be_visible()
    await notebook.run(dedent(many).format(5))
    assert await box.evaluate(rest_px) > 200
    await latest.click()
    await notebook.run(dedent(many).format(5))
    await lab.page.wait_for_function(f"box => ({rest_px})(box) < 24", arg=inner)


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


async def test_another_microphone_goes_on_in_place_of_the_first_without_another_call(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    talking = write_speech(tmp_path / "talking.wav", *QUESTIONS * 10, before_s=0, between_s=0.1)
    async with open_lab(microphone=talking) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        panel = notebook.element.locator(PANEL)
        await panel.get_by_role("button", name="Sound settings").click()
        await panel.get_by_label("Echo cancellation").uncheck()
        await lab.until(SENT, "level.echoCancellation === false")
        await panel.locator(".rtcw-devices").get_by_label("Microphone").select_option(index=1)
        await lab.until(SENT, "level.deviceId !== 'default' && level.echoCancellation === false")
        await lab.until(OUTGOING, "level > 0.01")
        assert (await lab.live_calls(), await lab.live_microphones()) == (1, 1)
        await panel.get_by_label("Volume").fill("0.5")
        assert await lab.page.evaluate("() => document.querySelector('audio[data-rtc-widget]').volume") == 0.5


async def test_a_sound_file_is_spoken_a_picture_shown_and_a_turn_heard_again(
    lab: Lab, tmp_path: Path
) -> None:
    speech = write_speech(tmp_path / "order.wav", QUESTIONS[1], between_s=0.2)
    notebook = await lab.open()
    await notebook.run(widget_cell(record=True))
    await notebook.run("await w.connect()")
    panel = notebook.element.locator(PANEL)
    chooser = panel.locator("input[type=file]")
    await chooser.set_input_files(speech)
    await expect(panel.get_by_text("will be spoken in place of the microphone")).to_be_visible()
    await panel.get_by_role("button", name="Send").click()
    await notebook.run("await w.wait_for('output_audio_buffer.stopped', since=0, timeout=50)")
    assert "london" in (await notebook.value("w.turns.user_transcript.iloc[0]")).lower()
    answered = await notebook.value("len(w.event_log)")
    await lab.page.screenshot(path=tmp_path / "menu.png")
    await chooser.set_input_files(tmp_path / "menu.png")
    await panel.get_by_label("Type to the agent").fill("What is this?")
    await panel.get_by_role("button", name="Send").click()
    await notebook.run(f"await w.wait_for('response.done', since={answered}, timeout=50)")
    sent = await notebook.value("[e for e in w.event_log if e['type'] == 'conversation.item.create'][-1]")
    assert [part["type"] for part in sent["item"]["content"]] == ["input_text", "input_image"]
    heard = panel.locator(".rtcw-row[data-who=you][data-heard=true]").first
    assert await heard.evaluate(HEAR_IT) == ["Stop", "Hear it"]
