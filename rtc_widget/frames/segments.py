"""The `segments` frame: a row is a stretch of sound, found in the recorded audio."""

from __future__ import annotations

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

COLUMNS = (
    Column("track", "track", "category", "Whose sound.", ("user", "agent")),
    Column("kind", "kind", "category", "Speech, as a VAD hears it, or any sound.", ("speech", "sound")),
    Column("t_start_ms", "t_start_ms", "float", "Its first sample; ms since the first record."),
    Column("t_end_ms", "t_end_ms", "float", "The end of its last sample; ms since the first record."),
    Column("level_db", "level_db", "float", "Its level, dB relative to full scale."),
    Column("item_id", "item_id", "string", "The item it belongs to."),
    Column("turn", "turn", "int", "The turn it belongs to."),
)

FRAME = Frame("segments", "a stretch of sound", COLUMNS, lambda source: source.sound.get("segments", []))
