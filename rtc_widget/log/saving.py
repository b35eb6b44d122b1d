"""Saving: what stands on disk of a session, its journal, its audio and what tells of them."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

import msgspec
import pandas as pd

from rtc_widget._arguments import expanded
from rtc_widget._errors import RecordingError
from rtc_widget._version import __version__
from rtc_widget._words import all_whole
from rtc_widget.frames import Frames
from rtc_widget.frames.sessions import instructions_hash
from rtc_widget.log import folders, locks, parquet
from rtc_widget.log.belonging import belongs
from rtc_widget.log.recording import hear
from rtc_widget.log.replacing import replaced
from rtc_widget.log.writing import write_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.journal import Journal

__all__ = ["save_recording", "write_session_files"]

_PACKAGES = (
    "aiortc",
    "anywidget",
    "genai-prices",
    "httpx",
    "ipykernel",
    "jupyterlab",
    "openai",
    "pandas",
    "pyarrow",
)
_at_work: WeakValueDictionary[str, Any] = WeakValueDictionary()
_looking = threading.Lock()


class HasLog(Protocol):
    """What can be saved: a session, or a recording."""

    @property
    def event_log(self) -> EventLog:
        """Its log."""


def save_recording(source: HasLog, folder: str | os.PathLike[str]) -> Path:
    """Write the journal, its audio, `session.json` and the frames as Parquet, as `Session.save` tells."""
    place = expanded(folder)
    if place.is_file():
        raise RecordingError(
            f"{place} is a file; a recording is a folder. Nothing was overwritten.", path=place
        )
    with _alone_in(place):
        _save(source, place)
    return place


def _save(source: HasLog, place: Path) -> None:
    log = source.event_log
    target = place / folders.JOURNAL
    journal = log.journal
    if journal is not None and _is_written_to(journal, target):
        journal.sync()
    else:
        if target.exists() and folders.session_in(place) != log.session_id:
            raise RecordingError(
                f"{place} holds another session; choose a new folder. Nothing was overwritten."
            )
        place.mkdir(parents=True, exist_ok=True)
        with _claimed(target):
            if target.exists() and not belongs(target, log):
                raise RecordingError(
                    f"{place} holds records that this session does not know: it went on elsewhere. Choose a "
                    f"new folder, or load({str(place)!r}). Nothing was overwritten.",
                    path=place,
                )
            write_journal(log, target)
        audio = getattr(source, "audio", None)
        if audio is not None:
            audio.copy_to(place)
    _write_session_files(log, place, None)


def _is_written_to(journal: Journal, target: Path) -> bool:
    """Whether a journal is this file, and still writes it."""
    return not journal.over and target.exists() and journal.path.resolve() == target.resolve()


@contextlib.contextmanager
def _claimed(target: Path) -> Iterator[None]:
    """Keep a journal that is there for ourselves while it is replaced."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.held(target))
        except BlockingIOError:
            raise RecordingError(
                f"{target} is still being written by its own session; choose a new folder. Nothing was "
                "overwritten.",
                path=target,
            ) from None
        yield


@contextlib.contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    """Let one thread at a time write a folder."""
    where = os.path.realpath(place)
    with _looking:
        lock = _at_work.setdefault(where, threading.RLock())
    with lock:
        yield


def write_session_files(log: EventLog, folder: Path, frames: Frames | None = None) -> None:
    """Write what stands beside a journal: `session.json`, the frames as Parquet, what was heard; at hang-up.

    Parameters
    ----------
    log : EventLog
        The session's log.
    folder : Path
        The session's folder.
    frames : Frames, optional
        Its frames, where there are some already.

    Raises
    ------
    OSError
        They cannot be written.
    """
    with _alone_in(folder):
        if log.journal is not None and not log.journal.over:
            with contextlib.suppress(OSError):  # a note in the log says so
                log.journal.sync()
        _write_session_files(log, folder, frames)


def _write_session_files(log: EventLog, folder: Path, frames: Frames | None) -> None:
    if frames is None:
        frames = Frames(log, info={"path": str(folder)})
        hear(frames, folder)
    told = msgspec.json.format(msgspec.json.encode(all_whole(describe(frames))), indent=2)
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / folders.SESSION) as file:
        file.write(told + b"\n")
    parquet.write_frames(frames, folder)
    frames.keep_heard(folder)


def describe(frames: Frames) -> dict[str, Any]:
    """Return what `session.json` says of a session; it holds no key, for the log holds none."""
    log = frames.log
    session = frames.read().conversation.session
    row = frames.get("sessions").iloc[0]
    names = ("provider", "model", "voice", "variant")
    known = {name: None if pd.isna(row[name]) else row[name] for name in names}
    return {
        "v": 1,
        "session_id": log.session_id,
        "started_at": log.started_at.isoformat() if log.wall_time_known else None,
        "n_records": len(log),
        **known,
        "instructions_hash": instructions_hash(session),
        "configuration": session,
        "clock": None if log.clock is None else msgspec.to_builtins(log.clock),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that had a hand in a session."""
    found = {"rtc_widget": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
