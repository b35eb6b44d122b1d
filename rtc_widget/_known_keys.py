"""The keys that this process was given, or got from a service: found wherever somebody repeats one."""

from __future__ import annotations

import re
import threading
from functools import cached_property
from typing import Final

__all__ = ["LASTING", "PASSING", "hidden", "hidden_in_event", "keep"]

_SHORTEST: Final = 8
"""A shorter text is a word that may stand anywhere, and no key."""

_AS_IT_IS = re.compile(r"[A-Za-z0-9._~-]+")
"""What no JSON writes in any other way."""

_HEAD = re.compile(r"[A-Za-z0-9]{2,5}[._~-]?|.{0,5}")


class _Known:
    """A key, and how it is found: by its head first, which many keys have in common."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.core: str = max(_AS_IT_IS.findall(value), key=len, default="")
        found = _HEAD.match(self.core)
        self.head = b"" if found is None else found.group().encode()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The key as it is, or as JSON escapes it, once or more often."""
        text = "".join(map(_in_any_form, self.value))
        return re.compile(rf"(?<!\d){text}(?!\d)" if self.value.isdigit() else text)  # no part of a number


class _Newest:
    """So many keys, the oldest of which makes room for a new one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[str, _Known] = {}

    def add(self, value: str) -> None:
        self.known[value] = self.known.pop(value) if value in self.known else _Known(value)
        while len(self.known) > self.most:
            del self.known[next(iter(self.known))]


LASTING: Final = _Newest(256)
"""Keys of providers and of MCP servers."""

PASSING: Final = _Newest(32)
"""Client secrets and fresh tokens, of which there are many, and each soon ends."""

_keeping = threading.Lock()
_longest_first: tuple[_Known, ...] = ()
_heads: tuple[bytes, ...] = ()


def keep(value: str, where: _Newest = LASTING) -> None:
    """Keep a key in mind, from whichever thread; one that is kept counts as new."""
    global _longest_first, _heads  # noqa: PLW0603 - replaced as wholes, and read without the lock
    value = value.strip('"\\')  # at an end, JSON's own may stand for them
    if len(value) < _SHORTEST:
        return
    with _keeping:
        where.add(value)
        every = {**LASTING.known, **PASSING.known}.values()
        _longest_first = tuple(sorted(every, key=lambda key: -len(key.value)))
        _heads = tuple({key.head for key in every})


def hidden(text: str, mark: str) -> str:
    """Return a text with a mark for every key in it."""
    for key in _longest_first:
        if key.core in text:
            text = key.pattern.sub(lambda _: mark, text)
    return text


def hidden_in_event(text: bytes, mark: str) -> bytes:
    """Return the text of an event with a mark for every key in it; without one, as it came to the byte."""
    for head in _heads:
        if head in text:
            return hidden(text.decode(), mark).encode()
    return text


def _in_any_form(character: str) -> str:
    """Return a pattern of a character as it is, after a backslash, or by its number."""
    if _AS_IT_IS.match(character):
        return character.replace(".", r"\.")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    by_number = "".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return rf"(?:\\*{re.escape(character)}|(?i:{by_number}))"
