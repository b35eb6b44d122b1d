"""A service that repeats keys in its events: nothing that is raised, shown or kept has them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import rtc_widget as rtc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MINTED = "canary-secret-0123456789"
KEYS = {"openai": "sk-canary-0123456789", "azure": "0123456789canary" * 2, "compatible": "canary/key+0123"}
MAKE: dict[str, Callable[[str, str], rtc.Provider]] = {
    "openai": lambda url, key: rtc.OpenAI(key, base_url=url),
    "azure": lambda url, key: rtc.AzureOpenAI(url, "voice", key=key),
    "compatible": lambda url, key: rtc.Compatible(url, key=key),
}


def repeating(key: str) -> Callable[[ServerConnection], Any]:
    """Return a service that takes the first update, and repeats the key about each other; then it goes."""

    async def answer(socket: ServerConnection) -> None:
        asked = json.loads(await socket.recv())["session"]
        session = {**asked, "client_secret": {"value": MINTED, "expires_at": 1}}
        await socket.send(json.dumps({"type": "session.updated", "event_id": "e1", "session": session}))
        update = json.loads(await socket.recv())
        error = {"message": f"Incorrect API key provided: {key}", "event_id": update["event_id"]}
        await socket.send(json.dumps({"type": "error", "event_id": "e2", "error": error}))
        await socket.close(1008, f"bad key {key}")

    return answer


async def lost(session: rtc.Session) -> str:
    """Return why the sideband was lost."""
    async with asyncio.timeout(10):
        async for event in session.stream(since=0):
            if event["type"] == "rtc.sideband" and event["state"] == "lost":
                return str(event["reason"])
    return ""


def kept(folder: Path) -> list[str]:
    """Return what stands in a session's files, and in a page that is made of them."""
    rtc.load(folder).to_html(folder / "page.html", sound=None)
    return [path.read_bytes().decode("utf-8", "replace") for path in folder.iterdir() if path.is_file()]


@pytest.mark.parametrize("whose", list(MAKE))
async def test_a_key_that_a_service_repeats_is_in_no_error_no_frame_and_no_file(
    whose: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = KEYS[whose]
    caplog.set_level(logging.DEBUG)
    async with serve(repeating(key), "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        provider = MAKE[whose](f"http://127.0.0.1:{port}/v1", key)
        session = await rtc.attach("rtc_1", provider=provider, directory=tmp_path)
        with pytest.raises(rtc.ServerError, match=r"Incorrect API key provided: \*\*\*") as caught:
            await session.update(instructions="Be brief.")
        reason = await lost(session)
        await session.close()
    assert reason == "bad key [key]"
    assert session.folder is not None
    told = [str(caught.value), repr(caught.value.event), session.errors.to_csv(), session.events.to_csv()]
    told += [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    for text in (*told, *kept(session.folder)):
        assert key not in text
        assert MINTED not in text
