"""What a sideband's WebSocket does where the service does not simply let it in: the key stays what it is."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import pytest
from websockets.asyncio.server import serve

import rtc_widget as rtc
from rtc_widget import ConnectionFailed
from rtc_widget.log.event_log import EventLog
from rtc_widget.transports.peer import Peer
from rtc_widget.transports.sideband import Sideband
from rtc_widget.transports.sideband_socket import open_socket
from rtc_widget.transports.two_paths import TwoPaths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

    from rtc_widget import Provider

AZURE_KEY = "0123456789abcdef0123456789abcdef"
OPENAI_KEY = "sk-canary-0123456789"
CALL = "rtc_1"


class Place:
    """A WebSocket service that refuses with these answers in turn, then lets everybody in.

    Where it has a word to say to whoever comes in, it says that and closes.
    """

    def __init__(self, *refusals: tuple[int, dict[str, str]], word: str | None = None) -> None:
        self.refusals = list(refusals)
        self.word = word
        self.asked = 0
        self.let_in_s: list[float] = []
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

    async def let_go(self, reason: str = "") -> None:
        """Close on everybody who is in."""
        for connection in list(self.server.connections):
            await connection.close(1000, reason)

    def _answer(self, connection: ServerConnection, _: Request) -> Response | None:
        self.asked += 1
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        response = connection.respond(status, "moved\n")
        response.headers.update(headers)
        return response

    async def _talk(self, connection: ServerConnection) -> None:
        self.let_in_s.append(time.monotonic())
        if self.word is not None:
            await connection.send(self.word)
            await connection.close()
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
            caplog.set_level(logging.DEBUG, "websockets.server")
            with caplog.at_level(logging.DEBUG):
                socket = await open_socket(provider_at(place), CALL)
                await socket.close()
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
    said = {record.name: record.getMessage() for record in caplog.records if key in record.getMessage()}
    assert list(said) == ["websockets.server"]  # the far end's own


async def test_what_is_no_proxy_fails_as_every_connection_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:1")
    async with Place() as place:
        with pytest.raises(ConnectionFailed, match="proxy") as caught:
            await open_socket(openai_at(place), CALL)
    assert caught.value.step == "sideband"
    assert caught.value.__suppress_context__  # a long traceback would show the headers


# -- while a call is followed ----------------------------------------------------------------------


@asynccontextmanager
async def following(
    provider: Provider, on_gone: Callable[[str], None] = lambda _: None
) -> AsyncIterator[EventLog]:
    log = EventLog()
    sideband = Sideband(log, provider, beside=False, on_gone=on_gone)
    await sideband.join(CALL)
    yield log
    await sideband.leave()


async def notes(log: EventLog, *states: str) -> list[str]:
    """Return the reasons of the sideband's notes once it has said these states."""
    async with asyncio.timeout(20):
        while True:
            events = [record.event for record in log.records(types={"rtc.sideband"})]
            if [event["state"] for event in events][: len(states)] == list(states):
                return [event.get("reason", "") for event in events]
            await asyncio.sleep(0.05)


async def test_a_sideband_that_is_sent_elsewhere_joins_again_once_it_is_let_in() -> None:
    async with Place() as place, following(openai_at(place)) as log:
        place.refusals.append((302, {"Location": "http://127.0.0.1:1/login"}))
        await place.let_go()
        await notes(log, "open", "lost", "open")
        assert place.asked == 3


def failed(code: str) -> str:
    return json.dumps({"type": "error", "error": {"code": code, "message": "It is so."}})


async def test_a_call_whose_time_is_up_is_not_joined_again_and_the_service_s_word_is_the_reason() -> None:
    gone: list[str] = []
    async with Place() as place, following(openai_at(place), gone.append) as log:
        for connection in list(place.server.connections):
            await connection.send(failed("session_expired"))
        await place.let_go()
        reasons = await notes(log, "open", "lost", "gone")
        await asyncio.sleep(1)
        assert place.asked == 1
    assert "session_expired" in reasons[2]
    assert gone == [f"{reasons[2]}: make a new call, and attach() to that"]


async def test_a_service_that_lets_in_and_knows_no_such_call_is_asked_three_times() -> None:
    gone: list[str] = []
    async with (
        Place(word=failed("call_id_not_found")) as place,
        following(openai_at(place), gone.append) as log,
    ):
        await notes(log, "open", "lost", "open", "lost", "open", "lost", "gone")
        assert place.asked == 3
    assert "call_id_not_found" in gone[0]


async def test_a_service_that_lets_in_and_closes_is_asked_more_and_more_seldom() -> None:
    async with Place(word='{"type": "session.created"}') as place, following(openai_at(place)) as log:
        await notes(log, *["open", "lost"] * 4)
        first, second, third = (later - s for s, later in pairwise(place.let_in_s[:4]))
    assert 0.4 < first < second < third
    assert third > 1.9


async def test_a_sideband_whose_token_fails_says_so_and_tries_again() -> None:
    failures = iter([None, RuntimeError("the vault is down")])

    def token() -> str:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return OPENAI_KEY

    async with Place() as place:
        provider = rtc.AzureOpenAI(f"http://127.0.0.1:{place.port}", "voice", token_provider=token)
        async with following(provider) as log:
            await place.let_go()
            reasons = await notes(log, "open", "lost", "lost", "open")
    assert reasons[2] == "token_provider failed (RuntimeError: the vault is down)."


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        (RuntimeError("the vault is down"), r"sideband: token_provider failed \(RuntimeError: the vault"),
        ("", "token that token_provider returned is a text that is not empty"),
    ],
    ids=["raises", "empty"],
)
async def test_a_call_whose_sideband_gets_no_token_goes_on_and_says_so(
    gives: RuntimeError | str, words: str
) -> None:
    def token() -> str:
        if isinstance(gives, RuntimeError):
            raise gives
        return gives

    log = EventLog()
    provider = rtc.AzureOpenAI("http://127.0.0.1:9", "voice", token_provider=token)
    paths = TwoPaths(log, provider, Peer(log))
    paths.answered(CALL)
    await asyncio.wait_for(asyncio.gather(*paths._tasks), 20)
    await paths.close()
    errors = [record.event for record in log.records(types={"rtc.error"})]
    assert [error["code"] for error in errors] == ["sideband"]
    assert re.search(f"{words}.*The call goes on without it", errors[0]["message"])


async def test_an_event_that_cannot_be_taken_loses_the_socket_and_not_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no room for it")

    async with Place() as place, following(openai_at(place)) as log:
        monkeypatch.setattr(Sideband, "_take", fail)
        for connection in list(place.server.connections):
            await connection.send("{}")
        reasons = await notes(log, "open", "lost", "open")
    assert reasons[1] == "RuntimeError: no room for it"


async def test_a_key_that_the_service_repeats_as_it_closes_is_not_in_the_log() -> None:
    async with Place() as place, following(azure_at(place)) as log:
        await place.let_go(f"wrong key {AZURE_KEY}")
        reasons = await notes(log, "open", "lost")
    assert reasons[1] == "wrong key [key]"
