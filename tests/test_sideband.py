"""A call with a sideband, against the real sandbox: each event once, either path lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError
from rtc_widget._loop import submit
from rtc_widget.transports.two_paths import TwoPaths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtc_widget.transports.peer import Peer


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    async with with_sideband() as session:
        await joined(session)
        yield session


def with_sideband(**fields: Any) -> rtc.HeadlessSession:
    return rtc.HeadlessSession(
        provider=rtc.Sandbox(), signaling="kernel", sideband=True, directory=None, **fields
    )


async def ended(session: rtc.Session) -> None:
    """Return when the call is over, and its sideband has left."""
    async with asyncio.timeout(20):
        async for event in session.stream(since=0):
            if event["type"] == "rtc.state" and event["state"] == "ended":
                return


async def joined(session: rtc.Session, *, times: int = 1) -> None:
    """Return when the sideband has joined so often."""
    async with asyncio.timeout(20):
        async for event in session.stream(since=0):
            times -= event["type"] == "rtc.sideband" and event["state"] == "open"
            if not times:
                return


def paths(session: rtc.Session) -> TwoPaths:
    found = session._core.transport
    assert isinstance(found, TwoPaths)
    return found


def server_ids(session: rtc.Session) -> list[str]:
    return [r.event["event_id"] for r in session.event_log.records() if r.direction == "server"]


async def test_each_event_is_logged_once_and_the_conversation_is_whole(
    session: rtc.HeadlessSession,
) -> None:
    turn = await session.play(rtc.Sandbox.spoken("Please say hello to everybody."))
    assert turn.user_transcript
    assert turn.transcript
    ids = server_ids(session)
    assert len(ids) == len(set(ids))
    types = [r.type for r in session.event_log.records() if r.direction == "server"]
    assert types.count("response.done") == 1
    assert types.index("session.created") == 0
    assert types.index("response.created") < types.index("response.done")


async def test_commands_go_by_the_sideband_and_are_logged(session: rtc.HeadlessSession) -> None:
    peer: Any = paths(session)._transport
    sent: list[str] = []
    take = peer.send

    def watched(texts: list[str]) -> Any:
        sent.extend(texts)
        return take(texts)

    peer.send = watched
    await session.say("Hello.")
    clients = [r.type for r in session.event_log.records() if r.direction == "client"]
    assert clients == ["conversation.item.create", "response.create"]
    assert sent == []


async def test_what_the_data_channel_does_not_take_goes_by_the_sideband(
    session: rtc.HeadlessSession,
) -> None:
    peer: Peer = paths(session)._transport  # type: ignore[assignment]  # the headless session's
    long = "A long story. " * 30_000
    assert len(long) > peer.max_message_bytes
    item = await session.add_message("user", long)
    assert item.text == long


async def test_a_lost_sideband_is_joined_again_and_nothing_is_missing(session: rtc.HeadlessSession) -> None:
    socket = paths(session).sideband._socket
    assert socket is not None
    submit(socket.close()).result(5)
    first = await session.say("Tell me one thing.")
    await joined(session, times=2)
    second = await session.say("Tell me another thing.")
    assert first.transcript
    assert second.transcript
    ids = server_ids(session)
    assert len(ids) == len(set(ids))
    states = [r.event["state"] for r in session.event_log.records() if r.type == "rtc.sideband"]
    assert states == ["open", "lost", "open"]


async def test_with_a_silent_data_channel_the_session_goes_on(session: rtc.HeadlessSession) -> None:
    peer: Any = paths(session)._transport
    peer._call._received = lambda _: None  # what it brings is lost on its way to the log
    peer._call._connection._on_message = lambda _: None

    @session.tool
    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    turn = await session.say("What is the weather?")
    assert "foggy" in turn.transcript
    assert list(turn.tool_calls["output"]) == ["It is foggy."]


async def test_the_sideband_leaves_with_the_call(session: rtc.HeadlessSession) -> None:
    await session.hang_up()
    async with asyncio.timeout(10):
        async for event in session.stream(since=0):
            if event["type"] == "rtc.sideband" and event["state"] == "left":
                break
    assert session.status == "ended"
    assert not paths(session).sideband.is_open
    await session.connect()
    await joined(session, times=2)
    assert (await session.say("Hello again.")).transcript


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"sideband": True}, 'signaling="kernel"'),
        ({"sideband": True, "signaling": "ephemeral"}, 'signaling="kernel"'),
        ({"sideband": "yes", "signaling": "kernel"}, "True or False"),
    ],
)
def test_a_sideband_that_cannot_be_is_refused(how: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, **how)
