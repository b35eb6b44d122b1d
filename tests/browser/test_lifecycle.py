"""The call belongs to the model: what views, tabs, pages and cells do to it, and to the microphone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.browser.lab import PANEL, PILL
from tests.browser.sandbox import WRITTEN, widget_cell

if TYPE_CHECKING:
    from playwright.async_api import Locator

    from tests.browser.lab import Lab, Notebook

STATES = "[event for event in w.event_log if event['type'] == 'rtc.state']"


def pill(lab: Lab) -> Locator:
    """Return what shows a call that has no view."""
    return lab.page.locator(PILL)


async def live(lab: Lab) -> tuple[int, int]:
    """Count the page's calls and open microphones."""
    return await lab.live_calls(), await lab.live_microphones()


async def call_in_a_notebook(lab: Lab, **fields: Any) -> Notebook:
    """Connect a widget that the first cell shows."""
    notebook = await lab.open(widget_cell(**fields))
    await notebook.run(0)
    await notebook.run("await w.connect()")
    assert await live(lab) == (1, 1), await notebook.value(STATES)
    return notebook


async def check_the_log_is_the_wire(notebook: Notebook) -> None:
    logged = await notebook.value("[r.text for r in w.event_log.records() if r.direction != 'local']")
    assert logged == [text for _, _, text in await notebook.lab.wire()]


async def test_hanging_up_turns_the_microphone_off(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab)
    await notebook.run("await w.hang_up()")
    assert await live(lab) == (0, 0)
    assert await notebook.value("w.status") == "ended"
    await notebook.run("await w.connect()")
    assert await live(lab) == (1, 1)
    await notebook.element.get_by_role("button", name="Hang up").click()
    await notebook.run("await w.wait_for('rtc.state')")
    assert await live(lab) == (0, 0)
    assert await notebook.value("len(w.calls)") == 2


async def test_closing_the_widget_turns_the_microphone_off(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab)
    await notebook.run("w.close()")
    await lab.page.wait_for_function("() => tap.liveMicrophones() === 0 && tap.liveCalls() === 0")


async def test_a_second_widget_of_the_same_cell_takes_the_microphone_over(lab: Lab) -> None:
    notebook = await lab.open(widget_cell())
    await notebook.run(0)
    await notebook.run("await w.connect()\nfirst = w")
    await notebook.run(0)
    assert await notebook.value("[first.status, w.status]") == ["live", "idle"]
    await expect(pill(lab)).to_be_visible()
    await notebook.run("await w.connect()")
    assert await live(lab) == (1, 1)
    assert await notebook.value("[first.status, w.status]") == ["ended", "live"]
    await expect(pill(lab)).to_be_hidden()
    assert "another" in (await notebook.value("first.calls.reason.tolist()"))[-1]


async def test_a_call_outlives_its_closed_tab_and_is_there_when_it_opens_again(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab)
    await notebook.close()
    await expect(pill(lab)).to_be_visible()
    assert await live(lab) == (1, 1)
    await notebook.reopen()
    await expect(notebook.element.get_by_role("button", name="Hang up")).to_be_visible()
    await expect(pill(lab)).to_be_hidden()
    await notebook.run("turn = await w.say('Are you still there?')")
    assert await notebook.value("turn.transcript") == "You said: Are you still there?"
    assert await live(lab) == (1, 1)
    await check_the_log_is_the_wire(notebook)
    await notebook.element.get_by_role("button", name="Hang up").click()
    await lab.page.wait_for_function("() => tap.liveMicrophones() === 0")


async def test_a_reloaded_page_has_ended_the_call_and_shows_what_was_said(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab, **WRITTEN)
    await notebook.run("await w.say('Remember this.')")
    await notebook.save()
    await lab.reload()
    await notebook.reopen()
    panel = notebook.element.locator(PANEL)
    await expect(panel.get_by_text("You said: Remember this.")).to_be_visible()
    await expect(panel.get_by_role("button", name="Connect")).to_be_visible()
    assert await live(lab) == (0, 0)
    assert await notebook.value("w.status") == "ended"
    await notebook.run("await w.connect()\nturn = await w.say('And on we go.')")
    assert await notebook.value("turn.transcript") == "You said: And on we go."
    assert await notebook.value("w.turns.transcript.tolist()") == [
        "You said: Remember this.",
        "You said: And on we go.",
    ]
    assert await live(lab) == (1, 1)


async def test_two_views_show_one_call(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab, **WRITTEN)
    await notebook.run("w")
    hang_up = notebook.element.get_by_role("button", name="Hang up")
    await expect(hang_up).to_have_count(2)
    await notebook.run("await w.say('Twice.')")
    await expect(notebook.element.locator(PANEL).get_by_text("You said: Twice.")).to_have_count(2)
    assert await live(lab) == (1, 1)
    await hang_up.last.click()
    await expect(notebook.element.get_by_role("button", name="Connect")).to_have_count(2)
    assert await live(lab) == (0, 0)


async def test_a_second_page_of_the_kernel_shows_the_call_and_opens_no_microphone(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab, **WRITTEN)
    await notebook.save()
    other = await lab.another()
    beside = await other.open(path=notebook.path)
    await notebook.run("await w.say('Seen from afar.')")
    await expect(beside.element.get_by_text("You said: Seen from afar.")).to_be_visible()
    assert await live(other) == (0, 0)
    assert await live(lab) == (1, 1)
    await other.page.close()
    assert await notebook.value("w.status") == "live"


async def test_a_call_without_a_view_goes_on_and_can_be_ended(lab: Lab) -> None:
    notebook = await call_in_a_notebook(lab, **WRITTEN)
    await notebook.clear(0)
    await expect(pill(lab)).to_be_visible()
    await notebook.run("turn = await w.say('Nobody sees you.')")
    assert await notebook.value("turn.transcript") == "You said: Nobody sees you."
    await lab.screenshot("pill")
    await pill(lab).get_by_role("button", name="Hang up").click()
    await expect(pill(lab)).to_be_hidden()
    assert await live(lab) == (0, 0)
    assert await notebook.value("w.status") == "ended"
