"""One sandbox: who may come in, what answers, and the calls that run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rtc_widget.sandbox.trouble import Trouble
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from rtc_widget.sandbox.keys import Keys
    from rtc_widget.sandbox.prompt import Brain
    from rtc_widget.sandbox.session import Session

__all__ = ["RunningCall", "Sandbox"]

_log = logging.getLogger(__name__)


class RunningCall(Protocol):
    """A call, whatever it travels over."""

    @property
    def id(self) -> str:
        """`rtc_…`."""

    @property
    def session(self) -> Session | None:
        """Its session; None while it only rings."""

    @property
    def may_be_joined(self) -> bool:
        """Whether a sideband may: the service refuses it on calls that were made with a client secret."""

    async def hang_up(self) -> None:
        """End it."""


@dataclass
class Sandbox:
    """One sandbox.

    Attributes
    ----------
    keys
        Who may come in.
    brain
        What answers.
    session_seconds
        How long a session may last.
    calls
        Those that run, by id.
    trouble
        What is to fail next.
    """

    keys: Keys
    brain: Brain
    session_seconds: float = 3600.0
    calls: dict[str, RunningCall] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)

    def begin(self, call: RunningCall) -> None:
        """Enter a call."""
        self.calls[call.id] = call
        _log.info("%s began", call.id)

    def forget(self, call: RunningCall) -> None:
        """Strike out a call that has ended."""
        if self.calls.pop(call.id, None) is not None:
            _log.info("%s ended", call.id)

    def find(self, call_id: str) -> RunningCall:
        """Return a call.

        Raises
        ------
        ApiError
            404: there is none of that id.
        """
        call = self.calls.get(call_id)
        if call is None:
            raise no_such_call(call_id)
        return call

    async def close(self) -> None:
        """End all calls, and let the brain go."""
        for call in list(self.calls.values()):
            await call.hang_up()
        await self.brain.close()


def no_such_call(call_id: str) -> ApiError:
    """Return what the API says of a call it does not know."""
    return ApiError(
        f"No call with id '{call_id}' runs.", code="call_id_not_found", param="call_id", status=404
    )
