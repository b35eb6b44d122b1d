"""The order of what is asked and what is changed: an answer is asked for under what was changed before it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Order", "Place"]

_UPDATED = "session.updated"


class Place:
    """The place of one command among all that ask for an answer or change the session.

    Parameters
    ----------
    before
        Those that it does not overtake.
    changes
        Whether it changes the session.
    """

    def __init__(self, before: Sequence[Place], *, changes: bool) -> None:
        self.changes = changes
        self._before = before
        self._passed = asyncio.Event()

    async def turn(self) -> None:
        """Return when nothing before it can be overtaken any more."""
        for other in self._before:
            await other._passed.wait()  # noqa: SLF001 - of this class

    def passed(self) -> None:
        """Let go those that wait for it: its answer has begun."""
        self._passed.set()


class Order:
    """Gives each command its place as it begins; on the loop only.

    A change waits for all before it, an answer for the changes: nobody waits for one that came later, nor for
    an answer that has begun.
    """

    def __init__(self) -> None:
        self._open: list[Place] = []
        self._lines: dict[str, asyncio.Lock] = {}

    @contextmanager
    def place(self, *, changes: bool = False) -> Iterator[Place]:
        """Take the next place; whatever becomes of it, it has passed when the block ends."""
        place = Place([one for one in self._open if changes or one.changes], changes=changes)
        self._open.append(place)
        try:
            yield place
        finally:
            place.passed()
            self._open.remove(place)

    def line(self, what: str) -> asyncio.Lock:
        """Return the lock of what is done one at a time, first in first out."""
        return self._lines.setdefault(what, asyncio.Lock())

    async def updated(self, place: Place) -> None:
        """Wait until what was changed before has been confirmed: an answer is asked for under it."""
        await place.turn()
        async with self.line(_UPDATED):  # what no command changes: the session that a call begins with
            return
