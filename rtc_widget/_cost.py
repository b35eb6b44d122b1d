"""What a session has cost so far, worked out off the hot path whenever something was billed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtc_widget._loop import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget._core import Core
    from rtc_widget.log.record import Record

__all__ = ["Cost"]

_BILLS = frozenset({"conversation.item.input_audio_transcription.completed", "response.done"})


class Cost:
    """Follows the bills of a session.

    Parameters
    ----------
    core
        The session's parts.
    changed
        Called when the sum is another one, on the loop's thread.
    """

    def __init__(self, core: Core, changed: Callable[[], None]) -> None:
        self._core = core
        self._changed = changed
        self._asked = self._counting = False
        self.usd: float | None = None
        """All that was billed; None where nothing was, or any part of it has no known price."""
        core.watchers.append(self._on_record)

    def _on_record(self, record: Record) -> None:
        if record.direction == "server" and record.type in _BILLS:
            self._asked = True
            if not self._counting:
                self._counting = True
                submit(self._count())

    async def _count(self) -> None:
        try:
            while self._asked:
                self._asked = False
                usd = await asyncio.to_thread(self._sum)
                if usd != self.usd:
                    self.usd = usd
                    self._changed()
        finally:
            self._counting = False

    def _sum(self) -> float | None:
        costs = self._core.frames.get("usage")["cost_usd"]
        return None if costs.empty or costs.isna().any() else float(costs.sum())
