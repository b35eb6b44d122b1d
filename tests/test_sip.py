"""Phone calls, from the sandbox's fake line: accepted, attached, referred, turned away, ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError, ConnectionFailed, SecretError, SecretPolicy
from tests.test_sideband import ended

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def sandbox() -> rtc.Sandbox:
    provider = rtc.Sandbox()
    await provider.ready()
    await provider.close()
    return provider


def ring(sandbox: rtc.Sandbox, sound: bytes = b"") -> str:
    """Let somebody call; return the call id that the webhook would bring."""
    headers = sandbox.credentials.headers()
    response = httpx.post(
        f"{sandbox.base_url}/sandbox/phone_calls", content=sound, headers=headers, trust_env=False
    )
    response.raise_for_status()
    return str(response.json()["data"]["call_id"])


async def test_a_phone_call_is_accepted_and_attached(sandbox: rtc.Sandbox, tmp_path: Path) -> None:
    rtc.Sandbox.spoken("What is your name?").save(tmp_path / "caller.wav")
    rtc_call_id = ring(sandbox, (tmp_path / "caller.wav").read_bytes())
    await rtc.sip.accept(rtc_call_id, provider=sandbox, instructions="Your name is Bruno.", voice="cedar")
    async with rtc.attach(rtc_call_id, provider=sandbox, directory=None) as session:
        assert session.voice == "cedar"
        async with asyncio.timeout(30):
            while "Bruno" not in "".join(session.turns["transcript"].dropna()):
                await session.wait_for("response.done", timeout=30)
        await rtc.sip.hang_up(rtc_call_id, provider=sandbox)
        await ended(session)


async def test_a_function_answers_on_the_phone_the_way_that_accept_names(
    sandbox: rtc.Sandbox, tmp_path: Path
) -> None:
    rtc.Sandbox.spoken("What is the weather?").save(tmp_path / "caller.wav")
    rtc_call_id = ring(sandbox, (tmp_path / "caller.wav").read_bytes())

    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    with pytest.raises(ConfigurationError, match=r"run weather.*attach.*a\.tool\(weather\)"):
        rtc.sip.accept(rtc_call_id, provider=sandbox, tools=[weather])
    await rtc.sip.accept(rtc_call_id, provider=sandbox)
    a = rtc.attach(rtc_call_id, provider=sandbox, directory=None)
    a.tool(weather)
    await a
    async with asyncio.timeout(30):
        while "It is foggy." not in list(a.tool_calls["output"].dropna()):
            await a.wait_for("response.done", timeout=30)
    await a.hang_up()
    a.close()


async def test_a_phone_call_is_turned_away(sandbox: rtc.Sandbox) -> None:
    rtc_call_id = ring(sandbox)
    await rtc.sip.reject(rtc_call_id, status_code=486, provider=sandbox)
    with pytest.raises(ConnectionFailed, match="did not accept") as caught:
        await rtc.sip.accept(rtc_call_id, provider=sandbox)
    assert caught.value.step == "accept"


async def test_a_phone_call_is_handed_on(sandbox: rtc.Sandbox) -> None:
    rtc_call_id = ring(sandbox)
    await rtc.sip.accept(rtc_call_id, provider=sandbox)
    await rtc.sip.refer(rtc_call_id, "tel:+14155550123", provider=sandbox)


async def test_a_model_that_the_policy_forbids_takes_no_phone_call(sandbox: rtc.Sandbox) -> None:
    rtc_call_id = ring(sandbox)
    strict = rtc.Sandbox(policy=SecretPolicy(models=["gpt-realtime-2"]))
    with pytest.raises(SecretError, match="does not allow"):
        await rtc.sip.accept(rtc_call_id, provider=strict)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda p: rtc.sip.reject("rtc_1", status_code=200, provider=p), "300 to 699"),
        (lambda p: rtc.sip.refer("rtc_1", "+14155550123", provider=p), "tel:"),
        (lambda p: rtc.sip.refer("rtc_1", "tel:", provider=p), "tel:"),
        (lambda p: rtc.sip.refer("rtc_1", "sip:", provider=p), "sip:"),
        (lambda p: rtc.sip.refer("rtc_1", "tel:+1\r\nX: y", provider=p), "tel:"),
        (lambda p: rtc.sip.refer("rtc_1", "tel:+1 415", provider=p), "tel:"),
        (lambda p: rtc.sip.refer("rtc_1", "sip:agent@example.com\n", provider=p), "sip:"),
        (lambda p: rtc.sip.accept("no id", provider=p), "no call id"),
        (lambda p: rtc.sip.accept("rtc_1", provider=p, tools=[ring]), r"run ring.*a\.tool\(ring\)"),
        (lambda p: rtc.sip.accept("rtc_1", provider=p, colour="red"), "colour"),
        (lambda p: rtc.sip.hang_up("call_1", provider=p), "tool call"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(ask: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ask(rtc.Sandbox())
