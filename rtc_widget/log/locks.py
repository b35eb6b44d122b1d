"""A journal is written by one session at a time, whichever process it is in."""

from __future__ import annotations

import contextlib

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


def let_go(file: int) -> None:
    """Let others write the file, even while a process forked from this one still has it open."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
