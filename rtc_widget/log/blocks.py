"""Sealed stretches of the log: columns in Arrow memory, shared by the log and by the `events` frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rtc_widget.log.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from rtc_widget.log.record import Head

DIRECTIONS = ("client", "server", "local")
_DIRECTION_CODES = {name: code for code, name in enumerate(DIRECTIONS)}
_TEXT = pa.large_string()
_FLOAT = pa.float64()
_FEW = 8


def texts_of(raws: Sequence[bytes]) -> pa.Array:
    """Put texts end to end in one buffer; they are valid UTF-8 already."""
    offsets = np.zeros(len(raws) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, raws), dtype=np.int64, count=len(raws)), out=offsets[1:])
    return pa.Array.from_buffers(
        _TEXT, len(raws), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(raws))]
    )


class Rows(NamedTuple):
    """Records turned into columns, one sequence each, before they are sealed."""

    directions: Sequence[str]
    texts: pa.Array
    heads: Sequence[Head]
    t_ms: Sequence[float | None]
    t_browser_ms: Sequence[float | None]
    t_kernel_ms: Sequence[float | None]
    rtc_call_ids: Sequence[str | None]

    @classmethod
    def of(cls, records: Sequence[Record], heads: Sequence[Head]) -> Rows:
        """Turn records into columns."""
        return cls(
            [r.direction for r in records],
            texts_of([r.raw for r in records]),
            heads,
            [r.t_ms for r in records],
            [r.t_browser_ms for r in records],
            [r.t_kernel_ms for r in records],
            [r.rtc_call_id for r in records],
        )


class TypeNames:
    """Event types in the order they first came, each with its number."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str | None, int] = {None: -1}

    def codes(self, heads: Sequence[Head]) -> npt.NDArray[np.int32]:
        """Return the number of each head's type, -1 where it has none."""
        known = self._codes
        types = [head.type for head in heads]
        try:
            return np.fromiter(map(known.__getitem__, types), np.int32, len(types))
        except KeyError:
            for name in types:
                if name is not None and name not in known:
                    known[name] = len(self.names)
                    self.names.append(name)
        return np.fromiter(map(known.__getitem__, types), np.int32, len(types))


@dataclass(frozen=True, slots=True)
class Block:
    """Records `start` to `start + len`, sealed; its arrays are never changed."""

    start: int
    direction: npt.NDArray[np.int8]
    type: npt.NDArray[np.int32]
    event_id: pa.Array
    t_ms: pa.Array
    t_browser_ms: pa.Array
    t_kernel_ms: pa.Array
    item_id: pa.Array
    response_id: pa.Array
    tool_call_id: pa.Array
    rtc_call_id: pa.Array
    event: pa.Array

    def __len__(self) -> int:
        """Return how many records it holds."""
        return len(self.direction)

    @classmethod
    def seal(cls, start: int, rows: Rows, types: TypeNames) -> Block:
        """Make a block of columns; `types` learns the names it did not know."""
        heads = rows.heads
        return cls(
            start=start,
            direction=np.fromiter(map(_DIRECTION_CODES.__getitem__, rows.directions), np.int8, len(heads)),
            type=types.codes(heads),
            event_id=pa.array([h.event_id for h in heads], _TEXT),
            t_ms=pa.array(rows.t_ms, _FLOAT),
            t_browser_ms=pa.array(rows.t_browser_ms, _FLOAT),
            t_kernel_ms=pa.array(rows.t_kernel_ms, _FLOAT),
            item_id=pa.array([h.item_id or (h.item.id if h.item else None) for h in heads], _TEXT),
            response_id=pa.array(
                [h.response_id or (h.response.id if h.response else None) for h in heads], _TEXT
            ),
            tool_call_id=pa.array(
                [h.call_id or h.tool_call_id or (h.item.call_id if h.item else None) for h in heads], _TEXT
            ),
            rtc_call_id=_call_ids(rows.rtc_call_ids, [h.rtc_call_id for h in heads]),
            event=rows.texts,
        )

    def leave_first(self, chosen: npt.NDArray[np.bool_], rare: npt.NDArray[np.bool_]) -> None:
        """Of the chosen records of rare types, leave the first of each run with one response id."""
        places = np.flatnonzero(chosen & rare[self.type])
        if len(places) > 1:
            ids = self.response_id.take(pa.array(places))
            same = pc.equal(ids[1:], ids[:-1]).fill_null(False).to_numpy(zero_copy_only=False)
            chosen[places[1:][same]] = False

    def records(self, names: Sequence[str], where: npt.NDArray[np.intp] | None = None) -> Iterator[Record]:
        """Yield records again.

        Parameters
        ----------
        names : sequence of str
            Event types by their number.
        where : array of int, optional
            Places in this block; all of them, when not given.
        """
        if where is None:
            where = np.arange(len(self))
        types_of = [*names, ""]  # -1: the last one
        yield from map(
            Record,
            (where + self.start).tolist(),
            [DIRECTIONS[code] for code in self.direction[where].tolist()],
            [types_of[code] for code in self.type[where].tolist()],
            _raws(self.event, where),
            *(_values(column, where) for column in (self.t_ms, self.t_browser_ms, self.t_kernel_ms)),
            _values(self.rtc_call_id, where),
        )


def _values(column: pa.Array, where: npt.NDArray[np.intp]) -> Iterable[Any]:
    """Return a column's values at these places, None where there is none."""
    if column.null_count == len(column):
        return repeat(None, len(where))
    if column.null_count == 0 and column.type == _FLOAT:
        return cast("list[float]", column.to_numpy()[where].tolist())
    return cast("list[Any]", column.take(pa.array(where)).to_pylist())


def _raws(texts: pa.Array, where: npt.NDArray[np.intp]) -> list[bytes]:
    """Return texts at these places as bytes."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    spans = zip(ends[where].tolist(), ends[where + 1].tolist(), strict=True)
    if len(where) < _FEW:
        return [data.slice(start, end - start).to_pybytes() for start, end in spans]
    whole = data.to_pybytes()
    return [whole[start:end] for start, end in spans]


def last_browser_time(blocks: Sequence[Block]) -> tuple[float, float] | None:
    """Return `t_ms` and `t_browser_ms` of the last record that has both."""
    for block in reversed(blocks):
        both = pc.and_(block.t_ms.is_valid(), block.t_browser_ms.is_valid())
        places = np.flatnonzero(both.to_numpy(zero_copy_only=False))
        if len(places):
            place = int(places[-1])
            return block.t_ms[place].as_py(), block.t_browser_ms[place].as_py()
    return None


def last_time(blocks: Sequence[Block]) -> float:
    """Return the greatest `t_ms`; 0 where no record has one."""
    latest = [pc.max(block.t_ms).as_py() for block in blocks]
    return max((t_ms for t_ms in latest if t_ms is not None), default=0.0)


def _call_ids(travelled_on: Sequence[str | None], told: Sequence[str | None]) -> pa.Array:
    if not any(travelled_on) and not any(told):
        return pa.nulls(len(told), _TEXT)
    return pa.array([call or one for call, one in zip(travelled_on, told, strict=True)], _TEXT)
