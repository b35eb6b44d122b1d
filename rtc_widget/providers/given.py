"""What a service gives: client secrets, answers to offers, and refusals of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget._known_keys import PASSING
from rtc_widget._secrets import keep_key

__all__ = ["Answer", "ClientSecret", "OfferRefused", "is_secret"]


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

    def __post_init__(self) -> None:
        """Keep it in mind: wherever somebody repeats it, it is masked."""
        keep_key(self.value, PASSING)

    def __reduce__(self) -> NoReturn:
        """Refuse: a key is in memory and nowhere else."""
        raise ConfigurationError("A client secret is not pickled: mint one where it is used.")


@dataclass(frozen=True)
class Answer:
    """The service's answer to an offer.

    Parameters
    ----------
    sdp
        The SDP answer.
    rtc_call_id
        `rtc_…`, None where the service names none.
    session_sent
        Whether the offer took its session along; else the session goes as an update once the call is up.
    """

    sdp: str
    rtc_call_id: str | None
    session_sent: bool = True


class OfferRefused(ConnectionFailed):
    """An offer got no answer that is one; `status` of HTTP where there was any."""

    def __init__(self, reason: str, status: int | None) -> None:
        super().__init__("offer", reason)
        self.status = status


def is_secret(value: object) -> bool:
    """Say whether a value can be a client secret, which goes into a header; not all begin with `ek_`."""
    return (
        isinstance(value, str)
        and bool(value)
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )
