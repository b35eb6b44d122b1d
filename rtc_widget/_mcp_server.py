"""A local MCP server: a command that speaks over its stdin and stdout, or an address of streamable HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shlex
import tempfile
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget._hushed import StrayLines, hush
from rtc_widget._mcp_package import load_mcp, load_mcp_checks
from rtc_widget._secrets import keep_address, redacted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from mcp import Client
    from mcp.types import CallToolResult
    from mcp.types import Tool as Described

__all__ = ["McpServer", "checked_place", "checked_prefix", "name_of"]

_CONNECT_S = 30.0
_ENDS_S = 8.0
"""The mcp package takes up to 6.5 s to end a process that does not listen."""

_LAST_WORDS = 500
_LONGEST_SUFFIX = 5
_SHORTEST = 8
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_BEFORE_VALUE = re.compile(r"[=:]\s*|\s+")
Place = str | tuple[str, ...]

_LOGS = ("httpx", "httpx2", "mcp.client.streamable_http", "mcp.client.stdio")
_stray = StrayLines(
    "An MCP server writes to its stdout what is no message of MCP: what is for people goes to its stderr."
)
logging.getLogger("mcp.client.stdio").addFilter(_stray)
_ANSWERS_S = 5.0
_AGAIN = "Add it again: await w.add_mcp(…)."


class McpServer:
    """A connection to a server; everything of it happens on the loop of `rtc_widget._loop`.

    Parameters
    ----------
    place
        Its command, in words, or its address.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.own_name = ""
        self._client: Client | None = None
        self._stderr: IO[str] | None = None
        self._living: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()
        if isinstance(place, str):
            keep_address(place)
        hush(*_LOGS)
        _stray.rearm()

    async def connect(self) -> list[Described]:
        """Start or reach the server, and return the tools that it has.

        Raises
        ------
        ConnectionFailed
            With step "mcp": it cannot be started or reached, or does not speak MCP; says its last words.
            Whatever this raises, the server is still to be closed.
        """
        await load_mcp()
        if self._leaving.is_set():
            raise self._let_go()
        ready: asyncio.Future[list[Described]] = asyncio.get_running_loop().create_future()
        # Its scopes are entered and left in one task, which lives as long as the connection.
        self._living = asyncio.create_task(self._live(ready))
        both: set[asyncio.Future[Any]] = {ready, self._living}
        await asyncio.wait(both, timeout=_CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            tools = ready.result()
            await load_mcp_checks()  # here: a call has a time limit of its own
            return tools
        if self._leaving.is_set():
            raise self._let_go()
        raise ConnectionFailed("mcp", f"{self} did not answer within {_CONNECT_S:g} s.", "Does it speak MCP?")

    def _let_go(self) -> ConnectionFailed:
        return ConnectionFailed("mcp", f"{self} was let go before it was there.")

    async def _live(self, ready: asyncio.Future[list[Described]]) -> None:
        from mcp import Client, StdioServerParameters, stdio_client

        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
            self._stderr = stderr
            try:
                if isinstance(self.place, str):
                    target: Any = self.place
                else:
                    command, *arguments = self.place
                    # Its environment is the short one of the mcp package: no key of ours goes there.
                    parameters = StdioServerParameters(command=command, args=arguments)
                    target = stdio_client(parameters, errlog=stderr)
                async with Client(target) as client:
                    tools = await _all_tools(client)
                    self.own_name = client.server_info.name if client.server_info is not None else ""
                    self._client = client
                    ready.set_result(tools)
                    await self._leaving.wait()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a server does wrong is told as one thing
                if not ready.done():
                    said = _root(error)
                    words = _last_words(stderr, self.place)
                    advice = f"It said: {words}" if words else "Check the command or the address."
                    ready.set_exception(ConnectionFailed("mcp", f"{self} is not there ({said}).", advice))
            finally:
                self._client = self._stderr = None

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool by the server's own name of it.

        Raises
        ------
        ConnectionFailed
            When the server is gone.
        """
        client = self._client
        if client is None:
            raise ConnectionFailed("mcp", f"{self} is gone.", _AGAIN)
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        try:
            return await client.call_tool(name, arguments)
        except MCPError as error:
            # Servers use this code for errors of their own, too.
            if error.code != CONNECTION_CLOSED or await _answers(client):
                raise
            self._client = None
            words = _last_words(self._stderr, self.place) if self._stderr is not None else ""
            said = f"It said: {words} " if words else ""
            raise ConnectionFailed("mcp", f"{self} is gone.", f"{said}{_AGAIN}") from error

    async def close(self) -> None:
        """Let the server go, wherever it is; one that we started has ended when this returns."""
        self._leaving.set()
        living = self._living
        if living is None:
            return
        if self._client is None and not living.cancelling():
            living.cancel()  # on its way it does not look whether it shall leave
        _, late = await asyncio.wait({living}, timeout=_ENDS_S)
        if late:
            living.cancel()
            await asyncio.wait({living})
        with contextlib.suppress(asyncio.CancelledError):
            living.exception()

    def __str__(self) -> str:
        """Say what it is, as people and errors call it."""
        return f"the MCP server {'at ' if isinstance(self.place, str) else ''}{name_of(self.place)}"


def name_of(place: Place) -> str:
    """Return a server's program and its file, or the host of its address: the rest may hold a token."""
    if isinstance(place, str):
        return urlsplit(place).netloc.rpartition("@")[2]
    return shlex.join([place[0], *filter(_is_file, place[1:2])])


def _is_file(word: str) -> bool:
    return not word.startswith("-") and 1 < len(PurePath(word).suffix) <= _LONGEST_SUFFIX


async def _answers(client: Client) -> bool:
    """Whether a server is there: all servers list their tools, and newer ones answer no ping."""
    try:
        await asyncio.wait_for(client.list_tools(), _ANSWERS_S)
    except Exception:  # noqa: BLE001 - however it fails, nobody is there
        return False
    return True


async def _all_tools(client: Client) -> list[Described]:
    found: list[Described] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            return found


def _root(error: BaseException) -> str:
    """Return the first cause in a group of errors, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _last_words(stderr: IO[str], place: Place) -> str:
    """Return the end of what a server wrote, without keys, nor words of its own command but the first."""
    stderr.seek(0)
    text = " ".join(stderr.read().split())
    for part in () if isinstance(place, str) else _parts(place[1:]):
        text = text.replace(part, "[…]")
    return redacted(text)[-_LAST_WORDS:]


def _parts(words: Sequence[str]) -> list[str]:
    """Return the words of a command, and what stands in them behind =, : or a blank, the longest first."""
    found = {word[at:] for word in words for at in (0, *(one.end() for one in _BEFORE_VALUE.finditer(word)))}
    return sorted((part for part in found if not _is_file(part) and len(part) >= _SHORTEST), key=len)[::-1]


def checked_place(server: object) -> Place:
    """Check what names a server: a command, its words, or an address.

    Raises
    ------
    ConfigurationError
        For anything else.
    """
    right = 'Right form: "python server.py", ["python", "server.py"], or "http://127.0.0.1:8000/mcp".'
    if isinstance(server, str) and server.strip():
        if server.strip().startswith(("http://", "https://")):
            return server.strip()
        try:
            words: Sequence[Any] = shlex.split(server)
        except ValueError as error:
            raise ConfigurationError(f"This command of an MCP server is none ({error}). {right}") from None
    else:
        words = server if isinstance(server, list | tuple) else []
    if not words:
        raise ConfigurationError(f"An MCP server is a command or an address, not {server!r}. {right}")
    odd = [word for word in words if not isinstance(word, str)]
    if odd:
        raise ConfigurationError(f"The words of a command are texts, not {odd[0]!r}. {right}")
    return tuple(words)


def checked_prefix(name: object) -> str:
    """Check what the names of a server's tools begin with.

    Raises
    ------
    ConfigurationError
        For what no name can begin with.
    """
    if not isinstance(name, str) or _PREFIX.fullmatch(name) is None:
        raise ConfigurationError(
            f"name={name!r} cannot be what names of tools begin with: a letter, then up to 31 letters, "
            "digits, _ or -."
        )
    return name
