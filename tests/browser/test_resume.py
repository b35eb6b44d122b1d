"""A kernel that dies in a call: the page keeps what the journal lacks, and hands it to the next kernel."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import rtc_widget as rtc
from rtc_widget.log.folders import resume_log
from tests.browser.sandbox import URL_VARIABLE, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog
    from tests.browser.conftest import OpenLab
    from tests.browser.lab import Lab, Notebook

LOGGED = "[[r.direction, r.text] for r in w.event_log.records() if r.direction != 'local']"
RESUME = f"""
import os
import rtc_widget as rtc
w = rtc.resume(%r, provider=rtc.Sandbox(os.environ[{URL_VARIABLE!r}]))
w
"""
ANSWERED = "(after) => tap.wire(0).slice(after).some(([, , text]) => text.includes('\"response.done\"'))"
MORE = 10


async def kill_kernel(notebook: Notebook, pid: int) -> None:
    """Kill the kernel; return once the next kernel is there."""
    os.kill(pid, signal.SIGKILL)
    dialog = notebook.lab.page.locator(".jp-Dialog")
    await dialog.get_by_role("button", name="Ok").click(timeout=60_000)


async def wait_for_answer(lab: Lab, after: int) -> None:
    """Wait until an answer is over that ends behind so many events."""
    await lab.page.wait_for_function(ANSWERED, arg=after, timeout=60_000)


def events_of(log: EventLog) -> list[list[str]]:
    return [[record.direction, record.text] for record in log.records() if record.direction != "local"]


async def check_the_saved_file(notebook: Notebook, folder: Path, tmp_path: Path, at_least: int) -> None:
    """Save what the page holds; with the journal it is all that has crossed the wire."""
    page = notebook.lab.page
    button = notebook.element.get_by_role("button", name="Save them")
    async with page.expect_download() as download:
        await button.click(timeout=10_000)
    await notebook.lab.screenshot("kernel-gone")
    rest = tmp_path / "rest.jsonl"
    await (await download.value).save_as(rest)
    copy = tmp_path / "session"
    shutil.copytree(folder, copy)
    log = resume_log(copy, rest)
    log.close()
    events = events_of(log)
    assert len(events) > at_least
    assert events == [[direction, text] for direction, _, text in await notebook.lab.wire()][: len(events)]
    assert events == events_of(rtc.load(copy).event_log)


async def test_no_event_is_missing_and_the_call_goes_on_when_the_next_kernel_resumes_it(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    microphone = write_speech(tmp_path / "two.wav", *QUESTIONS[:2], before_s=4, between_s=7)
    async with open_lab(microphone=microphone) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        pid, folder = await notebook.value("[__import__('os').getpid(), str(w.folder)]")
        await wait_for_answer(lab, after=0)
        await kill_kernel(notebook, pid)
        # While there is no kernel, the call goes on.
        enough = len(events_of(rtc.load(folder).event_log)) + MORE
        await wait_for_answer(lab, after=enough)
        await check_the_saved_file(notebook, Path(folder), tmp_path, at_least=enough)
        await notebook.run(RESUME % folder)
        await notebook.run("turn = await w.say('Are you still there?')")
        assert await notebook.value("turn.transcript") == "You said: Are you still there?"
        await notebook.run("await w.hang_up()")
        assert await notebook.value(LOGGED) == [[direction, text] for direction, _, text in await lab.wire()]
        assert await notebook.value("[len(w.calls), w.calls.reason.tolist()]") == [1, ["hung up from Python"]]
        skew_ms = await notebook.value(
            "[*(w.events.t_ms - w.events.t_browser_ms).dropna().agg(['min', 'max'])]"
        )
        # For seconds there was no kernel; a full machine is late by tenths of one.
        assert skew_ms[1] - skew_ms[0] < 1000, "what the page had kept stands where it happened"
