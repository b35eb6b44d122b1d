"""Any service that speaks the Realtime API, its quirks borne: gateways, local servers, other makers."""

from __future__ import annotations

import time
from math import isfinite
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._address import checked_base_url
from rtc_widget.providers._credentials import Credentials, Key, checked_key
from rtc_widget.providers.base import Answer, ClientSecret, OfferRefused, Provider, is_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from rtc_widget._errors import ConnectionFailed
    from rtc_widget.providers.policy import SecretPolicy

__all__ = ["Compatible"]

_NO_SUCH_PLACE = frozenset({404, 405, 501})
_NO_FORMS = 415


class Compatible(Provider):
    """A service that answers offers at `{base_url}/realtime/calls`.

    It may mint secrets that do not begin with `ek_`, not say when they end, name no call id, take no session
    with the offer and leave events out: what is missing is `NA` in the frames.

    Parameters
    ----------
    base_url
        Up to and including `/v1`, or whatever stands before `/realtime`.
    key
        Its standard key, sent as Bearer token; None: it asks for none.
    policy
        Limits on client secrets and calls.

    Raises
    ------
    ConfigurationError
        For what is no address, or no key.
    """

    name = "compatible"

    def __init__(self, base_url: str, *, key: str | None = None, policy: SecretPolicy | None = None) -> None:
        given, key = None if key is None else Key(key), None
        address: object = base_url
        if address is None or (isinstance(address, str) and not address.strip()):
            raise ConfigurationError(
                'Compatible needs the address of the service: rtc.Compatible("http://127.0.0.1:8765/v1").'
            )
        checked = checked_base_url(address)
        credentials = (
            Credentials() if given is None else Credentials.bearer(checked_key(given, "service's key"))
        )
        super().__init__(checked, credentials, policy=policy)

    async def create_call(
        self, offer_sdp: str, *, session: dict[str, Any] | None = None, secret: ClientSecret | None = None
    ) -> Answer:
        """Post an offer, with its session beside it where the service takes that, and return the answer.

        Parameters
        ----------
        offer_sdp
            The SDP offer.
        session
            Session fields.
        secret
            A client secret to use instead of the standard key.

        Raises
        ------
        ConnectionFailed
            With step "offer" and the service's message.
        """
        try:
            return await super().create_call(offer_sdp, session=session, secret=secret)
        except OfferRefused as refusal:
            if refusal.status != _NO_FORMS or secret is not None:
                raise
        response = await self._http.post(
            self.calls_url,
            content=offer_sdp.encode(),
            headers={"Content-Type": "application/sdp"},
            failure=self._no_call,
        )
        return self._read_answer(response, None, session_sent=False)

    async def _ask_to_end(
        self, rtc_call_id: str, failure: Callable[[str], ConnectionFailed]
    ) -> httpx.Response:
        """Ask as the API has it, or delete the call where there is no such place."""
        response = await super()._ask_to_end(rtc_call_id, failure)
        if response.status_code in _NO_SUCH_PLACE:
            place = f"{self.base_url}/realtime/calls/{rtc_call_id}"
            response = await self._http.post(place, method="DELETE", failure=failure)
        return response

    def _read_secret(self, response: httpx.Response, seconds: int) -> ClientSecret | None:
        """Return the secret of an answer in any of the forms that are about, None where there is none."""
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            return None
        if not isinstance(answer, dict):
            return None
        # As sessions of the beta had it: an object beside the session's own fields.
        inner = answer.get("client_secret")
        holder = inner if isinstance(inner, dict) else answer
        value = inner if isinstance(inner, str) else holder.get("value")
        if not isinstance(value, str) or not is_secret(value):
            return None
        try:
            expires_at = float(holder["expires_at"])
        except (KeyError, TypeError, ValueError):
            expires_at = time.time() + seconds
        except OverflowError:
            return None
        if not isfinite(expires_at):
            return None
        return ClientSecret(value, expires_at, self._http.request_id_of(response))

    def _advice(self, status: int) -> str:
        if status in _NO_SUCH_PLACE:
            other_way = 'signaling="kernel"'
            return f" A service that mints no client secrets takes offers with its key: {other_way}."
        return super()._advice(status)
