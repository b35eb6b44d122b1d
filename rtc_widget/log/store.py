"""The records of a log in memory: the newest as objects, every 1,024 of them sealed into an Arrow block."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np

from rtc_widget.log.blocks import Block, Rows, TypeNames

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from rtc_widget.log.record import Head, Record

BLOCK_RECORDS = 1024


class Store:
    """Records by their place; reading is safe from any thread, and who puts some in holds `_lock`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._starts: list[int] = []
        self._tail: list[Record] = []
        self._heads: list[Head] = []
        self._sealed = 0
        self._types = TypeNames()

    def __len__(self) -> int:
        """Return how many records there are."""
        return self._sealed + len(self._tail)

    def _put(self, record: Record, head: Head) -> None:
        """Take one record, while holding the lock."""
        self._tail.append(record)
        self._heads.append(head)
        if len(self._tail) == BLOCK_RECORDS:
            self._seal()

    def _adopt(self, rows: Rows) -> None:
        """Take records that a journal brings, as one block, while holding the lock."""
        if self._tail:
            self._seal()
        self._keep(Block.seal(self._sealed, rows, self._types))

    def record(self, seq: int) -> Record:
        """Return one record; negative numbers count from the end.

        Raises
        ------
        IndexError
            There is no such record.
        """
        with self._lock:
            length = self._sealed + len(self._tail)
            place = seq + length if seq < 0 else seq
            if not 0 <= place < length:
                raise IndexError(f"the log has {length} records, no record {seq}")
            if place >= self._sealed:
                return self._tail[place - self._sealed]
            block = self._blocks[bisect_right(self._starts, place) - 1]
        return next(block.records(self._types.names, np.array([place - block.start])))

    def records(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        types: Container[str] | None = None,
        once: Container[str] = (),
    ) -> Iterator[Record]:
        """Yield records.

        Parameters
        ----------
        start, stop : int
            From which to before which; to the end as it is now, without `stop`.
        types : container of str, optional
            Only events of these types: much faster than looking at all of them.
        once : container of str, optional
            Of these types the first of a response at least; others of it may be left out.
        """
        with self._lock:
            end = self._sealed + len(self._tail) if stop is None else stop
            first = max(bisect_right(self._starts, start) - 1, 0)
            blocks, tail = self._blocks[first:], self._tail[:]
        names = self._types.names
        wanted = np.array([*(types is None or name in types for name in names), types is None])
        rare = np.array([*(name in once for name in names), False])
        for block in blocks:
            if block.start >= end:
                return
            low, high = max(start - block.start, 0), min(end - block.start, len(block))
            chosen = wanted[block.type]
            chosen[:low] = chosen[high:] = False
            if rare.any():
                block.leave_first(chosen, rare)
            yield from block.records(names, np.flatnonzero(chosen))
        for record in tail:
            if start <= record.seq < end and (types is None or record.type in types):
                yield record

    def blocks(self, start: int = 0) -> tuple[list[Block], Block | None]:
        """Return the sealed blocks from record `start` on, and the unsealed tail as one more block."""
        with self._lock:
            rows = Rows.of(self._tail, self._heads)
            tail = Block.seal(self._sealed, rows, self._types) if self._tail else None
            return self._blocks[bisect_left(self._starts, start) :], tail

    def all_blocks(self) -> list[Block]:
        """Return all records as blocks, the unsealed ones too."""
        blocks, tail = self.blocks()
        return blocks if tail is None else [*blocks, tail]

    @property
    def type_names(self) -> list[str]:
        """Event types of the sealed blocks, in the order they first came."""
        return self._types.names

    def _seal(self) -> None:
        self._keep(Block.seal(self._sealed, Rows.of(self._tail, self._heads), self._types))
        self._tail, self._heads = [], []

    def _keep(self, block: Block) -> None:
        self._blocks.append(block)
        self._starts.append(block.start)
        self._sealed += len(block)
