"""A frame: what a row is, its columns, and where its rows come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rtc_widget.frames._columns import Column, assemble, to_arrow, to_pandas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from rtc_widget.audio.segments import Segment
    from rtc_widget.conversation import Conversation
    from rtc_widget.frames._prices import Prices
    from rtc_widget.frames.usage import BilledThing
    from rtc_widget.log.event_log import EventLog, Record
    from rtc_widget.log.tracks import TrackName

SESSION_ID = Column("session_id", "session_id", "string", "Our own id of the session.")


@dataclass(slots=True)
class Source:
    """What frames are made of.

    Attributes
    ----------
    log : EventLog
        The log.
    conversation : Conversation
        What it amounts to.
    prices : Prices
        What things cost.
    kept : dict of str to list
        Rows that frames read straight off single records, by frame.
    slips : tuple of tuple
        Begin and end, in ms, of what the microphone lost.
    sound_ends_ms : dict of str to float
        How much of each track was recorded, in ms; empty where that is not known.
    sound : list of Segment
        Stretches of sound on the recorded tracks, in order of time; empty where nothing was recorded.
    info : dict
        What is known of the session from outside its log: `path`, `scenario`, `repeat`.
    billed : dict of int to BilledThing
        What was billed, by the record that says so; kept, because pricing takes long.
    """

    log: EventLog
    conversation: Conversation
    prices: Prices
    kept: dict[str, list[Any]] = field(default_factory=dict)
    sound: list[Segment] = field(default_factory=list)
    slips: tuple[tuple[float, float], ...] = ()
    sound_ends_ms: Mapping[TrackName, float] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    billed: dict[int, BilledThing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes
    ----------
    name : str
        Its name.
    row : str
        What a row is.
    columns : tuple of Column
        Its columns after `session_id`.
    rows : callable
        Source to rows.
    types : frozenset of str
        Event types whose records give rows (or parts of rows) by `read`.
    read : callable, optional
        Record to what is kept of it in `Source.kept`.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    rows: Callable[[Source], Iterable[Any]]
    types: frozenset[str] = frozenset()
    read: Callable[[Record], Iterable[Any]] | None = None

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Its columns, `session_id` first."""
        return (SESSION_ID, *self.columns)

    def build(self, source: Source) -> pd.DataFrame:
        """Make the DataFrame.

        Parameters
        ----------
        source : Source
            What its rows are made of.
        """
        rows = list(self.rows(source))
        columns = {column.name: to_arrow(column.values(rows), column.kind) for column in self.columns}
        columns["session_id"] = pa.repeat(pa.scalar(source.log.session_id, pa.large_string()), len(rows))
        return self.from_arrow(columns, len(rows))

    def from_arrow(
        self, arrays: dict[str, pa.Array], length: int, extra: Sequence[Column] = ()
    ) -> pd.DataFrame:
        """Make the DataFrame of Arrow columns; what is missing there becomes `NA`.

        Parameters
        ----------
        arrays : dict of str to Array
            By the names of the columns.
        length : int
            How many rows.
        extra : sequence of Column
            Columns that stand before its own.
        """
        made: dict[str, Any] = {}
        for column in (SESSION_ID, *extra, *self.columns):
            values = arrays.get(column.name)
            if values is None:
                values = to_arrow([None] * length, column.kind)
            made[column.name] = to_pandas(values, column)
        return assemble(made, length)
