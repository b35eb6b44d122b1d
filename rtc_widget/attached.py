"""attach(): a session on a call that was made elsewhere, in a page, by an app, or by phone."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from rtc_widget import protocol
from rtc_widget._arguments import checked_flag
from rtc_widget._effective import fields_of
from rtc_widget._errors import ConfigurationError, ServerError
from rtc_widget.session import Session
from rtc_widget.transports.sideband_socket import check_installed

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from rtc_widget.log.record import Record
    from rtc_widget.providers import Provider
    from rtc_widget.transports.base import CallRequest
    from rtc_widget.transports.joined import Joined

__all__ = ["AttachedSession", "attach", "checked_call_id"]

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ANSWER_S = 10.0
_TOLD = frozenset({"session.created", "session.updated"})
_TAKEN: deque[str] = deque(maxlen=10_000)
"""Phone calls that `rtc.sip.accept` took: they have no other client."""


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
        answers: bool | None = None,
    ) -> None:
        self._rtc_call_id = rtc_call_id
        super().__init__(provider=provider, signaling="kernel", directory=directory)
        self._core.watchers.append(self._on_session)
        self._rounds.answers_all = _is_taken(rtc_call_id) if answers is None else answers

    def _make_transport(self) -> Joined:
        from rtc_widget.transports.joined import Joined

        self._joined = Joined(self._core.log, self._provider, self._rtc_call_id)
        return self._joined

    @property
    def status(self) -> str:
        """How the call is: idle, connecting, live, failed or ended."""
        return self._core.status

    async def _reach(self, request: CallRequest) -> None:
        """Join; the service tells what the session is when it is asked to change nothing."""
        await self._core.transport.connect(request)
        await self._be_told()
        told = self._core.conversation.session
        if told.get("type") == self._session_type:
            # What is asked again in new calls is asked under what this call was made with.
            self._configuration.requested = protocol.default_session(**fields_of(told))
        if len(self._tools):
            await self._ask({"tools": self._tools.definitions()})

    async def _be_told(self) -> None:
        try:
            await self._ask({})
        except ServerError as refusal:  # it is of the other type: nothing says so beforehand
            try:
                await self._ask({"type": "transcription"})
            except ServerError:
                raise refusal from None

    async def _ask(self, changes: dict[str, Any]) -> None:
        await self._core.execute(protocol.dialect.update(changes), timeout=_ANSWER_S)

    def _on_session(self, record: Record) -> None:
        """Keep in mind what tools the call has beside ours: whoever made it answers them."""
        if record.direction == "server" and record.type in _TOLD:
            self._tools.see(self._core.conversation.session.get("tools"))

    async def _end_call(self, reason: str) -> None:
        await self._joined.end_call(reason)

    def __await__(self) -> Generator[Any, None, Self]:
        """Join the call."""
        return self.__aenter__().__await__()


def attach(
    rtc_call_id: str,
    *,
    provider: Provider | None = None,
    directory: str | os.PathLike[str] | None = "rtc_sessions",
    answers: bool | None = None,
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
    answers
        Whether the session asks for the answer that follows calls at remote MCP servers, which one client
        of a call does; None: where `rtc.sip.accept` took the call, in this process. After answers that it
        asked for itself, and after its own tools, it does in any case.

    Returns
    -------
    AttachedSession
        Its log begins where it joins.

    Raises
    ------
    ConfigurationError
        For what is no call id, or without the `[sideband]` extra.
    ConnectionFailed
        When awaited: there is no such call, or it cannot be joined. The session is closed then.
    """
    check_installed()
    if answers is not None:
        checked_flag(answers, "answers")
    return AttachedSession(
        checked_call_id(rtc_call_id), provider=provider, directory=directory, answers=answers
    )


def take(rtc_call_id: str) -> None:
    """Remember a phone call that was accepted here."""
    if rtc_call_id not in _TAKEN:
        _TAKEN.append(rtc_call_id)


def _is_taken(rtc_call_id: str) -> bool:
    return rtc_call_id in _TAKEN


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
