"""The session of a call whose service takes none with the offer: sent as an update, once the call is live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtc_widget import protocol
from rtc_widget._errors import RtcWidgetError
from rtc_widget._loop import submit

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rtc_widget._configuration import Configuration
    from rtc_widget._core import Core
    from rtc_widget.log.record import Record
    from rtc_widget.providers.base import Answer

__all__ = ["LateSession"]

_ANSWER_S = 10.0


class LateSession:
    """Sends the session after an offer that went without it.

    Parameters
    ----------
    core
        The session's parts.
    configuration
        What the call shall be.
    """

    def __init__(self, core: Core, configuration: Configuration) -> None:
        self._core = core
        self._configuration = configuration
        self._is_due = False
        self._sending: Future[None] | None = None
        core.watchers.append(self._on_record)

    def answered(self, answer: Answer) -> None:
        """Note whether an offer took its session along."""
        self._is_due = not answer.session_sent

    def _on_record(self, record: Record) -> None:
        live = record.direction == "local" and record.type == "rtc.state" and self._core.status == "live"
        if live and self._is_due:
            self._is_due = False
            self._sending = submit(self._send())

    async def _send(self) -> None:
        asked = {name: value for name, value in self._configuration.requested.items() if name != "model"}
        try:
            await self._core.execute(protocol.dialect.update(asked), timeout=_ANSWER_S)
        except RtcWidgetError as error:
            self._core.log.note(
                "rtc.error",
                source="connection",
                code=type(error).__name__,
                message=f"the service did not take the session: {error} The call goes on with its own.",
            )

    async def settled(self) -> None:
        """Return when nothing is on its way."""
        sending, self._sending = self._sending, None
        if sending is not None:
            await asyncio.wait({asyncio.wrap_future(sending)})
