"""Running somebody's function without trusting it: in a thread or a task, in its own context."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from typing import TYPE_CHECKING, Any

from rtc_widget._words import said_by

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Awaitable, Callable

__all__ = ["forget", "in_context", "in_one_line", "in_thread", "is_async"]


def in_one_line(error: BaseException) -> str:
    """Say an error as its kind and its words, on one line."""
    text = " ".join(said_by(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def forget(task: asyncio.Task[Any]) -> None:
    """Take note of how an abandoned task ended, or asyncio complains that nobody did."""
    if not task.cancelled():
        task.exception()


async def in_context(result: Awaitable[Any], context: contextvars.Context) -> Any:
    """Await a result on this loop, in a context; what would end the loop is an error like any other."""

    async def guarded() -> Any:
        try:
            return await result
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(in_one_line(error)) from error

    return await asyncio.create_task(guarded(), context=context)


def in_thread(call: Callable[[], Any]) -> asyncio.Future[Any]:
    """Run a call in its own thread: one that hangs neither fills a pool nor keeps the interpreter alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def run() -> None:
        value: Any = None
        error: Exception | None = None
        try:
            value = call()
        except BaseException as failed:  # noqa: BLE001 - it is raised where the future is awaited
            if isinstance(failed, Exception) and not isinstance(failed, StopIteration):
                error = failed
            else:  # a future does not take it, or ends its loop by it
                error = RuntimeError(in_one_line(failed))
                error.__cause__ = failed
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="rtc_widget tool", daemon=True).start()
    return future


def is_async(function: Callable[..., Any]) -> bool:
    """Say whether a function, a partial of one or a callable object is a coroutine function."""
    inner = getattr(function, "func", function)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)
