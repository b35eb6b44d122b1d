"""What a response puts out: its items, and the events that tell of them as they grow, in the API's order."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget.sandbox.formats import bytes_per_s, encoded
from rtc_widget.sandbox.history import Entry
from rtc_widget.sandbox.wire import Event, fresh_id, obfuscation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.sandbox.ears import Heard
    from rtc_widget.sandbox.history import History
    from rtc_widget.sandbox.mouth import Mouth

__all__ = ["Order", "Output", "Stage"]

_AUDIO_DELTA_MS: Final = 200
_CALLS: Final = {"function_call": "function_call_arguments", "mcp_call": "mcp_call_arguments"}


class Stage(Protocol):
    """The session in which a response puts something out."""

    history: History
    mouth: Mouth

    def emit(self, type: str, **fields: Any) -> None:
        """Send a server event."""


@dataclass(frozen=True)
class Order:
    """What a response was asked to be.

    Attributes
    ----------
    session
        The effective configuration, with the response's own fields in it.
    metadata
        As given.
    in_conversation
        Whether its items join the default conversation.
    entries
        Its own input; None: the conversation.
    listings
        What is done to learn which tools the servers have that it names itself.
    heard
        What the user has just said, where it answers that.
    """

    session: Event
    metadata: Event | None = None
    in_conversation: bool = True
    entries: list[Entry] | None = None
    listings: Sequence[asyncio.Task[None]] = ()
    heard: Heard | None = None

    @property
    def has_audio(self) -> bool:
        """Whether it speaks."""
        return bool(self.session["output_modalities"] == ["audio"])


class Output:
    """The items of one response.

    Parameters
    ----------
    stage
        Its session.
    response_id
        `resp_…`
    order
        What was asked for.

    Attributes
    ----------
    entries
        The items so far.
    open
        The one that grows, if any.
    """

    def __init__(self, stage: Stage, response_id: str, order: Order) -> None:
        self.entries: list[Entry] = []
        self.open: Entry | None = None
        self._stage = stage
        self._response_id = response_id
        self._order = order
        self._previous: str | None = None

    @property
    def items(self) -> list[Event]:
        """The items, as events carry them."""
        return [entry.item for entry in self.entries]

    def message(self) -> Entry:
        """Return the open message, begun where there is none."""
        if self.open is not None:
            return self.open
        entry = self.begin("message", status="in_progress", role="assistant", content=[])
        if self._order.has_audio:
            entry.item["content"] = [{"type": "output_audio", "transcript": ""}]
            part = {"type": "audio", "transcript": ""}
        else:
            entry.item["content"] = [{"type": "output_text", "text": ""}]
            part = {"type": "text", "text": ""}
        self._emit("response.content_part.added", **self._place(entry, content=True), part=part)
        return entry

    def begin(self, type: str, **fields: Any) -> Entry:
        """Begin an item."""
        entry = Entry({"id": fresh_id("item"), "type": type, **fields})
        self.entries.append(entry)
        self.open = entry
        self._emit("response.output_item.added", output_index=self.index(entry), item=entry.item)
        if self._order.in_conversation:
            self._previous = self._stage.history.add(entry)
            self._stage.emit("conversation.item.added", previous_item_id=self._previous, item=entry.item)
        return entry

    def write(self, delta: str) -> None:
        """Add to the open item: to the words of a message, or to the arguments of a call."""
        entry = self.message() if self.open is None else self.open
        call = _CALLS.get(entry.item["type"])
        if call is not None:
            entry.item["arguments"] += delta
            named = {key: entry.item[key] for key in ("call_id",) if key in entry.item}
            self._delta(call, delta, **self._place(entry), **named)
            return
        kind, key = (
            ("output_audio_transcript", "transcript") if self._order.has_audio else ("output_text", "text")
        )
        if not entry.cut:
            entry.item["content"][0][key] += delta
        self._delta(kind, delta, **self._place(entry, content=True))

    async def sound(self, entry: Entry, pcm: bytes, due_s: float | None = None) -> list[bytes]:
        """Queue sound of a message; return it in the pieces in which events carry it, where they do.

        Parameters
        ----------
        entry
            The message.
        pcm
            Mono, signed 16-bit samples at 48 kHz.
        due_s
            When the first of it goes out, by the loop's clock; None: as soon as it can.
        """
        mouth = self._stage.mouth
        kind = self._order.session["audio"]["output"]["format"]["type"]
        # Off the loop, as what is spoken is made: others are listened to meanwhile.
        raw = await asyncio.to_thread(encoded, pcm, kind) if mouth.in_events else b""
        mouth.say(self._response_id, entry.id, pcm, due_s)
        size = bytes_per_s(kind) * _AUDIO_DELTA_MS // 1000
        return [raw[start : start + size] for start in range(0, len(raw), size)]

    def send_sound(self, entry: Entry, piece: bytes) -> None:
        """Send a piece of sound as an event."""
        delta = base64.b64encode(piece).decode()
        self._emit("response.output_audio.delta", **self._place(entry, content=True), delta=delta)

    def close(self, status: str) -> None:
        """End the open item."""
        entry, self.open = self.open, None
        if entry is None:
            return
        item = entry.item
        previous = None
        if item["type"] == "message":
            item["status"] = status
            self._close_message(entry)
            previous = None if self._order.has_audio else self._previous
        elif item["type"] == "function_call":
            item["status"] = status
            named = {key: item[key] for key in ("call_id", "name", "arguments")}
            self._emit("response.function_call_arguments.done", **self._place(entry), **named)
        else:
            arguments = {"arguments": item["arguments"]}
            self._emit("response.mcp_call_arguments.done", **self._place(entry), **arguments)
        # The call of a server's tool is done when the server has answered.
        if self._order.in_conversation and item["type"] != "mcp_call":
            self._stage.emit("conversation.item.done", previous_item_id=previous, item=item)
        self._emit("response.output_item.done", output_index=self.index(entry), item=item)

    def index(self, entry: Entry) -> int:
        """Return the place of an item in the response."""
        return self.entries.index(entry)

    def _close_message(self, entry: Entry) -> None:
        place = self._place(entry, content=True)
        if self._order.has_audio:
            said = {"transcript": entry.item["content"][0]["transcript"]}
            self._emit("response.output_audio.done", **place)
            self._emit("response.output_audio_transcript.done", **place, **said)
            part = {"type": "audio", **said}
        else:
            said = {"text": entry.item["content"][0]["text"]}
            self._emit("response.output_text.done", **place, **said)
            part = {"type": "text", **said}
        self._emit("response.content_part.done", **place, part=part)

    def _delta(self, kind: str, delta: str, **fields: Any) -> None:
        self._emit(f"response.{kind}.delta", **fields, delta=delta, obfuscation=obfuscation(delta))

    def _place(self, entry: Entry, *, content: bool = False) -> Event:
        place: Event = {"item_id": entry.id, "output_index": self.index(entry)}
        return place | {"content_index": 0} if content else place

    def _emit(self, type: str, **fields: Any) -> None:
        self._stage.emit(type, response_id=self._response_id, **fields)
