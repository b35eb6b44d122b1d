"""A call as one page: opened from disk in a browser that no Jupyter stands behind."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from playwright.async_api import expect

import rtc_widget as rtc
from rtc_widget.log.saving import save_recording
from rtc_widget.log.tracks import RATE_HZ
from tests.browser.lab import HERE, PANEL, SCREENSHOTS
from tests.log.call import STARTED, write_call
from tests.log.script import Script

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from rtc_widget.log.event_log import EventLog
    from tests.browser.chrome import Chrome

RUN = "window.pwned=1"
ATTACKS = (
    f"</script><script>{RUN}</script>",
    f"<!--<script>{RUN}</script>-->",
    f"<img src=x onerror={RUN}>",
    f'"><svg onload="{RUN}">',
    f"</style></title></textarea><script>{RUN}</script>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    '<link rel="stylesheet" href="http://attacker.test/x.css"><base href="http://attacker.test/">',
    '<meta http-equiv="refresh" content="0;url=http://attacker.test/">',
    f"\u2028{RUN}//\u2029]]>",
    f"{{{{constructor.constructor('{RUN}')()}}}}${{{RUN}}}",
    f'<a href="javascript:{RUN}" autofocus onfocus="{RUN}">menu</a>',
    '{"__proto__": {"pwned": 1}}',
)
SECRETS = ("ek_canary_4711_abcdef", "sk-proj-canary-4711-abcdef")
PWNED = "() => [window.pwned, ({}).pwned, document.querySelectorAll('script').length]"
WORST_OFFSET_MS = 50


class Saved:
    """As much of a session as saving one needs."""

    def __init__(self, log: EventLog) -> None:
        self.event_log = log


def hostile(folder: Path) -> rtc.Recording:
    """Write a recorded call in which everything that people and tools say is an attack, or a key."""
    script = Script()
    script.note("rtc.session", provider="sandbox", model=ATTACKS[0])
    script.session()
    for attack in ATTACKS:
        script.spoken_turn(asked=attack, answer=f"You said: {attack}")
        response_id = script.created()
        call = script.call(response_id, "look_up", json.dumps({"what": attack}, ensure_ascii=False))
        script.done(response_id, [call])
        script.output(call["call_id"], attack)
    script.server(f"x<img src=x onerror={RUN}>")
    script.note("rtc.error", message=" and ".join(SECRETS))
    place = folder / f"<img src=x onerror={RUN}>"
    save_recording(Saved(script.log()), place)
    for track in ("user", "agent"):
        soundfile.write(place / f"{track}.flac", np.zeros(3 * RATE_HZ, np.int16), RATE_HZ, subtype="PCM_16")
    return rtc.load(place)


async def opened(page: Page, path: Path) -> list[str]:
    """Open a page from disk, and return the list of what it asks for and complains of, which grows."""
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    await page.goto(path.as_uri())
    await expect(page.locator(PANEL)).to_be_visible()
    heard.remove(path.as_uri())
    return heard


async def test_a_saved_page_shows_attacks_as_text_asks_nobody_and_holds_no_key(
    chrome: Chrome, silence: Path, tmp_path: Path
) -> None:
    recording = hostile(tmp_path)
    with pytest.warns(UserWarning, match="places in this recording look like a key"):
        path = recording.to_html(tmp_path / "call.html")
    text = path.read_text("utf-8")
    assert not any(secret in text for secret in SECRETS)
    assert text.count("</script") == 2
    async with chrome.context(silence) as context:
        page = await context.new_page()
        asked_for = await opened(page, path)
        panel = page.locator(PANEL)
        for attack in ATTACKS:
            words = " ".join(attack.split())
            await expect(panel.locator(".rtcw-words", has_text=f"You said: {words}").first).to_be_attached()
        tools = "\n".join(await panel.locator("[data-who=tool]").all_text_contents())
        for attack in ATTACKS:
            assert json.dumps(attack, ensure_ascii=False)[1:-1] in tools
        await panel.get_by_role("tab", name="Events").click()
        await panel.get_by_label("Search events").fill("look_up")
        await panel.locator(".rtcw-event").nth(1).click()
        await expect(panel.locator(".rtcw-details pre")).to_contain_text("look_up")
        await panel.get_by_role("tab", name="Timeline").click()
        await expect(panel.locator(".rtcw-waves")).to_have_attribute("data-drawn", re.compile(r"\d+"))
        await panel.locator(".rtcw-bar-part").first.click()
        await panel.get_by_role("tab", name="Network").click()
        assert await page.evaluate(PWNED) == [None, None, 2]
        assert [url for url in asked_for if not url.startswith(("blob:", "data:"))] == []


async def test_a_saved_page_plays_in_step_and_goes_from_event_to_event_by_keyboard(
    chrome: Chrome, silence: Path, tmp_path: Path
) -> None:
    recording = rtc.load(write_call(tmp_path / "barista-1", 3))
    path = recording.to_html(tmp_path / "call.html")
    started = [record.seq for record in recording.event_log.records(types={STARTED})]
    async with chrome.context(silence) as context:
        page = await context.new_page()
        await page.add_init_script(path=HERE / "onsets.js")
        asked_for = await opened(page, path)
        panel = page.locator(PANEL)
        now, scrub = panel.locator(".rtcw-now"), panel.get_by_label("Place in the recording")
        await scrub.focus()
        await expect(now).to_have_attribute("data-seq", "0")
        await scrub.press("ArrowDown")
        await expect(now).to_have_attribute("data-seq", "1")
        await scrub.press(" ")
        await expect(panel.get_by_role("button", name="Pause")).to_be_visible()
        await page.wait_for_function("seq => highlights.some(([one]) => one === seq)", arg=started[1])
        await scrub.press(" ")
        await expect(panel.get_by_role("button", name="Play")).to_be_visible()
        onsets = await page.evaluate("onsets")
        highlights = await page.evaluate("highlights")
        offsets_ms = offsets(onsets, [when for seq, when in highlights if seq in started])
        assert len(offsets_ms) == 2
        assert max(map(abs, offsets_ms)) <= WORST_OFFSET_MS * 4, offsets_ms
        await expect(panel.locator(".rtcw-row[data-now=true]")).to_contain_text("coming up. (2)")
        await panel.get_by_role("tab", name="Events").click()
        await expect(panel.locator(".rtcw-event[data-now=true]")).to_be_visible()
        await scrub.press("End")
        await expect(panel.locator(".rtcw-place")).to_contain_text("0:16.0 of 0:16")
        await page.screenshot(path=SCREENSHOTS / "saved-page.png")
        assert [url for url in asked_for if not url.startswith(("blob:", "data:"))] == []


def offsets(onsets: list[float], shown: list[float]) -> list[float]:
    """Return how long after its sound each event was shown, in ms."""
    return [when - min(onsets, key=lambda onset: abs(when - onset)) for when in shown]
