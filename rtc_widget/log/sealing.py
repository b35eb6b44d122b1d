"""A FLAC file that is whole, or not there: libsndfile does not say when the disk takes no last block."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from rtc_widget.log.replacing import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["write_flac"]


def write_flac(path: Path, rate_hz: int, blocks: Iterable[NDArray[Any]]) -> None:
    """Write samples of one channel; a file that is there is replaced once all is on disk.

    Parameters
    ----------
    path
        The file.
    rate_hz
        Samples a second.
    blocks
        The samples, int16, some at a time.

    Raises
    ------
    OSError
        They cannot be written.
    """
    with replaced(path) as file:
        _encode(file, rate_hz, blocks)


def _encode(file: BinaryIO, rate_hz: int, blocks: Iterable[NDArray[Any]]) -> None:
    import soundfile

    watched = _Watched(file)
    try:
        with soundfile.SoundFile(watched, "w", rate_hz, 1, "PCM_16", format="FLAC") as flac:
            for block in blocks:
                flac.write(block)
    except soundfile.SoundFileError as error:
        raise watched.error or OSError(errno.EIO, str(error)) from None
    if watched.error is not None:
        raise watched.error


class _Watched:
    """A file as libsndfile calls it, which hands no exception on: the first one is kept here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        return self._tried(lambda: self._file.write(data))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._tried(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._tried(self._file.tell)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def _tried(self, act: Callable[[], int]) -> int:
        try:
            return act()
        except OSError as error:
            self.error = self.error or error
            return 0
