"""Limits on client secrets and calls, enforced before any request leaves."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import is_iterable
from rtc_widget._errors import ConfigurationError, SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PolicyRefusal", "Rate", "SecretPolicy", "model_of"]

_FORBIDDEN = 403
_TOO_MANY = 429
_MINUTE_S = 60.0
_LONGEST_CALL_MINUTES = 60.0


class PolicyRefusal(SecretError):
    """A policy of ours said no: nothing was sent.

    Parameters
    ----------
    message
        Why, and what would be allowed.
    status
        What a server answers: 403, or 429 for too many.
    retry_after_s
        When to try again, in s.
    """

    def __init__(self, message: str, *, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class SecretPolicy:
    """What a provider may be asked for.

    Parameters
    ----------
    seconds
        How long a client secret lives at most, and lives where nobody says otherwise: 10 to 7200 s.
    max_per_minute
        Client secrets within any 60 s; None is no limit.
    max_call_minutes
        Longest call of a session, which hangs up then; None leaves it to the service (60 minutes). A call
        that is made elsewhere with a client secret is out of its reach.
    models
        The only models that may be asked for; None allows all.

    Raises
    ------
    ConfigurationError
        For a limit that is none.
    """

    seconds: int = 30
    max_per_minute: int | None = None
    max_call_minutes: float | None = None
    models: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        _check_seconds(self.seconds)
        limit: Any = self.max_per_minute
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise ConfigurationError(f"max_per_minute is a whole number from 1 on, or None, not {limit!r}.")
        minutes: Any = self.max_call_minutes
        if minutes is not None and (
            isinstance(minutes, bool)
            or not isinstance(minutes, int | float)
            or not 0 < minutes <= _LONGEST_CALL_MINUTES
        ):
            raise ConfigurationError(
                "max_call_minutes is more than 0 and at most 60 (the service's own limit), or None, "
                f"not {minutes!r}."
            )
        self._check_models()

    def _check_models(self) -> None:
        if self.models is None:
            return
        given: object = self.models
        names = [given] if isinstance(given, str) else list(given) if is_iterable(given) else []
        if not names or not all(isinstance(name, str) and name.strip() for name in names):
            raise ConfigurationError(
                f'models names at least one model: models=["{protocol.DEFAULT_MODEL}"], or None for all.'
            )
        object.__setattr__(self, "models", tuple(names))

    def check_model(self, session: Mapping[str, Any]) -> None:
        """Refuse a session of a model that is not allowed.

        Parameters
        ----------
        session
            Its fields, nested; of a transcription session, the model that transcribes counts.

        Raises
        ------
        SecretError
            Names the models that are.
        """
        model = model_of(session)
        if self.models is not None and model not in self.models:
            said = "no model" if model is None else f"model {model!r}"
            allowed = ", ".join(self.models)
            raise PolicyRefusal(f"The policy does not allow {said}; it allows {allowed}.", status=_FORBIDDEN)

    def check_seconds(self, seconds: int | None, *, capped: bool = True) -> int:
        """Return how long a client secret shall live.

        Parameters
        ----------
        seconds
            What is asked for; None takes the policy's.
        capped
            Whether it may not be longer than that.

        Raises
        ------
        SecretError
            For longer than the policy allows.
        ConfigurationError
            For what the API does not take.
        """
        if seconds is None:
            return self.seconds
        _check_seconds(seconds)
        if capped and seconds > self.seconds:
            raise PolicyRefusal(
                f"The policy lets a client secret live for {self.seconds} s at most, not {seconds} s.",
                status=_FORBIDDEN,
            )
        return seconds


class Rate:
    """Counts within any 60 s, exactly, from whichever thread.

    Parameters
    ----------
    per_minute
        How many; None is no limit.
    whose
        What is counted, for the error.
    """

    def __init__(self, per_minute: int | None, whose: str) -> None:
        self._per_minute = per_minute
        self._whose = whose
        self._lock = threading.Lock()
        self._taken_s: deque[float] = deque()

    def take(self) -> None:
        """Count one.

        Raises
        ------
        SecretError
            When there are as many as there may be; says when to try again.
        """
        if self._per_minute is None:
            return
        with self._lock:
            now_s = time.monotonic()
            while self._taken_s and now_s - self._taken_s[0] >= _MINUTE_S:
                self._taken_s.popleft()
            if len(self._taken_s) >= self._per_minute:
                wait_s = _MINUTE_S - (now_s - self._taken_s[0])
                raise PolicyRefusal(
                    f"Too many client secrets for {self._whose}: the policy allows {self._per_minute} a "
                    f"minute. Try again in {wait_s:.0f} s.",
                    status=_TOO_MANY,
                    retry_after_s=wait_s,
                )
            self._taken_s.append(now_s)

    @property
    def is_idle(self) -> bool:
        """Whether nothing was counted in the last 60 s."""
        with self._lock:
            return not self._taken_s or time.monotonic() - self._taken_s[-1] >= _MINUTE_S


def _check_seconds(seconds: object) -> None:
    if not isinstance(seconds, int):
        raise ConfigurationError(
            f"A client secret lives for a whole number of seconds from 10 to 7200, not {seconds!r}."
        )
    protocol.check_secret_seconds(seconds)


def model_of(session: Mapping[str, Any]) -> str | None:
    """Return the model of a session; of a transcription session, the one that transcribes."""
    if session.get("type") != "transcription":
        model = session.get("model")
        return model if isinstance(model, str) else None
    found: Any = session
    for step in ("audio", "input", "transcription", "model"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
