"""A forked process: what its parent holds is not its own, neither calls nor journals nor a sandbox."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_a_fork"]


def in_a_fork(forget: Callable[[], None]) -> None:
    """Call a function in each process that is forked from this one, before anything else runs there."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which forks nothing
        os.register_at_fork(after_in_child=forget)
