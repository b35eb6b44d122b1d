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
from tests.sandbox.mcp_server import weather_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

    from tests.browser.chrome import Chrome
    from tests.browser.sandbox import SandboxProcess

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "js/node_modules"
PAGE = "<!doctype html><title>Agents</title><script src='page.js'></script>"
TIME_LIMIT_MS = 60_000
SPOKEN = "session.history.length >= 2 && session.history.at(-1).status === 'completed'"
QUIET = "seen.lastIndexOf('output_audio_buffer.stopped') > seen.lastIndexOf('output_audio_buffer.started')"


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


async def test_the_agents_sdk_holds_a_whole_conversation(
    chrome: Chrome, sandbox: SandboxProcess, page_url: str, tmp_path: Path
) -> None:
    question = "How many people live in Paris?"
    microphone = write_speech(tmp_path / "question.wav", question, before_s=2, between_s=5, voice="marin")
    async with weather_server() as server, chrome.context(microphone) as context:
        page = await context.new_page()
        await page.goto(page_url)
        way_in = [*await _way_in(sandbox), server.url]
        await page.evaluate("([url, key, server]) => connect(url, key, server)", way_in)

        await page.wait_for_function(SPOKEN, timeout=TIME_LIMIT_MS)
        user, assistant = await _history(page)
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        heard = user["content"][0]["transcript"]
        assert word_error_rate(question, heard) <= 0.2
        assert _said(assistant) == f"Ahoy. You said: {heard}"

        await _ask(page, "What is the weather in London?")
        await page.wait_for_function("asked.length === 1", timeout=TIME_LIMIT_MS)
        await page.evaluate("approve(0)")
        call, told = (await _told(page, "Get weather says"))[-2:]
        assert (call["name"], call["output"]) == ("get_weather", "It is foggy in London.")
        assert _said(told) == "Ahoy. Get weather says: It is foggy in London."

        await page.wait_for_function("seen.includes('mcp_list_tools.completed')", timeout=TIME_LIMIT_MS)
        await _ask(page, "Count the red umbrellas.")
        await page.wait_for_function("asked.length === 2", timeout=TIME_LIMIT_MS)
        assert await page.evaluate("asked[1].type") == "mcp_approval_request"
        await page.evaluate("approve(1)")
        told = (await _told(page, "Count umbrellas says"))[-1]
        assert _said(told) == "Ahoy. Count umbrellas says: There are three red umbrellas."
        call = next(item for item in await _history(page) if item["type"] == "mcp_call")
        assert (call["status"], call["output"]) == ("completed", "There are three red umbrellas.")

        await page.wait_for_function(QUIET, timeout=TIME_LIMIT_MS)
        await page.evaluate("seen.length = 0")
        await _ask(page, "Tell me a story.")
        # The words come faster than the voice: so many words, and some of it has been heard.
        await page.wait_for_function("words.includes('white cloud')", timeout=TIME_LIMIT_MS)
        await page.evaluate("session.interrupt()")
        await page.wait_for_function("seen.includes('conversation.item.retrieved')", timeout=TIME_LIMIT_MS)
        story = (await _history(page))[-1]
        assert (story["role"], story["status"]) == ("assistant", "incomplete")
        assert _said(story).startswith("Ahoy. A ship")
        assert "soup" not in _said(story)
        # The conversation goes on from what was heard of it.
        await _ask(page, "Hello.")
        assert _said((await _told(page, "You said: Hello."))[-1]) == "Ahoy. You said: Hello."

        usage = await page.evaluate("session.usage")
        assert usage["requests"] == 7
        assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
        assert await page.evaluate("problems") == []
        await page.evaluate("session.close()")


async def _ask(page: Page, text: str) -> None:
    await page.evaluate("text => session.sendMessage(text)", text)


async def _told(page: Page, words: str) -> list[dict[str, Any]]:
    """Return the history once the assistant has said something to the end."""
    told = (
        "words => { const last = session.history.at(-1); return last.role === 'assistant'"
        " && last.status === 'completed' && last.content[0].transcript.includes(words); }"
    )
    await page.wait_for_function(told, arg=words, timeout=TIME_LIMIT_MS)
    return await _history(page)


def _said(item: dict[str, Any]) -> str:
    transcript: str = item["content"][0]["transcript"]
    return transcript


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
