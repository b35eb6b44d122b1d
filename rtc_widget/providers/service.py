"""What a provider is before it does anything: an address, a key that stays in memory, limits, an audit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget._errors import ConfigurationError
from rtc_widget.providers._address import checked_base_url, sideband_url
from rtc_widget.providers._credentials import Credentials
from rtc_widget.providers._http import Http
from rtc_widget.providers.audit import Audit
from rtc_widget.providers.policy import Rate, SecretPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["Service"]


class Service:
    """Where a Realtime API is, and what we may ask of it; parameters as of `Provider`."""

    name: str = "provider"
    is_sandbox: bool = False
    hides: str | None = None
    """What keeps events from a browser that a sideband would bring; None where nothing does."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | Mapping[str, str],
        *,
        trust_env: bool = True,
        policy: SecretPolicy | None = None,
    ) -> None:
        kept = credentials if isinstance(credentials, Credentials) else Credentials(credentials)
        credentials = kept  # no header in the clear, where something below raises
        if policy is not None and not isinstance(policy, SecretPolicy):
            raise ConfigurationError(f"policy is an rtc.SecretPolicy(…), not a {type(policy).__name__}.")
        kept.keep()
        self._http = Http(kept, trust_env=trust_env)
        address: object = base_url
        self._base_url = "" if isinstance(address, str) and not address else checked_base_url(address)
        self._policy = SecretPolicy() if policy is None else policy
        self._is_capped = policy is not None
        self._rate = Rate(self._policy.max_per_minute, "this provider")
        self._audit = Audit()
        self._sessions = 0

    @property
    def policy(self) -> SecretPolicy:
        """Limits on client secrets and calls."""
        return self._policy

    @property
    def audit(self) -> pd.DataFrame:
        """A row a request for a client secret: time, model, expiry, request_id, requester, outcome."""
        return self._audit.frame()

    @property
    def base_url(self) -> str:
        """Where the API is, up to and including `/v1`."""
        return self._base_url

    @property
    def calls_url(self) -> str:
        """Where a browser posts its offer."""
        return f"{self.base_url}/realtime/calls"

    def call_url(self, rtc_call_id: str, what: str) -> str:
        """Return where to ask something of one call.

        Parameters
        ----------
        rtc_call_id
            Of the call.
        what
            "hangup", "accept", "reject" or "refer".
        """
        return f"{self.base_url}/realtime/calls/{rtc_call_id}/{what}"

    def sideband_url(self, rtc_call_id: str) -> str:
        """Return the address of the WebSocket that joins a call.

        Parameters
        ----------
        rtc_call_id
            Of the call.
        """
        return sideband_url(self.base_url, rtc_call_id)

    @property
    def credentials(self) -> Credentials:
        """What authenticates with the standard key; shows in no repr."""
        return self._http.credentials

    @property
    def trust_env(self) -> bool:
        """Whether proxies of the environment are used."""
        return self._http.trust_env

    def session_of(self, session: Mapping[str, Any]) -> dict[str, Any]:
        """Return a session as this service takes it.

        Parameters
        ----------
        session
            Its fields, nested.
        """
        return dict(session)

    def __repr__(self) -> str:
        """Name the provider and its address; never a key."""
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse: a provider holds a key, which is in memory and nowhere else."""
        raise ConfigurationError(
            f"{type(self).__name__} holds a key and is not pickled or copied: make it where it is used, "
            "from the environment of that process."
        )

    async def ready(self) -> None:
        """Return when calls can be made: a service that runs elsewhere needs only our own HTTP client."""
        with contextlib.suppress(Exception):  # told where something is asked: that has a step
            await self._http.open()
