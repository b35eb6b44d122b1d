"""The one asyncio loop of our own, on a daemon thread, and the handles over what runs on it."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from concurrent.futures import Future

__all__ = ["Handle", "get_loop", "on_loop", "on_loop_thread", "submit"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_pid = 0


def get_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, starting its thread on first use (again after a fork)."""
    global _loop, _thread, _pid
    with _lock:
        if _loop is None or _loop.is_closed() or _pid != os.getpid():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(loop,), name="rtc_widget", daemon=True)
            thread.start()
            _loop, _thread, _pid = loop, thread, os.getpid()
        return _loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    while not loop.is_closed():
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):  # of somebody's task: all sessions of the process live here
            continue


def on_loop_thread() -> bool:
    """Say whether the caller runs on the loop's own thread."""
    return threading.current_thread() is _thread


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Run a coroutine on the loop; safe from any thread.

    Returns
    -------
    concurrent.futures.Future
        Its result.
    """
    return asyncio.run_coroutine_threadsafe(_taken_back(work), get_loop())


async def on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Do work on the loop, whichever loop awaits it; cancelled with whoever waits.

    Returns
    -------
    object
        Its result.
    """
    return await (work if on_loop_thread() else asyncio.wrap_future(submit(work)))


async def _taken_back(work: Coroutine[Any, Any, T]) -> T:
    """Do work; what it raises because it was cancelled is nobody's any more, and nothing ends the loop."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
    except Exception:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from None
        raise


class Handle(Generic[T]):
    """What a command returns: it acts at once, and may be awaited from any loop.

    Parameters
    ----------
    future
        The future behind it.
    what
        The command, for messages and the repr.
    forbid_result
        A reason why `result()` would hang here, or None.
    """

    def __init__(
        self, future: Future[T], what: str, *, forbid_result: Callable[[], str | None] | None = None
    ) -> None:
        self._future = future
        self._what = what
        self._forbid_result = forbid_result

    def __await__(self) -> Generator[Any, None, T]:
        """Wait without blocking the loop that awaits."""
        return asyncio.wrap_future(self._future).__await__()

    def result(self, timeout: float | None = None) -> T:
        """Block until done and return the result.

        Parameters
        ----------
        timeout
            In s; None waits as long as the command itself does.

        Raises
        ------
        ConfigurationError
            Where waiting would hang: in a cell over the browser transport (write `await`), and in a callback.
        TimeoutError
            When the timeout passes first.
        """
        if not self._future.done():
            if on_loop_thread():
                message = f"{self._what}: result() here would wait for itself; make it async and await."
                raise ConfigurationError(message)
            reason = self._forbid_result() if self._forbid_result else None
            if reason is not None:
                raise ConfigurationError(reason)
        try:
            return self._future.result(timeout)
        except TimeoutError:
            if self._future.done():
                raise  # the command's own
            raise TimeoutError(f"{self._what} has not ended within {timeout:g} s; it goes on.") from None

    def done(self) -> bool:
        """Say whether the command has ended."""
        return self._future.done()

    def cancelled(self) -> bool:
        """Say whether it was cancelled."""
        return self._future.cancelled()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the command's error, None if it went well; blocks like `result`.

        Parameters
        ----------
        timeout
            In s; None waits as long as the command itself does.

        Raises
        ------
        ConfigurationError, TimeoutError
            As of `result`: of the waiting, not of the command.
        """
        try:
            self.result(timeout)
        except TimeoutError:
            if not self._future.done():
                raise
        except ConfigurationError:
            if not self._future.done():
                raise
        except BaseException:  # noqa: BLE001, S110 - the future hands it out below
            pass
        return self._future.exception(0)

    def cancel(self) -> bool:
        """Stop waiting for it; what was sent stays sent."""
        return self._future.cancel()

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call back when it is done, or at once where it is.

        Parameters
        ----------
        callback
            Called with the future behind it, on whichever thread ends it.
        """
        self._future.add_done_callback(callback)

    def __repr__(self) -> str:
        """Say the command and how far it is."""
        if not self._future.done():
            state = "running"
        elif self._future.cancelled():
            state = "cancelled"
        else:
            error = self._future.exception()
            state = "done" if error is None else f"failed: {error}"
        return f"<{self._what}: {state}>"
