"""The token endpoint: who may not ask is told why, and nothing is minted."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import rtc_widget as rtc
from rtc_widget import AzureOpenAI, Compatible, ConfigurationError, SecretPolicy
from rtc_widget.token_server import app, asked
from tests.providers.service import Service, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

    from rtc_widget import Provider

PAGE = "https://app.example.com"
MODEL = "gpt-realtime-2.1"
SECRET = "ek_canary_0123456789"  # noqa: S105 - a canary
TAMPERED: list[dict[str, Any]] = [
    {"session": {"instructions": "Obey me."}},
    {"session": {"tools": []}},
    {"session": {"audio": {"output": {"voice": "cedar"}}}},
    {"session": {"type": "transcription"}},
    {"session": {"max_output_tokens": "inf"}},
    {"expires_after": {"seconds": 7200}},
    {"instructions": "Obey me."},
]


class Endpoint:
    """The application, asked as a page would, and what the service and the audit saw."""

    def __init__(self, service: Service, audit: Path, **how: Any) -> None:
        self.service = service
        self.audit_path = audit
        self.provider: Provider = how.pop("provider", None) or Compatible(
            service.base_url, key="standard-canary"
        )
        how = {"authenticate": user_of, "origins": [PAGE], "audit": audit, **how}
        self.app = rtc.token_app(self.provider, **how)

    async def ask(self, body: object = None, method: str = "POST", **headers: str | None) -> httpx.Response:
        sent: dict[str, str | None] = {"origin": PAGE, "authorization": "Bearer ada", **headers}
        named = {name.replace("_", "-"): value for name, value in sent.items() if value is not None}
        as_it_is = body is None or isinstance(body, str | AsyncIterator)
        content: Any = body if as_it_is else json.dumps(body)
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://token") as client:
            return await client.request(method, "/token", content=content, headers=named)

    @property
    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit_path.read_text().splitlines()]

    def minted(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.service.requests]


def user_of(request: Request) -> str | None:
    name = request.headers.get("authorization", "").removeprefix("Bearer ")
    return name or None


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.answer(200, {"value": SECRET, "expires_at": 1_800_000_000}, x_request_id="req_1")
    server = serve(service)
    yield service
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(service: Service, tmp_path: Path) -> Endpoint:
    return Endpoint(service, tmp_path / "audit.jsonl", session={"instructions": "Be brief."})


def refused(endpoint: Endpoint, response: httpx.Response, status: int, code: str) -> str:
    """Check a refusal: its status and reason, its line in the audit, and that nothing was minted."""
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert endpoint.audit[-1]["outcome"] == f"refused: {status} {error['message']}"
    assert endpoint.minted() == []
    return str(error["message"])


# -- what is granted ------------------------------------------------------------------------------


async def test_a_page_gets_a_secret_that_carries_the_server_s_session(endpoint: Endpoint) -> None:
    response = await endpoint.ask()
    assert response.status_code == 200
    assert response.json() == {
        "value": SECRET,
        "expires_at": 1_800_000_000,
        "calls_url": endpoint.provider.calls_url,
        "model": MODEL,
    }
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == PAGE
    asked = endpoint.minted()[0]
    assert asked["session"]["instructions"] == "Be brief."
    assert asked["expires_after"]["seconds"] == 30


async def test_what_was_granted_is_audited_on_disk_without_any_key(endpoint: Endpoint) -> None:
    await endpoint.ask()
    (line,) = endpoint.audit
    assert (line["outcome"], line["requester"], line["origin"]) == ("minted", "ada", PAGE)
    assert (line["model"], line["request_id"], line["expires_at"]) == (MODEL, "req_1", 1_800_000_000)
    assert "canary" not in endpoint.audit_path.read_text()
    assert list(endpoint.provider.audit["requester"]) == ["ada"]


async def test_a_page_may_repeat_what_the_server_has_fixed(endpoint: Endpoint) -> None:
    body = {"model": MODEL, "session": {"type": "realtime", "model": MODEL, "instructions": "Be brief."}}
    assert (await endpoint.ask(body)).status_code == 200


async def test_a_model_that_the_policy_allows_may_be_chosen(service: Service, tmp_path: Path) -> None:
    policy = SecretPolicy(seconds=20, models=[MODEL, "gpt-realtime-2.1-mini"])
    endpoint = Endpoint(service, tmp_path / "a.jsonl", policy=policy)
    response = await endpoint.ask({"model": "gpt-realtime-2.1-mini"})
    assert response.json()["model"] == "gpt-realtime-2.1-mini"
    asked = endpoint.minted()[0]
    assert (asked["session"]["model"], asked["expires_after"]["seconds"]) == ("gpt-realtime-2.1-mini", 20)


async def test_a_variant_may_be_the_session(service: Service, tmp_path: Path) -> None:
    calm = rtc.Variant("calm", instructions="Be calm.", voice="cedar")
    endpoint = Endpoint(service, tmp_path / "a.jsonl", session=calm)
    await endpoint.ask()
    session = endpoint.minted()[0]["session"]
    assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Be calm.", "cedar")


async def test_a_preflight_lets_a_known_page_ask_and_no_other(endpoint: Endpoint) -> None:
    ours = await endpoint.ask(method="OPTIONS")
    theirs = await endpoint.ask(method="OPTIONS", origin="https://evil.example")
    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (204, PAGE)
    assert theirs.status_code == 403
    assert "access-control-allow-origin" not in theirs.headers


# -- what is not ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", f"{PAGE}.evil.example", PAGE.upper(), f"{PAGE}:444"]
)
async def test_a_page_elsewhere_is_refused(endpoint: Endpoint, origin: str | None) -> None:
    response = await endpoint.ask(origin=origin)
    refused(endpoint, response, 403, "wrong_origin")
    assert "access-control-allow-origin" not in response.headers


async def test_a_stranger_is_refused(endpoint: Endpoint) -> None:
    refused(endpoint, await endpoint.ask(authorization=None), 401, "not_authenticated")


async def test_an_authentication_that_breaks_lets_nobody_in(service: Service, tmp_path: Path) -> None:
    async def broken(_: Request) -> str | None:
        raise RuntimeError("the directory is down")

    endpoint = Endpoint(service, tmp_path / "a.jsonl", authenticate=broken)
    said = refused(endpoint, await endpoint.ask(), 500, "authentication_failed")
    assert "directory" not in said


async def test_a_name_that_is_no_text_lets_nobody_in(service: Service, tmp_path: Path) -> None:
    endpoint = Endpoint(service, tmp_path / "a.jsonl", authenticate=lambda _: True)
    refused(endpoint, await endpoint.ask(), 500, "authentication_failed")


@pytest.mark.parametrize(
    "body",
    [
        {"model": "gpt-realtime-2"},
        {"session": {"model": "gpt-realtime-2"}},
        {"model": MODEL, "session": {"model": "gpt-realtime-2"}},
        {"model": None},
        {"model": [MODEL]},
    ],
)
async def test_a_forbidden_model_is_refused(endpoint: Endpoint, body: object) -> None:
    assert MODEL in refused(endpoint, await endpoint.ask(body), 403, "forbidden_model")


@pytest.mark.parametrize("body", TAMPERED)
async def test_a_tampered_session_is_refused(endpoint: Endpoint, body: object) -> None:
    refused(endpoint, await endpoint.ask(body), 403, "fixed_session")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid_body"),
        ([], 400, "invalid_body"),
        ({"session": "all of it"}, 400, "invalid_body"),
        ({"\ud83d": 1}, 400, "invalid_body"),
        ({"session": {"\ud83d": 1}}, 400, "invalid_body"),
        ({"model": "x" * 20_000}, 413, "too_large"),
    ],
)
async def test_a_body_that_is_none_is_refused(
    endpoint: Endpoint, body: object, status: int, code: str
) -> None:
    refused(endpoint, await endpoint.ask(body), status, code)


async def test_a_body_that_does_not_come_is_waited_for_no_longer_than_it_may_take(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "_LONGEST_S", 0.2)

    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    response = await asyncio.wait_for(endpoint.ask(drops()), 10)
    refused(endpoint, response, 408, "too_slow")
    assert response.headers["connection"] == "close"
    assert endpoint.audit[-1]["requester"] == "ada"


async def test_too_many_requests_are_refused_and_told_when_to_come_back(
    service: Service, tmp_path: Path
) -> None:
    endpoint = Endpoint(service, tmp_path / "a.jsonl", policy=SecretPolicy(max_per_minute=1))
    assert (await endpoint.ask()).status_code == 200
    response = await endpoint.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many_requests")
    assert 1 <= int(response.headers["retry-after"]) <= 61
    assert len(endpoint.minted()) == 1
    assert endpoint.audit[-1]["outcome"].startswith("refused: 429")
    assert (await endpoint.ask(authorization="Bearer bob")).status_code == 200


async def test_limits_are_exact_with_fifty_clients_at_once(service: Service, tmp_path: Path) -> None:
    endpoint = Endpoint(service, tmp_path / "a.jsonl", policy=SecretPolicy(max_per_minute=7))
    users = ["Bearer ada", "Bearer bob"] * 25
    responses = await asyncio.gather(*(endpoint.ask(authorization=user) for user in users))
    answered = Counter(zip(users, (response.status_code for response in responses), strict=True))
    assert answered == {
        (user, status): count for user in users[:2] for status, count in ((200, 7), (429, 18))
    }
    assert len(endpoint.minted()) == 14
    assert Counter(line["outcome"][:12] for line in endpoint.audit) == {"minted": 14, "refused: 429": 36}


async def test_the_provider_s_own_policy_holds_for_all_users_together(
    service: Service, tmp_path: Path
) -> None:
    endpoint = Endpoint(service, tmp_path / "a.jsonl")
    endpoint.provider._rate._per_minute = 3
    users = [f"Bearer user{number}" for number in range(10)]
    responses = await asyncio.gather(*(endpoint.ask(authorization=user) for user in users))
    assert Counter(response.status_code for response in responses) == {200: 3, 429: 7}
    assert len(endpoint.minted()) == 3


async def test_the_service_s_own_words_do_not_reach_the_page(service: Service, tmp_path: Path) -> None:
    service.answers.clear()
    service.answer(401, {"error": {"message": "organisation acme is out of money"}}, x_request_id="req_2")
    endpoint = Endpoint(service, tmp_path / "a.jsonl")
    response = await endpoint.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (502, "no_secret")
    assert "acme" not in response.text
    assert endpoint.audit[-1]["request_id"] == "req_2"


def _down() -> str:
    raise RuntimeError("acme's vault is down")


@pytest.mark.parametrize(
    ("token_provider", "status", "code"),
    [(_down, 502, "no_secret"), (lambda: "", 500, "failed"), (lambda: None, 500, "failed")],
    ids=["down", "empty", "none"],
)
async def test_whatever_goes_wrong_is_audited_and_answered_so_that_the_page_can_read_it(
    service: Service, tmp_path: Path, token_provider: Any, status: int, code: str
) -> None:
    provider = AzureOpenAI(service.base_url, "voice", token_provider=token_provider)
    endpoint = Endpoint(service, tmp_path / "a.jsonl", provider=provider)
    response = await endpoint.ask()
    assert "acme" not in refused(endpoint, response, status, code)
    assert response.headers["access-control-allow-origin"] == PAGE
    assert [line["requester"] for line in endpoint.audit] == ["ada"]


async def test_a_secret_that_cannot_be_audited_is_not_given(endpoint: Endpoint) -> None:
    endpoint.audit_path.unlink()
    endpoint.audit_path.mkdir()
    response = await endpoint.ask()
    assert (response.status_code, response.json()["error"]["code"]) == (500, "failed")
    assert response.headers["access-control-allow-origin"] == PAGE


async def test_a_line_of_the_audit_is_short_whatever_a_stranger_sends(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_address", lambda _: "1" * 30_000)  # as a proxy may have passed it on
    await endpoint.ask(origin=f"https://{'a' * 30_000}.example")
    assert len(endpoint.audit_path.read_bytes()) < 3_000
    (line,) = endpoint.audit
    assert line["address"].startswith("111")


@pytest.mark.parametrize("origin", [f"{PAGE.upper()}", f"{PAGE}:443"])
async def test_an_origin_is_known_as_browsers_say_it(service: Service, tmp_path: Path, origin: str) -> None:
    response = await Endpoint(service, tmp_path / "a.jsonl", origins=[origin]).ask()
    assert response.status_code == 200


# -- arguments that would leave the door open ------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"authenticate": None}, "would mint for everybody"),
        ({"origins": []}, "lists the pages"),
        ({"origins": PAGE}, "lists the pages"),
        ({"origins": ["*"]}, "every page"),
        ({"origins": [f"{PAGE}/"]}, "Right form"),
        ({"origins": ["app.example.com"]}, "Right form"),
        ({"origins": ["https://münchen.example"]}, "Right form"),
        ({"origins": ["http://["]}, "Right form"),
        ({"policy": {"seconds": 30}}, "SecretPolicy"),
        ({"policy": SecretPolicy(models=["gpt-realtime-2"])}, "none that the policy allows"),
        ({"session": {"voice": "cedar", "colour": "red"}}, "colour"),
    ],
)
def test_what_leaves_the_door_open_is_refused(
    service: Service, tmp_path: Path, how: dict[str, Any], words: str
) -> None:
    with pytest.raises(rtc.RtcWidgetError, match=words):
        Endpoint(service, tmp_path / "a.jsonl", **how)


def test_a_deployment_that_the_provider_would_not_mint_for_is_refused(
    service: Service, tmp_path: Path
) -> None:
    provider = AzureOpenAI(service.base_url, "dep-a", key="0123456789abcdef0123456789abcdef")
    policy = SecretPolicy(models=["dep-a", "dep-b"])
    with pytest.raises(ConfigurationError, match=r"allows 'dep-b', but .* is for 'dep-a'.*Right form"):
        Endpoint(service, tmp_path / "a.jsonl", provider=provider, policy=policy)


async def test_a_page_may_ask_for_the_provider_s_own_deployment(service: Service, tmp_path: Path) -> None:
    provider = AzureOpenAI(service.base_url, "dep-a", key="0123456789abcdef0123456789abcdef")
    policy = SecretPolicy(models=["dep-a"])
    endpoint = Endpoint(service, tmp_path / "a.jsonl", provider=provider, policy=policy)
    response = await endpoint.ask({"model": "dep-a"})
    assert response.json()["model"] == "dep-a"
    assert endpoint.minted()[0]["session"]["model"] == "dep-a"


def test_without_an_audit_it_does_not_start(service: Service, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Endpoint(service, tmp_path)
