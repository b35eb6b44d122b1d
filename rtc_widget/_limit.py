"""How long a command may take."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, Final, Self

from rtc_widget._errors import WaitTimeout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator

__all__ = ["Limit", "time_left_s", "within"]

_LEAST_S: Final = 0.1
_end_s: Final = ContextVar("_end_s", default=inf)


class Limit:
    """The time that a command has; what it waits for its turn behind others does not count.

    Within its block, whoever waited in vain until it was over is told all of it, as the caller gave it, and
    not what was left for the last thing awaited.

    Parameters
    ----------
    timeout
        In s, from now on.
    """

    def __init__(self, timeout: float) -> None:
        self._given_s = timeout
        self._end_s = time.monotonic() + timeout

    def __enter__(self) -> Self:
        """Begin the block."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Tell the whole time; what gave up sooner has a limit of its own."""
        if isinstance(error, WaitTimeout) and self.is_over:
            raise WaitTimeout(error.what, self._given_s, error.seen, error.hint) from None

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end_s

    @property
    def left_s(self) -> float:
        """What is left, and a moment at least: what is there already is found in it."""
        return max(_LEAST_S, self._end_s - time.monotonic())

    @asynccontextmanager
    async def turn(self, line: asyncio.Lock) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the block runs."""
        since_s = time.monotonic()
        async with line:
            self._end_s += time.monotonic() - since_s
            yield


@contextmanager
def within(timeout: float) -> Iterator[None]:
    """Let all that is done in the block know how long that may take; who limits it is somebody else.

    Parameters
    ----------
    timeout
        In s, from now on.
    """
    token = _end_s.set(time.monotonic() + min(time_left_s(), timeout))
    try:
        yield
    finally:
        _end_s.reset(token)


def time_left_s() -> float:
    """Return what is left of the time of the block that this is in; infinite where it is in none.

    What goes on after that time was only begun in the block, as a call's sideband is: nobody limits it.
    """
    left = _end_s.get() - time.monotonic()
    return left if left > 0 else inf
