"""The HTTP of every provider: one httpx client, time limits, retries where the service says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from rtc_widget._limit import time_left_s
from rtc_widget._loop import on_loop
from rtc_widget.protocol.messages import encode
from rtc_widget.providers._credentials import NoToken
from rtc_widget.providers._environment import hindrance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from rtc_widget.providers._credentials import Credentials

__all__ = ["Http", "api_message", "call_id_of", "text_of"]

_ATTEMPTS = 3
_LONGEST_WAIT_S = 10.0
_ANSWER_S = 0.5
"""What has to be left of the asker's own time: who waits in vain never learns what the service said."""

_LIMIT_S = 20.0
"""Of one request, whole: httpx limits only the time between two pieces of an answer."""

_LARGEST_BYTES = 1_000_000
"""Secrets, answers to offers and refusals have some thousand."""

_TOO_MANY = 429
_SERVER_FAULT = 500
_LONGEST_TEXT = 200


class _TooLarge(Exception):
    """An answer has more than we read of one."""


class Http:
    """POST requests with a provider's own headers, from whichever loop: its connections live on our own.

    Parameters
    ----------
    credentials
        What authenticates; taken out of every message by `redact`.
    trust_env
        Whether proxies of the environment are used.
    """

    def __init__(self, credentials: Credentials, *, trust_env: bool) -> None:
        self.credentials = credentials
        self.trust_env = trust_env
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> httpx.AsyncClient:
        """Return the client; made on a thread apart, since it imports much and reads certificates."""
        return await on_loop(self._open())

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    def _make_client(self) -> httpx.AsyncClient:
        import anyio.lowlevel
        import httpx

        # The first request would import the rest of anyio on the loop, and hold up every call's sound.
        asyncio.run(anyio.lowlevel.checkpoint())
        return httpx.AsyncClient(timeout=httpx.Timeout(15.0, connect=5.0), trust_env=self.trust_env)

    def redact(self, text: str) -> str:
        """Return the text without any key in it."""
        return self.credentials.redact(text)

    def request_id_of(self, response: httpx.Response) -> str | None:
        """Return the service's id of the request, None where it gives none."""
        value: str | None = response.headers.get("x-request-id")
        return None if value is None else self.redact(value)

    async def post(
        self,
        url: str,
        *,
        failure: Callable[[str], Exception],
        headers: dict[str, str] | None = None,
        credentials: Credentials | None = None,
        method: str = "POST",
        json: Mapping[str, Any] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """POST, and try again on 429 and 5xx when `Retry-After` says when.

        Parameters
        ----------
        url
            Where.
        failure
            Makes the error of a reason, for a request that got no answer.
        headers
            Further headers; no secret is among them.
        credentials
            To use instead of the provider's own.
        method
            Of HTTP.
        json
            The body as an object.
        body
            As httpx takes it.
        """
        if json is not None:
            body["content"] = encode(json).encode()
            headers = {"Content-Type": "application/json", **(headers or {})}
        signer = self.credentials if credentials is None else credentials
        return await on_loop(self._ask(signer, failure, method, url, headers=headers, **body))

    async def _ask(
        self, signer: Credentials, failure: Callable[[str], Exception], method: str, url: str, **what: Any
    ) -> httpx.Response:
        try:
            client = await self.open()
        except Exception as error:  # noqa: BLE001 - whatever the environment has set
            raise failure(hindrance(error)) from None
        import httpx  # by now it costs the loop nothing

        for attempt in range(_ATTEMPTS):
            try:
                await signer.refresh()
            except NoToken as error:
                raise failure(f"{error.reason} {error.advice}") from None
            try:
                async with (
                    asyncio.timeout(_LIMIT_S),
                    client.stream(method, url, auth=signer.sign, **what) as coming,
                ):
                    response = await _whole(coming)
            except (TimeoutError, httpx.TimeoutException):
                raise failure("no whole answer in time. Check the network, then try again.") from None
            except _TooLarge:
                reason = f"its answer has more than {_LARGEST_BYTES:,} bytes. Check the address."
                raise failure(reason) from None
            except Exception as error:  # noqa: BLE001 - whatever it is, the frames that it went through hold the key
                reason = signer.redact(str(error)) or type(error).__name__
                raise failure(f"{reason}. Check the address and the network.") from None
            wait_s = _retry_after_s(response)
            if (
                wait_s is None
                or wait_s > min(_LONGEST_WAIT_S, time_left_s() - _ANSWER_S)
                or attempt == _ATTEMPTS - 1
            ):
                break
            await asyncio.sleep(wait_s)
        return response

    async def close(self) -> None:
        """Let the connections go."""
        await on_loop(self._close())

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _whole(coming: httpx.Response) -> httpx.Response:
    """Read a response to its end, as long as that is no larger than what a service has to say."""
    import httpx

    body = bytearray()
    async for piece in coming.aiter_bytes():
        body += piece
        if len(body) > _LARGEST_BYTES:
            raise _TooLarge
    # It is decoded by now.
    headers = [(name, value) for name, value in coming.headers.multi_items() if name != "content-encoding"]
    return httpx.Response(
        coming.status_code, headers=headers, content=bytes(body), extensions=coming.extensions
    )


def _retry_after_s(response: httpx.Response) -> float | None:
    if response.status_code != _TOO_MANY and response.status_code < _SERVER_FAULT:
        return None
    value = response.headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": a time of UTC that says of no place
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def api_message(response: httpx.Response, *credentials: Credentials) -> str:
    """Return the API's own words for a failed request, or what there is instead; without any key in it."""
    try:
        text, longest = str(response.json()["error"]["message"]), None
    except (ValueError, KeyError, TypeError, RecursionError):
        text, longest = text_of(response), _LONGEST_TEXT
    for known in credentials:
        text = known.redact(text)
    # Cut last: a part of a key is not found any more.
    return (text.strip()[:longest] or response.reason_phrase or "no message").rstrip(".")


def text_of(response: httpx.Response) -> str:
    """Return a body as text, whatever charset it says it has: not every name of one is of texts."""
    try:
        return response.content.decode(response.charset_encoding or "utf-8", errors="replace")
    except (LookupError, ValueError):
        return response.content.decode(errors="replace")


def call_id_of(response: httpx.Response) -> str | None:
    """Return the call id of the `Location` header, None where there is none."""
    location: str = response.headers.get("location", "")
    return location.partition("?")[0].rstrip("/").rsplit("/", 1)[-1] or None
