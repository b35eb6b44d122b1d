"""Where scorers run: away from the loop that carries the calls, which one of them might hold up."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Awaitable, Callable

__all__ = ["Judges"]


class Judges:
    """Calls plain scorers in threads and awaits async ones on a loop of their own; a context manager.

    Parameters
    ----------
    context
        What they run in: that of the cell which gave them, so that they print there.
    """

    def __init__(self, context: contextvars.Context) -> None:
        self._context = context

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

    async def ask(self, scorer: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Return what a scorer says."""
        found = await asyncio.to_thread(self._context.copy().run, lambda: scorer(*given, **named))
        if not inspect.isawaitable(found):
            return found
        future = self._context.copy().run(asyncio.run_coroutine_threadsafe, _awaited(found), self._loop)
        return await asyncio.wrap_future(future)


async def _awaited(found: Awaitable[Any]) -> Any:
    try:
        return await found
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from None  # it would end the loop
