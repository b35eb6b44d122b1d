"""Frames: a session as DataFrames, each a pure function of its recording; one module a frame."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.conversation import FIRST_COUNTS, HANDLED, Conversation
from rtc_widget.frames import (
    accessor,  # noqa: F401 - registers df.rtc
    calls,
    config,
    errors,
    events,
    items,
    rate_limits,
    responses,
    segments,
    sessions,
    stats,
    tool_calls,
    transcripts,
    turns,
    usage,
)
from rtc_widget.frames._dictionary import Dictionary, describe
from rtc_widget.frames._frame import Frame, Source
from rtc_widget.frames._heard import TurnHeard, heard_of
from rtc_widget.frames._hearing import Hearing
from rtc_widget.frames._prices import PRICES, Price, set_price

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.tracks import Tracks

__all__ = ["FRAMES", "Dictionary", "Frame", "Frames", "Price", "describe", "frame_of", "set_price"]

FRAMES: dict[str, Frame] = {
    module.FRAME.name: module.FRAME
    for module in (
        sessions,
        calls,
        events,
        items,
        turns,
        responses,
        tool_calls,
        transcripts,
        usage,
        rate_limits,
        config,
        errors,
        stats,
        segments,
    )
}
_READERS = {
    kind: [frame for frame in FRAMES.values() if kind in frame.types]
    for kind in frozenset().union(*(frame.types for frame in FRAMES.values()))
}
_MANY = 10_000
_OF_SOUND = frozenset({"segments", "sessions", "turns"})
_READ_AND_FED = _READERS.keys() | HANDLED


class Frames:
    """The frames of one log, kept and grown with it.

    Parameters
    ----------
    log : EventLog
        The log.
    conversation : Conversation, optional
        One that is fed with the log's records by somebody else; made and fed here when not given.
    info : dict, optional
        What is known of the session from outside its log: `path`.
    """

    def __init__(
        self, log: EventLog, conversation: Conversation | None = None, info: dict[str, Any] | None = None
    ) -> None:
        self.log = log
        self._feeds = conversation is None
        self.conversation = conversation or Conversation()
        self.info = info or {}
        self._source = Source(log, self.conversation, PRICES, info=self.info)
        self._events = events.EventsFrame(log)
        self._hearing: Hearing | None = None
        self._heard: tuple[Any, dict[int, TurnHeard]] = (None, {})
        self._read_to = 0
        self._priced_by = PRICES.version
        self._kept: dict[str, tuple[Any, pd.DataFrame]] = {}
        self._lock = threading.RLock()

    def get(self, name: str) -> pd.DataFrame:
        """Return a frame as of now.

        Parameters
        ----------
        name : str
            One of `FRAMES`.

        Raises
        ------
        ConfigurationError
            There is no such frame.
        """
        frame = frame_of(name)
        heard = self._listen(name)
        with self._lock, self.conversation.lock, _no_collector(len(self.log)):
            if name != "events":
                self.read()
            version = len(self.log), self.conversation.n_applied, heard, PRICES.version
            version_kept, kept = self._kept.get(name, (None, None))
            if kept is None or version_kept != version:
                kept = self._events.build() if name == "events" else frame.build(self._source)
                self._kept[name] = version, kept
            return kept.copy(deep=False)

    def hear(self, tracks: Tracks, flush: Callable[[], None] | None = None) -> None:
        """Take the session's audio too, for `segments` and what was heard.

        Parameters
        ----------
        tracks
            The recorded tracks.
        flush
            Writes what was recorded and is not in them yet.
        """
        self._hearing = Hearing(self.log, tracks, flush)

    @property
    def is_deaf(self) -> bool:
        """Whether there is sound that could not be listened to: what is heard is missing then."""
        return self._hearing is not None and self._hearing.is_deaf

    def keep_heard(self, folder: Path) -> None:
        """Write what was heard into a recording's folder, so that loading it need not listen again.

        Parameters
        ----------
        folder : Path
            Of the recording.

        Raises
        ------
        OSError
            It cannot be written.
        """
        if self._hearing is not None:
            self._hearing.keep(folder)

    def heard(self, turn: int) -> TurnHeard | None:
        """Return what the recording says of a turn; None where it says nothing.

        Parameters
        ----------
        turn : int
            Its number.
        """
        heard = self._listen("turns")
        with self._lock, self.conversation.lock:
            version = len(self.log), self.conversation.n_applied, heard
            if self._heard[0] != version:
                self._heard = version, heard_of(self.read())
            return self._heard[1].get(turn)

    def _listen(self, name: str) -> int:
        """Find what there is to hear, outside of every lock; return how often that was done."""
        if self._hearing is None or name not in _OF_SOUND:
            return 0
        self._hearing.refresh(wholly=name == "segments")
        self._source.sound = self._hearing.segments
        self._source.slips = self._hearing.slips
        self._source.sound_ends_ms = self._hearing.ends_ms
        return self._hearing.version

    def read(self) -> Source:
        """Take in the records that came since the last time; return what frames are made of."""
        with self._lock, self.conversation.lock:
            if self._priced_by != PRICES.version:
                self._source.billed.clear()
                self._priced_by = PRICES.version
            end = len(self.log)
            with _no_collector(end - self._read_to):
                self._read(end)
            self._read_to = end
            return self._source

    def _read(self, end: int) -> None:
        wanted = _READ_AND_FED if self._feeds else _READERS
        take = self.conversation.take if self._feeds else None
        readers_of, kept = _READERS.get, self._source.kept
        for record in self.log.records(self._read_to, end, types=wanted, once=FIRST_COUNTS):
            if take is not None:
                take(record)
            for frame in readers_of(record.type, ()):
                if frame.read is not None:
                    kept.setdefault(frame.name, []).extend(frame.read(record))


@contextmanager
def _no_collector(n_records: int) -> Iterator[None]:
    """Keep the garbage collector from walking what only grows, over and over."""
    pause = n_records > _MANY and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


def frame_of(name: object) -> Frame:
    """Return the declaration of a frame.

    Parameters
    ----------
    name : str
        One of `FRAMES`.

    Raises
    ------
    ConfigurationError
        There is no such frame.
    """
    if not isinstance(name, str) or name not in FRAMES:
        raise ConfigurationError(f"no frame is called {name!r}; there are {', '.join(FRAMES)}")
    return FRAMES[name]


def __dir__() -> list[str]:
    return __all__
