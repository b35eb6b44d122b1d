"""What every provider does, over httpx: mint a client secret, make a call, hang up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConnectionFailed, SecretError
from rtc_widget.providers._http import Http, api_message, call_id_of, request_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["Answer", "ClientSecret", "Provider"]

_OK = 200
_MULTIPLE_CHOICES = 300


@dataclass(frozen=True)
class ClientSecret:
    """An ephemeral key; its value shows in no repr.

    Parameters
    ----------
    value
        The key itself.
    expires_at
        When it ends, in s since the epoch.
    request_id
        The service's id of the minting request.
    """

    value: str = field(repr=False)
    expires_at: float
    request_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """The service's answer to an offer.

    Parameters
    ----------
    sdp
        The SDP answer.
    rtc_call_id
        `rtc_…`, None where the service names none.
    """

    sdp: str
    rtc_call_id: str | None


class Provider:
    """Where calls are made.

    Parameters
    ----------
    base_url
        Up to and including `/v1`.
    headers
        What authenticates a request; kept out of every repr and message.
    trust_env
        Whether proxies of the environment are used.
    """

    name: str = "provider"
    is_sandbox: bool = False

    def __init__(self, base_url: str, headers: Mapping[str, str], *, trust_env: bool = True) -> None:
        self._http = Http(dict(headers), trust_env=trust_env)
        self._base_url = base_url.rstrip("/")
        self._sessions = 0

    @property
    def base_url(self) -> str:
        """Where the API is, up to and including `/v1`."""
        return self._base_url

    @property
    def calls_url(self) -> str:
        """Where a browser posts its offer."""
        return f"{self.base_url}/realtime/calls"

    def __repr__(self) -> str:
        """Name the provider and its address; never a key."""
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    async def ready(self) -> None:
        """Return when calls can be made: a service that runs elsewhere needs only our own HTTP client."""
        await self._http.open()

    async def mint(
        self,
        session: dict[str, Any],
        *,
        seconds: int = 30,
        requester: str = "kernel",  # noqa: ARG002 - kept for the audit
    ) -> ClientSecret:
        """Mint a client secret with the standard key.

        Parameters
        ----------
        session
            Session fields that the secret carries.
        seconds
            How long it lives, 10 to 7200 s.
        requester
            Who asked, for the audit.

        Raises
        ------
        SecretError
            With the status, the API's message and the request id; never a key.
        """
        body = {"expires_after": {"anchor": "created_at", "seconds": seconds}, "session": session}
        url = f"{self.base_url}/realtime/client_secrets"
        response = await self._http.post(url, json=body, failure=self._no_secret)
        if not _OK <= response.status_code < _MULTIPLE_CHOICES:
            raise self._refused(response)
        try:
            answer = response.json()
            value, expires_at = str(answer["value"]), float(answer["expires_at"])
        except (ValueError, KeyError, TypeError):
            message = f"{self.name} answered the request for a client secret with something else than one."
            raise SecretError(
                message, status=response.status_code, request_id=request_id_of(response)
            ) from None
        return ClientSecret(value, expires_at, request_id_of(response))

    def _no_secret(self, reason: str) -> SecretError:
        return SecretError(f"No client secret from {self.name} at {self.base_url}: {reason}")

    def _refused(self, response: httpx.Response) -> SecretError:
        status = response.status_code
        request_id = request_id_of(response)
        text = self._http.redact(api_message(response))
        advice = {
            401: " Check the standard API key of this provider.",
            403: " The key may lack access to the Realtime API.",
            429: " Too many requests, or no quota left: wait, or look at your plan.",
        }.get(status, "")
        aside = f" (request id {request_id})" if request_id else ""
        message = f"{self.name} refused to mint a client secret: HTTP {status}, {text}{aside}.{advice}"
        return SecretError(message, status=status, request_id=request_id)

    async def create_call(
        self, offer_sdp: str, *, session: dict[str, Any] | None = None, secret: ClientSecret | None = None
    ) -> Answer:
        """Post an offer and return the answer.

        Parameters
        ----------
        offer_sdp
            The SDP offer.
        session
            Session fields, sent beside the offer with the standard key.
        secret
            A client secret to use instead of the standard key; it carries its session.

        Raises
        ------
        ConnectionFailed
            With step "offer" and the API's message.
        """
        if secret is not None:
            headers = {"Authorization": f"Bearer {secret.value}", "Content-Type": "application/sdp"}
            response = await self._http.post(
                self.calls_url,
                content=offer_sdp.encode(),
                headers=headers,
                own_headers=False,
                failure=self._no_call,
            )
        else:
            parts = {
                "sdp": (None, offer_sdp.encode(), "application/sdp"),
                "session": (None, json.dumps(session or {"type": "realtime"}).encode(), "application/json"),
            }
            response = await self._http.post(self.calls_url, files=parts, failure=self._no_call)
        if not _OK <= response.status_code < _MULTIPLE_CHOICES:
            text = self._http.redact(api_message(response))
            raise self._no_call(f"HTTP {response.status_code}, {text}.")
        return Answer(response.text, call_id_of(response))

    def _no_call(self, reason: str) -> ConnectionFailed:
        return ConnectionFailed("offer", f"{self.name} at {self.base_url} refused the offer: {reason}")

    async def hang_up(self, rtc_call_id: str) -> None:
        """End a call by its id; a call that has ended already is no error."""
        url = f"{self.base_url}/realtime/calls/{rtc_call_id}/hangup"
        await self._http.post(url, failure=self._no_call)

    def join(self) -> None:
        """Count a session that uses this provider."""
        self._sessions += 1

    async def leave(self) -> None:
        """Count a session out; the last one lets the connections go, and a later one makes new ones."""
        self._sessions -= 1
        if self._sessions <= 0:
            await self.close()

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.close()
