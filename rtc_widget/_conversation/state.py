"""What a conversation consists of: items, responses and turns, with the times that define them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from rtc_widget._conversation import heard

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
MARK = "rtc_mark"
_SILENT: dict[str, str | None] = {"text": None, "transcript": None, "words": None}
_FIRST_SPOKEN = ("transcript", 0)
_CALLS = frozenset({"function_call", "mcp_call", "mcp_approval_request"})
_ENDED_BY = {"turn_detected", "client_cancelled", None}


class Piece(msgspec.Struct, gc=False, frozen=True):
    """A piece of an item's words: a delta, or the final text of a content part; there are very many."""

    seq: int
    t_ms: float | None
    kind: str
    """`text` (written) or `transcript` (spoken)."""
    part: int
    words: str
    is_final: bool


class Usage(NamedTuple):
    """What the service billed for one thing."""

    seq: int
    model: str | None
    counts: dict[str, Any]
    session_model: str | None


class ToolRun(msgspec.Struct, eq=False):
    """What our own side did about a tool call, from the notes."""

    output: str | None = None
    error: str | None = None
    approval: str | None = None
    t_started_ms: float | None = None
    t_finished_ms: float | None = None
    t_sent_ms: float | None = None
    run_ms: float | None = None


class Item(msgspec.Struct, eq=False):
    """One conversation item.

    `text` is what was written, `transcript` what was spoken. An interruption wipes the tail of the
    assistant's transcript on the server: here it keeps what the deltas said.
    """

    item_id: str
    previous_item_id: str | None = None
    type: str | None = None
    role: str | None = None
    status: str | None = None
    response_id: str | None = None
    response: Response | None = None
    t_created_ms: float | None = None
    t_added_ms: float | None = None
    t_done_ms: float | None = None
    t_speech_started_ms: float | None = None
    t_speech_stopped_ms: float | None = None
    t_committed_ms: float | None = None
    t_transcribed_ms: float | None = None
    t_arguments_done_ms: float | None = None
    t_started_ms: float | None = None
    t_finished_ms: float | None = None
    vad_silence_ms: float | None = None
    truncated_ms: float | None = None
    t_truncated_ms: float | None = None
    deleted: bool = False
    spoken: bool = False
    by_hand: bool = False
    """Committed by the client: there was no turn detection."""
    known: bool = False
    tool_call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | None = None
    error: str | None = None
    approve: bool | None = None
    approval_request_id: str | None = None
    asked: bool = False
    """A function call whose arguments have been complete."""
    called: bool = False
    """A request for approval whose call has been made: that is an item of its own."""
    transcription: str = "none"
    transcription_usages: dict[int, Usage] = {}
    """What was billed for writing it down, by content index."""
    variant: str | None = None
    pieces: list[Piece] = []
    segments: list[Piece] = []
    """Stretches of speech, each with its speaker; they count where no other transcript has come."""
    earlier: list[Piece] = []
    """What was said before it was deleted and added again."""
    content: dict[tuple[str, int], str] = {}
    kept: str | None = None
    """What the server said last that its (first) transcript is."""
    said: dict[str, str | None] | None = None
    """Its words by kind, once joined; None when they have changed since."""
    asked_after: str | None = None
    """The place our own `conversation.item.create` asked for."""
    after: Item | None = None
    root: Item | None = None
    anchor: Item | None = None
    """The user input it follows (itself, if it is one), as it was when it was added."""
    place: int | None = None
    """The how-manieth item to get a place."""

    def __repr__(self) -> str:
        """Say which item it is, and what it says."""
        return f"<Item {self.item_id} {self.role or self.type}: {self.words!r}>"

    @property
    def placed(self) -> bool:
        """Whether it has a place in the conversation."""
        return self.place is not None

    @property
    def is_user_input(self) -> bool:
        """Whether it is something the user said or typed."""
        return self.spoken or (self.type == "message" and self.role == "user")

    @property
    def is_tool_call(self) -> bool:
        """Whether it is a call of a function or an MCP tool, or asks whether one may be made."""
        return self.type in _CALLS and not self.called

    @property
    def text(self) -> str | None:
        """What was written, all parts joined; None when nothing was."""
        return self._words()["text"]

    @property
    def transcript(self) -> str | None:
        """What was spoken, all parts joined; None when nothing was."""
        return self._words()["transcript"]

    @property
    def words(self) -> str | None:
        """What was written or spoken, all parts in order."""
        return self._words()["words"]

    @property
    def heard_transcript(self) -> str | None:
        """What of the transcript was played before it was cut short: see `_conversation.heard`."""
        return heard.heard_transcript(self)

    @property
    def came(self) -> list[Piece]:
        """The pieces of its words that count, as they came; also from before it was deleted."""
        return self.earlier + (self.pieces or self.segments)

    def begin_anew(self) -> None:
        """Forget the words: it was deleted, and is added again."""
        self.earlier, self.pieces, self.segments = self.came, [], []
        self.content, self.said, self.kept = {}, None, None

    def add(self, piece: Piece) -> None:
        """Add a piece of its words."""
        self.pieces.append(piece)
        self.said = None

    def tell(self, kind: str, part: int, words: str) -> None:
        """Take over what an event says the words of a part are, unless more has been told."""
        if len(words) > len(self.content.get((kind, part), "")):
            self.content[kind, part] = words
            self.said = None
        if (kind, part) == _FIRST_SPOKEN:
            self.kept = words

    def _words(self) -> dict[str, str | None]:
        if self.said is None:
            told = self.pieces or self.segments or self.content
            self.said = self._joined() if told else _SILENT
        return self.said

    def _joined(self) -> dict[str, str | None]:
        """Join what is known of each part, by kind, and of all of them."""
        deltas: dict[tuple[str, int], list[str]] = {}
        finals: dict[tuple[str, int], str] = {}
        kind, part = "", 0
        said: list[str] = []
        for piece in self.pieces or self.segments:
            if piece.part != part or piece.kind != kind:  # many in a row are of one part
                kind, part = piece.kind, piece.part
                said = deltas.setdefault((kind, part), [])
            if piece.is_final:
                finals[kind, part] = piece.words
            else:
                said.append(piece.words)
        by_kind: dict[str, list[str]] = {}
        by_part: dict[int, str] = {}
        for place in sorted({*deltas, *finals, *self.content}):
            streamed, told = _paired("".join(deltas.get(place, ()))), self.content.get(place)
            if self.role == "user":
                words = finals.get(place, streamed if told is None else told)
            else:
                words = max(finals.get(place, ""), told or "", streamed, key=len)
            by_kind.setdefault(place[0], []).append(words)
            by_part[place[1]] = by_part.get(place[1]) or words
        by_kind["words"] = [by_part[part] for part in sorted(by_part)]
        return _SILENT | {kind: " ".join([part for part in found if part]) for kind, found in by_kind.items()}


