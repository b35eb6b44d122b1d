"""A recording: a session on disk, loaded whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from rtc_widget._arguments import checked_flag, checked_progress, expanded, is_iterable
from rtc_widget._errors import ConfigurationError
from rtc_widget._frame_properties import FrameProperties
from rtc_widget.frames import Frames
from rtc_widget.frames._columns import STRING
from rtc_widget.log import folders, parquet
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.many import Recordings, load_many, sql
from rtc_widget.log.progress import progress_of_bytes
from rtc_widget.log.reading import Loaded, read_events, read_file
from rtc_widget.log.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import altair as alt

    from rtc_widget.conversation import Conversation
    from rtc_widget.replay import Replay

__all__ = ["Recording", "Recordings", "hear", "load", "load_many", "sql"]


class Recording(FrameProperties):
    """One session, loaded; its frames are attributes, such as `rec.turns`.

    Parameters
    ----------
    loaded : Loaded
        What was read.
    path : Path, optional
        From where.

    Attributes
    ----------
    audio : Tracks or None
        Both sides as they were recorded: `rec.audio.user`, `rec.audio.agent`, and stretches of them by
        `rec.audio.sound("agent", t_from_ms, t_to_ms)`.
    """

    def __init__(self, loaded: Loaded, path: Path | None = None) -> None:
        self.path = path
        self.event_log: EventLog = loaded.log
        self.info: dict[str, Any] = {} if path is None else folders.read_session_file(path)
        if not len(loaded.log):  # it brings no name of its own
            loaded.log.session_id = str(self.info.get("session_id") or loaded.log.session_id)
        self._problems = loaded.problems
        info = {**self.info, "path": None if path is None else str(path)}
        self.frames = Frames(loaded.log, info=info)
        self.audio: Tracks | None = None if path is None else hear(self.frames, path)

    @property
    def conversation(self) -> Conversation:
        """What the log amounts to: items, responses, turns."""
        self.frames.read()
        return self.frames.conversation

    @property
    def sessions(self) -> pd.DataFrame:
        """One row: the session."""
        return self._frame("sessions")

    @property
    def problems(self) -> pd.DataFrame:
        """Lines that could not be read: `line` (from 1), `reason`, `text` (how it begins)."""
        rows = self._problems
        return pd.DataFrame(
            {
                "line": pd.array([row.line for row in rows], "int64[pyarrow]"),
                "reason": pd.array([row.reason for row in rows], STRING),
                "text": pd.array([row.text for row in rows], STRING),
            }
        )

    def summary(self) -> pd.DataFrame:
        """Return a small table for a report: what, and how much."""
        from rtc_widget.frames.summary import summary

        return summary(self.frames)

    def timeline(self) -> alt.LayerChart:
        """Draw the session: lanes for speech, audio, responses, tool calls and interruptions.

        Raises
        ------
        ConfigurationError
            Altair is not installed.
        """
        from rtc_widget.frames.timeline import timeline

        return timeline(self.frames)

    def replay(self) -> Replay:
        """Show the panel, read-only, in step with the sound: play, scrub, go from event to event.

        Returns
        -------
        Replay
            Shown on the last line of a cell, in a notebook or in Voilà; it needs the kernel, but neither a
            network nor a microphone.
        """
        from rtc_widget.replay import Replay

        return Replay(self)

    def to_html(self, path: str | Path, *, sound: Literal["opus", "flac"] | None = "opus") -> Path:
        """Write the replay as one page, for somebody without Jupyter.

        The page holds the panel, every record and the sound, and asks no address for anything. What looks
        like a key is taken out of it, with a warning.

        Parameters
        ----------
        path : str or Path
            The file, such as "call.html"; overwritten.
        sound : {"opus", "flac"}, optional
            How it is compressed: "opus" makes some 4 MB of 10 minutes, "flac" keeps every sample and plays in
            browsers that read no Opus (Safari before 18.4); None leaves it out.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ConfigurationError
            No such compression, `[audio]` is missing, or the page would be larger than 100 MB.
        OSError
            It cannot be written.
        """
        from rtc_widget._saved_page import write_page

        return write_page(self, expanded(path), sound=sound)

    def to_parquet(self, folder: str | Path) -> Path:
        """Write the frames as a dataset that pandas, Polars, DuckDB and Dask read.

        Parameters
        ----------
        folder : str or Path
            Gets a folder a frame, partitioned by `session_id`.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ConfigurationError
            It is no path.
        """
        return parquet.write_dataset([self.frames], expanded(folder))

    def _frame(self, name: str) -> pd.DataFrame:
        return self.frames.get(name)

    def __repr__(self) -> str:
        """Say how much there is."""
        where = "" if self.path is None else f" from {self.path}"
        return f"<Recording {self.event_log.session_id}{where}: {len(self.event_log)} records>"


def load(path: str | Path | Iterable[Any], *, strict: bool = True, progress: bool | None = None) -> Recording:
    """Load a session.

    Parameters
    ----------
    path : str, Path or iterable
        A recording's folder; a file with one `{"direction": …, "event": …}` or one server event a
        line, or with a JSON array of server events; or the events themselves.
    strict : bool
        Whether a broken line is an error; otherwise it is left out and listed in `problems`. A last
        line that was not written whole is always left out, with a warning.
    progress : bool, optional
        Show a progress bar; by default for more than 50 MB, where tqdm is installed.

    Raises
    ------
    RecordingError
        There is nothing, or a line cannot be read; it says which.
    ConfigurationError
        What is given is neither a path nor events, or `strict` or `progress` is none.
    """
    strict, progress = checked_flag(strict, "strict"), checked_progress(progress)
    if not isinstance(path, str | os.PathLike):
        if isinstance(path, EventLog):
            raise ConfigurationError("This is a log already: save() its session, and load() that folder.")
        if not is_iterable(path):
            raise ConfigurationError(
                f"load() takes a recording's folder, a file or a list of events, not {path!r}; "
                f'rtc.load_many("{folders.DEFAULT}").sessions says what there is.'
            )
        return Recording(read_events(path))
    place = expanded(path)
    journal = folders.journal_of(place)
    with progress_of_bytes(journal, progress) as advance:
        loaded = read_file(journal, strict=strict, progress=advance)
    return Recording(loaded, place)


def hear(frames: Frames, folder: Path) -> Tracks | None:
    """Give frames the audio in a recording's folder, where there is any, and return it."""
    tracks = Tracks(folder)
    if not (folder.is_dir() and tracks.exist):
        return None
    frames.hear(tracks)
    return tracks
