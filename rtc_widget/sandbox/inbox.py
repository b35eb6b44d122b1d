"""Client events, obeyed in the order in which they came; those that take long, step by step."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

__all__ = ["Inbox"]

_MOST_WAITING: Final = 16 * 1024 * 1024


class Inbox:
    """What a client asks of a session.

    Parameters
    ----------
    obey
        Obeys one event, as JSON text; after each step of the iterator, others may have their turn.
    start
        Begins some work that ends with the session.
    """

    def __init__(
        self,
        obey: Callable[[str], Iterator[None]],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._obey = obey
        self._start = start
        self._waiting: deque[str] = deque()
        self._n_waiting = 0
        self._work: asyncio.Task[None] | None = None
        self._is_closed = False

    def take(self, text: str) -> None:
        """Obey an event at once, or after those that came before it."""
        if self._is_closed:
            return
        if self._work is not None and not self._work.done():
            self._waiting.append(text)
            self._n_waiting += len(text)
            return
        steps = self._obey(text)
        for _ in steps:
            self._work = self._start(self._go_on(steps))
            return

    async def has_room(self) -> None:
        """Return once no more waits than about the largest event holds."""
        if self._n_waiting > _MOST_WAITING and self._work is not None:
            await asyncio.wait({self._work})

    def close(self) -> None:
        """Obey nothing any more."""
        self._is_closed = True
        self._waiting.clear()

    async def _go_on(self, steps: Iterator[None]) -> None:
        while True:
            await asyncio.sleep(0)
            for _ in steps:
                await asyncio.sleep(0)
            if not self._waiting:
                return
            text = self._waiting.popleft()
            self._n_waiting -= len(text)
            steps = self._obey(text)
