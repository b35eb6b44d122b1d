"""Calls of tools that wait for a person: asked in the log, decided in the panel or from Python."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from rtc_widget._core import Core

__all__ = ["Approvals"]


class Approvals:
    """The questions of one session, by tool call id; of a remote MCP call, by its request's item id.

    Parameters
    ----------
    core
        The session's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._waiting: dict[str, asyncio.Future[tuple[bool, str | None]]] = {}

    async def ask(self, tool_call_id: str, **about: str) -> tuple[bool, str | None]:
        """Wait for a person; return whether they allow it, and their reason.

        Parameters
        ----------
        tool_call_id
            What waits.
        about
            What a person needs to know: name, arguments.
        """
        future: asyncio.Future[tuple[bool, str | None]] = asyncio.get_running_loop().create_future()
        self._waiting[tool_call_id] = future
        self._core.log.note("rtc.approval", tool_call_id=tool_call_id, **about, decision="asked")
        try:
            return await future
        finally:
            self._waiting.pop(tool_call_id, None)

    def forget(self) -> None:
        """End every wait: there is no call any more that a tool could answer."""
        for future in list(self._waiting.values()):
            future.cancel()

    def decide(self, tool_call_id: str, *, approved: bool, reason: str | None = None) -> None:
        """Answer a call that waits for approval.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        future = self._waiting.pop(tool_call_id, None)
        if future is None:
            waiting = ", ".join(self._waiting) or "none"
            raise ConfigurationError(f"No tool call {tool_call_id!r} waits for approval. Waiting: {waiting}.")
        decision = "approved" if approved else "rejected"
        extra = {"reason": reason} if reason else {}
        self._core.log.note("rtc.approval", tool_call_id=tool_call_id, decision=decision, **extra)

        def settle() -> None:
            if not future.done():
                future.set_result((approved, reason))

        future.get_loop().call_soon_threadsafe(settle)
