"""How each call of a session was recorded, from its notes and its getStats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rtc_widget.audio.jitter import JitterSample
from rtc_widget.audio.latency import CallSound

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Source
    from rtc_widget.log.record import Record

__all__ = ["call_sounds"]

_FRAMES_A_MS = 24.0


def call_sounds(source: Source) -> list[CallSound]:
    """Return the session's calls in order, each with what it needs to be measured.

    The peer takes the agent's sound as it comes: there is no jitter buffer to take off, and no constant.
    """
    notes: list[Record] = source.kept.get("segments", [])
    begins: list[tuple[float, str]] = []
    call = object()
    for record in notes:
        event = record.event
        # A call is noted again when its microphone comes or goes.
        if record.type == "rtc.state" and event.get("state") == "live" and event.get("call") != call:
            call = event.get("call")
            begins.append((record.t_ms or 0.0, str(event.get("transport"))))
    ends = [begin for begin, _ in begins[1:]] + [math.inf]
    jitter = _jitter(source)
    return [
        _call(source, jitter, begin_ms, end_ms, transport)
        for (begin_ms, transport), end_ms in zip(begins, ends, strict=True)
    ]


def _call(
    source: Source, jitter: list[JitterSample], begin_ms: float, end_ms: float, transport: str
) -> CallSound:
    notes: list[Record] = source.kept.get("segments", [])
    ours = [record for record in notes if begin_ms <= (record.t_ms or 0.0) < end_ms]
    slips = tuple(span for record in notes if (span := _gap(record)) and begin_ms <= span[1] < end_ms)
    if transport == "peer":
        return CallSound(begin_ms, end_ms, constant_ms=0.0, jitter=None, slips=slips)
    # Only a page's microphone slips: what the peer sends is a file.
    slips += tuple(slip for slip in source.slips if begin_ms <= slip[1] < end_ms)
    return CallSound(
        begin_ms,
        end_ms,
        constant_ms=_told(
            [record for record in notes if (record.t_ms or 0.0) < end_ms], "rtc.calibration", "constant_ms"
        ),
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
    at: dict[float, list[tuple[Any, ...]]] = {}
    for row in source.kept.get("stats", []):
        if row.t_ms is not None:
            at.setdefault(row.t_ms, []).append((row.stat_type, row.id, row.metric, row.value))
    return [sample for t_ms, rows in at.items() if (sample := JitterSample.of(t_ms, rows)) is not None]
