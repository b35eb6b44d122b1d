"""A session's tools: Python functions that the model may call, and the approval of their calls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rtc_widget._arguments import checked_approval, checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._mcp_server import checked_place, checked_prefix
from rtc_widget._mcp_servers import check_installed
from rtc_widget._parts import SessionParts
from rtc_widget._tool_list import ToolList
from rtc_widget.tools import Tool, made_of, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget._loop import Handle
    from rtc_widget._mcp_server import Place

__all__ = ["Tooling"]

_DECLARED_S = 10.0
_OPTIONS = ("name", "description", "needs_approval", "timeout", "max_characters")
F = TypeVar("F", bound="Callable[..., Any]")


class Tooling(SessionParts):
    """The commands of a session that have to do with tools."""

    @overload
    def tool(self, function: F) -> F: ...

    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        needs_approval: bool | Callable[..., bool] = False,
        timeout: float = 30.0,
    ) -> Callable[[F], F]: ...

    def tool(self, function: F | None = None, **options: Any) -> F | Callable[[F], F]:
        """Let the model call a function; use it as a decorator, with or without options.

        Its schema comes from its type hints and its docstring. A sync function runs in a thread of its own,
        an async one on rtc_widget's loop; what it prints lands under the cell that made it a tool. Making
        a tool of the same name again replaces it, also in a live session.

        Parameters
        ----------
        function
            What runs.
        name
            For the model; None takes the function's.
        description
            For the model; None takes the docstring up to its first section.
        needs_approval
            Whether a person is asked first, in the panel or by `approve`: True, or a function of the
            arguments; one that fails asks, and its error is in `errors`.
        timeout
            Longest run, in s.

        Raises
        ------
        ConfigurationError
            For a function that no model can call: a parameter that no JSON can fill, a name the API refuses;
            and for an unknown keyword.
        """
        unknown = [name for name in options if name not in _OPTIONS]
        if unknown:
            there = ", ".join(f"{name}=" for name in _OPTIONS)
            raise ConfigurationError(f"{unknown[0]}= is no keyword of tool(). There are {there}.")
        if function is None:
            return lambda function: self._add_tool(function, options)
        return self._add_tool(function, options)

    def _add_tool(self, function: F, options: dict[str, Any]) -> F:
        given: object = function
        tool = given if isinstance(given, Tool) else Tool(function, **options)
        remember(tool)
        self._declare("tool", self._tools.now.with_tool(tool))
        return function

    def remove_tool(self, name: str) -> Handle[Any]:
        """Take a tool away from the model.

        Parameters
        ----------
        name
            Of the tool, as the model knows it.

        Returns
        -------
        Handle
            Of the effective session, as of `update`.

        Raises
        ------
        ConfigurationError
            When there is none of that name, or the session is closed.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited, as of `update`; where that was refused or never sent, the tool stays.
        """
        return self._declare("remove_tool", self._tools.now.without(name))

    # -- MCP servers ------------------------------------------------------------------------------

    def add_mcp(
        self,
        server: str | Sequence[str],
        *,
        name: str | None = None,
        needs_approval: bool | Callable[[str, dict[str, Any]], bool] = False,
        timeout: float = 30.0,
    ) -> Handle[list[str]]:
        """Let the model call the tools of a local MCP server; they run through the kernel.

        A remote server that the service itself calls is configuration instead:
        `await w.update(tools=[{"type": "mcp", "server_label": "…", "server_url": "https://…"}])`.

        Parameters
        ----------
        server
            Its command (`"python server.py"`, or its words; it is started, and ends with the session), or its
            address of streamable HTTP (`"http://127.0.0.1:8000/mcp"`).
        name
            What the names of its tools begin with; None takes the server's own name.
        needs_approval
            Whether a person is asked first, in the panel or by `approve`: True, or a function of the tool's
            own name and its arguments.
        timeout
            Longest run of a tool, in s.

        Returns
        -------
        Handle
            Of the tools' names, as the model sees them.

        Raises
        ------
        ConfigurationError
            For what is no server, or a name that is taken; without the `[mcp]` extra.
        ConnectionFailed
            When awaited: the server is not there, with its last words.
        ServerError, WaitTimeout
            When awaited, as of `update`: its tools are not there then.
        """
        self._check_open()
        check_installed()
        place = checked_place(server)
        prefix = None if name is None else checked_prefix(name)
        limit_s = checked_timeout(timeout)
        asks = checked_approval(needs_approval)
        work = self._add_mcp(place, prefix, needs_approval=asks, timeout=limit_s)
        return self._start("add_mcp", work)

    async def _add_mcp(self, place: Place, prefix: str | None, **how: Any) -> list[str]:
        name, names = await self._mcp.add(place, prefix, **how)
        try:
            changes = self._configuration.check_changes({"tools": self._tools.definitions()})
            await self._update(changes, _DECLARED_S, None)
        except BaseException:
            with contextlib.suppress(ConfigurationError):  # a session that was closed meanwhile has let it go
                await self._mcp.take(name).close()
            raise
        return names

    def remove_mcp(self, server: str | Sequence[str]) -> Handle[Any]:
        """Take the tools of a local MCP server away; one that was started ends.

        Parameters
        ----------
        server
            The name its tools begin with, its command or its address.

        Returns
        -------
        Handle
            Done when the session is without them, and the server has ended.

        Raises
        ------
        ConfigurationError
            When there is none.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited, as of `update`; the server ends all the same.
        """
        taken = self._mcp.take(server, checked_place(server))

        async def close() -> None:
            try:
                await self._update({"tools": self._tools.definitions()}, _DECLARED_S, None)
            finally:
                await taken.close()

        return self._start("remove_mcp", close())

    def _declare(self, what: str, tools: ToolList) -> Handle[Any]:
        """Tell the session which tools there are from now on."""
        self._check_open()
        changes = self._configuration.check_changes({"tools": tools.definitions()})
        return self._change(what, changes, _DECLARED_S, tools=tools)

    def _with_tools(self, fields: dict[str, Any]) -> tuple[dict[str, Any], ToolList | None]:
        """Take `tools=` apart: functions are ours to run, the rest is declared; the list replaces all.

        A function that was made a tool before stays the tool it was: who asked a person first still does.
        A definition by the name of a function that is ours is what the model is told of it from now on.

        Returns
        -------
        fields : dict
            With every tool as the session takes it.
        tools : ToolList or None
            To be had once the fields are found to be right; None where they say nothing of tools.
        """
        asked = fields.get("tools")
        if not isinstance(asked, list | tuple):
            return fields, None
        own: list[Tool] = []
        others: list[Any] = []
        told: dict[str, dict[str, Any]] = {}
        for given in asked:
            ours = self._tools.get(_function_name(given))
            if isinstance(given, Tool):
                own.append(given)
            elif callable(given):
                own.append(self._tools.of(given) or made_of(given) or Tool(given))
            elif ours is not None:
                own.append(ours)
                told[ours.name] = given
            else:
                others.append(given)
        tools = ToolList(tuple(own), tuple(others), told)
        return {**fields, "tools": tools.definitions()}, tools

    def _take_tools(self, tools: ToolList | None) -> Callable[[], None]:
        """Have these tools, if any are given; return what takes that back."""
        return _nothing if tools is None else self._tools.take(tools)

    def approve(self, tool_call_id: str) -> None:
        """Let a call run that waits for approval.

        Parameters
        ----------
        tool_call_id
            Of the call, as the note `rtc.approval` has it; of a call that the service makes to an MCP server,
            the item id of its request.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        self._rounds.decide(tool_call_id, approved=True)

    def reject(self, tool_call_id: str, reason: str | None = None) -> None:
        """Do not let a call run that waits for approval; the model is told, with the reason.

        Parameters
        ----------
        tool_call_id
            As of `approve`.
        reason
            For the model; None gives none.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        self._rounds.decide(tool_call_id, approved=False, reason=reason)


def _function_name(definition: object) -> str:
    """Return the name of the function that a definition describes; "" where it describes none."""
    if not isinstance(definition, dict) or definition.get("type", "function") != "function":
        return ""
    return str(definition.get("name") or "")


def _nothing() -> None:
    pass
