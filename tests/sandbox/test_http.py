"""Requests over HTTP are answered as the API answers them, and the openai package is content."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tests.sandbox.client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.service import Service

SECRETS = "/realtime/client_secrets"
CALLS = "/realtime/calls"
SDP = {"Content-Type": "application/sdp"}


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=service.base_url, headers=service.authorization, trust_env=False
    ) as client:
        yield client


async def minted(http: httpx.AsyncClient, **body: Any) -> str:
    answer = await http.post(SECRETS, json={"session": {"type": "realtime"}, **body})
    assert answer.status_code == 200, answer.text
    value: str = answer.json()["value"]
    return value


async def test_a_client_secret_carries_its_session_and_its_time(http: httpx.AsyncClient) -> None:
    body = {
        "expires_after": {"anchor": "created_at", "seconds": 30},
        "session": {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be brief."},
    }
    answer = await http.post(SECRETS, json=body)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"].startswith("req_")
    secret = answer.json()
    assert secret["value"].startswith("ek_")
    assert secret["session"]["instructions"] == "Be brief."
    assert secret["session"]["model"] == "sandbox"
    assert 25 <= secret["expires_at"] - time.time() <= 31


async def test_half_a_surrogate_pair_in_a_session_is_carried(http: httpx.AsyncClient) -> None:
    content = b'{"session": {"type": "realtime", "instructions": "bad \\ud83d"}}'
    answer = await http.post(SECRETS, content=content)
    assert answer.status_code == 200
    assert answer.json()["session"]["instructions"] == "bad \ud83d"
    refused = await http.post(SECRETS, content=b'{"\\ud83d": 1}')
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "\ud83d")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": ""}, "missing_api_key"),
        ({"Authorization": "Bearer wrong"}, "invalid_api_key"),
        ({"Authorization": "Basic abc"}, "missing_api_key"),
    ],
)
@pytest.mark.parametrize("path", [SECRETS, CALLS, f"{CALLS}/rtc_x/hangup"])
async def test_nobody_comes_in_without_the_key(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], code: str
) -> None:
    answer = await http.post(path, headers=headers)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert set(error) == {"type", "code", "message", "param"}
    assert error["code"] == code
    assert "wrong" not in error["message"]


async def test_a_client_secret_mints_no_other(http: httpx.AsyncClient) -> None:
    secret = await minted(http)
    answer = await http.post(SECRETS, json={}, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("content", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b'{"session": {"type": "realtime", "audio": {"output": {"speed": NaN}}}}', "invalid_json", None),
        (b'{"expires_after": {"seconds": Infinity}}', "invalid_json", None),
        (b"[" * 50_000, "invalid_json", None),
        (b"[]", "invalid_type", None),
        (b'{"sesion": {}}', "unknown_parameter", "sesion"),
        (b'{"session": {"type": "realtime", "voice": "marin"}}', "unknown_parameter", "session.voice"),
        (b'{"expires_after": {"seconds": 5}}', "integer_below_min_value", "expires_after.seconds"),
        (b'{"expires_after": {"seconds": 9999}}', "integer_above_max_value", "expires_after.seconds"),
        (b'{"expires_after": {"anchor": "noon"}}', "invalid_value", "expires_after.anchor"),
        (b'{"expires_after": 5}', "invalid_type", "expires_after"),
        (b'{"expires_after": {"seconds": "60"}}', "invalid_type", "expires_after.seconds"),
        (b'{"expires_after": {"seconds": null}}', "invalid_type", "expires_after.seconds"),
        (b'{"expires_after": {"seconds": 60.0}}', "invalid_type", "expires_after.seconds"),
        (b'{"expires_after": {"seconds": true}}', "invalid_type", "expires_after.seconds"),
        (b'{"expires_after": {"second": 60}}', "unknown_parameter", "expires_after.second"),
        (b'{"session": []}', "invalid_type", "session"),
        (b'{"session": 0}', "invalid_type", "session"),
    ],
)
async def test_a_wrong_request_for_a_secret_is_refused(
    http: httpx.AsyncClient, content: bytes, code: str, param: str | None
) -> None:
    answer = await http.post(SECRETS, content=content)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"content": b"v=0", "headers": SDP}, "invalid_offer"),
        ({"content": b"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "headers": SDP}, "invalid_offer"),
        ({"json": {"sdp": "v=0"}}, "unsupported_content_type"),
        ({"files": {"session": (None, "{}")}}, "missing_required_parameter"),
        ({"content": b"v=0", "headers": {"Content-Type": "multipart/form-data"}}, "invalid_form"),
        ({"content": b"v=0", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "invalid_form"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, "x" * 1_100_000)}}, "invalid_form"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, "[" * 50_000)}}, "invalid_json"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, "{")}}, "invalid_json"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, "[]")}}, "invalid_type"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, '{"speed": NaN}')}}, "invalid_json"),
        ({"files": {"sdp": (None, "v=0"), "session": (None, '{"type": "x"}')}}, "invalid_value"),
    ],
)
async def test_a_wrong_call_is_refused(http: httpx.AsyncClient, request_: dict[str, Any], code: str) -> None:
    answer = await http.post(CALLS, **request_)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


async def test_a_place_that_is_none_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.post("/realtime/sessions", json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Invalid URL (POST /v1/realtime/sessions)"
    assert (await http.get(SECRETS)).status_code == 405


async def test_a_page_of_any_origin_may_call(http: httpx.AsyncClient) -> None:
    asked = {
        "Origin": "http://localhost:8888",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    preflight = await http.options(CALLS, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-private-network"] == "true"
    client = Client()
    headers = {"Origin": "http://localhost:8888", "Authorization": f"Bearer {await minted(http)}", **SDP}
    answer = await http.post(CALLS, content=await client.offer(), headers=headers)
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert answer.headers["location"].startswith("/v1/realtime/calls/rtc_")
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"location", "x-request-id"} <= set(exposed)
    refused = await http.post(CALLS, headers={"Origin": "http://localhost:8888", "Authorization": ""})
    assert refused.headers["access-control-allow-origin"] == "*"
    await client.close()


async def test_a_secret_makes_many_calls_until_it_expires_and_they_go_on(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtc_widget.sandbox.keys import Keys
    from rtc_widget.sandbox.wire import ApiError

    now = 1_000.0
    monkeypatch.setattr("rtc_widget.sandbox.keys.time.time", lambda: now)
    keys = Keys("standard")
    secret, expires_at = keys.mint({"type": "realtime"}, 30)
    assert expires_at == 1030
    for _ in range(3):
        assert keys.session_of(f"Bearer {secret}") == {"type": "realtime"}
    now = 1_031.0
    with pytest.raises(ApiError) as caught:
        keys.session_of(f"Bearer {secret}")
    assert (caught.value.status, caught.value.code) == (401, "expired_api_key")
    assert secret not in repr(keys)
    assert http.base_url.host == "127.0.0.1"


async def test_the_openai_package_mints_calls_and_hangs_up(service: Service) -> None:
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as api:
        secret = await api.realtime.client_secrets.create(
            session={"type": "realtime", "instructions": "Be brief."},
            expires_after={"anchor": "created_at", "seconds": 60},
        )
        assert secret.value.startswith("ek_")
        assert secret.session.type == "realtime"
        assert secret.session.model == "sandbox"
        client = Client()
        raw = await api.realtime.calls.with_raw_response.create(
            sdp=await client.offer(), session={"type": "realtime", "instructions": "Be brief."}
        )
        await client.accept(raw.http_response)  # type: ignore[arg-type]
        created = await client.wait_for("session.created")
        assert created["session"]["instructions"] == "Be brief."
        await api.realtime.calls.hangup(client.rtc_call_id)
        await client.is_over.wait()
        await client.close()
        with pytest.raises(openai.NotFoundError, match="runs"):
            await api.realtime.calls.hangup(client.rtc_call_id)
