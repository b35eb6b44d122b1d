"""A client that is not ours believes the sandbox: OpenAI's Agents SDK for JavaScript, in its own page."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.speech import word_error_rate, write_speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

    from tests.browser.chrome import Chrome
    from tests.browser.sandbox import SandboxProcess

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "js/node_modules"
PAGE = "<!doctype html><title>Agents</title><script src='page.js'></script>"
TIME_LIMIT_MS = 60_000
BOTH_HAVE_SPOKEN = "session.history.length >= 2 && session.history.at(-1).status === 'completed'"
TOOL_WAS_TOLD = (
    "session.history.length >= 5 && session.history.at(-1).role === 'assistant'"
    " && session.history.at(-1).status === 'completed'"
)


@pytest.fixture
def page_url(tmp_path: Path) -> Iterator[str]:
    """Bundle the page's script, as any user of the SDK does, and serve the page."""
    esbuild = next(
        path
        for path in NODE_MODULES.glob("@esbuild/*/**/esbuild*")
        if path.name in ("esbuild", "esbuild.exe")
    )
    subprocess.run(
        [esbuild, HERE / "agents_sdk.js", "--bundle", "--log-level=error", f"--outfile={tmp_path}/page.js"],
        check=True,
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
    )
    (tmp_path / "index.html").write_text(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=tmp_path)) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        serving.join()


async def test_the_agents_sdk_holds_a_spoken_turn_and_calls_a_function(
    chrome: Chrome, sandbox: SandboxProcess, page_url: str, tmp_path: Path
) -> None:
    question = "How many people live in Paris?"
    microphone = write_speech(tmp_path / "question.wav", question, before_s=2, between_s=5, voice="marin")
    async with chrome.context(microphone) as context:
        page = await context.new_page()
        await page.goto(page_url)
        await page.evaluate("([url, key]) => connect(url, key)", [*await _way_in(sandbox)])

        await page.wait_for_function(BOTH_HAVE_SPOKEN, timeout=TIME_LIMIT_MS)
        user, assistant = await _history(page)
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        heard = user["content"][0]["transcript"]
        assert word_error_rate(question, heard) <= 0.2
        assert assistant["content"][0]["transcript"] == f"Ahoy. You said: {heard}"

        await page.evaluate("session.sendMessage('What is the weather in London?')")
        await page.wait_for_function(TOOL_WAS_TOLD, timeout=TIME_LIMIT_MS)
        call, told = (await _history(page))[-2:]
        assert (call["name"], call["output"]) == ("get_weather", "It is foggy in London.")
        assert told["content"][0]["transcript"] == "Ahoy. Get weather says: It is foggy in London."

        usage = await page.evaluate("session.usage")
        assert usage["requests"] == 3
        assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
        assert await page.evaluate("problems") == []
        await page.evaluate("session.close()")


async def _way_in(sandbox: SandboxProcess) -> tuple[str, str]:
    """Return where calls are made, and a client secret."""
    async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as http:
        answer = await http.post(
            "/realtime/client_secrets",
            headers={"Authorization": f"Bearer {sandbox.key}"},
            json={"session": {"type": "realtime", "model": "gpt-realtime-2.1"}},
        )
    assert answer.status_code == 200, answer.text
    return f"{sandbox.base_url}/realtime/calls", answer.json()["value"]


async def _history(page: Page) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = await page.evaluate("session.history")
    return history


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
