"""A small MCP server of its own process: over stdin and stdout, or at a port as streamable HTTP."""

from __future__ import annotations

import os
import sys

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("Test Kitchen")


@server.tool()
def weather(city: str = "London") -> str:
    """Look up the weather of a city."""
    return f"It is foggy in {city}."


@server.tool()
def price(drink: str = "tea") -> str:
    """Look up the price of a drink."""
    raise ToolError(f"no {drink} today")


@server.tool()
def environment() -> str:
    """Tell the names of the environment's variables."""
    return " ".join(sorted(os.environ))


@server.tool()
def opening() -> str:
    """Tell when this server opens, by a code that a closed connection has, too."""
    raise MCPError(-32000, "the kitchen is closed today")


@server.tool()
def departure() -> str:
    """End this server."""
    sys.stderr.write("the kitchen is closed\n")
    sys.stderr.flush()
    os._exit(3)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--broken"]:
        sys.stderr.write("the kitchen is on fire\n")
        sys.exit(1)
    if sys.argv[1:2] == ["--port"]:
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run("stdio")
