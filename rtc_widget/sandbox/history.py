"""The conversation as the server holds it: items in order, what was heard of them, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget.sandbox import images
from rtc_widget.sandbox.faults import missing, unsupported
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    import asyncio

__all__ = ["Entry", "History"]

ROOT = "root"
"""The `previous_item_id` that puts an item before all others."""


@dataclass(eq=False)
class Entry:
    """One item, and what the server knows of it beyond its events.

    Attributes
    ----------
    item
        The item as events carry it.
    words
        What the user said, once recognised; None for items that hold no sound of the user.
    audio_ms
        How long its sound lasts.
    pictures
        What its images are ("a PNG image, 640 by 480 pixels").
    spoken
        What the assistant said in it: pieces of text, and how long each lasts in ms.
    without_words
        "timeout" where it stands for the user's silence.
    is_answered
        Whether a response has dealt with it, well or not; one that speech cancelled has not.
    is_left_out
        Whether the conversation was truncated behind it: no response looks at it any more.
    """

    item: Event
    words: asyncio.Future[str] | None = None
    audio_ms: float = 0.0
    pictures: list[str] = field(default_factory=list)
    spoken: list[tuple[str, float]] = field(default_factory=list)
    without_words: str | None = None
    is_answered: bool = False
    is_left_out: bool = False
    cut: bool = False
    """Its sound was cut short: what is said of it from then on is no part of the conversation."""

    @property
    def id(self) -> str:
        """Its `item_…` identifier."""
        return str(self.item["id"])

    @property
    def role(self) -> str:
        """user, assistant, system; "tool" for what a tool gave back, "call" for the call of one."""
        kinds = {"function_call_output": "tool", "function_call": "call"}
        if self.item["type"] == "mcp_call":
            return "tool" if "output" in self.item or "error" in self.item else "call"
        return str(self.item.get("role") or kinds.get(self.item["type"], "other"))

    @property
    def text(self) -> str:
        """Its words: typed, recognised, spoken, or put out by a function."""
        if self.item["type"] == "function_call_output":
            return str(self.item["output"])
        if self.item["type"] == "mcp_call" and self.role == "tool":
            error = self.item.get("error")
            return str(self.item["output"] if error is None else error["message"])
        if self.role == "call":
            return str(self.item["arguments"])
        parts = [
            str(part.get("text") or part.get("transcript") or "") for part in self.item.get("content", [])
        ]
        if self.words is not None and self.words.done() and not self.words.cancelled():
            parts.append("" if self.words.exception() else self.words.result())
            parts = parts[-1:]
        return " ".join(part for part in parts if part)

    def say(self, text: str, duration_ms: float) -> None:
        """Note that the assistant said `text` in `duration_ms` milliseconds."""
        if self.cut:
            return
        self.spoken.append((text, duration_ms))
        self.audio_ms += duration_ms

    def truncate(self, audio_end_ms: int) -> None:
        """Forget what comes after a moment of its sound; of its transcript, what had begun by then stays."""
        kept: list[tuple[str, float]] = []
        left = float(audio_end_ms)
        for text, length_ms in self.spoken:
            if left >= length_ms:
                kept.append((text, length_ms))
            elif left > 0:
                shown = text[: round(len(text) * left / length_ms)]
                kept.append((shown.rsplit(None, 1)[0] if " " in shown.strip() else "", left))
            left -= length_ms
        self.spoken, self.cut = kept, True
        self.audio_ms = min(self.audio_ms, float(audio_end_ms))
        for part in self.item.get("content", []):
            if part["type"] == "output_audio":
                part["transcript"] = "".join(text for text, _ in kept).strip()


class History:
    """The default conversation of a session."""

    def __init__(self) -> None:
        self.conversation_id = fresh_id("conv")
        self._entries: list[Entry] = []

    def __iter__(self) -> Any:
        """Go through the entries in the order of the conversation."""
        return iter(list(self._entries))

    @property
    def last_id(self) -> str | None:
        """The id of the last item, None in an empty conversation."""
        return self._entries[-1].id if self._entries else None

    def find(self, item_id: str) -> Entry | None:
        """Return the entry of an item, None when there is none."""
        return next((entry for entry in self._entries if entry.id == item_id), None)

    def get(self, item_id: str, doing: str, verb: str) -> Entry:
        """Return the entry of an item.

        Raises
        ------
        ApiError
            There is none; `doing` ("deleting") and `verb` ("delete") say in which event.
        """
        entry = self.find(item_id)
        if entry is None:
            raise ApiError(
                f"Error {doing} item: the item with id '{item_id}' does not exist.",
                code=f"item_{verb}_invalid_item_id",
                param="item_id",
            )
        return entry

    def add(self, entry: Entry, after: str | None = None) -> str | None:
        """Put an entry into the conversation.

        Parameters
        ----------
        entry
            What to add.
        after
            The id of the item before it, "root" for none, None for the last one.

        Returns
        -------
        str | None
            The id of the item that is now before it.

        Raises
        ------
        ApiError
            `after` is no item, or the entry's id is taken.
        """
        if self.find(entry.id) is not None:
            raise ApiError(
                f"Error adding item: an item with id '{entry.id}' already exists.",
                code="item_create_duplicate_item_id",
                param="item.id",
            )
        place = len(self._entries)
        if after == ROOT:
            place = 0
        elif after is not None:
            before = self.find(after)
            if before is None:
                raise ApiError(
                    f"Error adding item: the previous item with id '{after}' does not exist.",
                    code="item_create_invalid_previous_item_id",
                    param="previous_item_id",
                )
            place = self._entries.index(before) + 1
        self._entries.insert(place, entry)
        return self._entries[place - 1].id if place else None

    def entry_of(self, item: Event, place: str) -> Entry:
        """Return the entry of an item of the client's, as the server repeats it, without adding it.

        Parameters
        ----------
        item
            As the client gives it.
        place
            Where it stands in the event, for errors.

        Raises
        ------
        ApiError
            The output of a call that is not there, assistant's audio, or an image that is none.
        """
        repeated: Event = {"id": item.get("id") or fresh_id("item"), "type": item["type"]}
        pictures: list[str] = []
        if item["type"] == "message":
            content = [
                _part(part, item["role"], f"{place}.content[{index}]", pictures)
                for index, part in enumerate(item["content"])
            ]
            repeated |= {"status": "completed", "role": item["role"], "content": content}
        elif item["type"] == "function_call_output":
            if not any(entry.item.get("call_id") == item["call_id"] for entry in self._calls()):
                raise ApiError(
                    f"Tool call ID '{item['call_id']}' not found in conversation.",
                    code="invalid_tool_call_id",
                    param=f"{place}.call_id",
                )
            repeated |= {"call_id": item["call_id"], "output": item["output"]}
        else:
            is_function = item["type"] == "function_call"
            own = {"status": "completed", "call_id": fresh_id("call", 16)} if is_function else {}
            repeated |= own | {key: item[key] for key in item if key not in ("id", "type")}
        return Entry(repeated, pictures=pictures)

    def delete(self, item_id: str) -> None:
        """Take an item out.

        Raises
        ------
        ApiError
            There is none.
        """
        self._entries.remove(self.get(item_id, "deleting", "delete"))

    def close(self) -> None:
        """Give up the words that are not recognised yet: nobody reads them, and others wait for theirs."""
        for entry in self._entries:
            if entry.words is not None:
                entry.words.cancel()

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cut the sound of an assistant's message at a moment, as a client asks for it.

        Raises
        ------
        ApiError
            There is no such item, it is not the assistant's, or it is shorter.
        """
        entry = self.get(item_id, "truncating", "truncate")
        content = entry.item.get("content", [])
        if entry.role != "assistant" or not any(part["type"] == "output_audio" for part in content):
            raise ApiError(
                "Only model output audio messages can be truncated.", code="invalid_value", param="item_id"
            )
        if content_index >= len(content):
            raise ApiError(
                f"Content index {content_index} does not exist in the item: it has {len(content)} part(s).",
                code="invalid_value",
                param="content_index",
            )
        if audio_end_ms > entry.audio_ms:
            raise ApiError(
                f"Audio content of {entry.audio_ms:.0f}ms is already shorter than {audio_end_ms}ms",
                code="invalid_value",
                param="audio_end_ms",
            )
        entry.truncate(audio_end_ms)

    def _calls(self) -> list[Entry]:
        return [entry for entry in self._entries if entry.item["type"] == "function_call"]


def _part(part: Event, role: str, place: str, pictures: list[str]) -> Event:
    """Return one content part as the server repeats it."""
    allowed = {
        "user": ("input_text", "input_audio", "input_image"),
        "system": ("input_text",),
        "assistant": ("output_text",),
    }[role]
    kind = part.get("type")
    if kind not in allowed:
        raise unsupported(f"{place}.type", kind, list(allowed))
    needed = {"input_text": "text", "output_text": "text", "input_audio": "audio", "input_image": "image_url"}
    if part.get(needed[kind]) is None:
        raise missing(f"{place}.{needed[kind]}")
    if kind == "input_audio":
        return {"type": kind, "transcript": part.get("transcript")}
    if kind == "input_image":
        # The picture itself is not repeated: it may be larger than a message on the data channel.
        pictures.append(images.describe(part["image_url"], f"{place}.image_url"))
        return {"type": kind, "detail": part.get("detail") or "auto"}
    return {"type": kind, "text": part["text"]}
