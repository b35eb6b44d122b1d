"""The mutable state that handlers change, and the look-ups they share."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._conversation.layout import Layout
from rtc_widget._conversation.shapes import word
from rtc_widget._conversation.state import MARK, Item, Response, ToolRun

if TYPE_CHECKING:
    from rtc_widget._conversation.shapes import Place
    from rtc_widget.log.record import Record


class Request(msgspec.Struct):
    """A `response.create` of ours that no response has answered yet."""

    t_ms: float | None
    event_id: str | None
    mark: str | None
    conversation: str
    metadata: dict[str, Any] | None


class Model:
    """State of a conversation: see `Conversation` for what is public of it."""

    def __init__(self) -> None:
        self._session: dict[str, Any] = {}
        self._told: Record | None = None
        self.session_model: str | None = None
        self.server_session = False
        self.call: int | None = None
        """Number of the call under way."""
        self.responses: dict[str, Response] = {}
        self.tool_runs: dict[str, ToolRun] = {}
        self.variant: str | None = None
        self.playing: Response | None = None
        self.user_speaking = False
        self.uncommitted: Item | None = None
        """Speech that is written while it is spoken, before it becomes an item."""
        self.has_spoken = False
        self.items: dict[str, Item] = {}
        self.running: dict[str, Response] = {}
        self.requests: deque[Request] = deque()
        self.waiting_tools: dict[str, Item] = {}
        self.layout = Layout(self.responses)

    @property
    def session(self) -> dict[str, Any]:
        """The effective session."""
        if self._told is not None:
            self._session, self._told = self._told.event["session"], None
        return self._session

    @session.setter
    def session(self, session: dict[str, Any]) -> None:
        self._session, self._told, self.session_model = session, None, word(session.get("model"))

    def tell_session(self, record: Record, model: str | None) -> None:
        """Take over the session of this event, which is decoded when it is asked for: few of them are."""
        self._told, self.session_model = record, model

    def item(self, item_id: str) -> Item:
        """Return the item of that id, a new one if need be."""
        item = self.items.get(item_id)
        if item is None:
            item = self.items[item_id] = Item(item_id)
        return item

    def place(self, item: Item, previous_item_id: Place) -> None:
        """Put an item after its predecessor."""
        item.known = True
        previous = self.items.get(previous_item_id) if isinstance(previous_item_id, str) else None
        self.layout.place(item, None if previous_item_id == "root" else previous_item_id, previous)

    def response(self, response_id: str) -> Response:
        """Return the response of that id; a new one where `response.created` was hidden from us."""
        response = self.responses.get(response_id)
        if response is None:
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
            item.response_id, item.response = response.response_id, response
            response.items.append(item)
            self.layout.changed()

    def audio_input(self) -> dict[str, Any]:
        """Return `audio.input` of the effective session, or what the beta had in its stead."""
        audio = self.session.get("audio")
        found = audio.get("input") if isinstance(audio, dict) else None
        if isinstance(found, dict):
            return found
        before = {"transcription": "input_audio_transcription", "turn_detection": "turn_detection"}
        return {name: self.session[old] for name, old in before.items() if old in self.session}

    def call_over(self, t_ms: float | None) -> None:
        """End all that only a call keeps going; what had not been played by then is never heard."""
        if self.playing is not None:
            self.playing.t_cut_off_ms = t_ms
        for response in self.running.values():
            response.ended = True
        self.running.clear()
        self.requests.clear()
        self.waiting_tools.clear()
        self.playing, self.user_speaking = None, False


def unmarked(metadata: Any) -> dict[str, Any] | None:
    """Return a response's metadata without our mark; None when there is no other."""
    found = {k: v for k, v in metadata.items() if k != MARK} if isinstance(metadata, dict) else {}
    return found or None


def mark_of(metadata: Any) -> str | None:
    """Return the mark that our own `respond` put into a response's metadata."""
    return word(metadata.get(MARK)) if isinstance(metadata, dict) else None
