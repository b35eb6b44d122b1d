"""Requests fail on demand, as the service's do when it is busy, and then no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from websockets.exceptions import InvalidStatus

from tests.sandbox.socket_client import socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.service import Service

SECRETS = "/realtime/client_secrets"
TROUBLE = "/sandbox/trouble"


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=service.base_url, headers=service.authorization, trust_env=False
    ) as client:
        yield client


async def test_a_busy_service_says_when_to_come_again(http: httpx.AsyncClient) -> None:
    order = {"status": 429, "retry_after_s": 0.5, "times": 2, "place": "client_secrets"}
    assert (await http.post(TROUBLE, json=order)).status_code == 200
    for _ in range(2):
        refused = await http.post(SECRETS, json={})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "0.5")
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert refused.headers["x-request-id"].startswith("req_")
    assert (await http.post(SECRETS, json={})).status_code == 200


async def test_the_openai_package_comes_again(http: httpx.AsyncClient, service: Service) -> None:
    await http.post(TROUBLE, json={"status": 503, "retry_after_s": 0.1, "place": "client_secrets"})
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as api:
        assert (await api.realtime.client_secrets.create()).value.startswith("ek_")


async def test_a_websocket_is_refused_too(http: httpx.AsyncClient, service: Service) -> None:
    await http.post(TROUBLE, json={"status": 503, "place": "realtime"})
    with pytest.raises(InvalidStatus) as caught:
        async with socket(service, "model=sandbox"):
            pass
    assert caught.value.response.status_code == 503
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize(
    "order", [{"status": 200}, {"place": "x"}, {"times": -1}, {"retry_after_s": "soon"}, {"when": 1}]
)
async def test_other_trouble_is_not_to_be_had(http: httpx.AsyncClient, order: dict[str, Any]) -> None:
    answer = await http.post(TROUBLE, json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(order))
