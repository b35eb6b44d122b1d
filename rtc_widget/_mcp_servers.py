"""The local MCP servers of one session: added, their tools declared to the model, taken away again."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._mcp_server import McpServer, checked_prefix, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget._mcp_server import Place
    from rtc_widget._mcp_tool import McpTool
    from rtc_widget._tool_list import Tools

__all__ = ["McpServers", "check_installed"]

_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


class McpServers:
    """Local servers by the prefix of their tools' names.

    Parameters
    ----------
    tools
        The session's, where theirs go.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._servers: dict[str, tuple[McpServer, list[McpTool]]] = {}
        self._coming: set[McpServer] = set()
        self._closed = False

    async def add(
        self,
        place: Place,
        prefix: str | None,
        *,
        needs_approval: bool | Callable[[str, dict[str, Any]], bool],
        timeout: float,
    ) -> tuple[str, list[str]]:
        """Connect a server, and add its tools.

        Returns
        -------
        name : str
            What the names of its tools begin with.
        names : list of str
            Those, as the model sees them.

        Raises
        ------
        ConfigurationError
            When names of tools would stand for two things, or the session is closed meanwhile.
        ConnectionFailed
            When it is not there.
        """
        from rtc_widget._mcp_tool import McpTool, tool_name

        server = McpServer(place)
        self._coming.add(server)
        try:
            described = await server.connect()
            name = prefix if prefix is not None else _prefix_of(server.own_name)
            plain = Counter(tool_name(name, one.name) for one in described)
            tools = [
                McpTool(
                    one,
                    prefix=name,
                    call=server.call,
                    needs_approval=needs_approval,
                    timeout=timeout,
                    marked=plain[tool_name(name, one.name)] > 1,
                )
                for one in described
            ]
            self._check_new(name, [tool.name for tool in tools], server)
        except BaseException:
            await server.close()
            self._check_there(server)
            raise
        finally:
            self._coming.discard(server)
        self._servers[name] = (server, tools)
        for tool in tools:
            self._tools.add(tool)
        return name, [tool.name for tool in tools]

    def _check_there(self, server: McpServer) -> None:
        if self._closed:
            raise ConfigurationError(f"The session was closed before {server} was there.") from None

    def _check_new(self, name: str, names: list[str], server: McpServer) -> None:
        self._check_there(server)
        taken = sorted({one for one in names if one in self._tools or names.count(one) > 1})
        if name in self._servers or taken:
            what = f"an MCP server {name!r}" if name in self._servers else f"a tool {taken[0]!r}"
            raise ConfigurationError(
                f"There is {what} already: give this one another name, await w.add_mcp(…, name=…)."
            )

    def take(self, which: object, place: Place | None = None) -> McpServer:
        """Take a server and its tools away; it is still to be closed.

        Raises
        ------
        ConfigurationError
            When there is none of that name, command or address.
        """
        for name, (server, tools) in self._servers.items():
            if which == name or (place is not None and place == server.place):
                del self._servers[name]
                for tool in tools:
                    if self._tools.get(tool.name) is tool:
                        self._tools.remove(tool.name)
                return server
        there = ", ".join(self._servers) or "none"
        said = which if place is None else name_of(place)
        raise ConfigurationError(f"There is no MCP server {said!r}. Servers: {there}.")

    async def close(self) -> None:
        """Let every server go, and one that is on its way."""
        self._closed = True
        servers, self._servers = self._servers, {}
        there = [server for server, _ in servers.values()]
        await asyncio.gather(*(server.close() for server in (*there, *self._coming)))


def check_installed() -> None:
    """Refuse MCP servers without the `mcp` package.

    Raises
    ------
    ConfigurationError
        Names the pip command.
    """
    if find_spec("mcp") is None:
        raise ConfigurationError("MCP servers need the mcp package: run `pip install 'rtc_widget[mcp]'`.")


def _prefix_of(own_name: str) -> str:
    return checked_prefix(_STRANGE.sub("_", own_name).strip("_-0123456789").lower()[:32] or "mcp")
