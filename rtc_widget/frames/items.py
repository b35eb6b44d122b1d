"""The `items` frame: a row is a conversation item."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.conversation import Item
    from rtc_widget.frames._frame import Source


class _Row(NamedTuple):
    item: Item
    position: int | None


COLUMNS = (
    Column("item_id", "item.item_id", "string", "The API's id of the item."),
    Column(
        "previous_item_id",
        "item.previous_item_id",
        "string",
        "The item it was put after, as `.added` or `committed` says; NA at the beginning.",
    ),
    Column("position", "position", "int", "Place in the conversation, from 0; NA once deleted."),
    Column(
        "type",
        "item.type",
        "category",
        "What kind of item.",
        ("message", "function_call", "function_call_output"),
    ),
    Column("role", "item.role", "category", "Whose message.", ("user", "assistant", "system")),
    Column(
        "status",
        "item.status",
        "category",
        "As the server last said.",
        ("in_progress", "completed", "incomplete"),
    ),
    Column("text", "item.text", "string", "What was written, all content parts joined."),
    Column(
        "transcript",
        "item.transcript",
        "string",
        "What was spoken: the user's as transcribed; the assistant's whole, even if interrupted.",
    ),
    Column(
        "heard_transcript",
        "item.heard_transcript",
        "string",
        "What of the transcript was played before it was cut short or its call ended, in whole words: as the "
        "server keeps it, else estimated from the time played and the audio tokens (50 ms each). NA where "
        "nothing was cut.",
    ),
    Column("response_id", "item.response_id", "string", "The response that made it; NA for input."),
    Column(
        "t_added_ms", "item.t_added_ms", "float", "`conversation.item.added` came; ms since the first record."
    ),
    Column(
        "t_done_ms", "item.t_done_ms", "float", "`conversation.item.done` came; ms since the first record."
    ),
    Column(
        "truncated_ms", "item.truncated_ms", "float", "Audio kept when it was truncated, ms from its start."
    ),
    Column("deleted", "item.deleted", "bool", "Whether it was deleted from the conversation."),
)


def _rows(source: Source) -> list[_Row]:
    rows = []
    position = 0
    for item in source.conversation.all_items:
        in_order = item.placed and not item.deleted
        rows.append(_Row(item, position if in_order else None))
        position += in_order
    return rows


FRAME = Frame("items", "a conversation item, in conversation order", COLUMNS, _rows)
