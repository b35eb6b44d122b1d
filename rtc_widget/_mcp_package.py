"""The `mcp` package, loaded beside the loop: that takes seconds, in which the loop would send no sound."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib import import_module

__all__ = ["load_mcp", "load_mcp_checks"]

_CHECKS_WHAT_TOOLS_GIVE = "jsonschema"


async def load_mcp() -> None:
    """Import the package, and what it imports only when it connects; what it calls with follows by itself.

    Raises
    ------
    ImportError
        It is not installed.
    """
    await asyncio.to_thread(_load)


async def load_mcp_checks() -> None:
    """Import what the package imports only when it calls a tool.

    Beside JupyterLab that takes longer than all the rest: it brings jsonschema a grammar to compile.
    """
    await asyncio.shield(asyncio.wrap_future(_checks()))


@cache
def _load() -> None:
    import_module("mcp.client.streamable_http")
    asyncio.run(_connect_to_nobody())
    _checks()


@cache
def _checks() -> Future[None]:
    beside = ThreadPoolExecutor(1, thread_name_prefix="rtc_widget mcp")
    loading = beside.submit(_load_checks)
    beside.shutdown(wait=False)
    return loading


def _load_checks() -> None:
    with contextlib.suppress(ImportError):
        import_module(_CHECKS_WHAT_TOOLS_GIVE)


async def _connect_to_nobody() -> None:
    from anyio import open_process  # noqa: F401 - how a command is started
    from anyio.lowlevel import checkpoint
    from httpx2 import AsyncClient

    async with AsyncClient(trust_env=False):
        await checkpoint()
