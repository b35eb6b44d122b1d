"""The `usage` frame: a row is a billed thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame
from rtc_widget.frames._prices import FREE, Bill

if TYPE_CHECKING:
    from rtc_widget._conversation.state import Usage
    from rtc_widget.conversation import Item, Response
    from rtc_widget.frames._frame import Source


class BilledThing(NamedTuple):
    """One `usage` object with what it is for and what it costs."""

    seq: int
    source: str
    response_id: str | None
    item_id: str | None
    model: str | None
    bill: Bill
    cost_usd: float | None


COLUMNS = (
    Column("source", "source", "category", "What is billed.", ("response", "transcription")),
    Column("response_id", "response_id", "string", "The response; NA for a transcription."),
    Column("item_id", "item_id", "string", "The transcribed item; NA for a response."),
    Column("model", "model", "category", "The model whose price it has."),
    Column("input_tokens", "bill.input_tokens", "int", "All input tokens, cached ones too."),
    Column("output_tokens", "bill.output_tokens", "int", "All output tokens."),
    Column("text_in", "bill.text_in", "int", "Text tokens of the input, cached ones too."),
    Column("audio_in", "bill.audio_in", "int", "Audio tokens of the input, cached ones too."),
    Column("image_in", "bill.image_in", "int", "Image tokens of the input, cached ones too."),
    Column("cached_text_in", "bill.cached_text_in", "int", "Of text_in: from the cache."),
    Column("cached_audio_in", "bill.cached_audio_in", "int", "Of audio_in: from the cache."),
    Column("cached_image_in", "bill.cached_image_in", "int", "Of image_in: from the cache."),
    Column("text_out", "bill.text_out", "int", "Text tokens of the output."),
    Column("audio_out", "bill.audio_out", "int", "Audio tokens of the output."),
    Column("seconds", "bill.seconds", "float", "Audio billed by its duration, s."),
    Column(
        "cost_usd",
        "cost_usd",
        "float",
        "By genai-prices' bundled table or rtc.frames.set_price; NA where no price is known.",
    ),
)


def bills_of_response(source: Source, response: Response) -> list[BilledThing]:
    """Return what was billed for a response."""
    if response.billed is None:
        return []
    spoken = "audio" in response.modalities or any(item.transcript for item in response.items)
    return [_billed(source, response.billed, response.response_id, None, spoken=spoken)]


def bills_of_item(source: Source, item: Item) -> list[BilledThing]:
    """Return what was billed for transcribing an item."""
    return [_billed(source, billed, None, item.item_id) for billed in item.transcription_usages.values()]


def bills(source: Source) -> list[BilledThing]:
    """Return all that was billed, in the order in which it came."""
    found = [bill for r in source.conversation.responses.values() for bill in bills_of_response(source, r)]
    found += [bill for item in source.conversation.known_items for bill in bills_of_item(source, item)]
    return sorted(found, key=lambda bill: bill.seq)


def _billed(
    source: Source, billed: Usage, response_id: str | None, item_id: str | None, *, spoken: bool = False
) -> BilledThing:
    thing = source.billed.get(billed.seq)
    if thing is None:
        bill = Bill.of(billed.counts, spoken=spoken)
        model = billed.session_model
        free = not source.prices.own.keys() & FREE and (
            model in FREE or (model is None and _is_at_a_sandbox(source))
        )
        at = source.log.started_at if source.log.wall_time_known else None
        cost = None if free else source.prices.cost_usd(billed.model, bill, at)
        kind = "transcription" if response_id is None else "response"
        thing = BilledThing(billed.seq, kind, response_id, item_id, billed.model, bill, cost)
        source.billed[billed.seq] = thing
    return thing


def _is_at_a_sandbox(source: Source) -> bool:
    """Say so of a session whose own model tells nothing, since it only transcribes."""
    return any(record.event.get("sandbox") for record in source.log.records(types={"rtc.session"}))


FRAME = Frame("usage", "a billed thing: a response, or the transcription of an input", COLUMNS, bills)
