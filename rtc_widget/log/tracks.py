"""The two tracks of a session on disk: what was sent and what was heard, on one timeline.

Sample 0 of either is the session's first record (`t_ms` 0). While a call is up a track is `user.pcm` or
`agent.pcm` (mono, signed 16-bit little-endian, 24 kHz, no header, written by position: what never came is
zeros); after hang-up it is a FLAC file of the same samples.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rtc_widget._arguments import is_number
from rtc_widget._errors import ConfigurationError, RecordingError
from rtc_widget.log.replacing import replaced
from rtc_widget.log.sealing import write_flac

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rtc_widget.audio.sound import Sound

__all__ = ["RATE_HZ", "TRACKS", "TrackName", "Tracks", "frame_at"]

TrackName = Literal["user", "agent"]
TRACKS: tuple[TrackName, TrackName] = ("user", "agent")
RATE_HZ = 24_000
BYTES_A_FRAME = 2
_FRAMES_A_MS = RATE_HZ // 1_000
_BLOCK_FRAMES = 1 << 18
_MOST_IN_A_BLOCK = 65_535
_LONGEST_MS = 4 * 3_600_000
_FILES = [f"{track}.{end}" for track in TRACKS for end in ("flac", "pcm")]
_SMALLEST_BLOCK_BYTES = 10
"""Of a block of FLAC: what its header can say of its length, and the bytes that it takes at least."""


def frame_at(t_ms: float) -> int:
    """Return the position on the timeline, in samples, of an instant in ms since the first record."""
    return round(t_ms * _FRAMES_A_MS)


class Tracks:
    """The tracks in a folder; reading and changing them is safe from any thread.

    Parameters
    ----------
    folder
        Where `user` and `agent` are, each as .pcm or .flac.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()

    @property
    def exist(self) -> bool:
        """Whether anything was recorded."""
        return any(self._path(track, end).exists() for track in TRACKS for end in ("pcm", "flac"))

    @property
    def frames(self) -> int:
        """Length of the longer track in samples at 24 kHz."""
        with self._lock:
            return max(self._length(track) for track in TRACKS)

    @property
    def duration_ms(self) -> float:
        """Length of the longer track in ms; the shorter one is silent to that end."""
        return self.frames / _FRAMES_A_MS

    def ends_ms(self) -> dict[TrackName, float]:
        """Return how much of each track was recorded, in ms; 0 of one that there is not."""
        with self._lock:
            return {track: self._length(track) / _FRAMES_A_MS for track in TRACKS}

    @property
    def user(self) -> Sound:
        """All that was sent, as long as the longer track."""
        return self.sound("user")

    @property
    def agent(self) -> Sound:
        """All that was heard, as long as the longer track."""
        return self.sound("agent")

    def sound(self, track: TrackName, t_from_ms: float | None = None, t_to_ms: float | None = None) -> Sound:
        """Return a stretch of a track, silent where nothing was recorded.

        Parameters
        ----------
        track
            "user" or "agent".
        t_from_ms, t_to_ms
            In ms since the session's first record, as `t_ms` in every frame; None: from the first sample, to
            the end of the longer track.

        Raises
        ------
        ConfigurationError
            For another track, or for what is no time.
        RecordingError
            For a FLAC file that cannot be read.
        """
        from rtc_widget.audio.sound import Sound

        if track not in TRACKS:
            raise ConfigurationError(f'The tracks are "user" and "agent", not {track!r}.')
        for bound in (t_from_ms, t_to_ms):
            if bound is not None and not (is_number(bound) and abs(bound) < _LONGEST_MS):
                raise ConfigurationError(
                    f"A stretch goes from one number of ms to another, not by {bound!r}."
                )
        first = 0 if t_from_ms is None else frame_at(t_from_ms)
        last = self.frames if t_to_ms is None else frame_at(t_to_ms)
        return Sound.from_samples(self.read(track, first, last), RATE_HZ, name=track)

    def read(self, track: TrackName, first: int, last: int) -> NDArray[np.int16]:
        """Return the samples from one position to before another; zeros where nothing was recorded.

        Parameters
        ----------
        track
            "user" or "agent".
        first, last
            Positions on the timeline, in samples at 24 kHz.

        Returns
        -------
        ndarray
            int16, shape (last - first,).

        Raises
        ------
        RecordingError
            For a FLAC file that cannot be read.
        """
        samples = np.zeros(max(0, last - first), np.int16)
        with self._lock:
            start = max(0, first)
            found = self._read(track, start, last) if last > start else samples[:0]
        samples[start - first : start - first + len(found)] = found
        return samples

    def _read(self, track: TrackName, first: int, last: int) -> NDArray[np.int16]:
        pcm, flac = self._path(track, "pcm"), self._path(track, "flac")
        if pcm.exists():
            with pcm.open("rb") as file:
                file.seek(first * BYTES_A_FRAME)
                data = file.read((last - first) * BYTES_A_FRAME)
            # A kernel that was killed may have written half a sample.
            return np.frombuffer(data[: len(data) // BYTES_A_FRAME * BYTES_A_FRAME], "<i2")
        if not flac.exists():
            return np.zeros(0, np.int16)
        with _opened(flac) as file:
            if first >= file.frames:
                return np.zeros(0, np.int16)
            file.seek(first)
            found: NDArray[np.int16] = file.read(last - first, dtype="int16")
            return found

    def _length(self, track: TrackName) -> int:
        pcm, flac = self._path(track, "pcm"), self._path(track, "flac")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return pcm.stat().st_size // BYTES_A_FRAME
        if not flac.exists():
            return 0
        with _opened(flac) as file:
            return int(file.frames)

    def _path(self, track: TrackName, end: str) -> Path:
        return self.folder / f"{track}.{end}"

    def __repr__(self) -> str:
        """Say how long they are, and where."""
        try:  # without the lock: while they are turned into another form, either is there
            n_frames = max(self._length(track) for track in TRACKS)
            told = f"user and agent, {n_frames / RATE_HZ:.2f} s" if self.exist else "nothing recorded"
        except (RecordingError, OSError):
            told = "cannot be read"
        return f"<Tracks: {told} in {self.folder}>"

    # -- from one form to the other -----------------------------------------------------------------

    def seal(self) -> None:
        """Turn .pcm into .flac, both of one length; where soundfile is missing they stay as they are.

        Raises
        ------
        OSError
            They cannot be written; what was there stays.
        """
        with self._lock:
            if not any(self._path(track, "pcm").exists() for track in TRACKS):
                return
            if find_spec("soundfile") is None:
                return
            frames = self.frames
            for track in TRACKS:
                write_flac(self._path(track, "flac"), RATE_HZ, self._blocks(track, frames))
                self._path(track, "pcm").unlink(missing_ok=True)

    def _blocks(self, track: TrackName, frames: int) -> Iterator[NDArray[np.int16]]:
        for at in range(0, frames, _BLOCK_FRAMES):
            yield self.read(track, at, min(frames, at + _BLOCK_FRAMES))

    def unseal(self) -> None:
        """Turn .flac back into .pcm, to be written to again.

        Raises
        ------
        OSError
            They cannot be written.
        """
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            for track in TRACKS:
                flac, pcm = self._path(track, "flac"), self._path(track, "pcm")
                if pcm.exists() or not flac.exists():
                    continue
                with replaced(pcm) as file:
                    for block in self._blocks(track, self._length(track)):
                        file.write(block.tobytes())
                flac.unlink()

    def copy_to(self, folder: Path) -> None:
        """Write the tracks, as they are now, into another folder; in their own one they stay as they are.

        Where there is nothing of them (their folder could not be written, or is gone), nothing is done.

        Parameters
        ----------
        folder
            One that is there.

        Raises
        ------
        OSError
            They cannot be written.
        """
        if not self.exist or (folder.exists() and folder.samefile(self.folder)):
            return
        with self._lock:
            new = [name for name in _FILES if (self.folder / name).exists()]
            with contextlib.ExitStack() as all_of_them:
                for name in new:
                    copy = all_of_them.enter_context(replaced(folder / name))
                    with (self.folder / name).open("rb") as file:
                        shutil.copyfileobj(file, copy, 1 << 20)
                    copy.flush()
            for name in set(_FILES).difference(new):  # of an older copy, which stays where there is no room
                (folder / name).unlink(missing_ok=True)
        Tracks(folder).seal()


def sizes_of(folder: Path) -> dict[str, int]:
    """Return the files of tracks in a folder, and how many bytes each has.

    Parameters
    ----------
    folder
        A recording's.
    """
    found = {}
    for name in _FILES:
        with contextlib.suppress(OSError):
            found[name] = os.stat(folder / name).st_size  # noqa: PTH116 - a thousand sessions are looked at
    return found


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import soundfile
    except ImportError:
        raise RecordingError(
            f"{path} is FLAC, which soundfile reads: pip install 'rtc_widget[audio]'."
        ) from None
    try:
        with soundfile.SoundFile(path) as file:
            claim, n_bytes = file.frames, path.stat().st_size
            if claim > n_bytes // _SMALLEST_BLOCK_BYTES * _MOST_IN_A_BLOCK:
                raise RecordingError(
                    f"{path} cannot be read: it claims {claim} samples, which {n_bytes} bytes cannot hold"
                )
            if (file.samplerate, file.channels) != (RATE_HZ, 1):
                raise RecordingError(
                    f"{path} cannot be read: a track has {RATE_HZ} Hz and 1 channel, "
                    f"and this has {file.samplerate} Hz and {file.channels}"
                )
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