class Response(msgspec.Struct, eq=False):
    """One response of the model."""

    response_id: str
    status: str | None = None
    status_reason: str | None = None
    error: dict[str, Any] | None = None
    conversation: str = "auto"
    metadata: dict[str, Any] | None = None
    mark: str | None = None
    modalities: tuple[str, ...] = ()
    t_requested_ms: float | None = None
    t_created_ms: float | None = None
    t_buffer_started_ms: float | None = None
    t_audio_delta_ms: float | None = None
    t_first_text_ms: float | None = None
    t_audio_stopped_ms: float | None = None
    t_cut_off_ms: float | None = None
    """When its call ended before it had been played."""
    t_done_ms: float | None = None
    audio_cleared: bool = False
    ended: bool = False
    usage: dict[str, Any] | None = None
    billed: Usage | None = None
    variant: str | None = None
    turn: int | None = None
    items: list[Item] = []
    created_after: tuple[Item, Item | None, int] | None = None
    """Root, last user input and number of items when it came: its place while it has no item of its own."""

    def __repr__(self) -> str:
        """Say which response it is, and how it stands."""
        return f"<Response {self.response_id} {self.status}: {self.text!r}>"

    @property
    def output_item_ids(self) -> list[str]:
        """Ids of what it made, in order."""
        return [item.item_id for item in self.items]

    @property
    def text(self) -> str | None:
        """The words of its messages, written or spoken; None when it has none."""
        return join_words(item.words for item in self.items if item.type in {None, "message"})

    @property
    def t_first_audio_ms(self) -> float | None:
        """When its audio began: the service's output buffer, or the first audio delta on a WebSocket."""
        return self.t_audio_delta_ms if self.t_buffer_started_ms is None else self.t_buffer_started_ms

    @property
    def t_first_output_ms(self) -> float | None:
        """When its audio began, or its text where it has no audio."""
        if self.t_first_audio_ms is not None:
            return self.t_first_audio_ms
        silent = self.ended and not any(item.transcript is not None for item in self.items)
        return self.t_first_text_ms if silent or "audio" not in self.modalities else None

    @property
    def interrupted(self) -> bool:
        """Whether it was cut short: cancelled, its audio cleared, or an item of it truncated."""
        return (
            (self.status == "cancelled" and self.status_reason in _ENDED_BY)
            or self.audio_cleared
            or any(item.truncated_ms is not None for item in self.items)
        )


def _paired(words: str) -> str:
    """Return words with each two surrogates that a cut has parted as the character they are."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return words


def first_of(values: Iterable[T | None]) -> T | None:
    """Return the first value that is there."""
    for value in values:
        if value is not None:
            return value
    return None


def join_words(words: Iterable[str | None]) -> str | None:
    """Join what was said; None when nothing was."""
    said = [word for word in words if word is not None]
    return " ".join(word for word in said if word) if said else None
