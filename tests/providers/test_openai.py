"""Minting and calling over HTTP, against a small service on this machine."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget import (
    ConfigurationError,
    ConnectionFailed,
    HeadlessSession,
    OpenAI,
    ProtocolError,
    SecretError,
)
from rtc_widget._loop import submit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from tests.providers.service import Service

KEY = "sk-canary-0123456789"
MINTED = {"value": "ek_canary", "expires_at": 1_800_000_000, "session": {}}


@pytest.fixture
async def openai(service: Service) -> AsyncIterator[OpenAI]:
    openai = OpenAI(KEY, base_url=service.base_url)
    yield openai
    await openai.close()


async def test_mint_posts_session_and_expiry_with_the_standard_key(service: Service, openai: OpenAI) -> None:
    service.answer(200, MINTED, x_request_id="req_1")
    secret = await openai.mint({"type": "realtime", "model": "gpt-realtime-2.1"}, seconds=30)
    path, headers, body = service.requests[0]
    assert path == "/v1/realtime/client_secrets"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(body) == {
        "expires_after": {"anchor": "created_at", "seconds": 30},
        "session": {"type": "realtime", "model": "gpt-realtime-2.1"},
    }
    assert (secret.value, secret.expires_at, secret.request_id) == ("ek_canary", 1_800_000_000, "req_1")


async def test_half_a_surrogate_pair_in_a_session_is_sent_as_its_escape(
    service: Service, openai: OpenAI
) -> None:
    service.answer(200, MINTED)
    session = {"type": "realtime", "instructions": "bad \ud83d"}
    await openai.mint(session)
    await openai.create_call("v=0", session=session)
    (_, headers, body), (_, _, form) = service.requests
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["session"] == session
    assert b"bad \\ud83d" in form


async def test_a_number_that_json_has_not_is_refused_before_it_is_sent(
    service: Service, openai: OpenAI
) -> None:
    session = {"type": "realtime", "speed": float("nan")}
    with pytest.raises(ProtocolError, match="cannot be written as JSON"):
        await openai.mint(session)
    with pytest.raises(ProtocolError, match="cannot be written as JSON"):
        await openai.create_call("v=0", session=session)
    assert service.requests == []


async def test_no_repr_holds_a_key(service: Service, openai: OpenAI) -> None:
    service.answer(200, MINTED)
    secret = await openai.mint({"type": "realtime"})
    assert "canary" not in repr(secret) + str(secret) + repr(openai)


async def test_a_refused_mint_names_status_message_and_request_id_and_no_key(
    service: Service, openai: OpenAI
) -> None:
    message = f"Incorrect API key provided: {KEY}."
    service.answer(401, {"error": {"message": message, "code": "invalid_api_key"}}, x_request_id="req_2")
    with pytest.raises(SecretError, match="HTTP 401, Incorrect API key provided") as caught:
        await openai.mint({"type": "realtime"})
    assert (caught.value.status, caught.value.request_id, caught.value.step) == (401, "req_2", "secret")
    assert KEY not in str(caught.value)
    assert "req_2" in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_mint_is_retried_when_the_service_says_when(
    service: Service, openai: OpenAI, status: int
) -> None:
    service.answer(status, {"error": {"message": "later"}}, retry_after="0.2")
    service.answer(200, MINTED)
    began = time.monotonic()
    assert (await openai.mint({"type": "realtime"})).value == "ek_canary"
    assert time.monotonic() - began >= 0.2
    assert len(service.requests) == 2


@pytest.mark.parametrize(("signaling", "step"), [("ephemeral", "secret"), ("kernel", "offer")])
async def test_a_call_is_told_what_the_service_said_where_there_is_no_time_to_try_again(
    service: Service, openai: OpenAI, signaling: str, step: str
) -> None:
    service.answer(429, {"error": {"message": "Rate limit reached"}}, retry_after="8")
    session = HeadlessSession(provider=openai, signaling=signaling, directory=None)
    with pytest.raises(ConnectionFailed, match="HTTP 429, Rate limit reached") as caught:
        await session.connect(timeout=3)
    await session.close()
    assert caught.value.step == step
    assert len(service.requests) == 1


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2015 07:28:00 -0000", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_date_that_says_when_to_try_again_may_name_no_zone(
    service: Service, openai: OpenAI, when: str
) -> None:
    service.answer(429, {"error": {"message": "later"}}, retry_after=when)
    service.answer(200, MINTED)
    assert (await openai.mint({"type": "realtime"})).value == "ek_canary"


async def test_a_refusal_that_is_nested_too_deeply_is_a_secret_error(
    service: Service, openai: OpenAI
) -> None:
    service.answer(400, "[" * 100_000)
    with pytest.raises(SecretError, match=r"HTTP 400, \[\[\["):
        await openai.mint({"type": "realtime"})


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_a_mint_is_not_retried_when_the_service_does_not_say_when(
    service: Service, openai: OpenAI, status: int
) -> None:
    service.answer(status, {"error": {"message": "no"}})
    with pytest.raises(SecretError, match=f"HTTP {status}, no"):
        await openai.mint({"type": "realtime"})
    assert len(service.requests) == 1


async def test_a_mint_is_tried_three_times_at_most(service: Service, openai: OpenAI) -> None:
    service.answer(503, {"error": {"message": "busy"}}, retry_after="0")
    with pytest.raises(SecretError, match="HTTP 503, busy"):
        await openai.mint({"type": "realtime"})
    assert len(service.requests) == 3


@pytest.mark.parametrize("body", ["<html>", {"secret": 1}, {"value": "ek_x", "expires_at": "soon"}])
async def test_an_answer_that_is_no_secret_is_a_secret_error(
    service: Service, openai: OpenAI, body: object
) -> None:
    service.answer(200, body)
    with pytest.raises(SecretError, match="something else"):
        await openai.mint({"type": "realtime"})


async def test_no_service_at_the_address_is_a_secret_error_that_names_it() -> None:
    openai = OpenAI(KEY, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(SecretError, match=r"127\.0\.0\.1:9") as caught:
        await openai.mint({"type": "realtime"})
    await openai.close()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("ALL_PROXY=socks5://user:canary@127.0.0.1:1080", r"SOCKS.*Look at ALL_PROXY in the environment"),
        ("https_proxy=foo://user:canary@127.0.0.1:1", "Unknown scheme.*Look at https_proxy"),
        ("HTTP_PROXY=http://user:canary/@127.0.0.1:1", r"\(InvalidURL\)\. Look at HTTP_PROXY"),
        ("SSL_CERT_FILE=/no/such/file.pem", r"Look at SSL_CERT_FILE=/no/such/file\.pem"),
    ],
)
async def test_an_environment_that_lets_no_request_leave_fails_each_step_by_its_name(
    service: Service, openai: OpenAI, monkeypatch: pytest.MonkeyPatch, setting: str, words: str
) -> None:
    if "socks" in setting and find_spec("socksio") is not None:
        pytest.skip("this proxy does here")
    monkeypatch.setenv(*setting.split("="))
    asked: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "secret": lambda: openai.mint({"type": "realtime"}),
        "offer": lambda: openai.create_call("v=0"),
        "accept": lambda: openai.ask_call("rtc_1", "accept", {}),
        "hangup": lambda: openai.hang_up("rtc_1"),
    }
    for step, ask in asked.items():
        with pytest.raises(ConnectionFailed, match=words) as caught:
            await ask()
        assert caught.value.step == step
        assert "canary" not in str(caught.value)
    assert service.requests == []


def test_a_provider_is_used_from_one_loop_after_another(service: Service) -> None:
    service.answer(200, MINTED)
    service.keeps = True
    openai = OpenAI(KEY, base_url=service.base_url)

    async def mint_some() -> None:
        await asyncio.gather(*(openai.mint({"type": "realtime"}) for _ in range(3)))

    asyncio.run(mint_some())
    submit(mint_some()).result(20)
    asyncio.run(mint_some())
    asyncio.run(openai.hang_up("rtc_1"))
    asyncio.run(openai.close())
    assert len(service.requests) == 10


async def test_a_request_that_nobody_waits_for_any_more_is_given_up(service: Service, openai: OpenAI) -> None:
    service.answer(503, {"error": {"message": "busy"}}, retry_after="0.5")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(openai.mint({"type": "realtime"}), 0.3)
    await asyncio.sleep(0.6)
    assert len(service.requests) == 1


@pytest.mark.parametrize("charset", ["hex", "idna", "no-such", "undefined", "latin-1"])
async def test_a_charset_that_is_none_hides_no_words(service: Service, openai: OpenAI, charset: str) -> None:
    service.answer(502, "the gateway is closed", content_type=f"text/plain; charset={charset}")
    with pytest.raises(SecretError, match="HTTP 502, the gateway is closed"):
        await openai.mint({"type": "realtime"})
    service.answers.clear()
    service.answer(201, "v=0", content_type=f"application/sdp; charset={charset}")
    assert (await openai.create_call("v=0")).sdp == "v=0"


async def test_an_answer_that_is_packed_is_unpacked_once(service: Service, openai: OpenAI) -> None:
    service.answer(200, gzip.compress(json.dumps(MINTED).encode()), content_encoding="gzip")
    assert (await openai.mint({"type": "realtime"})).value == "ek_canary"


async def test_an_answer_that_drips_fails_in_time(
    service: Service, openai: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtc_widget.providers._http._LIMIT_S", 0.5)
    service.answer(200, MINTED)
    service.pause_s = 0.1
    began = time.monotonic()
    with pytest.raises(SecretError, match="no whole answer in time"):
        await openai.mint({"type": "realtime"})
    with pytest.raises(ConnectionFailed, match="no whole answer in time"):
        await openai.create_call("v=0")
    with pytest.raises(ConnectionFailed, match="no whole answer in time"):
        await openai.hang_up("rtc_1")
    assert time.monotonic() - began < 4


async def test_an_answer_that_is_larger_than_any_is_not_read_to_its_end(
    service: Service, openai: OpenAI
) -> None:
    service.answer(200, "v=0\r\n" * 400_000)
    with pytest.raises(ConnectionFailed, match=r"its answer has more than 1,000,000 bytes"):
        await openai.create_call("v=0")
    service.answers.clear()
    service.answer(200, "v=0\r\n" * 10_000)
    assert (await openai.create_call("v=0")).sdp == "v=0\r\n" * 10_000


async def test_create_call_posts_the_offer_and_the_session_as_parts(service: Service, openai: OpenAI) -> None:
    service.answer(201, "v=0 answer", location="/v1/realtime/calls/rtc_abc")
    answer = await openai.create_call("v=0 offer", session={"type": "realtime"})
    path, headers, body = service.requests[0]
    assert path == "/v1/realtime/calls"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert b'name="sdp"' in body
    assert b"application/sdp" in body
    assert b'name="session"' in body
    assert (answer.sdp, answer.rtc_call_id) == ("v=0 answer", "rtc_abc")


async def test_create_call_with_a_secret_does_not_send_the_standard_key(
    service: Service, openai: OpenAI
) -> None:
    service.answer(200, MINTED)
    secret = await openai.mint({"type": "realtime"})
    service.answers.clear()
    service.answer(201, "v=0 answer")
    answer = await openai.create_call("v=0 offer", secret=secret)
    _, headers, body = service.requests[-1]
    assert headers["authorization"] == "Bearer ek_canary"
    assert headers["content-type"] == "application/sdp"
    assert body == b"v=0 offer"
    assert answer.rtc_call_id is None


async def test_a_refused_offer_names_its_step(service: Service, openai: OpenAI) -> None:
    service.answer(400, {"error": {"message": "bad offer"}})
    with pytest.raises(ConnectionFailed, match="HTTP 400, bad offer") as caught:
        await openai.create_call("nonsense", session={"type": "realtime"})
    assert caught.value.step == "offer"


@pytest.mark.parametrize("key", ["", "   "])
def test_without_a_key_the_error_names_every_way_out(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=r"OPENAI_API_KEY.*rtc\.Sandbox"):
        OpenAI(key)


def test_a_key_that_cannot_be_one_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenAI("sk-canary with a space")
    assert "canary" not in str(caught.value)


async def test_organization_and_project_are_sent(service: Service) -> None:
    openai = OpenAI(KEY, base_url=service.base_url, organization="org_1", project="proj_1")
    service.answer(200, MINTED)
    await openai.mint({"type": "realtime"})
    headers = service.requests[0][1]
    assert (headers["openai-organization"], headers["openai-project"]) == ("org_1", "proj_1")
    await openai.close()


@pytest.mark.parametrize("ids", [{"organization": "org 1"}, {"project": ""}, {"project": "p\r\nx: y"}])
def test_an_id_that_is_none_is_refused(ids: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="is an id of letters"):
        OpenAI(KEY, **ids)


async def test_organization_and_project_come_from_the_environment(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org_2")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_2")
    openai = OpenAI(KEY, base_url=service.base_url, organization="org_1")
    service.answer(200, MINTED)
    await openai.mint({"type": "realtime"})
    await openai.close()
    headers = service.requests[0][1]
    assert (headers["openai-organization"], headers["openai-project"]) == ("org_1", "proj_2")
