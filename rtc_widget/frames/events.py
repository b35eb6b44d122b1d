"""The `events` frame: a row is a record of the log; it shares the log's memory and grows with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rtc_widget.frames._columns import ARROW_TYPES, Column, assemble, categorical, to_pandas
from rtc_widget.frames._frame import SESSION_ID, Frame
from rtc_widget.log.blocks import DIRECTIONS

if TYPE_CHECKING:
    import pandas as pd

    from rtc_widget.log.blocks import Block
    from rtc_widget.log.event_log import EventLog

COLUMNS = (
    Column("seq", "seq", "int", "Place in the log, from 0: `event_log[seq]`."),
    Column(
        "direction",
        "direction",
        "category",
        "Sent by us, sent to us, or a note of our own.",
        DIRECTIONS,
    ),
    Column(
        "type",
        "event.type",
        "category",
        "The event's type, as the API (or a note of ours, `rtc.…`) calls it.",
    ),
    Column("event_id", "event.event_id", "string", "The event's own id."),
    Column("t_ms", "t_ms", "float", "ms since the session's first record, on the log's clock."),
    Column(
        "t_browser_ms",
        "t_browser_ms",
        "float",
        "The browser's clock; ms since the session's first record, by t_ms of the first that has it.",
    ),
    Column(
        "t_kernel_ms",
        "t_kernel_ms",
        "float",
        "The kernel's clock; ms since the session's first record, by t_ms of the first that has it.",
    ),
    Column("item_id", "event.item_id", "string", "The item it is about: item_id, or item.id."),
    Column(
        "response_id", "event.response_id", "string", "The response it is about: response_id, or response.id."
    ),
    Column("tool_call_id", "event.call_id", "string", "The tool call it is about: call_id, or item.call_id."),
    Column("rtc_call_id", "rtc_call_id", "string", "The WebRTC call it travelled on."),
    Column("event", "event", "string", "The event's JSON text, byte for byte as it came."),
)

FRAME = Frame("events", "a record of the log", COLUMNS, lambda source: source.log.records())
_SHARED = ("event_id", "t_ms", "item_id", "response_id", "tool_call_id", "rtc_call_id", "event")
_CLOCKS = ("t_browser_ms", "t_kernel_ms")
_BY_NAME = {column.name: column for column in COLUMNS}


class EventsFrame:
    """Builds the `events` frame block by block, and keeps what it has built.

    Parameters
    ----------
    log : EventLog
        The log.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._sealed: list[_Part] = []
        self._n_sealed = 0
        self._bases: dict[str, float] = {}

    def build(self) -> pd.DataFrame:
        """Return the frame of all records there are now."""
        blocks, tail = self._log.blocks(self._n_sealed)
        for block in blocks:
            self._sealed.append(self._part(block))
            self._n_sealed = block.start + len(block)
        parts = [*self._sealed, self._part(tail)] if tail is not None else self._sealed
        length = sum(part.length for part in parts)
        made: dict[str, Any] = {}
        for column in FRAME.all_columns:
            if column.name == "direction":
                made[column.name] = categorical(_concatenate([p.direction for p in parts]), DIRECTIONS)
            elif column.name == "type":
                names = self._log.type_names
                made[column.name] = categorical(_concatenate([p.type for p in parts]), names)
            else:
                chunks = [part.arrays[column.name] for part in parts]
                made[column.name] = to_pandas(pa.chunked_array(chunks, ARROW_TYPES[column.kind]), column)
        return assemble(made, length)

    def _part(self, block: Block) -> _Part:
        length = len(block)
        arrays = {name: getattr(block, name) for name in _SHARED}
        for name in _CLOCKS:
            arrays[name] = self._rebased(name, getattr(block, name), block.t_ms)
        arrays["seq"] = pa.array(np.arange(block.start, block.start + length))
        arrays["session_id"] = pa.repeat(pa.scalar(self._log.session_id, ARROW_TYPES["string"]), length)
        return _Part(length, block.direction, block.type, arrays)

    def _rebased(self, name: str, values: pa.Array, t_ms: pa.Array) -> pa.Array:
        if values.null_count == len(values):
            return values
        base = self._bases.get(name)
        if base is None:
            first = pc.index(values.is_valid(), True).as_py()
            base = self._bases[name] = values[first].as_py() - (t_ms[first].as_py() or 0.0)
        return pc.round(pc.subtract(values, base), 3)


class _Part:
    __slots__ = ("arrays", "direction", "length", "type")

    def __init__(self, length: int, direction: Any, type: Any, arrays: dict[str, pa.Array]) -> None:
        self.length = length
        self.direction = direction
        self.type = type
        self.arrays = arrays


def _concatenate(codes: list[Any]) -> Any:
    return np.concatenate(codes) if codes else np.empty(0, dtype=np.int8)


__all__ = ["COLUMNS", "FRAME", "SESSION_ID", "EventsFrame"]
