"""What goes over the wire: identifiers, obfuscation and errors, written as the API writes them."""

from __future__ import annotations

import json
import math
import random
import secrets
import string
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ApiError", "Event", "fresh_id", "fresh_secret", "is_beta", "obfuscation", "parsed", "written"]

Event = dict[str, Any]
"""A client or server event, or a piece of one."""

_ALPHABET: Final = string.ascii_letters + string.digits
_OBFUSCATION_BLOCK: Final = 16
_DEEPEST: Final = 100
"""What is nested deeper could be read, but not be checked, copied and written again."""
_TOO_DEEP: Final = f"it is nested more than {_DEEPEST} levels deep"
_random = random.Random()  # noqa: S311 - names, not secrets


class ApiError(Exception):
    """A request or client event that the API refuses.

    Parameters
    ----------
    message
        What is wrong, in the API's words.
    code
        The API's code ("unknown_parameter"), None where it has none.
    param
        The place of the fault ("session.audio.output.speed").
    status
        The HTTP status where it answers a request.

    Attributes
    ----------
    headers
        Those of the answer to a request.
    """

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.status = status
        self.headers: dict[str, str] = {}
        self.type = "invalid_request_error"

    def body(self) -> Event:
        """Return the error object of an HTTP answer or `error` event."""
        return {"type": self.type, "code": self.code, "message": str(self), "param": self.param}


def parsed(text: str | bytes) -> Any:
    """Return the value that a client's JSON holds.

    Raises
    ------
    ValueError
        It is no JSON, as NaN is none, or too large a number or too deep an object is in it.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal} is no finite number")
    return number


def written(value: Any) -> str:
    """Return a value as JSON; half a surrogate pair, which UTF-8 cannot hold, as its escape."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def is_beta(headers: Mapping[str, str], protocols: Sequence[str] = ()) -> bool:
    """Return whether a client asks for the beta of the API: by its header, or by a browser's subprotocol."""
    return "realtime" in headers.get("openai-beta", "") or "openai-beta.realtime-v1" in protocols


def fresh_id(prefix: str, length: int = 21) -> str:
    """Return a new identifier such as `item_E6U0xpLmn5e80rVGpEeKv`."""
    return f"{prefix}_{''.join(_random.choices(_ALPHABET, k=length))}"


def fresh_secret(prefix: str, length: int = 40) -> str:
    """Return a new key that nobody can guess."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def obfuscation(delta: str) -> str:
    """Return the padding that hides a delta's length: with it, deltas come in blocks of 16."""
    return "".join(_random.choices(_ALPHABET, k=-len(delta) % _OBFUSCATION_BLOCK))
