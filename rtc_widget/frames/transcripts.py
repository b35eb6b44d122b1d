"""The `transcripts` frame: a row is a piece of transcript."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Source


class _Row(msgspec.Struct, gc=False):
    seq: int
    item_id: str
    role: str | None
    t_ms: float | None
    delta: str | None
    is_final: bool
    text: str | None
    source: str = "server"


COLUMNS = (
    Column("item_id", "item_id", "string", "The item whose words these are."),
    Column("role", "role", "category", "Whose words.", ("user", "assistant")),
    Column("t_ms", "t_ms", "float", "The event came; ms since the first record."),
    Column("delta", "delta", "string", "The piece as it came; NA in a final row."),
    Column("is_final", "is_final", "bool", "Whether this is the whole text of a content part."),
    Column("text", "text", "string", "The whole text; NA in a delta row."),
    Column(
        "source",
        "source",
        "category",
        "`server`: an event; `heard`: what was played; `recognised`: by a recogniser of ours.",
        ("server", "heard", "recognised"),
    ),
)


def _rows(source: Source) -> list[_Row]:
    rows: list[_Row] = []
    for item in source.conversation.known_items:
        item_id, role = item.item_id, item.role
        rows += [
            _Row(p.seq, item_id, role, p.t_ms, None, True, p.words)
            if p.is_final
            else _Row(p.seq, item_id, role, p.t_ms, p.words, False, None)
            for p in item.came
        ]
    rows.sort(key=attrgetter("seq"))
    return rows


FRAME = Frame("transcripts", "a piece of transcript, in the order in which they came", COLUMNS, _rows)
