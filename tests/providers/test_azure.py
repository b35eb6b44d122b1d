"""Azure OpenAI: its addresses, its header, its tokens, its deployments."""

from __future__ import annotations

import asyncio
import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget import AzureOpenAI, ConfigurationError, ConnectionFailed, SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.providers.service import Service

KEY = "azure-canary-0123456789"
MINTED = {"value": "ek_azure", "expires_at": 1_800_000_000}


def azure(service: Service, **how: Any) -> AzureOpenAI:
    """Make one whose endpoint is the service's."""
    return AzureOpenAI(service.base_url.removesuffix("/v1"), "voice", **{"key": KEY, **how})


def test_a_resource_s_name_leads_to_the_addresses_of_its_endpoint() -> None:
    provider = AzureOpenAI("My-Resource", "voice", key=KEY)
    assert provider.base_url == "https://my-resource.openai.azure.com/openai/v1"
    assert provider.calls_url == "https://my-resource.openai.azure.com/openai/v1/realtime/calls"
    assert provider.sideband_url("rtc_1") == (
        "wss://my-resource.openai.azure.com/openai/v1/realtime?call_id=rtc_1"
    )


@pytest.mark.parametrize("endpoint", ["https://r.openai.azure.com/", "https://r.openai.azure.com/openai/v1"])
def test_an_endpoint_may_be_given_instead_of_a_name(endpoint: str) -> None:
    assert AzureOpenAI(endpoint, "voice", key=KEY).base_url == "https://r.openai.azure.com/openai/v1"


def test_the_filter_is_asked_for_where_the_offer_goes_and_nowhere_else() -> None:
    provider = AzureOpenAI("r", "voice", key=KEY, webrtcfilter=True)
    assert provider.calls_url.endswith("/openai/v1/realtime/calls?webrtcfilter=on")
    assert provider.hides == "webrtcfilter=True"
    assert "webrtcfilter" not in provider.call_url("rtc_1", "hangup") + provider.sideband_url("rtc_1")


async def test_a_secret_is_minted_with_the_api_key_for_the_deployment(service: Service) -> None:
    service.answer(200, MINTED)
    provider = azure(service)
    secret = await provider.mint({"type": "realtime", "model": "gpt-realtime-2.1"})
    await provider.close()
    path, headers, body = service.requests[0]
    assert path == "/openai/v1/realtime/client_secrets"
    assert headers["api-key"] == KEY
    assert "authorization" not in headers
    assert json.loads(body)["session"] == {"type": "realtime", "model": "voice"}
    assert secret.value == "ek_azure"


async def test_a_client_secret_goes_as_bearer_token_and_the_key_stays(service: Service) -> None:
    service.answer(200, MINTED)
    provider = azure(service, webrtcfilter=True)
    secret = await provider.mint({"type": "realtime"})
    service.answers.clear()
    service.answer(201, "v=0", location="/openai/v1/realtime/calls/rtc_az?api=1")
    answer = await provider.create_call("v=0 offer", secret=secret)
    await provider.close()
    path, headers, _ = service.requests[-1]
    assert path == "/openai/v1/realtime/calls?webrtcfilter=on"
    assert headers["authorization"] == "Bearer ek_azure"
    assert "api-key" not in headers
    assert answer.rtc_call_id == "rtc_az"


async def test_the_kernel_posts_the_offer_with_the_deployment_for_a_model(service: Service) -> None:
    service.answer(201, "v=0", location="/openai/v1/realtime/calls/rtc_az")
    provider = azure(service)
    await provider.create_call("v=0 offer", session={"type": "realtime", "model": "gpt-realtime-2.1"})
    await provider.close()
    _, headers, body = service.requests[0]
    assert headers["api-key"] == KEY
    assert b'"model":"voice"' in body
    assert b"gpt-realtime" not in body


def plain(tokens: list[str]) -> Callable[[], Any]:
    return lambda: tokens.pop(0)


def awaited(tokens: list[str]) -> Callable[[], Any]:
    async def token() -> str:
        return tokens.pop(0)

    return token


