"""Frames as Parquet: beside the journal of a session, or as a dataset over many."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa

from rtc_widget.frames import FRAMES
from rtc_widget.frames._columns import ARROW_TYPES, Column, to_table
from rtc_widget.frames._prices import PRICES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rtc_widget.frames import Frames

_END = b"PAR1"
FOLDER = "frames-v1"
"""Of frames with these columns; a release that changes them counts on, and old files are left alone."""

MANY = (
    Column("variant", "variant", "category", "The session's first variant that has a name."),
    Column("scenario", "scenario", "category", "The scenario, where an experiment ran it."),
    Column("repeat", "repeat", "int", "Which repeat of the trial, where an experiment ran it."),
)
"""What frames over many sessions add."""


def frame_path(folder: Path, name: str) -> Path:
    """Return where a session keeps a frame."""
    return folder / FOLDER / f"{name}.parquet"


def table_of(frames: Frames, name: str) -> pa.Table:
    """Return a frame as an Arrow table, with the columns that frames over many sessions add."""
    columns = FRAMES[name].all_columns
    frame = frames.get(name)
    table = to_table(frame, columns)
    trial = next((record.event for record in frames.log.records(types={"rtc.trial"})), {})
    told = {**trial, **frames.info, "variant": frames.get("sessions")["variant"].iloc[0]}
    has = {column.name for column in columns}
    place = 1
    for column in MANY:
        if column.name in has:
            continue
        value = told.get(column.name)
        kind = ARROW_TYPES[column.kind]
        known = isinstance(value, str | int) and not isinstance(value, bool)
        values = pa.repeat(pa.scalar(value if known else None, kind), len(frame))
        table = table.add_column(place, column.name, values)
        place += 1
    return table


def write_frames(
    frames: Frames, folder: Path, names: Iterable[str] | None = None, *, of_ns: int | None = None
) -> None:
    """Write frames beside a session's journal; all but `events`, which the journal itself holds.

    Parameters
    ----------
    frames : Frames
        Of the session.
    folder : Path
        The session's.
    names : iterable of str, optional
        Which; all of them, when not given.
    of_ns : int, optional
        How old they are: when the journal was written that they were read from; now, when not given.

    Raises
    ------
    OSError
        They cannot be written.
    """
    import pyarrow.parquet as pq

    for name in [name for name in FRAMES if name != "events"] if names is None else names:
        if _has_own_prices(name):
            continue
        path = frame_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        pq.write_table(table_of(frames, name), part)
        if of_ns is not None:
            os.utime(part, ns=(of_ns, of_ns))
        part.replace(path)


def is_fresh(folder: Path, journal: Path, name: str) -> bool:
    """Whether a session's Parquet frame is there and no older than its journal."""
    if _has_own_prices(name):
        return False
    path = frame_path(folder, name)
    try:
        return path.stat().st_mtime_ns >= journal.stat().st_mtime_ns and _is_whole(path)
    except OSError:
        return False


def _is_whole(path: Path) -> bool:
    """Whether a Parquet file ends as one does: not half written, or cut off."""
    with path.open("rb") as file:
        file.seek(-len(_END), os.SEEK_END)
        return file.read() == _END


def _has_own_prices(name: str) -> bool:
    """Whether it is priced by what the user said in this process; such a frame is never kept in a file."""
    return bool(PRICES.own) and any(column.name == "cost_usd" for column in FRAMES[name].columns)


def write_dataset(sessions: Iterable[Frames], folder: Path) -> Path:
    """Write a folder a frame, partitioned by `session_id`; a session's older files are replaced.

    An id is quoted as in a URL, which readers of such folders undo.

    Raises
    ------
    OSError
        They cannot be written.
    """
    import pyarrow.parquet as pq

    for frames in sessions:
        for name in FRAMES:
            place = folder / name / f"session_id={quote(frames.log.session_id, safe='')}"
            place.mkdir(parents=True, exist_ok=True)
            pq.write_table(table_of(frames, name).drop_columns("session_id"), place / "part-0.parquet")
    return folder
