"""A real MCP server on 127.0.0.1, and what it was asked."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server import MCPServer
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

TOKEN = "token-canary-b7"  # noqa: S105 - a key that opens a server of the tests


@dataclass
class Weather:
    """The running server.

    Attributes
    ----------
    url
        Where it is.
    cities
        What it was asked for.
    headers
        Those of the last request.
    """

    url: str
    cities: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def tool(self, **fields: Any) -> dict[str, Any]:
        """Return the tool of a session that leads here."""
        return {"type": "mcp", "server_label": "weather", "server_url": self.url, **fields}


@asynccontextmanager
async def weather_server(*, guarded: bool = False) -> AsyncIterator[Weather]:
    """Run a server that knows the weather while the block lasts; `guarded`: it asks for a token."""
    listening = socket.create_server(("127.0.0.1", 0))
    weather = Weather(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
    tools = MCPServer("weather")

    @tools.tool(annotations={"readOnlyHint": True})  # type: ignore[arg-type]
    def get_weather(city: str) -> str:
        """Look up the weather for a city."""
        weather.cities.append(city)
        return f"It is foggy in {city}."

    @tools.tool()
    def break_umbrella(handle: str) -> str:
        """Break an umbrella by its handle."""
        raise ValueError(handle)

    @tools.tool()
    def count_umbrellas(colour: str) -> str:
        """Count the umbrellas of a colour."""
        return f"There are three {colour} umbrellas."

    serves = tools.streamable_http_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            weather.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            if guarded and weather.headers.get("authorization") != f"Bearer {TOKEN}":
                await PlainTextResponse("no", status_code=401)(scope, receive, send)
                return
        await serves(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        # The socket listens already: who comes too early waits.
        yield weather
    finally:
        server.should_exit = True
        await serving
