"""What every provider does, over httpx: mint a client secret, make a call, hang up."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConnectionFailed, SecretError
from rtc_widget.protocol.messages import encode
from rtc_widget.providers._credentials import Credentials, Key
from rtc_widget.providers._http import api_message, call_id_of, text_of
from rtc_widget.providers.given import Answer, ClientSecret, OfferRefused, is_secret
from rtc_widget.providers.policy import model_of
from rtc_widget.providers.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__ = ["Answer", "ClientSecret", "OfferRefused", "Provider", "is_secret"]

_OK = 200
_MULTIPLE_CHOICES = 300
_GONE = frozenset({404, 410})


class Provider(Service):
    """Where calls are made.

    Parameters
    ----------
    base_url
        Up to and including `/v1`.
    credentials
        What authenticates a request, or headers that do; kept out of every repr, pickle and message.
    trust_env
        Whether proxies of the environment are used.
    policy
        Limits on client secrets and calls; None is `SecretPolicy()`: secrets live for 30 s.
    """

    async def mint(
        self,
        session: dict[str, Any],
        *,
        seconds: int | None = None,
        requester: str = "kernel",
    ) -> ClientSecret:
        """Mint a client secret with the standard key; `audit` keeps that, whatever comes of it.

        Parameters
        ----------
        session
            Session fields that the secret carries.
        seconds
            How long it lives, 10 to 7200 s and no longer than a policy that was given allows; None takes the
            policy's.
        requester
            Who asked, for the audit.

        Raises
        ------
        SecretError
            With the status, the API's message and the request id, or what the policy forbids (then nothing
            was sent); never a key.
        ConnectionFailed
            With step "sandbox", where it does not start.
        """
        asked = self.session_of(session)
        model = model_of(asked)
        try:
            seconds = self._policy.check_seconds(seconds, capped=self._is_capped)
            self._policy.check_model(asked)
            self._rate.take()
            await self.ready()
            secret = await self._mint(asked, seconds)
        except SecretError as error:
            self._audit.add(
                model=model,
                requester=requester,
                request_id=error.request_id,
                outcome=f"refused: {error.reason}",
            )
            raise
        except BaseException as error:
            self._audit.add(model=model, requester=requester, outcome=f"failed: {type(error).__name__}")
            raise
        self._audit.add(
            model=model,
            requester=requester,
            expires_at=secret.expires_at,
            request_id=secret.request_id,
            outcome="minted",
        )
        return secret

    async def _mint(self, session: dict[str, Any], seconds: int) -> ClientSecret:
        body = {"expires_after": {"anchor": "created_at", "seconds": seconds}, "session": session}
        url = f"{self.base_url}/realtime/client_secrets"
        response = await self._http.post(url, json=body, failure=self._no_secret)
        if not _OK <= response.status_code < _MULTIPLE_CHOICES:
            raise self._refused(response)
        secret = self._read_secret(response, seconds)
        if secret is None:
            message = f"{self.name} answered the request for a client secret with something else than one."
            raise SecretError(
                message, status=response.status_code, request_id=self._http.request_id_of(response)
            )
        return secret

    def _read_secret(self, response: httpx.Response, seconds: int) -> ClientSecret | None:  # noqa: ARG002 - not every service says when a secret ends
        """Return the secret of an answer, None where there is none."""
        try:
            answer = response.json()
            value, expires_at = answer["value"], float(answer["expires_at"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        if not is_secret(value) or not isfinite(expires_at):
            return None
        return ClientSecret(value, expires_at, self._http.request_id_of(response))

    def _no_secret(self, reason: str) -> SecretError:
        return SecretError(f"No client secret from {self.name} at {self.base_url}: {reason}")

    def _refused(self, response: httpx.Response) -> SecretError:
        status = response.status_code
        request_id = self._http.request_id_of(response)
        text = api_message(response, self.credentials)
        aside = f" (request id {request_id})" if request_id else ""
        said = f"{self.name} refused to mint a client secret: HTTP {status}, {text}{aside}."
        return SecretError(said + self._advice(status), status=status, request_id=request_id)

    def _advice(self, status: int) -> str:
        """Return what to try after a mint that was refused with a status."""
        return {
            401: " Check the standard API key of this provider.",
            403: " The key may lack access to the Realtime API.",
            429: " Too many requests, or no quota left: wait, or look at your plan.",
        }.get(status, "")

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
        SecretError
            When the policy does not allow the session's model; nothing was sent.
        ConnectionFailed
            With step "offer" and the API's message.
        """
        credentials = None if secret is None else Credentials.bearer(Key(secret.value))
        if credentials is not None:
            await self.ready()
            response = await self._http.post(
                self.calls_url,
                content=offer_sdp.encode(),
                headers={"Content-Type": "application/sdp"},
                credentials=credentials,
                failure=self._no_call,
            )
        else:
            asked = self.session_of(session or {"type": "realtime"})
            self._policy.check_model(asked)
            await self.ready()
            parts = {
                "sdp": (None, offer_sdp.encode(), "application/sdp"),
                "session": (None, encode(asked).encode(), "application/json"),
            }
            response = await self._http.post(self.calls_url, files=parts, failure=self._no_call)
        return self._read_answer(response, credentials)

    def _read_answer(
        self, response: httpx.Response, credentials: Credentials | None, *, session_sent: bool = True
    ) -> Answer:
        if not _OK <= response.status_code < _MULTIPLE_CHOICES:
            known = [self.credentials, *([] if credentials is None else [credentials])]
            text = api_message(response, *known)
            raise self._no_call(f"HTTP {response.status_code}, {text}.", status=response.status_code)
        return Answer(text_of(response), call_id_of(response), session_sent)

    def _no_call(self, reason: str, *, status: int | None = None) -> ConnectionFailed:
        return OfferRefused(f"{self.name} at {self.base_url} refused the offer: {reason}", status)

    async def ask_call(self, rtc_call_id: str, what: str, body: dict[str, Any]) -> None:
        """Ask something of one call.

        Parameters
        ----------
        rtc_call_id
            Of the call.
        what
            "accept", "reject" or "refer".
        body
            What goes with it; of "accept", the session.

        Raises
        ------
        ConnectionFailed
            With the step's name and the API's message.
        SecretError
            When the policy does not allow the session's model; nothing was sent.
        """
        if what == "accept":
            body = self.session_of(body)
            self._policy.check_model(body)

        failure = self._failing(what)
        response = await self._http.post(self.call_url(rtc_call_id, what), json=body, failure=failure)
        if not _OK <= response.status_code < _MULTIPLE_CHOICES:
            raise failure(f"HTTP {response.status_code}, {api_message(response, self.credentials)}.")

    def _failing(self, what: str) -> Callable[[str], ConnectionFailed]:
        did_not = "end the call, which may go on" if what == "hangup" else f"{what} the call"

        def failure(reason: str) -> ConnectionFailed:
            return ConnectionFailed(what, f"{self.name} at {self.base_url} did not {did_not}: {reason}")

        return failure

    async def hang_up(self, rtc_call_id: str) -> None:
        """End a call by its id; a call that has ended already is no error.

        Parameters
        ----------
        rtc_call_id
            Of the call.

        Raises
        ------
        ConnectionFailed
            With step "hangup": the service refuses, or does not answer, so that the call may go on.
        """
        failure = self._failing("hangup")
        response = await self._ask_to_end(rtc_call_id, failure)
        status = response.status_code
        if not _OK <= status < _MULTIPLE_CHOICES and status not in _GONE:
            raise failure(f"HTTP {status}, {api_message(response, self.credentials)}.")

    async def _ask_to_end(
        self, rtc_call_id: str, failure: Callable[[str], ConnectionFailed]
    ) -> httpx.Response:
        return await self._http.post(self.call_url(rtc_call_id, "hangup"), failure=failure)

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
