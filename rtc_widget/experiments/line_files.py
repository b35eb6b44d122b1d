"""Files that grow by a line of JSON: what was cut off in them, by a full disk or a crash, is made good."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import msgspec

from rtc_widget._errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["append_lines", "read_lines", "replace_lines"]

T = TypeVar("T")

_writing = threading.Lock()


def append_lines(path: Path, things: Iterable[Any]) -> None:
    """Write a line a thing at a file's end, in the place of a line that was cut off there."""
    with _writing, path.open("a+b") as file:
        _end_line(file)
        file.write(_lines(things))


def replace_lines(path: Path, things: Callable[[], Iterable[Any]]) -> None:
    """Write a file anew, with what is there when its turn comes: of several at once the last one stays."""
    part = path.with_name(f"{path.name}.part")
    with _writing:
        part.write_bytes(_lines(things()))
        part.replace(path)


def _lines(things: Iterable[Any]) -> bytes:
    return b"".join(msgspec.json.encode(thing) + b"\n" for thing in things)


def _end_line(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) in (b"", b"\n"):
        return
    file.seek(0)
    last = file.read().rpartition(b"\n")[2]
    try:
        msgspec.json.decode(last)
    except ValueError:
        file.truncate(size - len(last))  # nothing can be read of it, and what follows would be lost with it
    else:
        file.write(b"\n")


def read_lines(path: Path, kind: type[T]) -> list[T]:
    """Read things, a line each; the last may have been cut off, and is left out then.

    Raises
    ------
    RecordingError
        Another line cannot be read.
    """
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except ValueError as error:
            if number < len(lines):
                raise RecordingError(
                    f"it cannot be read ({error}). Take this line out, and the others can be",
                    path=path,
                    line=number,
                ) from None
    return found
