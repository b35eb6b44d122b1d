"""A recording in Voilà: a notebook's outputs on a page of their own, with no JupyterLab around them."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.lab import PANEL, SCREENSHOTS
from tests.foreign import PACKAGES
from tests.log.call import write_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.browser.chrome import Chrome
    from tests.browser.jupyter import Jupyter

START_S = 60


@asynccontextmanager
async def run_voila(notebook: Path, jupyter: Jupyter) -> AsyncIterator[str]:
    """Serve a notebook while the block lasts; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # where that is taken meanwhile, it tries others, and says which it got
    paths = os.pathsep.join([jupyter.environment["PYTHONPATH"], str(PACKAGES)])
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "voila",
            str(notebook),
            "--no-browser",
            f"--port={port}",
            "--Voila.ip=127.0.0.1",
        ),
        cwd=notebook.parent,
        env={**jupyter.environment, "PYTHONPATH": paths, "JUPYTER_PATH": str(PACKAGES / "share/jupyter")},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    try:
        async with asyncio.timeout(START_S):
            while (found := re.search(rb"http://127\.0\.0\.1:\d+/", said)) is None:
                line = await process.stderr.readline()
                assert line, said.decode()
                said += line
        rest = asyncio.create_task(process.stderr.read())
        yield found[0].decode()
    finally:
        process.terminate()
        await process.wait()
    await rest


async def test_a_recording_is_replayed_in_voila_with_no_microphone(
    chrome: Chrome, silence: Path, jupyter: Jupyter, tmp_path: Path
) -> None:
    recording = write_call(tmp_path / "calm-1", 3)
    source = f"import rtc_widget as rtc\nrec = rtc.load({str(recording)!r})\nrec.replay()"
    notebook = jupyter.write_notebook("replay_in_voila.ipynb", [source])
    async with run_voila(notebook, jupyter) as address, chrome.context(silence) as context:
        page = await context.new_page()
        await page.add_init_script(path=Path(__file__).with_name("tap.js"))
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(address)
        panel = page.locator(PANEL)
        await expect(panel.get_by_text("coming up. (3)")).to_be_visible(timeout=30_000)
        await panel.get_by_role("button", name="Play").click()
        await expect(panel.locator(".rtcw-row[data-now=true]")).to_contain_text("coming up. (1)")
        await panel.get_by_role("button", name="Pause").click()
        await page.screenshot(path=SCREENSHOTS / "replay-voila.png")
        assert await page.evaluate("() => [tap.calls.length, tap.microphones.length]") == [0, 0]
    assert errors == []
