"""Sound for the panel, of a session or a recording: turns to hear again, and the timeline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._turn import Heard, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from rtc_widget.audio.sound import Sound
    from rtc_widget.frames import Frames
    from rtc_widget.frames._heard import TurnHeard
    from rtc_widget.log.tracks import TrackName, Tracks

__all__ = ["PEAKS_PER_S", "PanelSound", "Peaks", "picture"]

PEAKS_PER_S = 50
"""Of the waveforms: one peak says how loud 20 ms were at most, 0 to 127."""
_LONGEST_MS = 30_000.0
_SETTLE_S = 2
_BLOCK = 1500
_OPEN_TURNS = 3
"""The last turns may still be answered, and heard anew."""
_PICTURED = frozenset({"rtc.error", "rtc.mute", "rtc.play", "rtc.quality", "rtc.state"})
_NOT_RECORDED = "nothing was recorded of it: make the session with record=True."


class PanelSound:
    """Answers the panel's requests about sound.

    Parameters
    ----------
    source
        Whose panel it is: a recording, or what stands behind a session.
    flush
        Writes what was recorded and is not in the tracks yet; None for a recording that is over.
    """

    def __init__(self, source: Heard, flush: Callable[[], None] | None = None) -> None:
        self._source = source
        self._flush = flush
        self._peaks: dict[TrackName, Peaks] = {}
        self._settled: dict[int, dict[str, Any]] = {}
        self._calibrations = 0

    # -- to be heard again ------------------------------------------------------------------------

    async def sound(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return as WAV a side of a turn: {"item_id"}, or a stretch of both: {"start_ms", "end_ms"}."""
        return as_wav(await asyncio.to_thread(self._cut, params))

    def _cut(self, params: dict[str, Any]) -> Sound:
        tracks = self._tracks()
        item_id = params.get("item_id")
        if item_id is not None:
            place = self.place(str(item_id))
            sound = None if place is None else tracks.sound(*place)
            if sound is None or not sound.pcm:
                raise ConfigurationError(f"Of this turn {_NOT_RECORDED}")
            return sound
        # Before the first sample and after the last there is silence.
        start_ms = float(params.get("start_ms") or 0)
        end_ms = min(float(params.get("end_ms") or 0), start_ms + _LONGEST_MS)
        return _mixed(tracks, start_ms, max(start_ms, end_ms))

    def place(self, item_id: str) -> tuple[TrackName, float, float] | None:
        """Return on which track an item is heard, and from when to when in ms; None where it is not."""
        conversation = self._source.conversation
        item = conversation.item(item_id)
        response = conversation.responses.get(item.response_id or "") if item is not None else None
        for state in conversation.turns:
            track: TrackName = "user" if item_id in state.user_item_ids else "agent"
            if track == "user" or (response is not None and response.turn == state.index):
                span_ms = Turn(self._source, state.index).span_ms(track)
                return None if span_ms is None else (track, *span_ms)
        return None

    def _tracks(self) -> Tracks:
        tracks = self._source.audio
        if tracks is None:
            raise ConfigurationError(f"Of this session {_NOT_RECORDED}")
        if self._flush is not None:
            self._flush()
        return tracks

    # -- the session as a picture -----------------------------------------------------------------

    async def timeline(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return lanes, turns and notes, and the waveforms from peak {"since"} on, a buffer a track."""
        return await asyncio.to_thread(self.draw, int(params.get("since") or 0))

    def _long_over(self) -> dict[int, dict[str, Any]]:
        """Return the turns that are known for good, as long as the browser is not measured anew."""
        calibrations = sum(1 for _ in self._source.frames.log.records(types={"rtc.calibration"}))
        if calibrations != self._calibrations:
            self._calibrations, self._settled = calibrations, {}
        return self._settled

    async def turns(self, _params: dict[str, Any]) -> dict[str, Any]:
        """Return what is inferred and what is heard of each turn, as in the picture."""
        turns = await asyncio.to_thread(_turns, self._source.frames, self._long_over(), listen=True)
        return {"turns": turns}

    def draw(self, since: int = 0, *, listen: bool = True) -> dict[str, Any]:
        """Return what `timeline` does; without listening, which takes a while at first, nothing heard."""
        drawn = picture(self._source.frames, self._long_over() if listen else {}, listen=listen)
        if self._source.audio is None:
            return drawn
        from rtc_widget.log.tracks import TRACKS

        tracks = self._tracks()
        drawn["duration_ms"] = max(drawn["duration_ms"], tracks.duration_ms)
        for track in TRACKS:
            self._peaks.setdefault(track, Peaks(tracks, track))
        found = [self._peaks[track].since(since) for track in TRACKS]
        return drawn | {
            "peaks_per_s": PEAKS_PER_S,
            "since": since,
            "buffers": [one.tobytes() for one in found],
        }


class Peaks:
    """How loud a track is, 20 ms by 20 ms; what has settled is looked at once.

    Parameters
    ----------
    tracks
        Both tracks.
    track
        Which one.
    """

    def __init__(self, tracks: Tracks, track: TrackName) -> None:
        self._tracks = tracks
        self._track = track
        self._settled: NDArray[np.int8] | None = None

    def since(self, first: int) -> NDArray[np.int8]:
        """Return the peaks from the `first` on, 0 to 127 each."""
        import numpy as np

        known = np.zeros(0, np.int8) if self._settled is None else self._settled
        fresh = self._look(len(known))
        whole = np.concatenate([known, fresh])
        # What is recorded last may come a little apart and late.
        self._settled = whole[: max(len(known), len(whole) - _SETTLE_S * PEAKS_PER_S)]
        return whole[first:]

    def _look(self, first: int) -> NDArray[np.int8]:
        import numpy as np

        from rtc_widget.log.tracks import RATE_HZ

        size = RATE_HZ // PEAKS_PER_S
        last = max(first, self._tracks.frames // size)
        found = np.zeros(last - first, np.int8)
        # A block at a time stays in the processor's cache.
        for at in range(first, last, _BLOCK):
            to = min(last, at + _BLOCK)
            samples = self._tracks.read(self._track, at * size, to * size).reshape(-1, size)
            top, bottom = samples.max(axis=1).astype(np.int32), samples.min(axis=1).astype(np.int32)
            found[at - first : to - first] = np.minimum(127, np.maximum(top, -bottom) >> 8)
        return found


def picture(
    frames: Frames, settled: dict[int, dict[str, Any]] | None = None, *, listen: bool = True
) -> dict[str, Any]:
    """Return what a timeline shows beside the waveforms: lanes, turns, notes, and how long it is.

    The lanes are those of `Recording.timeline()`.

    Parameters
    ----------
    frames
        Of a session or a recording.
    settled
        Turns that were drawn before and have long been over: they are taken from here, and put here.
    listen
        Whether what is heard of the turns is found, where nobody has yet.
    """
    from rtc_widget.frames.timeline import LANES, stretches

    log = frames.log
    return {
        "lanes": list(LANES),
        "stretches": list(stretches(frames)),
        "turns": _turns(frames, {} if settled is None else settled, listen=listen),
        "notes": [
            {"t_ms": record.t_ms, "type": record.type, "seq": record.seq, "words": _words(record.event)}
            for record in log.records(types=_PICTURED)
            if record.t_ms is not None
        ],
        "duration_ms": (log.record(-1).t_ms or 0.0) if len(log) else 0.0,
    }


def _turns(frames: Frames, settled: dict[int, dict[str, Any]], *, listen: bool) -> list[dict[str, Any]]:
    count = len(frames.conversation.turns)
    found = []
    for index in range(count):
        turn = settled.get(index) or _turn(frames, index, frames.heard(index) if listen else None)
        if index < count - _OPEN_TURNS:
            settled[index] = turn
        found.append(turn)
    return found


def _turn(frames: Frames, index: int, heard: TurnHeard | None) -> dict[str, Any]:
    state = frames.conversation.turns[index]
    sides = (None, None) if heard is None else (heard.user_ms, heard.agent_ms)
    return {
        "turn": index,
        "item_id": state.user_item_id,
        "answer_id": state.answer_item_id,
        "t_input_end_ms": state.t_input_end_ms,
        "t_speech_end_ms": None if sides[0] is None else sides[0][1],
        "t_first_sound_ms": None if sides[1] is None else sides[1][0],
        "latency_inferred_ms": state.latency_inferred_ms,
        "latency_heard_ms": None if heard is None else heard.columns.latency_heard_ms,
        "overlap_ms": None if heard is None else heard.columns.overlap_ms,
        "words": state.user_transcript,
    }


def _words(note: dict[str, Any]) -> str:
    """Say what a note is about, in a few words."""
    if note.get("type") == "rtc.mute":
        return "muted" if note.get("muted") else "unmuted"
    told = (note.get(name) for name in ("state", "phase", "message", "reason", "what", "metric"))
    return ": ".join(str(part) for part in told if part)


def as_wav(sound: Sound) -> dict[str, Any]:
    """Return the answer that carries a sound."""
    return {"seconds": sound.seconds, "buffers": [sound.wav()]}


def _mixed(tracks: Tracks, start_ms: float, end_ms: float) -> Sound:
    """Return a stretch of both tracks as one."""
    import numpy as np

    from rtc_widget.audio.sound import Sound
    from rtc_widget.log.tracks import RATE_HZ, TRACKS, frame_at

    first, last = frame_at(start_ms), frame_at(end_ms)
    both = np.sum([tracks.read(track, first, last).astype(np.int32) for track in TRACKS], axis=0)
    return Sound.from_samples(np.clip(both, -32768, 32767).astype(np.int16), RATE_HZ, name="both sides")
