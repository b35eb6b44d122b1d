"""A session's tools: Python functions that the model may call, and the approval of their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from rtc_widget._parts import SessionParts
from rtc_widget.tools import Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget._loop import Handle

__all__ = ["Tooling"]

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
            arguments.
        timeout
            Longest run, in s.

        Raises
        ------
        ConfigurationError
            For a function that no model can call: a parameter that no JSON can fill, a name the API refuses.
        """
        if function is None:
            return lambda function: self._add_tool(function, options)
        return self._add_tool(function, options)

    def _add_tool(self, function: F, options: dict[str, Any]) -> F:
        given: object = function
        self._tools.add(given if isinstance(given, Tool) else Tool(function, **options))
        self._declare("tool")
        return function

    def remove_tool(self, name: str) -> Handle[Any]:
        """Take a tool away from the model.

        Raises
        ------
        ConfigurationError
            When there is none of that name.
        """
        self._tools.remove(name)
        return self._declare("remove_tool")

    def _declare(self, what: str) -> Handle[Any]:
        """Tell the session which tools there are now."""
        changes = self._configuration.check_changes({"tools": self._all_tools()})
        return self._change(what, changes, 10.0)

    def _all_tools(self) -> list[Any]:
        return [*self._other_tools, *self._tools.definitions()]

    def _with_tools(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Take `tools=` apart: functions are ours to run, the rest is declared; the list replaces all."""
        asked = fields.get("tools")
        if not isinstance(asked, list | tuple):
            return fields
        given = [tool if isinstance(tool, Tool) or not callable(tool) else Tool(tool) for tool in asked]
        for tool in list(self._tools):
            self._tools.remove(tool.name)
        for tool in given:
            if isinstance(tool, Tool):
                self._tools.add(tool)
        self._other_tools = [tool for tool in given if not isinstance(tool, Tool)]
        return {**fields, "tools": self._all_tools()}

    def approve(self, tool_call_id: str) -> None:
        """Let a call run that waits for approval.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        self._rounds.decide(tool_call_id, approved=True)

    def reject(self, tool_call_id: str, reason: str | None = None) -> None:
        """Do not let a call run that waits for approval; the model is told, with the reason.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        self._rounds.decide(tool_call_id, approved=False, reason=reason)
