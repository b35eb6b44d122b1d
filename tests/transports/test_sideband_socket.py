"""What a sideband's WebSocket does where the service does not simply let it in: the key stays what it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

import pytest
from websockets.asyncio.server import serve

import rtc_widget as rtc
from rtc_widget import ConnectionFailed
from rtc_widget.transports.sideband_socket import open_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

    from rtc_widget import Provider

AZURE_KEY = "0123456789abcdef0123456789abcdef"
OPENAI_KEY = "sk-canary-0123456789"
CALL = "rtc_1"


class Place:
    """A WebSocket service that refuses with these answers in turn, then lets everybody in."""

    def __init__(self, *refusals: tuple[int, dict[str, str]]) -> None:
        self.refusals = list(refusals)
        self.asked = 0
        self.server: Server

    @property
    def port(self) -> int:
        port: int = next(iter(self.server.sockets)).getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        """Open it on a free port."""
        self.server = await serve(self._talk, "127.0.0.1", 0, process_request=self._answer)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Shut it, and whoever is in."""
        self.server.close()
        await self.server.wait_closed()

    def _answer(self, connection: ServerConnection, _: Request) -> Response | None:
        self.asked += 1
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        response = connection.respond(status, "moved\n")
        response.headers.update(headers)
        return response

    async def _talk(self, connection: ServerConnection) -> None:
        await connection.wait_closed()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Place]:
    async with Place() as place:
        yield place


def azure_at(place: Place) -> Provider:
    return rtc.AzureOpenAI(f"http://127.0.0.1:{place.port}", "voice", key=AZURE_KEY)


def openai_at(place: Place) -> Provider:
    return rtc.OpenAI(OPENAI_KEY, base_url=f"http://127.0.0.1:{place.port}/v1")


@pytest.mark.parametrize("provider_at", [azure_at, openai_at])
@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_a_refusal_and_the_key_goes_nowhere_else(
    elsewhere: Place, provider_at: Callable[[Place], Provider], status: int
) -> None:
    async with Place((status, {"Location": f"ws://127.0.0.1:{elsewhere.port}/"})) as place:
        with pytest.raises(ConnectionFailed, match=f"HTTP {status}, moved.*another address") as caught:
            await open_socket(provider_at(place), CALL)
    assert caught.value.step == "sideband"
    assert (place.asked, elsewhere.asked) == (1, 0)


@pytest.mark.parametrize(
    ("provider_at", "key"), [(azure_at, AZURE_KEY), (openai_at, OPENAI_KEY)], ids=["azure", "openai"]
)
async def test_no_log_shows_the_key_however_much_is_logged(
    caplog: pytest.LogCaptureFixture, provider_at: Callable[[Place], Provider], key: str
) -> None:
    async with Place() as place:
        names = [name for name in logging.root.manager.loggerDict if name.startswith("rtc_widget")]
        levels = {name: logging.getLogger(name).level for name in names}
        try:
            for name in names:
                logging.getLogger(name).setLevel(logging.DEBUG)
            with caplog.at_level(logging.DEBUG):
                socket = await open_socket(provider_at(place), CALL)
                await socket.close()
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
    said = {record.name: record.getMessage() for record in caplog.records if key in record.getMessage()}
    assert list(said) == ["websockets.server"]  # the far end's own
