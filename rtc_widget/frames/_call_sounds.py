"""How each call of a session was recorded, from its notes and its getStats."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rtc_widget.audio.second_clock import ClockReading
from rtc_widget.log.record import Record

if TYPE_CHECKING:
    from rtc_widget.audio.jitter import JitterSample
    from rtc_widget.audio.latency import CallSound
    from rtc_widget.frames._frame import Source

__all__ = ["call_sounds", "clock_readings"]

_FRAMES_A_MS = 24.0
_READING = 3


def call_sounds(source: Source) -> list[CallSound]:
    """Return the session's calls in order, each with what it needs to be measured.

    The peer takes the agent's sound as it comes: there is no jitter buffer to take off, and no constant.
    """
    begins: list[tuple[float, str]] = []
    call = object()
    for record in _notes(source):
        event = record.event
        # A call is noted again when its microphone comes or goes.
        if record.type == "rtc.state" and event.get("state") == "live" and event.get("call") != call:
            call = event.get("call")
            begins.append((record.t_ms or 0.0, str(event.get("transport"))))
    jitter = _jitter(source)
    return [
        _call(source, jitter, begin_ms, end_ms, transport)
        for (begin_ms, transport), (end_ms, _) in pairwise([*begins, (math.inf, "")])
    ]


def _notes(source: Source) -> list[Record]:
    return [note for note in source.kept.get("segments", []) if isinstance(note, Record)]


def _call(
    source: Source, jitter: list[JitterSample], begin_ms: float, end_ms: float, transport: str
) -> CallSound:
    from rtc_widget.audio.latency import CallSound

    notes = _notes(source)
    slips = tuple(span for record in notes if (span := _gap(record)) and begin_ms <= span[1] < end_ms)
    if transport == "peer":
        return CallSound(begin_ms, end_ms, constant_ms=0.0, jitter=None, slips=slips)
    ours = [record for record in notes if begin_ms <= (record.t_ms or 0.0) < end_ms]
    until = [record for record in notes if (record.t_ms or 0.0) < end_ms]
    # Only a page's microphone slips: what the peer sends is a file.
    slips += tuple(slip for slip in source.slips if begin_ms <= slip[1] < end_ms)
    return CallSound(
        begin_ms,
        end_ms,
        constant_ms=_told(until, "rtc.calibration", "constant_ms"),
        check_constant_ms=_told(until, "rtc.calibration", "check_constant_ms"),
        jitter=tuple(sample for sample in jitter if begin_ms <= sample.t_ms < end_ms),
        slips=slips,
        output_latency_ms=_told(ours, "rtc.recording", "output_latency_ms"),
    )


def _told(notes: list[Record], type: str, name: str) -> float | None:
    """Return the last number of that name in notes of a type."""
    values: list[Any] = [record.event.get(name) for record in notes if record.type == type]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return numbers[-1] if numbers else None


def _gap(record: Record) -> tuple[float, float] | None:
    """Return begin and end of what a recorder missed, in ms."""
    event = record.event
    frame, frames = event.get("frame"), event.get("gap_frames")
    if record.type != "rtc.audio" or not isinstance(frame, int) or not isinstance(frames, int):
        return None
    return frame / _FRAMES_A_MS, (frame + frames) / _FRAMES_A_MS


def _jitter(source: Source) -> list[JitterSample]:
    from rtc_widget.audio.jitter import JitterSample

    at: dict[float, list[tuple[Any, ...]]] = {}
    for row in source.kept.get("stats", []):
        if row.t_ms is not None:
            at.setdefault(row.t_ms, []).append((row.stat_type, row.id, row.metric, row.value))
    found = [sample for t_ms, rows in at.items() if (sample := JitterSample.of(t_ms, rows)) is not None]
    return sorted(found, key=lambda sample: sample.t_ms)


# -- the second clock -------------------------------------------------------------------------------


def clock_readings(record: Record) -> list[ClockReading]:
    """Read them out of a note `rtc.stats`: rows of ms before the note, track, and ms apart."""
    rows = record.event.get("clock")
    if not isinstance(rows, list) or record.t_ms is None:
        return []
    return [
        ClockReading(record.t_ms + row[0], str(row[1]), float(row[2]))
        for row in rows
        if isinstance(row, list) and len(row) == _READING
    ]
