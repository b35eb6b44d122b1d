"""Recording: samples of a live call to disk by their place on the session's timeline, gaps reported."""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget._errors import RecordingError
from rtc_widget.log.track_files import TrackFiles
from rtc_widget.log.tracks import BYTES_A_FRAME, RATE_HZ, TRACKS, TrackName, Tracks, frame_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.event_log import EventLog

__all__ = ["Recorder"]

_FLUSH_S = 0.2
_NOTE_FRAMES = 5 * RATE_HZ
_MOST_SPILL_FRAMES = 2 * 3_600 * RATE_HZ
"""Without a folder: two hours, 345 MB a track."""
_UNEVEN_FRAMES = RATE_HZ // 2
_BEHIND_FRAMES = RATE_HZ // 2
"""What is heard comes that much later than what is sent, at most."""
_NOTHING_CAME = "nothing came"
_FULL = {
    "type": "rtc.error",
    "source": "disk",
    "code": "recording_full",
    "message": "A session without a folder records two hours at most: give it a directory=.",
}


class _Piece(NamedTuple):
    track: TrackName
    frame: int
    pcm: bytes


class _Gap(NamedTuple):
    track: TrackName
    frame: int
    frames: int
    reason: str


class Recorder:
    """Writes both tracks of a session on a thread of its own; memory stays flat however long it runs.

    Notes `rtc.audio` in the log say what is on disk: `{frame, frames}` for a stretch of both tracks, and
    `{track, frame, frames: 0, gap_frames, reason}` for what is missing of one.

    Parameters
    ----------
    log
        The session's log: its first record is sample 0.
    folder
        The session's folder. None: a temporary one that goes with the session and holds two hours at most.
    """

    def __init__(self, log: EventLog, folder: Path | None) -> None:
        self._log = log
        self._spills = folder is None
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="rtc_widget-"))
            self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.tracks = Tracks(folder)
        self.put = 0
        """How many pieces came."""
        self.durable = 0
        """How many of them are on disk."""
        self._open = False
        self._call = 0
        self._files = TrackFiles(self.tracks)
        self._ends: dict[TrackName, int] = {}
        self._noted_to: int | None = None
        self._pending: list[_Piece] = []
        self._gaps: list[_Gap] = []
        self._failing = False
        self._full = False
        self._lock = threading.Lock()
        self._writing = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._callbacks: tuple[Callable[[int], None], ...] = ()

    # -- from the call ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Take what a call brings from now on; silence before it is no gap."""
        with self._lock:
            self._open = True
            self._call += 1
            self._ends.clear()
            self._noted_to = None

    @property
    def call(self) -> int:
        """Number of the call that is recorded, or was last."""
        return self._call

    def keep_at(self, track: TrackName) -> Callable[[bytes, float], None]:
        """Return what takes samples of a track and the kernel's `t_kernel_ms` of the first one."""

        def keep(pcm: bytes, t_kernel_ms: float) -> None:
            self.keep(track, frame_at(self._log.t_ms_of(t_kernel_ms)), pcm)

        return keep

    def keep(self, track: TrackName, frame: int, pcm: bytes, *, reason: str = _NOTHING_CAME) -> None:
        """Take samples; never blocks. What overlaps the last ones of the call is left out.

        Parameters
        ----------
        track
            "user" or "agent".
        frame
            Place of the first sample on the session's timeline.
        pcm
            Mono, signed 16-bit little-endian, 24 kHz.
        reason
            Why samples are missing, where `frame` leaves a gap after the last ones.
        """
        with self._lock:
            if not self._open:
                return
            end = self._ends.get(track, max(0, frame))
            if self._noted_to is None:
                self._noted_to = end
            if frame > end:
                self._gaps.append(_Gap(track, end, frame - end, reason))
            elif frame < end:
                pcm, frame = pcm[(end - frame) * BYTES_A_FRAME :], end
            self.put += 1
            self._ends[track] = frame + len(pcm) // BYTES_A_FRAME
            self._pending.append(_Piece(track, frame, pcm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rtc-recorder", daemon=True)
                self._thread.start()
        self._wake.set()

    def reaches(self, t_ms: float) -> bool:
        """Say whether all that is heard of the agent up to a place on the session's timeline has come.

        Where nothing comes of it any more, for a service may send no silence, the user's side tells the time.
        """
        with self._lock:
            heard, sent = self._ends.get("agent", 0), self._ends.get("user", 0)
        return max(heard, sent - _BEHIND_FRAMES) >= frame_at(t_ms)

    def on_durable(self, callback: Callable[[int], None]) -> None:
        """Call back, on the recorder's thread, with the number of pieces on disk when it has grown."""
        self._callbacks = (*self._callbacks, callback)

    # -- to the disk --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what waits; returns when that is done."""
        with self._writing:
            notes = self._write_pending()
        self._tell(notes)

    def finish(self, call: int | None = None) -> None:
        """End the recording of a call: all is written, and the tracks become FLAC.

        Parameters
        ----------
        call
            Which one; nothing is done where a later one has begun. None: whichever it is.
        """
        with self._lock:
            if call is not None and call != self._call:
                return
            was_open, self._open = self._open, False
        with self._writing:
            notes = self._write_pending()
            if was_open:
                notes += [*_gap_notes(self._uneven_ends()), *self._stretch(least=1)]
            self._files.close()
            try:
                self.tracks.seal()
            except (OSError, RecordingError) as error:  # they stay as they are; close() tries again
                notes += self._failure(error)
        self._tell(notes)

    def close(self) -> None:
        """Finish, and end the thread; the tracks stay readable."""
        self.finish()
        self._closed.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            self.flush()
            self._closed.wait(_FLUSH_S)  # let pieces gather

    def _tell(self, notes: list[dict[str, Any]]) -> None:
        """Write notes and call back, with no lock held that a callback might wait for."""
        for note in notes:
            self._log.note(**note)
        for callback in self._callbacks:
            callback(self.durable)

    def _write_pending(self) -> list[dict[str, Any]]:
        """Write what waits; return what is to be noted of it."""
        with self._lock:
            batch, self._pending = self._pending, []
            gaps, self._gaps = self._gaps, []
        notes: list[dict[str, Any]] = []
        try:
            if self._files.restore():
                notes.append(self._gone("it is written anew"))
        except OSError as error:
            notes += self._failure(error)
        if not batch:
            return notes
        kept = [piece for piece in batch if not self._spills or piece.frame < _MOST_SPILL_FRAMES]
        if len(kept) < len(batch) and not self._full:
            self._full = True
            notes.append({**_FULL})
        try:
            lost = self._files.begin()
            if lost:
                notes.append(self._gone("what was recorded before is lost"))
                gaps += [_Gap(track, 0, end, "it was deleted or moved") for track, end in lost.items()]
            for piece in kept:
                self._files.write(*piece)
            self._failing = False
        except (OSError, RecordingError) as error:
            gaps += [_Gap(p.track, p.frame, len(p.pcm) // BYTES_A_FRAME, "the disk took none") for p in kept]
            notes += self._failure(error)
        self.durable += len(batch)
        return [*notes, *_gap_notes(gaps), *self._stretch(least=_NOTE_FRAMES)]

    # -- what is said of it -------------------------------------------------------------------------

    def _stretch(self, *, least: int) -> list[dict[str, Any]]:
        """Say that both tracks are on disk up to here, if that is `least` samples further than was said."""
        with self._lock:
            start, end = self._noted_to, min(self._ends.values(), default=0)
            if start is None or len(self._ends) < len(TRACKS) or end - start < least:
                return []
            self._noted_to = end
        return [{"type": "rtc.audio", "frame": start, "frames": end - start}]

    def _uneven_ends(self) -> list[_Gap]:
        """Find a track that ended long before the other, or never began."""
        with self._lock:
            ends, start = dict(self._ends), self._noted_to or 0
        longest = max(ends.values(), default=start)
        starts = {track: ends.get(track, start) for track in TRACKS}
        return [
            _Gap(track, at, longest - at, "it ended before the other track")
            for track, at in starts.items()
            if longest - at > _UNEVEN_FRAMES
        ]

    def _failure(self, error: OSError | RecordingError) -> list[dict[str, Any]]:
        if self._failing:
            return []
        self._failing = True
        number, reason = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
        code = errno.errorcode.get(number or 0, type(error).__name__)
        return [self._error(code, f"cannot be written ({reason or error}).")]

    def _gone(self, said: str) -> dict[str, Any]:
        return self._error("ENOENT", f"was deleted or moved; {said}.")

    def _error(self, code: str, said: str) -> dict[str, Any]:
        message = f"The audio in {self.tracks.folder} {said}"
        return {"type": "rtc.error", "source": "disk", "code": code, "message": message}


def _gap_notes(gaps: list[_Gap]) -> list[dict[str, Any]]:
    """Say what is missing: of each track and reason, where it begins, and how much it is altogether."""
    together: dict[tuple[str, str], _Gap] = {}
    for gap in gaps:
        before = together.get((gap.track, gap.reason))
        total = gap.frames + (before.frames if before else 0)
        together[gap.track, gap.reason] = (before or gap)._replace(frames=total)
    return [
        {
            "type": "rtc.audio",
            "track": gap.track,
            "frame": gap.frame,
            "frames": 0,
            "gap_frames": gap.frames,
            "reason": gap.reason,
        }
        for gap in together.values()
    ]
