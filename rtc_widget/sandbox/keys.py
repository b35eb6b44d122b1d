"""Who may come in: the standard key, and the client secrets made with it."""

from __future__ import annotations

import hmac
import time
from typing import Final

from rtc_widget.sandbox.wire import ApiError, Event, fresh_secret

__all__ = ["Keys"]

SHORTEST_S: Final = 10
LONGEST_S: Final = 7200
DEFAULT_S: Final = 600


class Keys:
    """The keys of one sandbox; none is ever shown or logged.

    Parameters
    ----------
    standard
        The standard key.
    """

    def __init__(self, standard: str) -> None:
        self._standard = standard
        self._sessions: dict[str, tuple[float, Event]] = {}

    def __repr__(self) -> str:
        """Show how many there are, and no key."""
        return f"Keys({len(self._sessions)} client secrets)"

    def mint(self, session: Event, seconds: int) -> tuple[str, int]:
        """Return a new client secret, good for any number of calls until it expires, and when that is.

        Parameters
        ----------
        session
            The checked configuration its calls begin with.
        seconds
            How long it is good for.

        Returns
        -------
        tuple[str, int]
            The secret, and seconds since the epoch.
        """
        now = time.time()
        self._sessions = {key: entry for key, entry in self._sessions.items() if entry[0] > now - LONGEST_S}
        secret = fresh_secret("ek_")
        self._sessions[secret] = (now + seconds, session)
        return secret, int(now + seconds)

    def check_standard(self, header: str | None) -> None:
        """Let the standard key in, and nothing else.

        Parameters
        ----------
        header
            `Authorization` as it came.

        Raises
        ------
        ApiError
            401.
        """
        key = _bearer(header)
        if not self._is_standard(key):
            raise _incorrect()

    def session_of(self, header: str | None) -> Event | None:
        """Return the configuration of a client secret; None for the standard key.

        Raises
        ------
        ApiError
            401: no key, a wrong one, or one that has expired.
        """
        key = _bearer(header)
        if self._is_standard(key):
            return None
        expires_at, session = self._sessions.get(key, (0.0, None))
        if session is None:
            raise _incorrect()
        if expires_at < time.time():
            raise ApiError("This client secret has expired.", code="expired_api_key", status=401)
        return session

    def _is_standard(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self._standard.encode())


def _bearer(header: str | None) -> str:
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ApiError(
            "You didn't provide an API key: send it as a header, Authorization: Bearer YOUR_KEY.",
            code="missing_api_key",
            status=401,
        )
    return key.strip()


def _incorrect() -> ApiError:
    return ApiError(
        "Incorrect API key provided: this sandbox takes its own key, which it prints when it starts.",
        code="invalid_api_key",
        status=401,
    )
