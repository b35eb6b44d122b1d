"""What authenticates a request: keys that show in no repr, no pickle and no message."""

from __future__ import annotations

import asyncio
import inspect
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget._known_keys import PASSING
from rtc_widget._secrets import keep_headers, keep_key, masked_address, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["Credentials", "Key", "KeyVariable", "NoToken", "checked_key", "given_key"]

_TOKEN_S = 60.0
"""Somebody may have to sign in first."""

_LONGEST_TEXT = 500
_SHORTEST = 4
"""A shorter value would be found in ordinary words, and is no key."""


class KeyVariable(StrEnum):
    """The names that keys have in the environment; a process that we start gets only its own."""

    OPENAI = "OPENAI_API_KEY"
    AZURE = "AZURE_OPENAI_API_KEY"
    SANDBOX = "RTC_SANDBOX_KEY"
    BRAIN = "RTC_SANDBOX_BRAIN_KEY"


class Key:
    """A secret text: `reveal()` gives it, nothing else does.

    A verbose traceback shows every variable on its way: what is given becomes one before anything is checked.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        value: str = self._value
        return value

    @property
    def is_blank(self) -> bool:
        """Whether it is a text with nothing in it."""
        return isinstance(self._value, str) and not self._value.strip()

    def __repr__(self) -> str:
        """Show that there is one."""
        return "[key]"

    def __reduce__(self) -> NoReturn:
        """Refuse: a key is in memory and nowhere else."""
        raise ConfigurationError("A key is not pickled: make the provider where it is used.")


def given_key(value: object, variable: str) -> Key:
    """Return what was given for a key, or what the environment has instead of None; not checked yet."""
    return Key(os.environ.get(variable, "") if value is None else value)


def checked_key(given: Key, whose: str) -> Key:
    """Check that what was given can be a key.

    Raises
    ------
    ConfigurationError
        For what is no key; the message does not show it.
    """
    fault = _fault_of(given)
    if fault is not None:
        raise ConfigurationError(f"The {whose} {fault}")
    return Key(given.reveal().strip())


def _fault_of(given: Key) -> str | None:
    value: object = given.reveal()
    if not isinstance(value, str) or given.is_blank:
        return "is a text that is not empty."
    bare = value.strip()
    if not bare.isascii() or not bare.isprintable() or any(character.isspace() for character in bare):
        return "holds a space or a character that no key has: copy it again, whole."
    return "is an address: give the key itself." if "://" in bare else None


class NoToken(ConnectionFailed):
    """What is asked for a token failed; the step is that of the request which needs one."""

    def __init__(self, reason: str, step: str = "token") -> None:
        super().__init__(step, reason, "Call your token_provider by itself to see all of it.")


class Credentials:
    """Headers that authenticate, made when a request leaves.

    Parameters
    ----------
    headers
        By name; every value is kept as a secret.
    token
        Returns a fresh bearer token, at once or when awaited; asked before every request.
    """

    def __init__(self, headers: Mapping[str, str | Key] | None = None, *, token: Any = None) -> None:
        self._headers = {
            name: value if isinstance(value, Key) else Key(value) for name, value in (headers or {}).items()
        }
        self._token = token
        self._last: Key | None = None

    @classmethod
    def bearer(cls, key: Key, **headers: str) -> Credentials:
        """Return those of a bearer token, and further headers."""
        return cls({"Authorization": Key(f"Bearer {key.reveal()}"), **headers})

    def keep(self) -> None:
        """Keep the headers in mind: wherever somebody repeats them, they are masked."""
        keep_headers({name: key.reveal() for name, key in self._headers.items()})

    async def refresh(self) -> None:
        """Get a fresh token, where there is somebody to ask; off the loop, since that may take a while.

        Raises
        ------
        ConfigurationError
            When what is asked gives no token.
        NoToken
            When it fails, or takes too long.
        """
        if self._token is None:
            return
        try:
            async with asyncio.timeout(_TOKEN_S) as limit:
                fresh = await self._fresh()
        except Exception as error:  # noqa: BLE001 - somebody's function; its frames hold what it signs in with
            if limit.expired():
                raise NoToken(f"token_provider gave no token within {_TOKEN_S:g} s.") from None
            said = self.redact(masked_address(" ".join(f"{type(error).__name__}: {error}".split())))
            raise NoToken(f"token_provider failed ({said[:_LONGEST_TEXT]}).") from None
        self._last = checked_key(fresh, "token that token_provider returned")
        keep_key(self._last.reveal(), PASSING)

    async def _fresh(self) -> Key:
        if inspect.iscoroutinefunction(self._token):
            return Key(await self._token())
        value = await asyncio.to_thread(self._token)
        return Key(await value if inspect.isawaitable(value) else value)

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
