"""The standard key stays in the kernel, and a client secret lives 30 s in one message."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from jupyter_client.asynchronous.client import AsyncKernelClient

from tests.browser.sandbox import WRITTEN, widget_cell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.browser.jupyter import Jupyter
    from tests.browser.lab import Lab
    from tests.browser.sandbox import SandboxProcess

SECRET = re.compile(r"ek_\w+")
WRONG_KEY = "sk-wrong-canary-0123456789abcdef"
EVERYTHING_IT_SAYS = """
import json
from ipywidgets import Widget
print(json.dumps([
    repr(w), repr(w.provider), str(vars(type(w))), json.dumps(Widget.get_manager_state(), default=str),
    [r.text for r in w.event_log.records()], w.events.to_csv(), w.errors.to_csv(), w.config.to_csv(),
]))
"""


@asynccontextmanager
async def second_front_end(jupyter: Jupyter) -> AsyncIterator[list[str]]:
    """Listen to the kernel beside the page, as a second tab does, and collect all that it publishes."""
    (session,) = await jupyter.request("GET", "sessions")
    client = AsyncKernelClient()
    client.load_connection_file(str(jupyter.runtime / f"kernel-{session['kernel']['id']}.json"))
    client.start_channels(stdin=False, control=False, hb=False)
    messages: list[str] = []

    async def listen() -> None:
        while True:
            messages.append(json.dumps(await client.get_iopub_msg(), default=repr))

    await client.wait_for_ready(timeout=30)
    listening = asyncio.create_task(listen())
    try:
        yield messages
        assert not listening.done()
    finally:
        listening.cancel()
        client.stop_channels()


def files_with(text: str, *folders: Path) -> list[Path]:
    """Find the files that hold a text."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


async def status_of_a_call(base_url: str, secret: str) -> int:
    """Post what is no offer with a client secret: 400 says that the secret is good, 401 that it is not."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/sdp"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{base_url}/realtime/calls", headers=headers, content="no offer")
    return answer.status_code


async def test_keys_are_nowhere_and_the_secret_that_others_see_expires_after_30_s(
    lab: Lab, sandbox: SandboxProcess, tmp_path_factory: Any
) -> None:
    notebook = await lab.open()
    async with second_front_end(lab.jupyter) as published:
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        minted_at = time.time()
        secrets = set(SECRET.findall("".join(published)))
        assert len(secrets) == 1
        (secret,) = secrets
        assert await status_of_a_call(sandbox.base_url, secret) == 400
        await notebook.run("await w.say('Nothing to see here.')")
        # The source of a cell would hold the key in the notebook: it is put together there.
        await notebook.run(widget_cell("bad", key="@").replace("'@'", f"'-'.join({WRONG_KEY.split('-')})"))
        refused = await notebook.run("await bad.connect()", raises="SecretError")
        await notebook.run("raise RuntimeError([w, bad, w.provider, bad.provider])", raises="RuntimeError")
        said = (await notebook.run(EVERYTHING_IT_SAYS)).text
        await notebook.run("w.hang_up()")
        saved = await notebook.save()
        assert refused.error
        assert "401" in refused.error.message
        everything = [*published, said, saved, refused.error.traceback]
        page = await lab.page.content()
        for text in [*everything, page]:
            assert sandbox.key not in text
            assert WRONG_KEY not in text
        assert secret not in saved
        assert secret not in said
        assert secret not in page
        assert "application/vnd.jupyter.widget-state+json" in saved
        base = tmp_path_factory.getbasetemp()
        assert files_with(sandbox.key, base) == []
        assert files_with(WRONG_KEY, base) == []
        assert files_with(secret, base) == []
        await asyncio.sleep(max(0, minted_at + 31 - time.time()))  # its life is what is tested
        assert await status_of_a_call(sandbox.base_url, secret) == 401


async def test_with_kernel_signaling_no_secret_reaches_any_page(lab: Lab, sandbox: SandboxProcess) -> None:
    notebook = await lab.open()
    async with second_front_end(lab.jupyter) as published:
        await notebook.run(widget_cell(signaling="kernel", **WRITTEN))
        await notebook.run("await w.connect()")
        await notebook.run("turn = await w.say('Through the kernel.')")
        assert await notebook.value("turn.transcript") == "You said: Through the kernel."
        assert (await notebook.value("w.calls.rtc_call_id.tolist()"))[0].startswith("rtc_")
        assert any('"comm_msg"' in message for message in published)
        assert SECRET.findall("".join(published)) == []
        assert sandbox.key not in "".join(published)
    assert not [url for url in lab.requests if url.startswith(sandbox.base_url)]
