"""The kernel this runs in, and what it cannot do."""

from __future__ import annotations

import os
import sys

__all__ = ["kernel_hint"]

_NEEDED_IPYKERNEL = (7, 4)


def kernel_hint() -> str | None:
    """Say that this kernel delivers no message while a cell awaits, where that is so."""
    module = sys.modules.get("ipykernel")
    version: tuple[int, ...] = tuple(getattr(module, "version_info", ()))[:2]
    if not version or version >= _NEEDED_IPYKERNEL or "JPY_PARENT_PID" not in os.environ:
        return None
    shown = ".".join(str(part) for part in version)
    return (
        f"This kernel runs ipykernel {shown}, which may deliver no message while a cell awaits: "
        "run `pip install 'ipykernel>=7.4'` and restart the kernel."
    )
