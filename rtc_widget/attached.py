"""attach(): a session on a call that was made elsewhere, in a page, by an app, or by phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from rtc_widget import protocol
from rtc_widget._effective import fields_of
from rtc_widget._errors import ConfigurationError
from rtc_widget.session import Session
from rtc_widget.transports.sideband_socket import check_installed

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from rtc_widget.providers import Provider
    from rtc_widget.transports.base import CallRequest
    from rtc_widget.transports.joined import Joined

__all__ = ["AttachedSession", "attach", "checked_call_id"]

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ANSWER_S = 10.0


class AttachedSession(Session):
    """A session whose call somebody else made; await it, or enter it, to join.

    Leaving does not end the call; `hang_up()` does. Sound is where the call was made: `play` and `mute` are
    refused, and heard columns are `NA`.
    """

    def __init__(
        self,
        rtc_call_id: str,
        *,
        provider: Provider | None,
        directory: str | os.PathLike[str] | None,
    ) -> None:
        self._rtc_call_id = rtc_call_id
        super().__init__(provider=provider, signaling="kernel", directory=directory)

    def _make_transport(self) -> Joined:
        from rtc_widget.transports.joined import Joined

        self._joined = Joined(self._core.log, self._provider, self._rtc_call_id)
        return self._joined

    @property
    def status(self) -> str:
        """How the call is: idle, connecting, live, failed or ended."""
        return self._core.status

    async def _reach(self, request: CallRequest) -> None:
        """Join; the service tells what the session is when it is asked to change nothing, or our tools."""
        await self._core.transport.connect(request)
        changes: dict[str, Any] = {"tools": self._tools.definitions()} if len(self._tools) else {}
        await self._core.execute(protocol.dialect.update(changes), timeout=_ANSWER_S)
        # What is asked again in new calls is asked under what this call was made with.
        told = fields_of(self._core.conversation.session)
        self._configuration.requested = protocol.default_session(**told)

    async def _hang_up(self) -> None:
        await self._joined.end_call("hung up from Python")

    def __await__(self) -> Generator[Any, None, Self]:
        """Join the call."""
        return self.__aenter__().__await__()


def attach(
    rtc_call_id: str,
    *,
    provider: Provider | None = None,
    directory: str | os.PathLike[str] | None = "rtc_sessions",
) -> AttachedSession:
    """Return a session on a call made elsewhere: `s = await rtc.attach("rtc_…")`, or `async with`.

    Parameters
    ----------
    rtc_call_id
        The call's id, from its `Location` header or a webhook. It must have been made with the standard key.
    provider
        Where it was made; None takes OpenAI where `OPENAI_API_KEY` is set, else the sandbox.
    directory
        Where the session gets a folder of its own for its journal; None keeps it in memory only.

    Returns
    -------
    AttachedSession
        Its log begins where it joins.

    Raises
    ------
    ConfigurationError
        For what is no call id, or without the `[sideband]` extra.
    ConnectionFailed
        When awaited: there is no such call, or it cannot be joined.
    """
    check_installed()
    return AttachedSession(checked_call_id(rtc_call_id), provider=provider, directory=directory)


def checked_call_id(rtc_call_id: object) -> str:
    """Check that a text can be the id of a call.

    Raises
    ------
    ConfigurationError
        For anything else.
    """
    if isinstance(rtc_call_id, str) and rtc_call_id.startswith(("sk-", "ek_")):
        raise ConfigurationError('This is a key, and no call id. Right form: await rtc.attach("rtc_…").')
    if not isinstance(rtc_call_id, str) or _CALL_ID.fullmatch(rtc_call_id) is None:
        raise ConfigurationError(
            f'{rtc_call_id!r} is no call id. Right form: "rtc_…", as the Location header of a call has it.'
        )
    if rtc_call_id.startswith("call_"):
        raise ConfigurationError(f"{rtc_call_id!r} is the id of a tool call; a call's begins with rtc_.")
    return rtc_call_id