@pytest.mark.parametrize("provide", [plain, awaited])
async def test_a_token_is_asked_for_before_every_request(
    service: Service, provide: Callable[[list[str]], Callable[[], Any]]
) -> None:
    service.answer(200, MINTED)
    provider = azure(service, key=None, token_provider=provide(["token-one", "token-two"]))
    await provider.mint({"type": "realtime"})
    await provider.mint({"type": "realtime"})
    await provider.close()
    sent = [headers["authorization"] for _, headers, _ in service.requests]
    assert sent == ["Bearer token-one", "Bearer token-two"]


async def test_a_token_that_the_service_repeats_is_not_shown(service: Service) -> None:
    service.answer(401, {"error": {"message": "bad token token-canary"}})
    provider = azure(service, key=None, token_provider=lambda: "token-canary")
    with pytest.raises(SecretError, match=r"bad token \[key\]"):
        await provider.mint({"type": "realtime"})
    await provider.close()


async def test_a_token_provider_that_gives_none_is_named(service: Service) -> None:
    provider = azure(service, key=None, token_provider=lambda: "")
    with pytest.raises(ConfigurationError, match="token_provider returned"):
        await provider.mint({"type": "realtime"})
    await provider.close()
    assert service.requests == []


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_token_provider_that_fails_fails_the_step_that_asked(
    service: Service, *, is_async: bool
) -> None:
    provider = azure(service, key=None, token_provider=failing(is_async=is_async))
    asked: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "secret": lambda: provider.mint({"type": "realtime"}),
        "offer": lambda: provider.create_call("v=0"),
        "refer": lambda: provider.ask_call("rtc_1", "refer", {"target_uri": "tel:+1"}),
        "hangup": lambda: provider.hang_up("rtc_1"),
    }
    for step, ask in asked.items():
        with pytest.raises(
            ConnectionFailed, match=r"token_provider failed \(RuntimeError: AADSTS7"
        ) as caught:
            await ask()
        assert caught.value.step == step
        assert "by itself" in str(caught.value)
        assert "canary" not in "".join(traceback.format_exception(caught.value))
    await provider.close()
    assert service.requests == []


def failing(*, is_async: bool) -> Callable[[], Any]:
    def token() -> str:
        raise RuntimeError("AADSTS7 at https://login.example/?sig=canary,\nBearer canary-0123456789")

    async def awaited() -> str:
        return token()

    return awaited if is_async else token


async def test_a_token_that_does_not_come_is_not_waited_for_without_end(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def token() -> str:
        await asyncio.sleep(60)
        return "late"

    monkeypatch.setattr("rtc_widget.providers._credentials._TOKEN_S", 0.1)
    provider = azure(service, key=None, token_provider=token)
    with pytest.raises(SecretError, match=r"token_provider gave no token within 0\.1 s"):
        await asyncio.wait_for(provider.mint({"type": "realtime"}), 10)
    await provider.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"resource": "my resource"}, "resource is the name"),
        ({"resource": "r.openai.azure.com"}, "resource is the name"),
        ({"resource": None}, "resource is the name"),
        ({"resource": "ftp://r"}, "no http"),
        ({"deployment": ""}, "deployment is the name"),
        ({"deployment": "a/b"}, "deployment is the name"),
        ({"deployment": "0123456789abcdef" * 2}, "deployment looks like a key"),
        ({"key": "https://r.openai.azure.com"}, "Azure OpenAI key is an address"),
        ({"key": "two words"}, "Azure OpenAI key holds a space"),
        ({"token_provider": lambda: "t"}, "not both"),
        ({"key": None, "token_provider": "a-token"}, "is a function"),
        ({"key": None}, "AZURE_OPENAI_API_KEY"),
        ({"webrtcfilter": "on"}, "True or False"),
    ],
)
def test_what_azure_does_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], words: str
) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=words) as caught:
        AzureOpenAI(**{"resource": "r", "deployment": "voice", "key": KEY, **arguments})
    assert KEY not in str(caught.value)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    assert "deployment='voice'" in repr(AzureOpenAI("r", "voice"))
