"""Which tools a session has: its functions by name, and what it declares for others to run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rtc_widget.tools import Tool

__all__ = ["ToolList", "Tools"]


@dataclass(frozen=True, slots=True)
class ToolList:
    """What a session is to have, before anybody has agreed to it.

    Parameters
    ----------
    own
        Ours to run.
    others
        As `session.tools` takes them; somebody else runs them.
    told
        What the model is told of ours, by name, where that is not what they say themselves.
    """

    own: tuple[Tool, ...]
    others: tuple[Any, ...]
    told: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def definitions(self) -> list[Any]:
        """Return all of them as `session.tools` takes them."""
        return [*self.others, *(self.told.get(tool.name) or tool.definition() for tool in self.own)]

    def with_tool(self, tool: Tool) -> ToolList:
        """Return these with one more, in the place of one of its name."""
        own = {one.name: one for one in (*self.own, tool)}
        told = {name: words for name, words in self.told.items() if name != tool.name}
        return ToolList(tuple(own.values()), self.others, told)

    def without(self, name: str) -> ToolList:
        """Return these without one of ours.

        Raises
        ------
        ConfigurationError
            When there is none of that name.
        """
        left = tuple(tool for tool in self.own if tool.name != name)
        if len(left) == len(self.own):
            there = ", ".join(tool.name for tool in self.own) or "none"
            raise ConfigurationError(f"There is no tool {name!r}. Tools: {there}.")
        return ToolList(left, self.others, self.told)


class Tools:
    """The tools of one session, ours by name; safe to change from any thread."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self._others: tuple[Any, ...] = ()
        self._told: Mapping[str, dict[str, Any]] = {}
        self._ever: frozenset[str] = frozenset()
        self._lock = threading.RLock()

    @property
    def now(self) -> ToolList:
        """All there are."""
        with self._lock:
            return ToolList(tuple(self._tools.values()), self._others, self._told)

    def add(self, tool: Tool) -> None:
        """Add a tool, in the place of one of its name."""
        with self._lock:
            self.take(self.now.with_tool(tool))

    def remove(self, name: str) -> None:
        """Take a tool away.

        Raises
        ------
        ConfigurationError
            When there is none of that name.
        """
        with self._lock:
            self.take(self.now.without(name))

    def take(self, tools: ToolList) -> Callable[[], None]:
        """Have these from now on; return what takes that back, and leaves alone what has changed since."""
        with self._lock:
            before, others_before, told_before = self._tools, self._others, self._told
            after, others, told = {tool.name: tool for tool in tools.own}, tools.others, tools.told
            self._tools, self._others, self._told = after, others, told
            self._ever |= before.keys() | after.keys()

        def take_back() -> None:
            with self._lock:
                now = dict(self._tools)
                for name in before.keys() | after.keys():
                    was, became = before.get(name), after.get(name)
                    if was is became or now.get(name) is not became:
                        continue
                    now.pop(name, None)
                    if was is not None:
                        now[name] = was
                self._tools = now
                if self._others is others:
                    self._others = others_before
                if self._told is told:
                    self._told = told_before

        return take_back

    def see(self, told: object) -> None:
        """Take what a session is said to have for somebody else's, but for what is or was ours."""
        theirs = tuple(told) if isinstance(told, list) else ()
        with self._lock:
            self._others = tuple(
                one for one in theirs if not (isinstance(one, dict) and one.get("name") in self._ever)
            )

    def get(self, name: str) -> Tool | None:
        """Return the tool of a name, None for one that is not ours to run."""
        return self._tools.get(name)

    def of(self, function: object) -> Tool | None:
        """Return the tool that a function is here, None for one that is none."""
        return next((tool for tool in self if getattr(tool, "function", None) == function), None)

    def is_gone(self, name: str) -> bool:
        """Say whether a tool of a name was ours to run, and is nobody's now."""
        theirs = {other.get("name") for other in self._others if isinstance(other, dict)}
        return name in self._ever and name not in self._tools and name not in theirs

    def definitions(self) -> list[Any]:
        """Return all there are as `session.tools` takes them."""
        return self.now.definitions()

    def __contains__(self, name: object) -> bool:
        """Say whether there is a tool of a name."""
        return name in self._tools

    def __iter__(self) -> Iterator[Tool]:
        """Walk ours, oldest first."""
        return iter(self.now.own)

    def __len__(self) -> int:
        """Count ours."""
        return len(self._tools)
