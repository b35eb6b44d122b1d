"""Frames as Parquet: beside the journal of a session, or as a dataset over many."""

from __future__ import annotations

import contextlib
import os
import re
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import pyarrow as pa

from rtc_widget._version import __version__
from rtc_widget.frames import FRAMES
from rtc_widget.frames._columns import ARROW_TYPES, Column, to_arrow, to_table
from rtc_widget.frames._prices import PRICES
from rtc_widget.log.tracks import sizes_of
from rtc_widget.log.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rtc_widget.frames import Frames

_END = b"PAR1"
_FOLDERS = "frames-"
_FOLDER = re.compile(r"frames-\d[\w.!+]*-\d[\w.!+]*")
_FILES = {".parquet", ".part"}
_OF_SOUND = ("segments", "sessions", "turns")
"""Frames that follow from the sound, too."""
_HEARD_FROM = "sound.json"
"""Which sound those were heard from, beside them."""

MANY = (
    Column(
        "variant",
        "variant",
        "category",
        "The variant it was under: the session's, or where that had several, of the row's turn or response.",
    ),
    Column("scenario", "scenario", "category", "The scenario, where an experiment ran it."),
    Column("repeat", "repeat", "int", "Which repeat of the trial, where an experiment ran it."),
)
"""What frames over many sessions add."""
_KINDS = {"category": str, "int": int}


def frame_path(folder: Path, name: str) -> Path:
    """Return where a session keeps a frame."""
    return folder / _folder() / f"{name}.parquet"


@cache
def _folder() -> str:
    """Name the folder after what its frames follow from beside the journal: this package, and its prices."""
    return f"{_FOLDERS}{__version__}-{version('genai-prices')}"


def table_of(frames: Frames, name: str) -> pa.Table:
    """Return a frame as an Arrow table, with the columns that frames over many sessions add."""
    columns = FRAMES[name].all_columns
    frame = frames.get(name)
    table = to_table(frame, columns)
    trial = next((record.event for record in frames.log.records(types={"rtc.trial"})), {})
    told = {**trial, **frames.info}
    has = {column.name for column in columns}
    for place, column in enumerate([column for column in MANY if column.name not in has], 1):
        if column.name == "variant":
            values = pa.array(variants_of(frames, frame), ARROW_TYPES[column.kind])
        else:
            value = told.get(column.name)
            (kept,) = to_arrow([value if type(value) is _KINDS[column.kind] else None], column.kind)
            values = pa.repeat(kept, len(frame))
        table = table.add_column(place, column.name, values)
    return table


@cache
def _for_pandas(name: str) -> dict[bytes, bytes]:
    """Return what tells pandas the dtypes of a frame, where it reads its file."""
    frame = FRAMES[name]
    has = {column.name for column in frame.columns}
    empty = frame.from_arrow({}, 0, [column for column in MANY if column.name not in has])
    lists = [column.name for column in frame.columns if column.kind == "strings"]
    empty = empty.drop(columns=lists)  # pandas cannot read its own name of such a dtype
    metadata: dict[bytes, bytes] = pa.Schema.from_pandas(empty, preserve_index=False).metadata
    return metadata


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
        table = table_of(frames, name)
        if name in _OF_SOUND and frames.is_deaf:
            continue  # what is heard is missing, and may not be the next time
        path = frame_path(folder, name)
        if not path.parent.is_dir():
            _make_room(path.parent)
        if name in _OF_SOUND:
            _forget_other_sound(folder)
        part = path.with_suffix(".part")
        pq.write_table(table, part)
        if of_ns is not None:
            os.utime(part, ns=(of_ns, of_ns))
        part.replace(path)


def _make_room(place: Path) -> None:
    """Make the folder of a session's frames, in the place of those that another release left."""
    for older in place.parent.glob(f"{_FOLDERS}*"):
        with contextlib.suppress(OSError):
            if _is_ours(older):
                for file in older.iterdir():
                    file.unlink()
                older.rmdir()
    place.mkdir(parents=True, exist_ok=True)


def _is_ours(place: Path) -> bool:
    """Whether a folder has a name that we give, and nothing in it but frames: no folder of the user's."""
    if _FOLDER.fullmatch(place.name) is None or place.is_symlink() or not place.is_dir():
        return False
    files = [file for file in place.iterdir() if file.name != _HEARD_FROM]
    return all(file.stem in FRAMES and file.suffix in _FILES and not file.is_dir() for file in files)


def _forget_other_sound(folder: Path) -> None:
    """Remove the frames that were heard from other sound than there is now, and note which that is."""
    if _is_of_this_sound(folder):
        return
    for name in _OF_SOUND:
        frame_path(folder, name).unlink(missing_ok=True)
    _heard_from(folder).write_bytes(msgspec.json.encode(sizes_of(folder)))


def _is_of_this_sound(folder: Path) -> bool:
    """Whether the frames beside a session were heard from the sound that it has, or from none like it."""
    try:
        known: object = msgspec.json.decode(_heard_from(folder).read_bytes())
    except (OSError, msgspec.DecodeError):
        known = {}
    return known == sizes_of(folder)


def _heard_from(folder: Path) -> Path:
    return folder / _folder() / _HEARD_FROM


def is_fresh(folder: Path, journal: Path, name: str) -> bool:
    """Whether a session's Parquet frame is there, no older than its journal, and heard from its sound."""
    if _has_own_prices(name) or (name in _OF_SOUND and not _is_of_this_sound(folder)):
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

    An id is quoted as in a URL, which readers of such folders undo; where they put that column is theirs.
    pandas finds the frame's dtypes in each file, but for categories, which are strings there.

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
            table = table_of(frames, name).replace_schema_metadata(_for_pandas(name))
            pq.write_table(table.drop_columns("session_id"), place / "part-0.parquet")
    return folder
