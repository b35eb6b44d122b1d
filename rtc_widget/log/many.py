"""Many sessions at once: their frames as one, and SQL over them without loading them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rtc_widget._arguments import checked_flag, checked_progress, expanded
from rtc_widget._errors import RecordingError
from rtc_widget._frame_properties import FrameProperties
from rtc_widget.frames import Frames, frame_of
from rtc_widget.log import folders, parquet
from rtc_widget.log.progress import progress_of
from rtc_widget.log.querying import ask
from rtc_widget.log.reading import read_file
from rtc_widget.log.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from rtc_widget.log.recording import Recording

_EVERYWHERE = f"{folders.DEFAULT}/**"


class Recordings(FrameProperties):
    """Many sessions; their frames, over all of them, are attributes and are read when asked for.

    Parameters
    ----------
    paths : list of Path
        Folders of recordings, or files of one record a line.
    progress : bool, optional
        Show a progress bar; by default for more than 50 sessions.
    strict : bool
        Whether a broken line that is not the last is an error; otherwise it is left out.
    trials : bool
        Whether they are an experiment's: `scenario` and `repeat` are there even where no row has one.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        progress: bool | None = None,
        *,
        strict: bool = True,
        trials: bool = False,
    ) -> None:
        self.paths = list(paths)
        self._progress = checked_progress(progress)
        self._strict = checked_flag(strict, "strict")
        self._trials = trials
        self._loaded: dict[Path, tuple[int, Frames]] = {}
        self._with_lines_left_out: set[Path] = set()

    def __len__(self) -> int:
        """Return how many sessions there are."""
        return len(self.paths)

    def __iter__(self) -> Iterator[Recording]:
        """Load one session after the other."""
        from rtc_widget.log.recording import load

        return (load(path, strict=self._strict) for path in self.paths)

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"<Recordings: {len(self.paths)} sessions>"

    @property
    def sessions(self) -> pd.DataFrame:
        """A row is a session."""
        return self._frame("sessions")

    def sql(self, query: str) -> pd.DataFrame:
        """Ask DuckDB; every frame is a table.

        Parameters
        ----------
        query : str
            As of `rtc.sql`.

        Raises
        ------
        ConfigurationError
            DuckDB is not installed, or cannot answer.
        """
        return ask(self, query)

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
        OSError
            It cannot be written.
        """
        paths = progress_of(self.paths, "writing", self._progress)
        return parquet.write_dataset(map(self._frames_of, paths), expanded(folder))

    def files(self, name: str) -> list[Path | pa.Table]:
        """Return a frame of each session: its Parquet file, brought up to date, else a table.

        Parameters
        ----------
        name : str
            Of the frame.
        """
        found: dict[Path, Path | pa.Table] = dict.fromkeys(self.paths)
        for path in self.paths:
            if path.is_dir() and parquet.is_fresh(path, path / folders.JOURNAL, name):
                found[path] = parquet.frame_path(path, name)
        stale = [path for path, file in found.items() if file is None]
        for path in progress_of(stale, f"reading {name}", self._progress):
            frames = self._frames_of(path)
            of_ns, is_whole = self._loaded[path][0], path not in self._with_lines_left_out
            kept = path.is_dir() and is_whole and _keep(frames, path, name, of_ns)
            found[path] = parquet.frame_path(path, name) if kept else parquet.table_of(frames, name)
        return list(found.values())

    def _frames_of(self, path: Path) -> Frames:
        """Return the frames of a session as its journal is now; kept with the time when it was written."""
        journal = folders.journal_of(path)
        of_ns = journal.stat().st_mtime_ns
        kept_ns, kept = self._loaded.get(path, (None, None))
        if kept is not None and kept_ns == of_ns:
            return kept
        loaded = read_file(journal, strict=self._strict)
        frames = Frames(loaded.log, info={**folders.read_session_file(path), "path": str(path)})
        if path.is_dir() and (tracks := Tracks(path)).exist:
            frames.hear(tracks)
        self._loaded[path] = of_ns, frames
        if len(loaded.problems) > loaded.torn:
            self._with_lines_left_out.add(path)  # who is strict shall not find its frames
        return frames

    def _frame(self, name: str) -> pd.DataFrame:
        import pyarrow.parquet as pq

        frame = frame_of(name)
        table = pa.concat_tables(
            [
                found if isinstance(found, pa.Table) else pq.ParquetFile(found).read()
                for found in self.files(name)
            ]
        )
        if name == "sessions":
            table = _here(table, self.paths)
        known = {column.name for column in frame.columns}
        extra = [column for column in parquet.MANY if column.name not in known]
        if not self._trials:
            extra = [c for c in extra if c.name == "variant" or table[c.name].null_count < len(table)]
        return frame.from_arrow(dict(zip(table.column_names, table.columns, strict=True)), len(table), extra)


def load_many(
    where: str | Path | Iterable[str | Path] = _EVERYWHERE,
    *,
    strict: bool = True,
    progress: bool | None = None,
) -> Recordings:
    """Find sessions; their frames are read when asked for.

    Parameters
    ----------
    where : str, Path or iterable of them
        Folders (searched to any depth), files, or patterns such as `runs/**`; the sessions of this folder's
        `rtc_sessions`, when not given.
    strict : bool
        Whether a broken line that is not the last of its file is an error, once that is read; otherwise it is
        left out.
    progress : bool, optional
        Show a progress bar; by default for more than 50 sessions, where tqdm is installed.

    Raises
    ------
    RecordingError
        There is no session.
    ConfigurationError
        `where` is no path, or `strict` or `progress` is none.
    """
    paths = folders.find(where)
    if not paths:
        raise RecordingError(f"there are no recordings at {where}")
    return Recordings(paths, progress, strict=strict)


def sql(query: str, where: str | Path | Iterable[str | Path] = _EVERYWHERE) -> pd.DataFrame:
    """Ask DuckDB about many sessions, without loading them all.

    Parameters
    ----------
    query : str
        Every frame is a table: `select variant, median(latency_inferred_ms) from turns group by variant`.
    where : str, Path or iterable of them
        As in `load_many`.

    Returns
    -------
    DataFrame
        The answer.

    Raises
    ------
    RecordingError
        There is no session.
    ConfigurationError
        DuckDB is not installed, or cannot answer: with its own words, and the tables there are.
    """
    return load_many(where).sql(query)


def _here(sessions: pa.Table, paths: Sequence[Path]) -> pa.Table:
    """Say where sessions lie now, wherever they lay when their frames were written."""
    place = sessions.column_names.index("path")
    return sessions.set_column(place, "path", pa.array(map(str, paths), pa.large_string()))


def _keep(frames: Frames, path: Path, name: str, of_ns: int) -> bool:
    """Write a frame beside its journal, as old as that was; False where that cannot be."""
    try:
        parquet.write_frames(frames, path, [name], of_ns=of_ns)
    except OSError:
        return False
    return parquet.is_fresh(path, path / folders.JOURNAL, name)
