"""Conversation: items in order, responses and turns; one reducer fed by the records of the log."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rtc_widget._conversation import items, notes, responses
from rtc_widget._conversation.model import Model
from rtc_widget._conversation.state import Item, Response, ToolRun
from rtc_widget._conversation.turn import TurnState

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.record import Record

__all__ = ["Conversation", "Item", "Response", "ToolRun", "TurnState"]

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_HANDLERS: dict[tuple[str, str], Callable[[Model, Record], None]] = {
    ("client", "conversation.item.create"): items.create_sent,
    ("client", "response.create"): responses.create_sent,
    ("local", "rtc.approval"): notes.approval,
    ("local", "rtc.config"): notes.configured,
    ("local", "rtc.state"): notes.state_changed,
    ("local", "rtc.tool"): notes.tool_ran,
    ("server", "conversation.item.added"): items.added,
    ("server", "conversation.item.created"): items.added,
    ("server", "conversation.item.deleted"): items.deleted,
    ("server", "conversation.item.done"): items.done,
    ("server", "conversation.item.retrieved"): items.retrieved,
    ("server", "conversation.item.truncated"): items.truncated,
    ("server", f"{_TRANSCRIPTION}.completed"): items.transcribed,
    ("server", f"{_TRANSCRIPTION}.delta"): items.transcript_delta,
    ("server", f"{_TRANSCRIPTION}.failed"): items.transcription_failed,
    ("server", f"{_TRANSCRIPTION}.segment"): items.segment_transcribed,
    ("server", "error"): responses.refused,
    ("server", "input_audio_buffer.cleared"): items.input_cleared,
    ("server", "input_audio_buffer.committed"): items.committed,
    ("server", "input_audio_buffer.speech_started"): items.speech_started,
    ("server", "input_audio_buffer.speech_stopped"): items.speech_stopped,
    ("server", "output_audio_buffer.cleared"): responses.audio_stopped,
    ("server", "output_audio_buffer.started"): responses.audio_started,
    ("server", "output_audio_buffer.stopped"): responses.audio_stopped,
    ("server", "response.content_part.done"): responses.part_done,
    ("server", "response.created"): responses.created,
    ("server", "response.done"): responses.done,
    ("server", "response.function_call_arguments.delta"): responses.arguments_delta,
    ("server", "response.function_call_arguments.done"): responses.arguments_done,
    ("server", "response.mcp_call.completed"): responses.mcp_call_state,
    ("server", "response.mcp_call.failed"): responses.mcp_call_state,
    ("server", "response.mcp_call.in_progress"): responses.mcp_call_state,
    ("server", "response.mcp_call_arguments.delta"): responses.arguments_delta,
    ("server", "response.mcp_call_arguments.done"): responses.arguments_done,
    ("server", "response.output_audio.delta"): responses.audio_delta,
    ("server", "response.output_audio_transcript.delta"): responses.speech_delta,
    ("server", "response.output_audio_transcript.done"): responses.speech_done,
    ("server", "response.output_item.added"): responses.output_item,
    ("server", "response.output_item.done"): responses.output_item,
    ("server", "response.output_text.delta"): responses.text_delta,
    ("server", "response.output_text.done"): responses.text_done,
    ("server", "session.created"): notes.session_created,
    ("server", "session.updated"): notes.session_updated,
    # As the beta called them, and some compatible services still do.
    ("server", "response.audio.delta"): responses.audio_delta,
    ("server", "response.audio_transcript.delta"): responses.speech_delta,
    ("server", "response.audio_transcript.done"): responses.speech_done,
    ("server", "response.text.delta"): responses.text_delta,
    ("server", "response.text.done"): responses.text_done,
}
HANDLED = frozenset(kind for _, kind in _HANDLERS)
"""Types of the events that change a conversation; others may be left out."""
FIRST_COUNTS = frozenset({"response.audio.delta", "response.output_audio.delta"})
"""Of these the first of a response does; later ones may be left out."""


class Conversation:
    """What a log's records amount to: the same whether they come live or from a file.

    Reading is safe from any thread.
    """

    def __init__(self) -> None:
        self._model = Model()
        self.lock = threading.RLock()
        self.n_applied = 0

    def apply(self, record: Record) -> None:
        """Take in one record, in log order. Unknown types change nothing; odd events never raise."""
        with self.lock:
            self.take(record)

    def take(self, record: Record) -> None:
        """Take in one record, while holding `lock`: for many at a time."""
        self.n_applied = record.seq + 1
        handler = _HANDLERS.get((record.direction, record.type))
        if handler is not None:
            try:
                handler(self._model, record)
            except (AttributeError, KeyError, TypeError, ValueError):
                return  # not of the API's shape, so it says nothing; it stays in the log

    @property
    def session(self) -> dict[str, Any]:
        """The effective session of the last `session.created` or `session.updated`; `{}` before."""
        return self._model.session

    @property
    def items(self) -> list[Item]:
        """Items in conversation order, deleted ones left out."""
        with self.lock:
            return [item for item in self._model.layout.order() if not item.deleted]

    @property
    def all_items(self) -> list[Item]:
        """Items in conversation order with the deleted ones, then those whose place was hidden from us."""
        with self.lock:
            aside = {r.response_id for r in self._model.responses.values() if r.conversation == "none"}
            return [i for i in self.known_items if i.placed or i.response_id not in aside]

    @property
    def known_items(self) -> list[Item]:
        """All of these, then what out-of-band responses made, which is no part of the conversation."""
        with self.lock:
            rest = [item for item in self._model.items.values() if item.known and not item.placed]
            return [*self._model.layout.order(), *rest]

    def items_with(self, item: Item) -> list[Item]:
        """Items of the call that holds this one, in order, deleted ones left out: each begins with none."""
        return [other for other in self.items if other.root is item.root]

    def is_past(self, item: Item) -> bool:
        """Whether an item is of a call whose conversation another has followed."""
        return item.placed and item.root is not self._model.layout.now()[0]

    def item(self, item_id: str) -> Item | None:
        """Return an item by its id, a deleted one too; None when no event has brought it."""
        item = self._model.items.get(item_id)
        return item if item is not None and item.known else None

    @property
    def responses(self) -> dict[str, Response]:
        """Responses by id, in the order in which they came; each with its turn."""
        with self.lock:
            self._model.layout.turns()
            return dict(self._model.responses)

    def response_marked(self, mark: str | None) -> Response | None:
        """Return the response that was asked for with a mark; it may be in no turn yet."""
        with self.lock:
            newest_first = reversed(self._model.responses.values())
            return next((response for response in newest_first if response.mark == mark), None)

    def is_aside(self, response_id: str) -> bool:
        """Say whether a response is out of band: what it makes is no part of the conversation."""
        response = self._model.responses.get(response_id)
        return response is not None and response.conversation == "none"

    @property
    def turns(self) -> list[TurnState]:
        """Turns in order; a turn keeps its object while the conversation grows."""
        with self.lock:
            turns = self._model.layout.turns()
            if turns:
                waiting = self._model.waiting_tools
                turns[-1].waits_for_tools = any(i.tool_call_id in waiting for i in turns[-1].tool_items)
            return turns

    @property
    def active_response(self) -> Response | None:
        """The response in progress in the default conversation."""
        with self.lock:
            running = self._model.running.values()
            return next((r for r in running if r.conversation == "auto"), None)

    @property
    def pending_responses(self) -> int:
        """How many responses are in progress, out-of-band ones too."""
        return len(self._model.running)

    @property
    def requested_responses(self) -> int:
        """How many `response.create` of ours the server has neither answered nor refused yet."""
        return len(self._model.requests)

    @property
    def pending_tool_calls(self) -> list[str]:
        """Tool call ids whose arguments are complete and whose output has not been sent."""
        return list(self._model.waiting_tools)

    @property
    def tool_runs(self) -> dict[str, ToolRun]:
        """By tool call id: what our own side did about it."""
        return self._model.tool_runs

    @property
    def audio_playing(self) -> bool:
        """Whether the service streams audio: between the output buffer's start and its end."""
        return self._model.playing is not None

    @property
    def playing_response(self) -> Response | None:
        """The response whose audio the service streams."""
        return self._model.playing

    @property
    def user_speaking(self) -> bool:
        """Whether the user speaks, as the VAD says."""
        return self._model.user_speaking

    @property
    def has_spoken(self) -> bool:
        """Whether the model has produced audio in this session, so that its voice is fixed."""
        return self._model.has_spoken

    @property
    def variant(self) -> str | None:
        """The variant in effect."""
        return self._model.variant

    def __repr__(self) -> str:
        """Say how much there is of it."""
        with self.lock:
            n_items, n_turns, n_responses = len(self.items), len(self.turns), len(self._model.responses)
        return f"<Conversation: {n_items} items, {n_turns} turns, {n_responses} responses>"
