"""Writes sessions as the API would: events in its shapes and its order, with ids of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rtc_widget.log.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[str, dict[str, Any]]

SESSION: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "You are a barista.",
    "audio": {
        "input": {
            "transcription": {"model": "gpt-realtime-whisper", "language": None, "prompt": None},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 200, "prefix_padding_ms": 300},
        },
        "output": {"voice": "marin", "speed": 1.0},
    },
}
USAGE: dict[str, Any] = {
    "total_tokens": 82,
    "input_tokens": 12,
    "output_tokens": 70,
    "input_token_details": {
        "text_tokens": 12,
        "audio_tokens": 0,
        "image_tokens": 0,
        "cached_tokens": 0,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 9, "audio_tokens": 61},
}
_TRANSCRIPTION = "conversation.item.input_audio_transcription"
UNFILTERED = frozenset(
    {
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "conversation.item.added",
        f"{_TRANSCRIPTION}.completed",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
    }
)
"""What Azure's `webrtcfilter=on` lets through: no session, no response, no done events."""


class Script:
    """A session that is written step by step.

    Attributes
    ----------
    rows : list of (direction, event)
        What has been written.
    """

    def __init__(self, prefix: str = "") -> None:
        self.rows: list[Row] = []
        self.last_item: str | None = None
        self._prefix = prefix
        self._n = 0

    def id(self, kind: str) -> str:
        """Return a new id."""
        self._n += 1
        return f"{kind}_{self._prefix}{self._n}"

    def server(self, type: str, **fields: Any) -> dict[str, Any]:
        """Write a server event."""
        event = {"type": type, "event_id": self.id("event"), **fields}
        self.rows.append(("server", event))
        return event

    def client(self, type: str, **fields: Any) -> dict[str, Any]:
        """Write a client event."""
        event = {"type": type, **fields}
        self.rows.append(("client", event))
        return event

    def note(self, type: str, **fields: Any) -> dict[str, Any]:
        """Write a note."""
        event = {"type": type, **fields}
        self.rows.append(("local", event))
        return event

    def session(self, **changes: Any) -> Script:
        """Begin the session."""
        self.server("session.created", session={**SESSION, **changes})
        return self

    def added(self, item: dict[str, Any]) -> str:
        """Add an item to the conversation's end."""
        self.server("conversation.item.added", previous_item_id=self.last_item, item=item)
        self.last_item = item["id"]
        return str(item["id"])

    def speech(self) -> str:
        """Let the user speak; return the item."""
        item_id = self.id("item")
        self.server("input_audio_buffer.speech_started", audio_start_ms=100, item_id=item_id)
        self.server("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id=item_id)
        self.server("input_audio_buffer.committed", previous_item_id=self.last_item, item_id=item_id)
        item = message(item_id, "user", "completed", {"type": "input_audio", "transcript": None})
        self.added(item)
        self.server("conversation.item.done", previous_item_id=None, item=item)
        return item_id

    def transcript(self, item_id: str, words: str, *, deltas: bool = True) -> None:
        """Transcribe what the user said."""
        for piece in pieces(words) if deltas else ():
            self.server(f"{_TRANSCRIPTION}.delta", item_id=item_id, content_index=0, delta=piece)
        usage = {"type": "duration", "seconds": 3}
        self.server(
            f"{_TRANSCRIPTION}.completed", item_id=item_id, content_index=0, transcript=words, usage=usage
        )

    def typed(self, words: str, item_id: str | None = None, previous_item_id: str | None = None) -> str:
        """Let the client type; return the item."""
        item_id = item_id or self.id("item")
        item = message(item_id, "user", "completed", {"type": "input_text", "text": words})
        asked = {} if previous_item_id is None else {"previous_item_id": previous_item_id}
        self.client("conversation.item.create", item=item, **asked)
        if previous_item_id is None:
            self.added(item)
        else:
            before = None if previous_item_id == "root" else previous_item_id
            self.server("conversation.item.added", previous_item_id=before, item=item)
        self.server("conversation.item.done", previous_item_id=None, item=item)
        return item_id

    def ask(self, **response: Any) -> None:
        """Ask for a response."""
        self.client("response.create", **({"response": response} if response else {}))

    def created(self, *, conversation: str = "auto", metadata: dict[str, Any] | None = None) -> str:
        """Create a response; return its id."""
        response_id = self.id("resp")
        body = response_body(response_id, "in_progress", conversation=conversation, metadata=metadata)
        self.server("response.created", response=body)
        return response_id

    def begin_message(self, response_id: str) -> str:
        """Let a response begin a message; return the item's id."""
        empty = message(self.id("item"), "assistant", "in_progress")
        self.server("response.output_item.added", response_id=response_id, output_index=0, item=empty)
        return self.added(empty)

    def speak(self, response_id: str, item_id: str, words: str) -> None:
        """Let a message of a response say some more."""
        part = {"response_id": response_id, "output_index": 0, "item_id": item_id, "content_index": 0}
        for piece in pieces(words):
            self.server("response.output_audio_transcript.delta", **part, delta=piece)

    def say(
        self, response_id: str, words: str, *, said: int | None = None, in_conversation: bool = True
    ) -> dict[str, Any]:
        """Let a response speak; with `said`, only that many pieces of it. Return the item."""
        item_id = self.id("item")
        whole = said is None
        empty = message(item_id, "assistant", "in_progress")
        about = {"response_id": response_id, "output_index": 0}
        part = {**about, "item_id": item_id, "content_index": 0}
        self.server("response.output_item.added", **about, item=empty)
        if in_conversation:
            self.added(empty)
        self.server("response.content_part.added", **part, part={"type": "audio", "transcript": ""})
        spoken = pieces(words)[:said]
        for index, piece in enumerate(spoken):
            self.server("response.output_audio_transcript.delta", **part, delta=piece)
            if index == 0:
                self.server("output_audio_buffer.started", response_id=response_id)
        told = "".join(spoken) if whole else ""
        self.server("response.output_audio_transcript.done", **part, transcript=told)
        self.server("response.content_part.done", **part, part={"type": "audio", "transcript": told})
        status = "completed" if whole else "incomplete"
        item = message(item_id, "assistant", status, {"type": "output_audio", "transcript": told})
        if in_conversation:
            self.server("conversation.item.done", previous_item_id=None, item=item)
        self.server("response.output_item.done", **about, item=item)
        return item

    def write(self, response_id: str, words: str) -> dict[str, Any]:
        """Let a response write text; return the item."""
        item_id = self.id("item")
        about = {"response_id": response_id, "output_index": 0}
        part = {**about, "item_id": item_id, "content_index": 0}
        empty = message(item_id, "assistant", "in_progress")
        self.server("response.output_item.added", **about, item=empty)
        self.added(empty)
        for piece in pieces(words):
            self.server("response.output_text.delta", **part, delta=piece)
        self.server("response.output_text.done", **part, text=words)
        item = message(item_id, "assistant", "completed", {"type": "output_text", "text": words})
        self.server("conversation.item.done", previous_item_id=None, item=item)
        self.server("response.output_item.done", **about, item=item)
        return item

    def call(self, response_id: str, name: str, arguments: str) -> dict[str, Any]:
        """Let a response call a function; return the item."""
        item_id, call_id = self.id("item"), self.id("call")
        about = {"response_id": response_id, "output_index": 0}
        head = {"id": item_id, "type": "function_call", "name": name, "call_id": call_id}
        empty = {**head, "status": "in_progress", "arguments": ""}
        self.server("response.output_item.added", **about, item=empty)
        self.added(empty)
        of = {**about, "item_id": item_id, "call_id": call_id}
        for piece in pieces(arguments):
            self.server("response.function_call_arguments.delta", **of, delta=piece)
        self.server("response.function_call_arguments.done", **of, name=name, arguments=arguments)
        item = {**head, "status": "completed", "arguments": arguments}
        self.server("conversation.item.done", previous_item_id=None, item=item)
        self.server("response.output_item.done", **about, item=item)
        return item

    def output(self, call_id: str, output: str) -> str:
        """Give a function's output back; return the item."""
        item_id = self.id("item")
        item = {"id": item_id, "type": "function_call_output", "call_id": call_id, "output": output}
        self.client("conversation.item.create", item=item)
        return self.added(item)

    def done(
        self,
        response_id: str,
        items: Iterable[dict[str, Any]] = (),
        *,
        status: str = "completed",
        details: dict[str, Any] | None = None,
        conversation: str = "auto",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """End a response."""
        body = response_body(response_id, status, conversation=conversation, metadata=metadata)
        body |= {"output": list(items), "usage": USAGE, "status_details": details}
        self.server("response.done", response=body)

    def stopped(self, response_id: str, *, cleared: bool = False) -> None:
        """End its audio."""
        kind = "cleared" if cleared else "stopped"
        self.server(f"output_audio_buffer.{kind}", response_id=response_id)

    def spoken_turn(self, asked: str = "A flat white.", answer: str = "One flat white.") -> tuple[str, str]:
        """Write a whole spoken turn; return the user's item and the response."""
        item_id = self.speech()
        response_id = self.created()
        self.transcript(item_id, asked)
        self.done(response_id, [self.say(response_id, answer)])
        self.stopped(response_id)
        return item_id, response_id

    def typed_turn(self, asked: str = "Say hello.", answer: str = "Hello there.") -> tuple[str, str]:
        """Write a whole typed turn; return the user's item and the response."""
        item_id = self.typed(asked)
        self.ask()
        response_id = self.created()
        self.done(response_id, [self.say(response_id, answer)])
        self.stopped(response_id)
        return item_id, response_id

    def tool_turn(self, asked: str = "Weather?") -> None:
        """Write a whole typed turn in which a tool is called."""
        self.typed(asked)
        self.ask()
        first = self.created()
        call = self.call(first, "get_weather", "{}")
        self.done(first, [call])
        self.output(call["call_id"], "Foggy.")
        self.ask()
        second = self.created()
        self.done(second, [self.say(second, "It is foggy.")])
        self.stopped(second)

    def log(self, *, step_ms: float = 10.0) -> EventLog:
        """Return a log of it, a record every `step_ms`."""
        return log_of(self.rows, step_ms=step_ms)


def log_of(rows: Iterable[Row], *, step_ms: float = 10.0) -> EventLog:
    """Return a log of rows, a record every `step_ms`."""
    log = EventLog()
    for index, (direction, event) in enumerate(rows):
        log.append(direction, json.dumps(event), t_kernel_ms=1000 + index * step_ms)  # type: ignore[arg-type]  # rows say str
    return log


def pieces(words: str) -> list[str]:
    """Cut words as the API does: a piece a word, its space before it."""
    parts = words.split(" ")
    return [parts[0], *(f" {part}" for part in parts[1:])]


def message(item_id: str, role: str, status: str, *content: dict[str, Any]) -> dict[str, Any]:
    """Return a message item."""
    return {"id": item_id, "type": "message", "status": status, "role": role, "content": list(content)}


def response_body(
    response_id: str, status: str, *, conversation: str = "auto", metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a response as events carry it."""
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": status,
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1" if conversation == "auto" else None,
        "output_modalities": ["audio"],
        "usage": None,
        "metadata": metadata,
    }
