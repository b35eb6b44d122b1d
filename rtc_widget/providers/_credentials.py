"""What authenticates a request: keys that show in no repr, no pickle and no message."""

from __future__ import annotations

import asyncio
import inspect
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget._errors import ConfigurationError
from rtc_widget._known_keys import PASSING
from rtc_widget._secrets import keep_headers, keep_key, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["Credentials", "Key", "KeyVariable", "checked_key"]

_SHORTEST = 4
"""A shorter value would be found in ordinary words, and is no key."""


class KeyVariable(StrEnum):
    """The names that keys have in the environment; a process that we start gets only its own."""

    OPENAI = "OPENAI_API_KEY"
    AZURE = "AZURE_OPENAI_API_KEY"
    SANDBOX = "RTC_SANDBOX_KEY"
    BRAIN = "RTC_SANDBOX_BRAIN_KEY"


class Key:
    """A secret text: `reveal()` gives it, nothing else does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def __repr__(self) -> str:
        """Show that there is one."""
        return "[key]"

    def __reduce__(self) -> NoReturn:
        """Refuse: a key is in memory and nowhere else."""
        raise ConfigurationError("A key is not pickled: make the provider where it is used.")


def checked_key(value: object, whose: str) -> Key:
    """Check that a text can be a key.

    Raises
    ------
    ConfigurationError
        For what is no key; the message does not show it.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"The {whose} is a text that is not empty.")
    bare = value.strip()
    if not bare.isascii() or not bare.isprintable() or any(character.isspace() for character in bare):
        raise ConfigurationError(
            f"The {whose} holds a space or a character that no key has: copy it again, whole."
        )
    if "://" in bare:
        raise ConfigurationError(f"The {whose} is an address: give the key itself.")
    return Key(bare)


class Credentials:
    """Headers that authenticate, made when a request leaves.

    Parameters
    ----------
    headers
        By name; every value is kept as a secret.
    token
        Returns a fresh bearer token, at once or when awaited; asked before every request.
    """

    def __init__(self, headers: Mapping[str, str] | None = None, *, token: Any = None) -> None:
        self._headers = {name: Key(value) for name, value in (headers or {}).items()}
        self._token = token
        self._last: Key | None = None

    @classmethod
    def bearer(cls, value: str) -> Credentials:
        """Return those of a bearer token."""
        return cls({"Authorization": f"Bearer {value}"})

    def keep(self) -> None:
        """Keep the headers in mind: wherever somebody repeats them, they are masked."""
        keep_headers({name: key.reveal() for name, key in self._headers.items()})

    async def refresh(self) -> None:
        """Get a fresh token, where there is somebody to ask; off the loop, since that may take a while.

        Raises
        ------
        ConfigurationError
            When what is asked gives no token.
        """
        if self._token is None:
            return
        value: Any
        if inspect.iscoroutinefunction(self._token):
            value = await self._token()
        else:
            value = await asyncio.to_thread(self._token)
            if inspect.isawaitable(value):
                value = await value
        self._last = checked_key(value, "token that token_provider returned")
        keep_key(self._last.reveal(), PASSING)

    def sign(self, request: httpx.Request) -> httpx.Request:
        """Add the headers to a request."""
        request.headers.update(self.headers())
        return request

    def headers(self) -> dict[str, str]:
        """Return the headers in the clear; keep them in no variable."""
        found = {name: key.reveal() for name, key in self._headers.items()}
        if self._last is not None:
            found["Authorization"] = f"Bearer {self._last.reveal()}"
        return found

    def redact(self, text: str) -> str:
        """Return the text without any of these keys in it, nor what looks like another."""
        keys = [*self._headers.values(), *([] if self._last is None else [self._last])]
        for key in keys:
            secret = key.reveal().removeprefix("Bearer ").strip()
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, "[key]")
        return redacted(text)

    def __repr__(self) -> str:
        """Name the headers, and no value."""
        names = [*self._headers, *([] if self._token is None else ["Authorization"])]
        return f"Credentials({', '.join(names)})"
