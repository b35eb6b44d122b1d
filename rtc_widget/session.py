"""Session: one conversation from Python's side; commands out, waits for what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any, Self

from rtc_widget._arguments import checked_choice, checked_flag, checked_provider, checked_variant, expanded
from rtc_widget._asking import Asking
from rtc_widget._call_limit import CallLimit
from rtc_widget._calling import Calling
from rtc_widget._configuration import Configuration, FieldProperties, unless_changed
from rtc_widget._core import OVER, Core
from rtc_widget._editing import Editing
from rtc_widget._errors import ConfigurationError
from rtc_widget._exit import wait_at_exit
from rtc_widget._frame_properties import FrameProperties
from rtc_widget._keeping import Keeper, new_recorder
from rtc_widget._late_session import LateSession
from rtc_widget._listening import Listening
from rtc_widget._loop import Handle, submit
from rtc_widget._mcp_servers import McpServers
from rtc_widget._quality import Quality
from rtc_widget._speaking import Speaking
from rtc_widget._steering import Steering
from rtc_widget._talking import Talking
from rtc_widget._tool_list import Tools
from rtc_widget._tool_rounds import ToolRounds
from rtc_widget._tooling import Tooling
from rtc_widget.log.folders import DEFAULT, OpenLog, open_log, tell_once
from rtc_widget.log.masking import masked_copy
from rtc_widget.providers import default_provider

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

    import pandas as pd

    from rtc_widget.conversation import Conversation
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.tracks import Tracks
    from rtc_widget.providers import Provider
    from rtc_widget.transports.base import Transport
    from rtc_widget.transports.two_paths import TwoPaths

__all__ = ["Session"]

_SIGNALING = ("ephemeral", "kernel")


class Session(
    Calling, Talking, Steering, Editing, Tooling, Listening, Asking, FrameProperties, FieldProperties
):
    """One conversation: configuration, conversation, log. It can outlive a call.

    Parameters
    ----------
    provider
        Where calls are made; None takes OpenAI where `OPENAI_API_KEY` is set, else the sandbox.
    signaling
        "ephemeral": the offer is posted with a client secret. "kernel": the kernel posts it with the
        standard key.
    sideband
        Whether a second connection brings events and takes commands, also while a cell blocks the kernel;
        needs `signaling="kernel"` and `[sideband]`.
    directory
        Where the session gets a folder of its own for its journal; None keeps it in memory only. `resume`
        gives the log of one that goes on.
    record
        Whether both sides are recorded, into that folder or a temporary file; needs `[audio]`.
    variant
        A variant to begin with; `fields` come over it, and the session is not that variant any more, but for
        tools that it does not name.
    fields
        Fields of the session, flat or nested: instructions, voice, model, turn_detection, transcription, …

    Raises
    ------
    ConfigurationError
        For an unknown keyword, a value that no session takes, or nothing to talk to.
    """

    _paths: TwoPaths | None = None

    def __init__(
        self,
        *,
        provider: Provider | None = None,
        signaling: str = "ephemeral",
        sideband: bool = False,
        directory: str | os.PathLike[str] | OpenLog | None = "rtc_sessions",
        record: bool = False,
        variant: Variant | None = None,
        **fields: Any,
    ) -> None:
        if type(self) is Session:
            raise ConfigurationError(
                "rtc.Session is what every session has in common, and makes no call itself: "
                "rtc.RealtimeWidget(…) in a notebook, rtc.HeadlessSession(…) in a script."
            )
        checked_choice(signaling, _SIGNALING, "signaling")
        _check_sideband(sideband, signaling)
        if provider is not None:
            checked_provider(provider)
        if not isinstance(record, bool):
            raise ConfigurationError(f"record is True (both sides are recorded) or False, not {record!r}.")
        self._tools = Tools()
        self._mcp = McpServers(self._tools)
        given, kept = fields, None
        if variant is not None:
            given, kept = {**checked_variant(variant).fields, **fields}, unless_changed(variant, fields)
        given, tools = self._with_tools(given)
        configuration = Configuration(given, self._session_type, kept)
        self._take_tools(tools)
        self._provider = provider if provider is not None else default_provider()
        self._provider.join()
        self._signaling = signaling
        log, self._folder = _opened(directory)
        self._core = Core(log)
        self._recorder = new_recorder(log, self._folder) if record else None
        self._core.record(self._recorder)
        if self._recorder is None and self._folder is not None:
            self._core.recall(self._folder)
        Quality(self._core)
        self._limit = CallLimit(self._core, self._provider.policy.max_call_minutes, self._end_call)
        self._keeper = Keeper(self._core, self._folder, self._recorder)
        self._configuration = configuration
        self._configuration.follow(self._core)
        self._late = LateSession(self._core, configuration)
        self._speaking = Speaking(self._core, lambda: self._rounds.busy)
        self._rounds = ToolRounds(self._core, self._tools, self._speaking)
        self._attempts = int(self._core.call_state.get("call") or 0)
        self._placing = self._connecting = None
        self._one_attempt = asyncio.Lock()
        self._closing = None
        self._closing_lock = threading.Lock()
        self._core.transport = self._make_transport()
        if sideband:
            self._core.transport = self._beside(self._core.transport)
        else:
            self._core.waits.hidden_by = self._provider.hides
        wait_at_exit(self)

    def _beside(self, transport: Transport) -> TwoPaths:
        from rtc_widget.transports.two_paths import TwoPaths

        self._paths = TwoPaths(self._core.log, self._provider, transport)
        return self._paths

    def _make_transport(self) -> Transport:
        raise NotImplementedError

    # -- the call ---------------------------------------------------------------------------------

    @property
    def provider(self) -> Provider:
        """Where calls are made."""
        return self._provider

    # -- what is known ----------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The session's own folder, made with the first record; None for one in memory only."""
        return self._folder

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the session as it is now into a folder, as a recording; `rtc.load` reads it.

        Parameters
        ----------
        folder
            Made if need be. One that holds this very session is brought up to date.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        RecordingError
            When the folder holds another session, or this one as it went on elsewhere or still does, or is a
            file.
        OSError
            When not all of it can be written.
        """
        from rtc_widget.log.saving import save_recording

        return save_recording(self, folder)

    @property
    def audio(self) -> Tracks | None:
        """Both sides as they were recorded, on one timeline; None without `record=True`."""
        return self._core.audio

    @property
    def configuration(self) -> Configuration:
        """What calls are made with: its `requested` session, `version` and `variant`."""
        return self._configuration

    @property
    def event_log(self) -> EventLog:
        """The log itself; `event_log[seq]` is one event as a dict."""
        return self._core.log

    @property
    def conversation(self) -> Conversation:
        """Items, responses and turns so far."""
        return self._core.conversation

    def _frame(self, name: str) -> pd.DataFrame:
        return self._core.frames.get(name)

    def _field(self, name: str) -> Any:
        return masked_copy(self._configuration.field(name))

    async def __aenter__(self) -> Self:
        """Connect where there is no call yet; a session that cannot is closed again.

        Raises
        ------
        ConfigurationError
            When the session is closed.
        ConnectionFailed, SecretError
            As of `connect`.
        """
        self._check_open()
        try:
            await self._call_on_its_way()
            if self._core.status in OVER:
                await self.connect()
        except BaseException:
            Session.close(self)  # nobody leaves what was never entered
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up and close."""
        self.close()
        await Session.close(self)  # a widget's own returns nothing to wait for

    def close(self) -> Handle[None]:
        """Hang up, close the log, let transport and provider go; safe to call twice.

        Returns
        -------
        Handle
            Done when all of it is on disk. Python does not exit before, unless that takes more than 10 s.
        """
        return Handle(submit(_ended(self._close())), "close")

    def _close(self) -> Future[None]:
        with self._closing_lock:
            if self._closing is None:
                self._closing = submit(self._shut())
            return self._closing

    def _leave(self) -> Future[None] | None:
        """Close at exit what nobody has closed: the call ends with this process anyway."""
        return self._close()

    async def _shut(self) -> None:
        self._limit.stop()
        with contextlib.suppress(Exception):
            await self._core.transport.hang_up("the session was closed")
        async with contextlib.AsyncExitStack() as ends:  # each of them, whatever another one raises
            ends.push_async_callback(self._provider.leave)
            ends.callback(self._core.close)
            ends.push_async_callback(self._keeper.close)
            ends.push_async_callback(self._mcp.close)
            ends.push_async_callback(self._core.transport.close)

    def __repr__(self) -> str:
        """Name the provider, the model and the state; never a key."""
        names = [self._provider.name, self._configuration.field("model"), self._core.status]
        return f"{type(self).__name__}({', '.join(str(name) for name in names if name is not None)})"


async def _ended(work: Future[None]) -> None:
    """Wait for work that goes on when nobody waits any more."""
    await asyncio.shield(asyncio.wrap_future(work))


def _opened(directory: str | os.PathLike[str] | OpenLog | None) -> OpenLog:
    if isinstance(directory, OpenLog):
        return directory
    if directory is not None and not isinstance(directory, str | os.PathLike):
        raise ConfigurationError(
            f"directory is the path of a folder, or None to keep nothing on disk, not {directory!r}."
        )
    opened = open_log(None if directory is None else expanded(directory).absolute())
    if opened.folder is not None and directory == DEFAULT:
        tell_once(opened.folder)
    return opened


def _check_sideband(sideband: object, signaling: str) -> None:
    if checked_flag(sideband, "sideband") and signaling != "kernel":
        raise ConfigurationError(
            'A sideband joins calls that the kernel makes: signaling="kernel", sideband=True.'
        )
