"""Where scorers run: away from the loop that carries the calls, which one of them might hold up."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rtc_widget.experiments.aside import aside

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Future

__all__ = ["Judges", "Said"]

_LIMIT_S = 600.0
"""What one judgement may take."""
_AT_ONCE = 16
"""Plain scorers: of such that ask a model, each mostly waits."""


class Said(NamedTuple):
    """What a scorer said.

    Attributes
    ----------
    error
        What it raised instead.
    is_to_come
        Whether what was found is still to be awaited.
    """

    found: Any = None
    error: BaseException | None = None
    is_to_come: bool = False


class Judges:
    """Calls plain scorers in threads and awaits async ones on a loop of their own; a context manager.

    Parameters
    ----------
    context
        What they run in: that of the cell which gave them, so that they print there.
    """

    def __init__(self, context: contextvars.Context) -> None:
        self._context = context
        self._room = asyncio.Semaphore(_AT_ONCE)

    def __enter__(self) -> Self:
        """Start the loop."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="rtc_widget scorers", daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def __exit__(self, *_: object) -> None:
        """End the loop, and what is still awaited on it."""
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)

    async def ask(self, scorer: Callable[..., Any], *given: Any, **named: Any) -> Said:
        """Return what a scorer says, or what it raises."""
        async with self._room:
            said = await _within_limit(aside(self._context.copy().run, _called, scorer, given, named))
        if not said.is_to_come:
            return said
        future: Future[Said] = self._context.copy().run(
            asyncio.run_coroutine_threadsafe, _awaited(said.found), self._loop
        )
        return await _within_limit(asyncio.wrap_future(future))


async def _within_limit(said: asyncio.Future[Said]) -> Said:
    """Wait for what a scorer says, but not for ever; a plain one cannot be ended, and is left behind."""
    try:
        return await asyncio.wait_for(said, _LIMIT_S)
    except TimeoutError:
        return Said(error=TimeoutError(f"it said nothing within {_LIMIT_S:g} s"))


def _called(scorer: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]) -> Said:
    try:
        found = scorer(*given, **named)
        return Said(found, is_to_come=inspect.isawaitable(found))
    except BaseException as error:  # noqa: BLE001 - the user's own function: it may even say it is cancelled
        return Said(error=error)


async def _awaited(found: Awaitable[Any]) -> Said:
    try:
        return Said(await found)
    except BaseException as error:  # noqa: BLE001 - some would end the loop, and others pass for the run's end
        return Said(error=error)
