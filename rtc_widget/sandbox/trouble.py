"""Trouble on demand: requests that fail as the service's fail when it is busy, with `Retry-After`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from rtc_widget.sandbox.wire import ApiError, Event

__all__ = ["Trouble"]

_PLACES: Final = ("", "client_secrets", "calls", "realtime")
_WORDS: Final = {
    429: ("rate_limit_exceeded", "requests", "Rate limit reached for requests."),
    500: ("server_error", "server_error", "The server had an error while processing your request."),
    503: ("server_overloaded", "server_error", "The engine is currently overloaded, please try again later."),
}
_MOST_TIMES: Final = 1000


@dataclass
class _Order:
    place: str
    status: int
    times: int
    retry_after_s: float | None


@dataclass
class Trouble:
    """What is to fail next."""

    _orders: list[_Order] = field(default_factory=list)

    def order(self, asked: Event) -> None:
        """Let the next requests fail.

        Parameters
        ----------
        asked
            `status` (429, 500 or 503), `times` (1), `retry_after_s` (no header without it), and `place`:
            "client_secrets", "calls" or "realtime" (the WebSocket), every one of them without it.

        Raises
        ------
        ApiError
            It asks for something else.
        """
        given: Event = {"status": 429, "times": 1, "retry_after_s": None, "place": ""}
        for name in asked.keys() - given.keys():
            raise ApiError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        given |= asked
        _check("status", given["status"], tuple(_WORDS))
        _check("place", given["place"], _PLACES)
        times, retry_after_s = given["times"], given["retry_after_s"]
        if not isinstance(times, int) or not 0 <= times <= _MOST_TIMES:
            raise ApiError(f"Invalid 'times': 0 to {_MOST_TIMES}.", code="invalid_value", param="times")
        if retry_after_s is not None and (not isinstance(retry_after_s, int | float) or retry_after_s < 0):
            raise ApiError("Invalid 'retry_after_s': seconds.", code="invalid_value", param="retry_after_s")
        self._orders.append(_Order(given["place"], given["status"], times, retry_after_s))

    def strike(self, place: str) -> None:
        """Fail, if a request to a place is to fail.

        Raises
        ------
        ApiError
            It is.
        """
        for order in self._orders:
            if order.times > 0 and order.place in ("", place):
                order.times -= 1
                code, kind, message = _WORDS[order.status]
                error = ApiError(message, code=code, status=order.status)
                error.type = kind
                if order.retry_after_s is not None:
                    error.headers["Retry-After"] = f"{order.retry_after_s:g}"
                self._orders = [left for left in self._orders if left.times > 0]
                raise error


def _check(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        listed = ", ".join(f"'{choice}'" for choice in choices)
        raise ApiError(
            f"Invalid value: '{value}'. Supported values are: {listed}.", code="invalid_value", param=name
        )
