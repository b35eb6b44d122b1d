"""Where sessions are kept: their folders, what stands in them, and how to find them again."""

from __future__ import annotations

import contextlib
import glob
import math
import os
import sys
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError, RecordingError
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal
from rtc_widget.log.lines import read_lines
from rtc_widget.log.reading import read_file
from rtc_widget.log.resumption import Known, held_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtc_widget.log.event_log import Direction

JOURNAL = "events.jsonl"
EXPERIMENT = "experiment.json"
"""In a folder of sessions that an experiment held; other files there are its own."""
SESSION = "session.json"
DEFAULT = "rtc_sessions"


class OpenLog(NamedTuple):
    """The log of a session that begins, or goes on.

    Attributes
    ----------
    log : EventLog
        The log.
    folder : Path or None
        Where it is written; None for one in memory only.
    """

    log: EventLog
    folder: Path | None


def open_log(directory: str | Path | None = DEFAULT) -> OpenLog:
    """Open the log of a new session.

    Parameters
    ----------
    directory : str, Path or None
        The session gets a folder `<UTC start>-<short id>` in it; None: memory only.

    Returns
    -------
    OpenLog
        Nothing is written before the first record, and a folder that cannot be written becomes a note in
        the log, never an exception.
    """
    log = EventLog()
    if directory is None:
        return OpenLog(log, None)
    start = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    folder = Path(directory) / f"{start}-{log.session_id.removeprefix('rtcs_')[:6]}"
    return OpenLog(EventLog(log.session_id, journal=Journal(folder / JOURNAL)), folder)


_told: set[Path] = set()


def tell_once(folder: Path) -> None:
    """Say in a notebook, the first time a session goes there, where sessions are kept."""
    interactive = getattr(sys.modules.get("IPython"), "get_ipython", None)
    if interactive is None or interactive() is None or folder.parent in _told:
        return
    _told.add(folder.parent)
    sys.stdout.write(
        f"Sessions are kept in {folder.parent}, this one in {folder.name} "
        "(directory= chooses another place, directory=None keeps none).\n"
    )


def resume_log(folder: str | Path, rest: str | Path | None = None) -> EventLog:
    """Open the log of a session whose kernel has gone, to append to it.

    A line that was not written whole is cut off, with a warning.

    Parameters
    ----------
    folder : str or Path
        The session's folder.
    rest : str or Path, optional
        A file of the records that its page still held; those the journal lacks are appended.

    Raises
    ------
    RecordingError
        There is no journal, it cannot be read, or somebody else still writes it.
    """
    path = journal_of(folder)
    if not _is_a_journal(path):
        raise RecordingError(
            f"{path} is no journal of a session, and stays as it is: load({str(path)!r}) reads it"
        )
    loaded = read_file(path)
    log = loaded.log
    journal = Journal(path, start=len(log), size=loaded.n_bytes)
    if not journal.claim():
        raise RecordingError(
            f"{path} is still being written: close that session, or end its kernel, and try again"
        )
    log.go_on(journal)
    if rest is not None:
        _append_missing(log, read_file(journal_of(rest)).log)
    return log


def _is_a_journal(path: Path) -> bool:
    """Whether a file begins as we write journals; one without a record may become one."""
    with path.open("rb") as file:
        first = file.readline().strip()
    try:
        told = msgspec.json.decode(first) if first else {"v": 1}
    except (msgspec.MsgspecError, UnicodeDecodeError):  # of a torn line the reader says what is wrong
        return first.startswith(b'{"v":')
    return isinstance(told, dict) and "v" in told


def _append_missing(log: EventLog, rest: EventLog) -> None:
    rows = [
        (cast("Direction", record.direction), record.text, record.t_browser_ms) for record in rest.records()
    ]
    times = [t_browser_ms for *_, t_browser_ms in rows if t_browser_ms is not None]
    known = Known(log, len(log), since_ms=min(times, default=math.inf))
    held = held_by(log)
    missing = [row for row in rows if not known.has(*row)]
    log.extend(missing, rtc_call_id=None if held is None else held.rtc_call_id)


