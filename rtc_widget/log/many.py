"""Many sessions at once: their frames as one, and SQL over them without loading them all."""

from __future__ import annotations

import glob
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from rtc_widget._arguments import checked_flag, checked_progress, expanded
from rtc_widget._errors import ConfigurationError, RecordingError
from rtc_widget._frame_properties import FrameProperties
from rtc_widget.frames import FRAMES, Frames, frame_of
from rtc_widget.frames._columns import STRING
from rtc_widget.log import folders, parquet
from rtc_widget.log.progress import progress_of
from rtc_widget.log.reading import read_file
from rtc_widget.log.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from rtc_widget.log.recording import Recording

_EXAMPLE = "select count(*) from turns"
_EVERYWHERE = f"{folders.DEFAULT}/**"
# A session's path is where it lies now, wherever it lay when its frames were written.
_HERE = (
    "select * exclude (filename) replace (regexp_replace(filename, "
    r"'[/\\][^/\\]*[/\\][^/\\]*$', '') as path) from"
)


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
        return _ask(self, query)

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


def _ask(recordings: Recordings, query: str) -> pd.DataFrame:
    try:
        import duckdb
    except ImportError:
        raise ConfigurationError("rtc.sql needs DuckDB: run `pip install 'rtc_widget[analysis]'`.") from None
    text: object = query
    if not isinstance(text, str):
        raise ConfigurationError(f"A query is SQL in a str, such as {_EXAMPLE!r}, not {query!r}.")
    named = set(re.findall(r"\w+", query.lower()))
    with duckdb.connect() as connection:
        try:
            for name in FRAMES:
                if name in named:
                    _make_table(connection, recordings, name)
            relation: Any = connection.sql(query)  # None where there is no statement
            answer = None if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise ConfigurationError(
                f"DuckDB cannot answer this: {error}\nThe tables are {', '.join(FRAMES)}."
            ) from error
        if answer is None:
            raise ConfigurationError(f"{query!r} asks nothing: write a query such as {_EXAMPLE!r}.")
        return _to_pandas(answer)


def _make_table(connection: Any, recordings: Recordings, name: str) -> None:
    found = recordings.files(name)
    files = [one for one in found if not isinstance(one, pa.Table)]
    tables = [one for one in found if isinstance(one, pa.Table)]
    parts = []
    if files:
        # DuckDB takes a name for a pattern, and would read what that matches as well, or instead.
        listed = ", ".join("'" + glob.escape(str(file)).replace("'", "''") + "'" for file in files)
        told = ", filename=true" if name == "sessions" else ""
        # Folders called `turn=5` say nothing of what is in them.
        parts.append(
            f"{_HERE if told else 'select * from'} read_parquet([{listed}], hive_partitioning=false{told})"
        )
    if tables:
        connection.register(f"{name}_in_memory", pa.concat_tables(tables))
        parts.append(f"select * from {name}_in_memory")  # noqa: S608 - the name of a frame
    connection.execute(f"create view {name} as {' union all by name '.join(parts)}")


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    def dtype_of(kind: pa.DataType) -> Any:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return STRING
        if pa.types.is_boolean(kind):
            return pd.BooleanDtype()
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return pd.DatetimeTZDtype("us", "UTC")
        return pd.ArrowDtype(kind)

    frame: pd.DataFrame = _without_decimals(table).to_pandas(types_mapper=dtype_of)
    return frame


def _without_decimals(table: pa.Table) -> pa.Table:
    """Turn what DuckDB makes of a sum into the numbers that frames have: integers where they fit."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            values = table.column(place)
            try:
                values = values.cast(pa.int64() if field.type.scale == 0 else pa.float64())
            except pa.ArrowInvalid:
                values = values.cast(pa.float64())
            table = table.set_column(place, field.name, values)
    return table
