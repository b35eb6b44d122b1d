"""Calls that nobody watches: in them no person can be asked whether a tool may run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.tools import Tool, made_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtc_widget.session import Session

__all__ = ["check_tools", "refuse_questions"]

_NOBODY = "nobody watches this call, so nobody can allow it"


def check_tools(tools: Iterable[object], way_out: str) -> None:
    """Refuse a tool that always asks a person first.

    Parameters
    ----------
    tools
        As a session is made with.
    way_out
        What else can be done, for the error.

    Raises
    ------
    ConfigurationError
        There is one.
    """
    for given in tools:
        tool = given if isinstance(given, Tool) else made_of(given)
        if tool is not None and tool.needs_approval is True:
            raise ConfigurationError(
                f"The tool {tool.name} asks a person before it runs, and in calls of their own nobody can be "
                f"asked: {way_out}"
            )


def refuse_questions(session: Session) -> None:
    """Answer each question for a person with no, at once, so that the call does not wait for nobody."""

    def refuse(event: dict[str, Any]) -> None:
        if event.get("decision") == "asked":
            with contextlib.suppress(ConfigurationError):  # the call has ended meanwhile
                session.reject(str(event.get("tool_call_id")), _NOBODY)

    session.on("rtc.approval", refuse)
