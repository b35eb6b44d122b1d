"""Sessions on calls that were made elsewhere: they hear and steer, and leave to others what is theirs."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError, ConnectionFailed, SecretError, SecretPolicy
from rtc_widget._loop import submit
from rtc_widget.transcription import Transcribing
from tests.sandbox.mcp_server import weather_server
from tests.sandbox.service import running
from tests.test_sideband import ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LINUX = sys.platform == "linux"


def call_id(session: rtc.Session) -> str:
    return str(session._core.call_state["rtc_call_id"])


async def test_an_attached_session_hears_and_steers_a_call_made_elsewhere() -> None:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), signaling="kernel", directory=None, instructions="Your name is Bruno."
    ) as elsewhere:
        attached = rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None)

        @attached.tool
        def weather() -> str:
            """Look up the weather."""
            return "It is foggy."

        assert await attached is attached
        assert attached.status == "live"
        assert attached.instructions == "Your name is Bruno."
        heard = attached.wait_for("output_audio_buffer.stopped", timeout=30, since=len(attached.event_log))
        await elsewhere.say("What is the weather?")
        await heard
        assert list(attached.tool_calls["output"]) == ["It is foggy."]
        typed = await attached.say("What is your name?")
        assert "Bruno" in typed.transcript
        await attached.update(instructions="Your name is Ada.")
        assert elsewhere.instructions == "Your name is Ada."
        with pytest.raises(ConfigurationError, match="made elsewhere"):
            await attached.play(rtc.Sandbox.spoken("Hello."))
        await attached.hang_up()
        await ended(elsewhere)
        attached.close()


async def test_what_is_edited_in_a_call_made_elsewhere_stays_in_its_place() -> None:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), signaling="kernel", directory=None, instructions="Answer in one word."
    ) as elsewhere:
        await elsewhere.say("First things first.")
        async with rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None) as attached:
            turn = await attached.say("Third is attached.")
            edited = await attached.edit(turn.item_ids[-1], "Third is edited.")
        there = [item.item_id for item in elsewhere.conversation.items]
        assert there.index(edited.item_id) == 2


async def test_leaving_does_not_end_the_call_and_its_end_ends_the_session() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), signaling="kernel", directory=None) as elsewhere:
        async with rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None) as left:
            pass
        assert left.status == "ended"
        assert elsewhere.status == "live"
        async with rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None) as attached:
            await elsewhere.hang_up()
            await ended(attached)


async def test_the_end_of_a_call_that_is_too_long_names_its_cause_and_the_way_out(tmp_path: Path) -> None:
    with running(tmp_path / "stderr.log", "--session-seconds", "4") as short:
        provider = rtc.Sandbox(short.base_url, key=short.key)
        async with (
            rtc.HeadlessSession(provider=provider, signaling="kernel", directory=None) as elsewhere,
            rtc.attach(call_id(elsewhere), provider=provider, directory=None) as attached,
        ):
            theirs = elsewhere.wait_for("response.done", timeout=30)
            ours = attached.wait_for("response.done", timeout=30)
            with pytest.raises(ConnectionFailed, match=r"session_expired.*connect\(\)"):
                await theirs
            with pytest.raises(ConnectionFailed, match=r"session_expired.*attach\(\)"):
                await ours
            assert "session_expired" in elsewhere.calls["reason"].item()
            assert "session_expired" in attached.calls["reason"].item()


async def test_a_call_that_there_is_not_fails_with_advice() -> None:
    began_s = time.monotonic()
    with pytest.raises(ConnectionFailed, match=r"HTTP 404.*kernel") as caught:
        await rtc.attach("rtc_none", provider=rtc.Sandbox(), directory=None)
    assert caught.value.step == "sideband"
    assert time.monotonic() - began_s < 20


@pytest.mark.parametrize("rtc_call_id", ["", "rtc_a/../b", None, "call_123", "rtc_a?x=1"])
def test_what_is_no_call_id_is_refused(rtc_call_id: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"rtc_"):
        rtc.attach(rtc_call_id, provider=rtc.Sandbox())


@pytest.fixture
async def elsewhere() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), signaling="kernel", directory=None, output_modalities=["text"]
    ) as elsewhere:
        yield elsewhere


def names(session: rtc.Session) -> list[str]:
    return [tool["name"] for tool in session.tools]


def asked(session: rtc.Session) -> int:
    """Return how many answers a session asked for."""
    records = session.event_log.records(types={"response.create"})
    return sum(record.direction == "client" for record in records)


async def test_who_only_listens_asks_for_no_answer_after_a_call_that_the_service_makes(
    elsewhere: rtc.HeadlessSession,
) -> None:
    async with (
        weather_server() as weather,
        rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None) as attached,
    ):
        listed = elsewhere.wait_for("mcp_list_tools.completed", since=len(elsewhere.event_log))
        await elsewhere.update(tools=[weather.tool(require_approval="never")])
        await listed
        turn = await elsewhere.say("What is the weather in London?")
        assert "foggy" in turn.transcript
        assert len(elsewhere.responses) == 2
        assert asked(attached) == 0
        async with asyncio.timeout(20):  # no record follows the last one
            turn = await attached.say("What is the weather in Paris?")  # this one is its own
        assert "foggy in Paris" in turn.transcript
        assert asked(attached) == 2


@pytest.mark.parametrize("made", ["before it joins", "after it has joined"])
async def test_tools_of_our_own_come_beside_those_that_the_call_has(
    elsewhere: rtc.HeadlessSession, made: str
) -> None:
    @elsewhere.tool
    def price() -> str:
        """Look up the price."""
        return "It is 3.50."

    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    await elsewhere.update(tools=[price])
    attached = rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None)
    if made == "before it joins":
        attached.tool(weather)
    async with attached:
        if made == "after it has joined":
            attached.tool(weather)
        turn = await attached.say("What is the weather?")
        assert "foggy" in turn.transcript
        assert sorted(names(elsewhere)) == ["price", "weather"]
        turn = await elsewhere.say("What is the price?")
        assert "3.50" in turn.transcript
        await attached.remove_tool("weather")
        assert names(elsewhere) == ["price"]


async def test_a_call_that_only_writes_down_is_listened_to() -> None:
    class Headless(Transcribing, rtc.HeadlessSession):
        pass

    async with (
        Headless(provider=rtc.Sandbox(), signaling="kernel", directory=None) as writes,
        rtc.attach(call_id(writes), provider=rtc.Sandbox(), directory=None) as attached,
    ):
        heard = attached.wait_for(
            "conversation.item.input_audio_transcription.completed", since=len(attached.event_log), timeout=30
        )
        await writes.play(rtc.Sandbox.spoken("What is your name?"))
        await heard
        assert "name" in attached.transcripts["text"].dropna().iloc[-1]


async def test_the_end_that_the_policy_sets_is_the_end_of_the_call(elsewhere: rtc.HeadlessSession) -> None:
    provider = rtc.Sandbox(policy=SecretPolicy(max_call_minutes=0.02))
    async with rtc.attach(call_id(elsewhere), provider=provider, directory=None) as attached:
        await ended(attached)
        await ended(elsewhere)
    assert attached.calls["reason"].tolist() == ["the policy allows calls of 0.02 minutes"]


async def test_a_call_that_the_service_does_not_end_is_not_called_ended(
    elsewhere: rtc.HeadlessSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = rtc.Sandbox(elsewhere.provider.base_url, key="sk-sandbox-of-somebody-else")
    with pytest.raises(ConnectionFailed, match=r"did not end the call, which may go on: HTTP 401") as caught:
        await rtc.sip.hang_up(call_id(elsewhere), provider=wrong)
    assert caught.value.step == "hangup"
    assert elsewhere.status == "live"
    async with rtc.attach(call_id(elsewhere), provider=rtc.Sandbox(), directory=None) as attached:
        with monkeypatch.context() as patch:
            patch.setattr(attached._joined, "_provider", wrong)
            with pytest.raises(ConnectionFailed, match="HTTP 401"):
                await attached.hang_up()
        await asyncio.wrap_future(submit(wrong.close()))
        assert attached.status == "live"
        await attached.hang_up()
    await ended(elsewhere)
    await rtc.sip.hang_up(call_id(elsewhere), provider=rtc.Sandbox())  # it has ended already


@asynccontextmanager
async def a_service_that_never_answers() -> AsyncIterator[rtc.OpenAI]:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield rtc.OpenAI("sk-nothing", base_url=f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("given_up_by", ["a limit", "hanging up", "its own limit"])
async def test_who_gives_up_joining_is_told_so_by_all_that_waited(given_up_by: str) -> None:
    async with a_service_that_never_answers() as provider:
        attached = rtc.attach("rtc_slow", provider=provider, directory=None)
        joining = attached.connect(timeout=0.8 if given_up_by == "its own limit" else 20)
        said = attached.say("Hello.")
        if given_up_by == "a limit":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(joining, 0.5)
        else:
            await asyncio.sleep(0.5)
            if given_up_by == "hanging up":
                await attached.hang_up()
            with pytest.raises(ConnectionFailed) as caught:
                await joining
            assert caught.value.step == "sideband"
        with pytest.raises(ConnectionFailed):
            await asyncio.wait_for(said, 5)
        assert attached.status == "failed"
        await attached.close()


async def test_who_cannot_enter_leaves_nothing_open(tmp_path: Path, elsewhere: rtc.HeadlessSession) -> None:
    provider = rtc.Sandbox(elsewhere.provider.base_url, key="sk-sandbox-of-somebody-else")

    async def once() -> None:
        with pytest.raises(SecretError):
            async with rtc.HeadlessSession(provider=provider, directory=tmp_path, record=True):
                pass
        with pytest.raises(ConnectionFailed):
            await rtc.attach("rtc_none", provider=provider, directory=tmp_path)

    def files() -> list[str]:
        gc.collect()
        places = Path("/proc/self/fd").iterdir() if LINUX else []
        held = [os.path.realpath(place) for place in places]
        return [path for path in held if path.startswith(str(tmp_path))]

    for _ in range(3):
        await once()
    async with asyncio.timeout(10):
        while provider._sessions or files():  # noqa: ASYNC110 - there is no event that says so
            await asyncio.sleep(0.05)
    assert len(os.listdir(tmp_path)) == 6  # noqa: PTH208 - it looks at what is there once
