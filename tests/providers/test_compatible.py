"""Services that are not quite OpenAI's: secrets of another form, no end, no call id, no key at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget import Compatible, ConfigurationError, OpenAI, SecretError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget import Provider
    from tests.providers.service import Service


@pytest.mark.parametrize(
    "answer",
    [
        {"value": "gw-token-1"},
        {"value": "gw-token-1", "expires_at": None},
        {"value": "gw-token-1", "expires_at": "soon"},
        {"client_secret": "gw-token-1"},
        {"client_secret": {"value": "gw-token-1"}, "id": "sess_1"},
    ],
)
async def test_a_secret_of_any_form_is_taken_and_ends_when_we_asked_it_to(
    service: Service, answer: dict[str, Any]
) -> None:
    service.answer(200, answer)
    provider = Compatible(service.base_url, key="gateway-key")
    secret = await provider.mint({"type": "realtime"}, seconds=60)
    await provider.close()
    assert secret.value == "gw-token-1"
    assert secret.expires_at == pytest.approx(time.time() + 60, abs=30)


async def test_the_end_that_the_service_names_counts(service: Service) -> None:
    service.answer(200, {"client_secret": {"value": "gw", "expires_at": 1_800_000_000}})
    provider = Compatible(service.base_url)
    assert (await provider.mint({"type": "realtime"})).expires_at == 1_800_000_000
    await provider.close()


@pytest.mark.parametrize("make", [Compatible, lambda url: OpenAI("sk-canary-0123", base_url=url)])
@pytest.mark.parametrize(
    "answer",
    [
        "<html>",
        "[" * 100_000,
        [],
        {"value": ""},
        {"client_secret": {}},
        {"value": 3},
        {"value": "ek_é", "expires_at": 1_800_000_000},
        {"value": "ek_a\r\nb", "expires_at": 1_800_000_000},
        {"value": "ek_a\n", "expires_at": 1_800_000_000},
        '{"value": "ek_a", "expires_at": 1e999}',
        {"value": "ek_a", "expires_at": "nan"},
        {"value": "ek_a", "expires_at": 10**400},
    ],
)
async def test_an_answer_without_a_secret_is_an_error(
    service: Service, make: Callable[[str], Provider], answer: object
) -> None:
    service.answer(200, answer)
    provider = make(service.base_url)
    with pytest.raises(SecretError, match="something else"):
        await provider.mint({"type": "realtime"})
    await provider.close()


async def test_without_a_key_nothing_authenticates(service: Service) -> None:
    service.answer(201, "v=0")
    provider = Compatible(service.base_url)
    answer = await provider.create_call("v=0 offer", session={"type": "realtime"})
    await provider.close()
    assert "authorization" not in service.requests[0][1]
    assert answer.rtc_call_id is None


async def test_a_service_that_mints_nothing_names_the_other_way(service: Service) -> None:
    service.answer(404, "Not Found")
    provider = Compatible(service.base_url)
    with pytest.raises(SecretError, match='signaling="kernel"'):
        await provider.mint({"type": "realtime"})
    await provider.close()


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("", "needs the address"),
        ("localhost:8000/v1", "no http"),
        ("http://", "no http"),
        ("http://[::1/v1", "no address"),
        ("http://x:99999/v1", "no address"),
        ("http://canary\x7f/v1", "no address"),
        ("http://host/can\nary/v1", "no address"),
        ("https://me:canary@host/v1", "leave it out"),
        ("https://host/v1?key=canary", "leave out what begins with"),
        (8000, "is a text"),
    ],
)
def test_an_address_that_is_none_is_refused_and_no_secret_of_it_shown(base_url: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Compatible(base_url)
    assert "canary" not in str(caught.value)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not empty"):
        Compatible("http://127.0.0.1:1/v1", key=" ")
