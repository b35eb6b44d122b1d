"""Work of others, in threads of its own: the loop's own few are what calls are made with."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aside"]

T = TypeVar("T")


def aside(work: Callable[..., T], *given: object) -> asyncio.Future[T]:
    """Do work in a thread that ends with it; given up, it goes on to its end, and nobody waits for that."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # what is given up can still be told what came

    def run() -> None:
        try:
            future.set_result(work(*given))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="rtc_widget aside", daemon=True).start()
    return asyncio.wrap_future(future)
