"""The longest call that a policy allows: the session hangs up then, also while a cell runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import RtcWidgetError
from rtc_widget._loop import submit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from rtc_widget._core import Core
    from rtc_widget.log.record import Record

__all__ = ["CallLimit"]

_S_IN_MINUTE = 60.0
_PAUSES_S = (1.0, 5.0, 15.0, 60.0, 0.0)
"""After each time that hanging up failed; then it is left to the service, which ends calls too."""


class CallLimit:
    """Hangs up a call that has been live for as long as the policy allows, and again where that fails.

    Parameters
    ----------
    core
        The session's parts.
    minutes
        How long; None: no limit of ours.
    hang_up
        Ends the call, for a reason.
    """

    def __init__(
        self, core: Core, minutes: float | None, hang_up: Callable[[str], Coroutine[Any, Any, None]]
    ) -> None:
        self._core = core
        self._end_call = hang_up
        self._waiting: Future[None] | None = None
        if minutes is not None:
            self._minutes = minutes
            core.watchers.append(self._on_record)

    def _on_record(self, record: Record) -> None:
        if record.direction != "local" or record.type != "rtc.state":
            return
        if self._core.status == "live":
            # A call that is live may say so again, when its microphone changes.
            self._waiting = self._waiting or submit(self._hang_up())
        else:
            self.stop()

    async def _hang_up(self) -> None:
        await asyncio.sleep(self._minutes * _S_IN_MINUTE)
        reason = f"the policy allows calls of {self._minutes:g} minutes"
        for pause_s in _PAUSES_S:
            try:
                await self._end_call(reason)
            except RtcWidgetError as error:
                self._core.log.note(
                    "rtc.error",
                    source="connection",
                    code=type(error).__name__,
                    message=f"hanging up: {error}",
                )
                await asyncio.sleep(pause_s)
            else:
                return

    def stop(self) -> None:
        """Wait no more."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
