"""What a brain sees, and what it can do about it: the seam between a session and whatever answers in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from rtc_widget.sandbox.history import Entry
    from rtc_widget.sandbox.wire import Event

__all__ = ["Action", "Brain", "CallTool", "Fail", "Prompt", "Said", "Say", "Wait", "prompt_of"]


@dataclass(frozen=True)
class Say:
    """Say something.

    Attributes
    ----------
    text
        The words.
    language
        en, fr, es or de: whose voice reads them.
    speed
        Multiplied with the session's own.
    after_ms
        So long after the last of the user's speech came in, the first sample of this one's goes out; None: as
        soon as it can.
    """

    text: str
    language: str = "en"
    speed: float = 1.0
    after_ms: float | None = None


@dataclass(frozen=True)
class CallTool:
    """Call a function.

    Attributes
    ----------
    name
        As declared.
    arguments
        JSON text.
    server_label
        Of the MCP server that has it; "": the client has it.
    """

    name: str
    arguments: str
    server_label: str = ""


@dataclass(frozen=True)
class Wait:
    """Keep silent for a while.

    Attributes
    ----------
    seconds
        How long.
    """

    seconds: float


@dataclass(frozen=True)
class Fail:
    """Let the response fail.

    Attributes
    ----------
    code, message
        As in `response.status_details.error`.
    """

    code: str
    message: str


Action = Say | CallTool | Wait | Fail


@dataclass(frozen=True)
class Said:
    """One item as a brain sees it.

    Attributes
    ----------
    role
        user, assistant, system, call (a function was called) or tool (what it gave back).
    text
        The words.
    pictures
        What images came with them.
    name
        Of the function, for a tool.
    without_words
        Why there are none: "silence" (spoken, nothing recognised), "deaf" (nothing can be), "timeout".
    is_answered
        Whether a response has dealt with it already.
    tool_call_id
        What binds a call and what it gave back.
    arguments
        JSON text of the call, where call and result are one item: a server's tool.
    """

    role: str
    text: str
    pictures: Sequence[str] = ()
    name: str = ""
    without_words: str | None = None
    is_answered: bool = False
    tool_call_id: str = ""
    arguments: str | None = None


@dataclass(frozen=True)
class Prompt:
    """Everything a brain may look at.

    Attributes
    ----------
    instructions
        The effective ones.
    items
        The conversation, oldest first.
    tools
        Functions, and what MCP servers offer.
    tool_choice, parallel_tool_calls
        As in the session or response.
    """

    instructions: str
    items: Sequence[Said] = ()
    tools: Sequence[Event] = ()
    tool_choice: Any = "auto"
    parallel_tool_calls: bool = True


class Brain(Protocol):
    """What answers."""

    def answer(self, prompt: Prompt) -> AsyncGenerator[Action, None]:
        """Return what to do about a prompt, one action after the other."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""


async def prompt_of(
    session: Event, entries: Sequence[Entry], everything: Iterable[Entry], tools: Sequence[Event]
) -> Prompt:
    """Return what a brain sees of a conversation, once all of it is understood.

    Parameters
    ----------
    session
        The effective configuration.
    entries
        The items within the context, oldest first.
    everything
        All items: where the calls of functions are found.
    tools
        Those that can be called.

    Returns
    -------
    Prompt
        The same, for a brain.
    """
    names = {
        entry.item["call_id"]: str(entry.item["name"])
        for entry in everything
        if entry.item["type"] == "function_call"
    }
    heard = [
        await _said(entry, str(entry.item.get("name") or names.get(entry.item.get("call_id"), "")))
        for entry in entries
    ]
    return Prompt(
        session["instructions"] or "",
        [said for said in heard if said.text or said.role != "assistant"],
        tools,
        session["tool_choice"],
        session.get("parallel_tool_calls") is not False,
    )


async def _said(entry: Entry, name: str) -> Said:
    without_words = entry.without_words
    if entry.words is not None:
        try:
            if not (await asyncio.shield(entry.words)).strip():
                without_words = without_words or "silence"
        except ConfigurationError:
            without_words = "deaf"
    is_whole = entry.item["type"] == "mcp_call" and entry.role == "tool"
    return Said(
        entry.role,
        entry.text,
        tuple(entry.pictures),
        name,
        without_words,
        entry.is_answered,
        str(entry.item.get("call_id") or entry.id),
        entry.item["arguments"] if is_whole else None,
    )
