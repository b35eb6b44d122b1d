"""The tracks as they are written while a call is up: open files, each sample at its place."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from rtc_widget.log.replacing import replaced
from rtc_widget.log.tracks import BYTES_A_FRAME, TrackName, Tracks

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

__all__ = ["TrackFiles"]


class TrackFiles:
    """The .pcm files of a call.

    Parameters
    ----------
    tracks
        Where they are.
    """

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self._open: dict[TrackName, FileIO] = {}
        self._ends: dict[TrackName, int] = {}

    def begin(self) -> dict[TrackName, int]:
        """Make the tracks ready to be written to; return how much was recorded of those that are gone.

        Raises
        ------
        OSError, RecordingError
            They cannot be written, or not be read.
        """
        if self._open:
            return {}
        self._tracks.unseal()
        gone = {track: end for track, end in self._ends.items() if not self._path(track).exists()}
        for track in gone:
            del self._ends[track]
        return gone

    def restore(self) -> bool:
        """Write anew what somebody deleted or moved: all of it is still in the file that is open.

        Returns
        -------
        bool
            Whether there was such a file.

        Raises
        ------
        OSError
            It cannot be written; the next time is another chance.
        """
        gone = [track for track, file in self._open.items() if not _is_at(self._path(track), file)]
        for track in gone:
            path, old = self._path(track), self._open[track]
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced(path) as new:
                old.seek(0)
                shutil.copyfileobj(old, new, 1 << 20)
            self._open[track] = path.open("r+b", buffering=0)
            old.close()
        return bool(gone)

    def write(self, track: TrackName, frame: int, pcm: bytes) -> None:
        """Write samples at their place on the timeline.

        Raises
        ------
        OSError
            The disk takes them not, or only some.
        """
        file = self._open.get(track)
        if file is None:
            self._path(track).touch()
            file = self._open[track] = self._path(track).open("r+b", buffering=0)
        file.seek(frame * BYTES_A_FRAME)
        data = memoryview(pcm)
        while data:
            data = data[file.write(data) :]
        self._ends[track] = max(self._ends.get(track, 0), frame + len(pcm) // BYTES_A_FRAME)

    def close(self) -> None:
        """Close the files; they stay."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _path(self, track: TrackName) -> Path:
        return self._tracks.folder / f"{track}.pcm"


def _is_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))  # noqa: PTH116 - beside an open file's
    except (FileNotFoundError, NotADirectoryError):
        return False
