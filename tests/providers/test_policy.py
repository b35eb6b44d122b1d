"""A policy on client secrets and calls: what it forbids is never asked for, and the audit has it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget import (
    Compatible,
    ConfigurationError,
    ConnectionFailed,
    OpenAI,
    SecretError,
    SecretPolicy,
    _call_limit,
)
from rtc_widget.providers.policy import Rate

if TYPE_CHECKING:
    from tests.providers.service import Service

MINTED = {"value": "ek_1", "expires_at": 1_800_000_000}
SESSION = {"type": "realtime", "model": "gpt-realtime-2.1"}


async def test_a_secret_lives_as_long_as_the_policy_says(service: Service) -> None:
    service.answer(200, MINTED)
    provider = Compatible(service.base_url, policy=SecretPolicy(seconds=45))
    await provider.mint(SESSION)
    await provider.close()
    assert json.loads(service.requests[0][2])["expires_after"]["seconds"] == 45


@pytest.mark.parametrize(
    ("session", "seconds", "words"),
    [
        (SESSION, 46, "for 45 s at most, not 46 s"),
        ({"type": "realtime", "model": "gpt-realtime-2"}, None, "allows gpt-realtime-2.1"),
        ({"type": "realtime"}, None, "does not allow no model"),
    ],
)
async def test_what_the_policy_forbids_is_not_sent_and_is_audited(
    service: Service, session: dict[str, Any], seconds: int | None, words: str
) -> None:
    provider = Compatible(service.base_url, policy=SecretPolicy(seconds=45, models=["gpt-realtime-2.1"]))
    with pytest.raises(SecretError, match=words):
        await provider.mint(session, seconds=seconds, requester="ada")
    await provider.close()
    assert service.requests == []
    audit = provider.audit
    assert list(audit["requester"]) == ["ada"]
    assert audit["outcome"][0].startswith("refused: The policy")
    assert audit["expiry"].isna().all()


async def test_an_offer_with_the_standard_key_is_held_to_the_models_too(service: Service) -> None:
    provider = Compatible(service.base_url, policy=SecretPolicy(models=["gpt-realtime-2.1"]))
    with pytest.raises(SecretError, match="does not allow model 'gpt-realtime-2'"):
        await provider.create_call("v=0", session={"type": "realtime", "model": "gpt-realtime-2"})
    await provider.close()
    assert service.requests == []


async def test_a_transcription_session_is_held_to_the_model_that_transcribes(service: Service) -> None:
    provider = Compatible(service.base_url, policy=SecretPolicy(models=["gpt-transcribe"]))
    service.answer(200, MINTED)
    asked = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    await provider.mint(asked)
    await provider.close()
    assert list(provider.audit["model"]) == ["gpt-transcribe"]


async def test_fifty_at_once_get_exactly_as_many_as_the_minute_allows(service: Service) -> None:
    service.answer(200, MINTED)
    provider = Compatible(service.base_url, policy=SecretPolicy(max_per_minute=7))
    results = await asyncio.gather(*(provider.mint(SESSION) for _ in range(50)), return_exceptions=True)
    await provider.close()
    refused = [result for result in results if isinstance(result, SecretError)]
    assert (len(refused), len(service.requests)) == (43, 7)
    assert "Try again in" in str(refused[0])
    assert provider.audit["outcome"].value_counts()["minted"] == 7


def test_a_minute_later_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("rtc_widget.providers.policy.time.monotonic", lambda: now[0])
    rate = Rate(2, "ada")
    rate.take()
    now[0] = 30.0
    rate.take()
    with pytest.raises(SecretError, match="Try again in 30 s"):
        rate.take()
    now[0] = 60.0
    rate.take()
    with pytest.raises(SecretError, match="Try again in 30 s"):
        rate.take()


async def test_a_mint_that_failed_is_audited_with_its_status(service: Service) -> None:
    service.answer(401, {"error": {"message": "no"}}, x_request_id="req_7")
    provider = OpenAI("sk-canary", base_url=service.base_url)
    with pytest.raises(SecretError):
        await provider.mint(SESSION)
    await provider.close()
    row = provider.audit.iloc[0]
    assert "HTTP 401" in row["outcome"]
    assert row["request_id"] == "req_7"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"seconds": 9}, "10 to 7,?200|10 to 7200"),
        ({"seconds": 30.5}, "whole number"),
        ({"max_per_minute": 0}, "max_per_minute"),
        ({"max_per_minute": True}, "max_per_minute"),
        ({"max_call_minutes": 0}, "max_call_minutes"),
        ({"max_call_minutes": 61}, "max_call_minutes"),
        ({"models": []}, "models names"),
        ({"models": [""]}, "models names"),
    ],
)
def test_a_limit_that_is_none_is_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        SecretPolicy(**limits)


def test_a_policy_that_is_none_is_refused() -> None:
    policy: Any = {"seconds": 30}
    with pytest.raises(ConfigurationError, match="SecretPolicy"):
        Compatible("http://127.0.0.1:9/v1", policy=policy)


async def test_a_call_that_could_not_be_hung_up_when_the_policy_says_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_call_limit, "_PAUSES_S", (0.01,) * 3)
    provider = rtc.Sandbox(policy=SecretPolicy(max_call_minutes=0.01))
    async with rtc.HeadlessSession(provider=provider, directory=None) as session, asyncio.timeout(20):
        transport: Any = session._core.transport
        hang_up, failures = transport.hang_up, iter(range(2))

        async def fails_twice(reason: str) -> None:
            if next(failures, None) is not None:
                raise ConnectionFailed("hangup", "the page does not answer.")
            await hang_up(reason)

        transport.hang_up = fails_twice
        async for event in session.stream(since=0):
            if event["type"] == "rtc.state" and event["state"] == "ended":
                assert event["reason"] == "the policy allows calls of 0.01 minutes"
                break
        assert session.errors["message"].str.startswith("hanging up: ").sum() == 2


async def test_a_call_ends_when_the_policy_says() -> None:
    provider = rtc.Sandbox(policy=SecretPolicy(max_call_minutes=0.01))
    async with rtc.HeadlessSession(provider=provider, directory=None) as session, asyncio.timeout(20):
        async for event in session.stream(since=0):
            if event["type"] == "rtc.state" and event["state"] == "ended":
                assert event["reason"] == "the policy allows calls of 0.01 minutes"
                return
