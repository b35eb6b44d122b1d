"""The `mcp` package, loaded beside the loop: that takes seconds, in which the loop would send no sound."""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache
from importlib import import_module

__all__ = ["load_mcp"]

_CHECKS_WHAT_TOOLS_GIVE = "jsonschema"


async def load_mcp() -> None:
    """Import the package, and what it imports only when it connects and calls.

    Raises
    ------
    ImportError
        It is not installed.
    """
    await asyncio.to_thread(_load)


@cache
def _load() -> None:
    import_module("mcp.client.streamable_http")
    with contextlib.suppress(ImportError):
        import_module(_CHECKS_WHAT_TOOLS_GIVE)
    asyncio.run(_connect_to_nobody())


async def _connect_to_nobody() -> None:
    from anyio import open_process  # noqa: F401 - how a command is started
    from anyio.lowlevel import checkpoint
    from httpx2 import AsyncClient

    async with AsyncClient(trust_env=False):
        await checkpoint()
