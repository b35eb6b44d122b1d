"""A journal is written by one session at a time, whichever process it is in."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # it is a module elsewhere


def claim(file: int) -> None:
    """Take the file for ourselves until it is closed, or the process ends, however it does.

    Raises
    ------
    BlockingIOError
        Somebody else has it.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # a file system that knows no locks


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a file for ourselves, if it is there, while it is replaced.

    Raises
    ------
    BlockingIOError
        Somebody else has it.
    """
    with contextlib.ExitStack() as stack:
        if path.exists() and fcntl is not None:  # Windows replaces no file that is open
            claim(stack.enter_context(path.open("rb")).fileno())
        yield


def let_go(file: int) -> None:
    """Let others write the file, even while a process forked from this one still has it open."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