def journal_of(path: str | Path) -> Path:
    """Return the journal of a folder; a file is its own.

    Raises
    ------
    RecordingError
        There is none.
    """
    place = expanded(path)
    if place.is_dir():
        place = place / JOURNAL
    if not place.is_file():
        below = len(find(str(path))) if expanded(path).is_dir() else 0
        raise RecordingError(
            f"there is no recording at {path}: a folder with {JOURNAL}, or a file of one record a line."
            + f" Below it there {'is' if below == 1 else 'are'} {below}: load_many({str(path)!r}) reads them."
            * bool(below)
        )
    return place


def read_session_file(folder: Path) -> dict[str, Any]:
    """Return what `session.json` says; `{}` where there is none, or none that can be read."""
    try:
        told = msgspec.json.decode((folder / SESSION).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return told if isinstance(told, dict) else {}


def session_in(folder: Path) -> str | None:
    """Return the id of the session that a folder holds; None where neither file tells."""
    known = read_session_file(folder).get("session_id")
    if known is None:
        with contextlib.suppress(OSError), (folder / JOURNAL).open("rb") as file:
            known = next((line.session_id for line in read_lines(file.readline()) or ()), None)
    return known if isinstance(known, str) else None


def find(where: str | Path | Iterable[str | Path]) -> list[Path]:
    """Find recordings: folders with a journal, and files of one record a line.

    Parameters
    ----------
    where : str, Path or iterable of them
        Folders (searched to any depth), files, or patterns such as `runs/**`. What there is under a name is
        meant by it, whatever characters it has.

    Returns
    -------
    list of Path
        Sorted, each once.

    Raises
    ------
    ConfigurationError
        It is none of these.
    """
    one_place = isinstance(where, str | os.PathLike) or not isinstance(where, Iterable)
    places: list[Any] = [where] if one_place else list(cast("Iterable[Any]", where))
    if not all(isinstance(one, str | os.PathLike) for one in places):
        raise ConfigurationError(
            f"Recordings are found by a folder, a file, a pattern such as 'runs/**', or a list of them, not "
            f"by {where!r}."
        )
    found = [
        path for place in places for match in _matches(os.fspath(expanded(place))) for path in _below(match)
    ]
    # Places may be named twice, and links lead to what is there as well: the first name counts, or its own.
    found.reverse()
    found.sort(key=_is_its_own)
    return sorted({os.path.realpath(path): path for path in found}.values())


def _is_its_own(path: Path) -> bool:
    """Whether a path is that of the place itself, and no link to it."""
    return os.path.realpath(path) == os.path.abspath(path)  # noqa: PTH100 - there may be a thousand


def _matches(text: str) -> list[str]:
    """Return what a pattern matches; as much of its beginning as is there is no pattern."""
    if os.path.exists(text):  # noqa: PTH110 - there may be a thousand
        return [text]
    base = text.removesuffix("**/*").removesuffix("**") or "."
    if not glob.has_magic(base) or os.path.exists(base):  # noqa: PTH110 - as above
        return [base]
    path = Path(base)
    there = next((parent for parent in path.parents if os.path.exists(parent)), Path())  # noqa: PTH110 - as above
    pattern = Path(glob.escape(str(there)), *path.parts[len(there.parts) :])
    matched = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    # Of files a pattern means those of one record a line, and others only by their ending: `runs/*.json`.
    meant = tuple({".jsonl", path.suffix} - {"", path.suffix if glob.has_magic(path.suffix) else ""})
    return [one for one in matched if one.endswith(meant) or os.path.isdir(one)]  # noqa: PTH112 - as above


def _below(text: str, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield the recordings at a place and below it; a link back to a folder above it leads nowhere."""
    if os.path.isfile(text):  # noqa: PTH113 - a thousand sessions are looked at
        yield Path(text)
        return
    real = os.path.realpath(text)
    try:
        entries = [] if real in above else list(os.scandir(text))
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            warnings.warn(f"{text} is left out: it cannot be read ({error.strerror}).", stacklevel=2)
        return
    names = {entry.name for entry in entries}
    if JOURNAL in names:
        yield Path(text)
        return
    for entry in entries:
        if os.path.isdir(entry.path):  # noqa: PTH112 - as above; a link that leads round is none
            yield from _below(entry.path, above | {real})
        elif entry.name.endswith(".jsonl") and EXPERIMENT not in names:
            yield Path(entry.path)
