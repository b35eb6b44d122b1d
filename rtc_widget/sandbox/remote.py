"""A remote MCP server, over streamable HTTP through the `mcp` package: what it offers, and calls of it.

Every request is a connection of its own, so that none has to outlive the task that made it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from rtc_widget._errors import ConfigurationError
from rtc_widget._mcp_package import load_mcp, load_mcp_checks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtc_widget.sandbox.wire import Event

__all__ = ["RemoteError", "call_tool", "list_tools"]

_LIST_S: Final = 15.0
_CALL_S: Final = 60.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_log = logging.getLogger(__name__)


class RemoteError(Exception):
    """A server that cannot be had, or does not what it is asked.

    Attributes
    ----------
    body
        The `error` of an `mcp_call` item.
    """

    def __init__(self, type: str, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.body: Event = {"type": type, "message": message} | ({} if code is None else {"code": code})


async def list_tools(server: Event) -> list[Event]:
    """Return the tools of a server, as an `mcp_list_tools` item has them.

    Parameters
    ----------
    server
        The tool of type "mcp" in a session's configuration.

    Raises
    ------
    RemoteError
        They cannot be had.
    ConfigurationError
        The `mcp` package is not installed.
    """
    tools: list[Event] = []
    async with _connected(server, _LIST_S) as client:
        cursor: str | None = None
        while True:
            page = await client.list_tools(cursor=cursor)
            tools += [_described(tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return tools


async def call_tool(server: Event, name: str, arguments: str) -> str:
    """Call a tool.

    Parameters
    ----------
    server
        The tool of type "mcp" in a session's configuration.
    name
        Of the tool, as the server calls it.
    arguments
        JSON text of an object.

    Returns
    -------
    str
        Its texts; other content as JSON.

    Raises
    ------
    RemoteError
        The server, or the tool, fails.
    ConfigurationError
        The `mcp` package is not installed.
    """
    await load_mcp_checks()
    async with _connected(server, _CALL_S) as client:
        result = await client.call_tool(name, json.loads(arguments or "{}"))
    output = "\n".join(_text(part) for part in result.content)
    if result.is_error:
        raise RemoteError("tool_execution_error", output or f"{name} failed without a word.")
    return output


@dataclass
class _Answered:
    """The last HTTP status that was no success: the `mcp` package does not pass it on."""

    status: int = 0

    async def note(self, response: Any) -> None:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            self.status = response.status_code


@asynccontextmanager
async def _connected(server: Event, seconds: float) -> AsyncIterator[Any]:
    try:
        await load_mcp()
        import httpx2
        from mcp import Client, MCPError
        from mcp.client.streamable_http import streamable_http_client
    except ImportError as error:
        raise ConfigurationError(
            "The package 'mcp', which speaks to MCP servers, is missing: pip install 'rtc_widget[mcp]'."
        ) from error
    url = server["server_url"]
    headers = dict(server.get("headers") or {})
    if server.get("authorization"):
        headers["Authorization"] = f"Bearer {server['authorization']}"
    answered = _Answered()
    try:
        async with (
            asyncio.timeout(seconds),
            httpx2.AsyncClient(
                headers=headers,
                timeout=seconds,
                trust_env=urlsplit(url).hostname not in _LOOPBACK,
                event_hooks={"response": [answered.note]},
            ) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client
    except RemoteError:
        raise
    except TimeoutError as error:
        message = f"The MCP server did not answer within {seconds:g} s."
        raise RemoteError("http_error", message, HTTPStatus.GATEWAY_TIMEOUT) from error
    except Exception as problem:
        causes = _causes(problem)
        refusal = next((cause for cause in causes if isinstance(cause, RemoteError)), None)
        if refusal is not None:
            raise refusal from problem
        if answered.status:
            message = f"The MCP server answered with HTTP {answered.status}."
            raise RemoteError("http_error", message, answered.status) from problem
        protocol = next((cause for cause in causes if isinstance(cause, MCPError)), None)
        if protocol is not None:
            raise RemoteError("protocol_error", protocol.error.message, protocol.error.code) from problem
        _log.debug("an MCP server failed", exc_info=True)
        message = f"The MCP server cannot be reached: {str(causes[0]) or type(causes[0]).__name__}."
        raise RemoteError("http_error", message, HTTPStatus.FAILED_DEPENDENCY) from problem


def _causes(problem: BaseException) -> list[BaseException]:
    """Return what is inside of groups of exceptions."""
    if isinstance(problem, BaseExceptionGroup):
        return [cause for inner in problem.exceptions for cause in _causes(inner)]
    return [problem]


def _described(tool: Any) -> Event:
    annotations = tool.annotations
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "annotations": annotations and annotations.model_dump(by_alias=True, exclude_none=True),
    }


def _text(part: Any) -> str:
    return (
        str(part.text) if part.type == "text" else str(part.model_dump_json(by_alias=True, exclude_none=True))
    )
