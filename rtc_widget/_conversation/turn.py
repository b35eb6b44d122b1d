"""A turn: one user input and all that answers it, and how its times are defined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtc_widget._conversation.state import first_of, join_words

if TYPE_CHECKING:
    from rtc_widget._conversation.state import Item, Response


@dataclass(slots=True, eq=False)
class TurnState:
    """One user input and all that answers it; a view on items and responses, with nothing of its own."""

    index: int
    users: list[Item] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    closed: bool = False
    """A later turn has begun."""
    waits_for_tools: bool = False

    @property
    def user_item_ids(self) -> list[str]:
        """Ids of the user's input, in order; empty when the model spoke unasked."""
        return [item.item_id for item in self.users]

    @property
    def user_item_id(self) -> str | None:
        """Id of the user's (first) input."""
        return self.users[0].item_id if self.users else None

    @property
    def response_ids(self) -> list[str]:
        """Ids of its responses, in order."""
        return [response.response_id for response in self.responses]

    @property
    def user_transcript(self) -> str | None:
        """What the user said or typed; of an edited input, what it says now."""
        return join_words(item.words for item in [i for i in self.users if not i.deleted] or self.users)

    @property
    def transcript(self) -> str | None:
        """What the model answered, spoken or written, over all its responses."""
        return join_words(response.text for response in self.responses)

    @property
    def spoken_input(self) -> Item | None:
        """The last spoken input."""
        for item in reversed(self.users):
            if item.spoken:
                return item
        return None

    @property
    def t_speech_started_ms(self) -> float | None:
        """When the VAD said that speech began."""
        return first_of(item.t_speech_started_ms for item in self.users)

    @property
    def t_speech_stopped_ms(self) -> float | None:
        """When the VAD said that speech had ended."""
        return None if self.spoken_input is None else self.spoken_input.t_speech_stopped_ms

    @property
    def t_committed_ms(self) -> float | None:
        """When the audio became an item."""
        return None if self.spoken_input is None else self.spoken_input.t_committed_ms

    @property
    def t_response_created_ms(self) -> float | None:
        """When its first response was created."""
        return first_of(response.t_created_ms for response in self.responses)

    @property
    def t_first_audio_ms(self) -> float | None:
        """When the first audio of any of its responses began."""
        return first_of(response.t_first_audio_ms for response in self.responses)

    @property
    def answer_item_id(self) -> str | None:
        """Id of the message whose audio began the answer; None while nothing sounds."""
        audible = (response for response in self.responses if response.t_first_audio_ms is not None)
        items = next((response.items for response in audible), [])
        return next((item.item_id for item in items if item.type == "message"), None)

    @property
    def t_audio_stopped_ms(self) -> float | None:
        """When the audio of its last audible response stopped."""
        audible = [response for response in self.responses if response.t_first_audio_ms is not None]
        return audible[-1].t_audio_stopped_ms if audible else None

    @property
    def t_speech_end_ms(self) -> float | None:
        """When the speech ended on the log's clock: `speech_stopped` came, less the VAD's silence."""
        spoken = self.spoken_input
        return None if spoken is None else _minus(spoken.t_speech_stopped_ms, spoken.vad_silence_ms)

    @property
    def t_input_end_ms(self) -> float | None:
        """When the user's input was complete; None where the model spoke unasked.

        End of speech where a VAD decides; else (typed, push to talk) when the client asked for the
        first answer, or created or committed the item, or the server added it.
        """
        spoken = self.spoken_input
        if spoken is not None and spoken.t_speech_stopped_ms is not None:
            return self.t_speech_end_ms
        if not self.users:
            return None
        asked = self.responses[0].t_requested_ms if self.responses else None
        if asked is not None:
            return asked
        if spoken is not None:
            return spoken.t_committed_ms if spoken.by_hand else None
        began = self.responses[0].t_created_ms if self.responses else None
        came = [first_of((item.t_created_ms, item.t_added_ms)) for item in reversed(self.users)]
        # What was put in the place of another afterwards is not what was answered.
        return first_of(t_ms for t_ms in came if t_ms is not None and (began is None or t_ms <= began))

    @property
    def endpointing_ms(self) -> float | None:
        """End of speech to committed."""
        return _minus(self.t_committed_ms, self.t_speech_end_ms)

    @property
    def latency_inferred_ms(self) -> float | None:
        """End of the user's input to the answer's first audio (text-only: its first text delta)."""
        return _minus(first_of(r.t_first_output_ms for r in self.responses), self.t_input_end_ms)

    @property
    def transcription_delay_ms(self) -> float | None:
        """Committed to the user's final transcript."""
        spoken = self.spoken_input
        return None if spoken is None else _minus(spoken.t_transcribed_ms, spoken.t_committed_ms)

    @property
    def status(self) -> str | None:
        """Status of its last response."""
        return self.responses[-1].status if self.responses else None

    @property
    def interrupted(self) -> bool:
        """Whether any of its responses was cut short."""
        return any(response.interrupted for response in self.responses)

    @property
    def n_responses(self) -> int:
        """How many responses it has, out-of-band ones not counted."""
        return len(self.responses)

    @property
    def tool_items(self) -> list[Item]:
        """The function and MCP calls of its responses."""
        return [item for response in self.responses for item in response.items if item.is_tool_call]

    @property
    def n_tool_calls(self) -> int:
        """How many function and MCP calls its responses made."""
        return len(self.tool_items)

    @property
    def variant(self) -> str | None:
        """The variant its first response was made with, or else its input."""
        return first_of([*(r.variant for r in self.responses), *(item.variant for item in self.users)])

    @property
    def done(self) -> bool:
        """Whether nothing of it is still running or playing."""
        if self.closed:
            return True
        quiet = all(r.t_buffer_started_ms is None or r.t_audio_stopped_ms is not None for r in self.responses)
        ended = bool(self.responses) and all(response.ended for response in self.responses)
        return ended and quiet and not self.waits_for_tools


def _minus(end_ms: float | None, start_ms: float | None) -> float | None:
    return None if end_ms is None or start_ms is None else round(end_ms - start_ms, 3)
