"""One tool of a local MCP server, as a tool of the model: the schema is the server's, a run a call there."""

from __future__ import annotations

import contextvars
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

from rtc_widget._tool_output import MAX_CHARACTERS, as_output
from rtc_widget.tools import Tool, ToolResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.types import CallToolResult
    from mcp.types import Tool as Described

__all__ = ["McpTool", "McpToolError", "tool_name"]

_LONGEST_NAME = 64
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


class McpToolError(Exception):
    """What a server's tool said went wrong."""


class McpTool(Tool):
    """A tool that a server has.

    Parameters
    ----------
    described
        As the server lists it.
    prefix
        What its name begins with, for the model.
    call
        Calls it at the server, by its own name.
    needs_approval
        Whether a person is asked first: True, or a function of the tool's own name and its arguments.
    timeout
        Longest run, in s.
    marked
        Whether its name gets a mark of its own: another tool of the server would be called the same.
    """

    def __init__(
        self,
        described: Described,
        *,
        prefix: str,
        call: Callable[[str, dict[str, Any]], Awaitable[CallToolResult]],
        needs_approval: bool | Callable[[str, dict[str, Any]], bool],
        timeout: float,
        marked: bool = False,
    ) -> None:
        # No function of ours is behind it, so nothing of one is looked at.
        self.function = call
        self.name = tool_name(prefix, described.name, marked=marked)
        self.description = (described.description or described.title or "").strip()
        self.needs_approval = needs_approval
        self.timeout = timeout
        self.max_characters = MAX_CHARACTERS
        self._context = contextvars.copy_context()
        self._own_name = described.name
        self._schema = described.input_schema
        self._call_there = call

    def definition(self) -> dict[str, Any]:
        """Return the tool as `session.tools` takes it."""
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "name": self.name, **described, "parameters": self._schema}

    def check(self, arguments_json: str) -> dict[str, Any]:
        """Read the model's arguments; whether they fit is for the server to say.

        Raises
        ------
        ValueError
            When they are no JSON object.
        """
        try:
            arguments = json.loads(arguments_json.strip() or "{}")
        except (ValueError, RecursionError):
            raise ValueError("they are no JSON") from None
        if not isinstance(arguments, dict):
            raise ValueError("they are no JSON object")  # noqa: TRY004 - as of every tool, for the model
        return arguments

    def _question(self, needs_approval: Callable[..., bool], arguments: dict[str, Any]) -> bool:
        """Call the question with the tool's own name and all of the arguments."""
        return needs_approval(self._own_name, arguments)

    async def _call(self, arguments: dict[str, Any]) -> ToolResult:
        began_s = time.perf_counter()
        result = await self._call_there(self._own_name, arguments)
        run_ms = 1_000 * (time.perf_counter() - began_s)
        said = "\n".join(_said(block) for block in result.content)
        if result.is_error:
            raise McpToolError(said or "the server gave no reason")
        value: Any = said if result.content else result.structured_content
        output, cut = as_output(value, self.max_characters)
        return ToolResult(output, run_ms=run_ms, cut=cut)

    def __repr__(self) -> str:
        """Name it."""
        return f"McpTool({self.name})"


def _said(block: Any) -> str:
    """Return a piece of a result as text; what is none is named."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource":
        return str(getattr(block.resource, "text", None) or f"[resource {block.resource.uri}]")
    if block.type == "resource_link":
        return f"[resource {block.uri}]"
    return f"[{block.type}]"


def tool_name(prefix: str, own_name: str, *, marked: bool = False) -> str:
    """Return a name that the API takes: letters, digits, _ and -, at most 64 of them."""
    name = f"{prefix}_{_STRANGE.sub('_', own_name)}"
    if len(name) <= _LONGEST_NAME and not marked:
        return name
    mark = hashlib.sha256(f"{prefix}_{own_name}".encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}_{mark}"
