"""The `segments` frame: a row is a stretch of sound, found in the recorded audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_widget.frames._call_sounds import clock_readings
from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame
from rtc_widget.frames._heard import placed_segments

if TYPE_CHECKING:
    from rtc_widget.audio.second_clock import ClockReading
    from rtc_widget.log.record import Record

COLUMNS = (
    Column("track", "segment.track", "category", "Whose sound.", ("user", "agent")),
    Column(
        "kind",
        "segment.kind",
        "category",
        "Speech, as a VAD hears it, or sound without words.",
        ("speech", "sound"),
    ),
    Column("t_start_ms", "segment.t_start_ms", "float", "Its first sample; ms since the first record."),
    Column("t_end_ms", "segment.t_end_ms", "float", "The end of its last sample; ms since the first record."),
    Column("level_db", "segment.level_db", "float", "Its level, dB relative to full scale."),
    Column("item_id", "item_id", "string", "The item it belongs to."),
    Column("turn", "turn", "int", "The turn it belongs to."),
)


_NOTES = frozenset({"rtc.audio", "rtc.calibration", "rtc.recording", "rtc.state", "rtc.stats"})
"""What says how a call was recorded."""


def _read(record: Record) -> list[Record] | list[ClockReading]:
    return clock_readings(record) if record.type == "rtc.stats" else [record]


FRAME = Frame("segments", "a stretch of sound", COLUMNS, placed_segments, _NOTES, _read)
