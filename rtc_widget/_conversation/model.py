"""The mutable state that handlers change, and the look-ups they share."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._conversation.layout import Layout
from rtc_widget._conversation.state import MARK, Item, Piece, Response, ToolRun

if TYPE_CHECKING:
    from rtc_widget.log.record import Record


class Request(msgspec.Struct):
    """A `response.create` of ours that no response has answered yet."""

    t_ms: float | None
    event_id: str | None
    mark: str | None
    conversation: str


class Delta(msgspec.Struct, gc=False):
    """What is read of a delta, of which there are very many."""

    item_id: str
    delta: str
    response_id: str | None = None
    call_id: str | None = None
    content_index: int | None = 0


class _OfResponse(msgspec.Struct, gc=False):
    response_id: str


_decode_response_id = msgspec.json.Decoder(_OfResponse).decode
_decode_delta = msgspec.json.Decoder(Delta).decode


class Model:
    """State of a conversation: see `Conversation` for what is public of it."""

    def __init__(self) -> None:
        self.session: dict[str, Any] = {}
        self.server_session = False
        self.responses: dict[str, Response] = {}
        self.tool_runs: dict[str, ToolRun] = {}
        self.variant: str | None = None
        self.audio_playing = False
        self.user_speaking = False
        self.has_spoken = False
        self.items: dict[str, Item] = {}
        self.running: dict[str, Response] = {}
        self.requests: deque[Request] = deque()
        self.waiting_tools: dict[str, Item] = {}
        self.layout = Layout(self.responses)

    def item(self, item_id: str) -> Item:
        """Return the item of that id, a new one if need be."""
        item = self.items.get(item_id)
        if item is None:
            if not isinstance(item_id, str):
                raise TypeError("an item id is a string")
            item = self.items[item_id] = Item(item_id)
        return item

    def place(self, item: Item, previous_item_id: Any) -> None:
        """Put an item after its predecessor."""
        if not isinstance(previous_item_id, str):
            previous_item_id = None
        item.known = True
        self.layout.place(item, previous_item_id, self.items.get(previous_item_id or ""))

    def response(self, response_id: str) -> Response:
        """Return the response of that id; a new one where `response.created` was hidden from us."""
        response = self.responses.get(response_id)
        if response is None:
            if not isinstance(response_id, str):
                raise TypeError("a response id is a string")
            response = self.responses[response_id] = Response(response_id, variant=self.variant)
            response.created_after = self.layout.now()
            self.layout.changed()
        return response

    def run(self, tool_call_id: str) -> ToolRun:
        """Return what our side did about a tool call."""
        return self.tool_runs.setdefault(tool_call_id, ToolRun())

    def output(self, response: Response, item: Item) -> None:
        """Count an item among the output of a response."""
        if item.response_id is None:
            item.response_id = response.response_id
            response.items.append(item)
            self.layout.changed()

    def audio_input(self) -> dict[str, Any]:
        """Return `audio.input` of the effective session."""
        audio = self.session.get("audio")
        found = audio.get("input") if isinstance(audio, dict) else None
        return found if isinstance(found, dict) else {}

    def call_over(self) -> None:
        """End all that only a call keeps going."""
        for response in self.running.values():
            response.ended = True
        self.running.clear()
        self.requests.clear()
        self.waiting_tools.clear()
        self.audio_playing = self.user_speaking = False

    def delta(self, record: Record, kind: str) -> Item:
        """Add a piece of words to its item."""
        delta = delta_of(record)
        item = self.item(delta.item_id)
        item.known = True
        item.add(Piece(record.seq, record.t_ms, kind, delta.content_index or 0, delta.delta, False))
        if item.response_id is None and delta.response_id is not None:
            self.output(self.response(delta.response_id), item)
        return item


def delta_of(record: Record) -> Delta:
    """Read a delta, and nothing else of its event."""
    try:
        return _decode_delta(record.raw)
    except (msgspec.MsgspecError, RecursionError):
        event = record.event
        return Delta(
            event["item_id"],
            text(event["delta"]) or "",
            word(event.get("response_id")),
            word(event.get("call_id")),
        )


def response_of(record: Record) -> str:
    """Return the id of the response an event is about, without reading the rest of it."""
    try:
        return _decode_response_id(record.raw).response_id
    except (msgspec.MsgspecError, RecursionError):
        return str(record.event["response_id"])


def text(value: Any) -> str | None:
    """Return a value as words: a string as it is, anything else as JSON text, None for null."""
    if value is None or isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate, which the standard library escapes
        return json.dumps(value)


def number(value: Any) -> float | None:
    """Return a JSON number, None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def word(value: Any) -> str | None:
    """Return a string, None for anything else."""
    return value if isinstance(value, str) else None


def mark_of(metadata: Any) -> str | None:
    """Return the mark that our own `respond` put into a response's metadata."""
    return word(metadata.get(MARK)) if isinstance(metadata, dict) else None
