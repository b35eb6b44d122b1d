"""Listening to a recording as it grows: its stretches of sound, found once for each part of it.

The timeline is taken in blocks; what begins in a block is found in the block and some seconds around it. So
the same samples give the same stretches, whether they are listened to while they come or all at once.
"""

from __future__ import annotations

import math
import threading
import warnings
from typing import TYPE_CHECKING

from rtc_widget._errors import ConfigurationError, RecordingError
from rtc_widget.frames._heard_file import Heard, read_heard, write_heard
from rtc_widget.log.tracks import RATE_HZ, TRACKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rtc_widget.audio.segments import Segment
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.tracks import TrackName, Tracks

__all__ = ["Hearing"]

_BLOCK = 20 * RATE_HZ
_AROUND = 8 * RATE_HZ
_LATE = 2 * RATE_HZ
"""The two tracks come a little apart, and late."""
_EDGE_MS = 250.0
_SETTLE_MS = 500.0
_FRAMES_A_MS = RATE_HZ / 1_000
_ENDS = frozenset(
    {"output_audio_buffer.cleared", "output_audio_buffer.stopped", "response.done", "rtc.state"}
)
_OVER = frozenset({"ended", "failed"})


class Hearing:
    """The stretches of sound on both tracks.

    Parameters
    ----------
    log
        The session's log, which says when there is something new to listen to.
    tracks
        The recorded tracks.
    flush
        Writes what was recorded and is not in them yet; None for a recording that is over.
    """

    def __init__(self, log: EventLog, tracks: Tracks, flush: Callable[[], None] | None) -> None:
        self.segments: list[Segment] = []
        self.slips: tuple[tuple[float, float], ...] = ()
        self.ends_ms: dict[TrackName, float] = {}
        self.version = 0
        self._log = log
        self._tracks = tracks
        self._flush = flush
        self._listened = 0
        self._deaf = False
        self._wanted_ms = math.inf if flush is None else 0.0
        self._looked_to = 0
        self._lock = threading.Lock()
        self._kept: dict[TrackName, list[Segment]] = {track: [] for track in TRACKS}
        self._next_block: dict[TrackName, int] = dict.fromkeys(TRACKS, 0)
        self._slips: dict[int, list[tuple[float, float]]] = {}

    @property
    def is_deaf(self) -> bool:
        """Whether there is sound that could not be listened to."""
        return self._deaf

    def refresh(self, *, wholly: bool = False) -> None:
        """Listen to what came since the last time, where a turn or a call has ended since; takes some 0.1 s.

        Parameters
        ----------
        wholly
            Listen to the last sample there is.
        """
        self._look()
        if self._flush is not None:
            self._flush()
        with self._lock:
            if self._deaf and self._flush is None:
                return  # it is over, and stays as it is
            try:
                frames, self.ends_ms = self._tracks.frames, self._tracks.ends_ms()
            except RecordingError as error:
                self._give_up(error)
                return
            due = wholly or self._listened < self._wanted_ms * _FRAMES_A_MS
            if frames == self._listened or not due or not frames:
                return
            if self._flush is None and self._recall(frames):
                return
            try:
                found = [segment for track in TRACKS for segment in self._listen(track, frames)]
            except (ConfigurationError, RecordingError) as error:
                self._give_up(error)
                found = []
            self.slips = tuple(slip for block in sorted(self._slips) for slip in self._slips[block])
            self.segments = sorted(found, key=lambda segment: (segment.t_start_ms, segment.track))
            self._listened = frames
            self.version += 1

    def _give_up(self, error: Exception) -> None:
        warnings.warn(f"The heard columns stay empty. {error}", stacklevel=7)
        self._deaf = True

    def _recall(self, frames: int) -> bool:
        """Take up what was heard before in a recording that is over."""
        heard = read_heard(self._tracks.folder, frames)
        if heard is None:
            return False
        self.segments, self.slips, self._listened = heard.segments, heard.slips, frames
        self.version += 1
        return True

    def keep(self, folder: Path) -> None:
        """Write down what has been heard, beside the tracks.

        Raises
        ------
        OSError
            It cannot be written.
        """
        with self._lock:
            if self._listened and not self._deaf:
                write_heard(Heard(self._listened, self.segments, self.slips), folder)

    def _look(self) -> None:
        """See in the log up to when there is something to listen to."""
        end = len(self._log)
        if self._flush is None or self._looked_to == end:
            return
        for record in self._log.records(self._looked_to, end, types=_ENDS):
            over = record.type == "rtc.state" and record.event.get("state") in _OVER
            self._wanted_ms = math.inf if over else (record.t_ms or 0.0) + _SETTLE_MS
        self._looked_to = end

    def _listen(self, track: TrackName, frames: int) -> list[Segment]:
        """Return the segments of a track; those of parts that are complete are kept."""
        kept = self._kept[track]
        block = self._next_block[track]
        found = list(kept)
        while block * _BLOCK < frames:
            stop = (block + 1) * _BLOCK
            found += self._listen_to_block(track, block * _BLOCK, stop, frames, found[-1] if found else None)
            if stop + _AROUND + _LATE <= frames and (not found or _frame(found[-1]) < frames - _LATE):
                self._next_block[track] = block + 1
                kept[:] = found
            block += 1
        return found

    def _listen_to_block(
        self, track: TrackName, start: int, stop: int, frames: int, last: Segment | None
    ) -> list[Segment]:
        from rtc_widget.audio.segments import find_segments
        from rtc_widget.audio.slips import find_slips
        from rtc_widget.audio.sound import Sound

        first, end = max(0, start - _AROUND), min(frames, stop + _AROUND)
        after_ms = -math.inf if last is None else last.t_end_ms
        while True:
            samples = self._tracks.read(track, first, end)
            if not samples.any():
                return []
            sound = Sound.from_samples(samples, RATE_HZ)
            if track == "user":
                self._slips[start // _BLOCK] = [
                    slip
                    for slip in find_slips(sound, t_offset_ms=first / _FRAMES_A_MS)
                    if start / _FRAMES_A_MS <= slip[0] < stop / _FRAMES_A_MS
                ]
            found = [
                segment
                for segment in find_segments(sound, track, t_offset_ms=first / _FRAMES_A_MS)
                if start / _FRAMES_A_MS - _EDGE_MS <= segment.t_start_ms < stop / _FRAMES_A_MS
                and segment.t_start_ms >= after_ms
            ]
            # What goes on beyond the end of this part is listened to further.
            if end == frames or not found or found[-1].t_end_ms < end / _FRAMES_A_MS - _EDGE_MS:
                return found
            end = min(frames, end + 2 * _AROUND)


def _frame(segment: Segment) -> int:
    return round(segment.t_end_ms * _FRAMES_A_MS)
