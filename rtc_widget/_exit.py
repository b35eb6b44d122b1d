"""What the interpreter waits for before it exits: sessions that close, or that nobody has closed."""

from __future__ import annotations

import concurrent.futures.thread
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget._fork import in_a_fork

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["wait_at_exit"]

_LONGEST_S = 10.0


class Leaving(Protocol):
    """What is asked to come to its end."""

    def _leave(self) -> Future[None] | None:
        """Begin to end; return what the interpreter is to wait for, None for nothing."""

    def _forget(self) -> None:
        """Be over in a forked process: what is open is its parent's."""


_open: weakref.WeakSet[Leaving] = weakref.WeakSet()


def wait_at_exit(session: Leaving) -> None:
    """Ask a session, if it is still there at exit, what is to be waited for; 10 s at most for all."""
    _open.add(session)


def _forget() -> None:
    for session in list(_open):
        session._forget()  # noqa: SLF001 - of the protocol above
    _open.clear()


in_a_fork(_forget)


def _finish() -> None:
    asked = [session._leave() for session in list(_open)]  # noqa: SLF001 - of the protocol above
    concurrent.futures.wait([work for work in asked if work is not None], timeout=_LONGEST_S)


# Not atexit, which runs when no executor takes work any more: closing writes files on threads. What was
# registered last runs first, so the executors' own hook has to be there before.
_threads: Any = threading
_threads._register_atexit(_finish)  # noqa: SLF001 - concurrent.futures has no other way either
