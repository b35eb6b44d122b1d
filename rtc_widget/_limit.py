"""How long a command may take."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Self

from rtc_widget._errors import WaitTimeout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

__all__ = ["Limit"]

_LEAST_S: Final = 0.1


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
