"""Two servers for the comparison of calls: a provider that is 150 ms away, and the bare page's own.

`python -m tests.benchmarks.services slow SANDBOX` and `… bare PROVIDER`, each in a process of its own; the
standard key is in `RTC_SANDBOX_KEY`, the first line on stdout is the address.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

DISTANCE_S = 0.15
SESSION = {"type": "realtime", "model": "gpt-realtime-2.1"}
HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


def slow_provider(sandbox: str, client: httpx.AsyncClient) -> Starlette:
    """Pass every request on to a sandbox, each POST 150 ms later; a preflight goes through at once."""

    async def forward(request: Request) -> Response:
        if request.method == "POST":
            await asyncio.sleep(DISTANCE_S)
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        answer = await client.request(
            request.method,
            f"{sandbox}/{request.path_params['path']}",
            headers=headers,
            content=await request.body(),
        )
        passed = {name: value for name, value in answer.headers.items() if name not in HOP}
        return Response(answer.content, answer.status_code, passed)

    return Starlette(routes=[Route("/v1/{path:path}", forward, methods=["POST", "OPTIONS"])])


def bare_page(provider: str, client: httpx.AsyncClient) -> Starlette:
    """Serve the bare page, and mint its token."""

    async def page(_: Request) -> Response:
        return FileResponse(Path(__file__).parent / "bare.html")

    async def token(_: Request) -> Response:
        answer = await client.post(
            f"{provider}/realtime/client_secrets",
            json={"session": SESSION},
            headers={"Authorization": f"Bearer {os.environ['RTC_SANDBOX_KEY']}"},
        )
        value = answer.raise_for_status().json()["value"]
        return JSONResponse({"value": value, "calls_url": f"{provider}/realtime/calls"})

    return Starlette(routes=[Route("/", page), Route("/token", token)])


@asynccontextmanager
async def run_service(kind: str, upstream: str, key: str) -> AsyncIterator[str]:
    """Run one of the two in a process of its own while the block lasts, and give its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.services", kind, upstream),
        env={**os.environ, "RTC_SANDBOX_KEY": key},
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        address = (await process.stdout.readline()).decode().strip()
        assert address, f"the {kind} service did not start"
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _serve(kind: str, upstream: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        app = slow_provider(upstream, client) if kind == "slow" else bare_page(upstream, client)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()  # from here on a request waits for the server, and is not refused
            print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
            await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener])


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
