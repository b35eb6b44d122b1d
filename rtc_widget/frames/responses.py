"""The `responses` frame: a row is a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.conversation import Response
    from rtc_widget.frames._frame import Source


class _Row(NamedTuple):
    response: Response
    turn: int | None
    metadata: dict[str, Any] | None
    n_items: int


COLUMNS = (
    Column("response_id", "response.response_id", "string", "The API's id of the response."),
    Column("turn", "turn", "int", "The turn it answers; NA out of band."),
    Column(
        "conversation",
        "response.conversation",
        "category",
        "`auto`: in the conversation; `none`: out of band.",
        ("auto", "none"),
    ),
    Column(
        "status",
        "response.status",
        "category",
        "As the server last said: `in_progress` where `response.done` never came, NA where all was hidden.",
        ("in_progress", "completed", "cancelled", "failed", "incomplete"),
    ),
    Column(
        "status_reason",
        "response.status_reason",
        "category",
        "Why: turn_detected, client_cancelled, max_output_tokens, content_filter, or the error's code.",
    ),
    Column("t_created_ms", "response.t_created_ms", "float", "`response.created` came."),
    Column(
        "t_first_audio_ms",
        "response.t_first_audio_ms",
        "float",
        "`output_audio_buffer.started` came; on a WebSocket, which has none, the first audio delta.",
    ),
    Column("t_done_ms", "response.t_done_ms", "float", "`response.done` came."),
    Column("output_item_ids", "response.output_item_ids", "strings", "Ids of the items it made, in order."),
    Column("n_items", "n_items", "int", "How many items it made."),
    Column("text", "response.text", "string", "The words of its messages, written or spoken."),
    Column("metadata", "metadata", "string", "Its metadata as JSON text, without our own mark."),
    Column("variant", "response.variant", "category", "The variant in effect."),
)


def _rows(source: Source) -> list[_Row]:
    responses = source.conversation.responses.values()
    return [_Row(r, r.turn, r.metadata, len(r.items)) for r in responses]


FRAME = Frame("responses", "a response", COLUMNS, _rows)
