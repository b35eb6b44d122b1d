"""The `turns` frame: a row is a turn, one user input and all that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame
from rtc_widget.frames._heard import QUALITIES, TurnHeard, heard_of
from rtc_widget.frames.usage import bills_of_item, bills_of_response

if TYPE_CHECKING:
    from rtc_widget.conversation import TurnState
    from rtc_widget.frames._frame import Source


class _Row(NamedTuple):
    turn: TurnState
    cost_usd: float | None
    heard: TurnHeard | None


COLUMNS = (
    Column("turn", "turn.index", "int", "Number of the turn, from 0, in the order in which the inputs came."),
    Column(
        "user_item_id",
        "turn.user_item_id",
        "string",
        "The user's (first) item; NA when the model spoke unasked.",
    ),
    Column("user_transcript", "turn.user_transcript", "string", "What the user said or typed."),
    Column("transcript", "turn.transcript", "string", "What the model answered, over all its responses."),
    Column("t_speech_started_ms", "turn.t_speech_started_ms", "float", "`speech_started` came."),
    Column("t_speech_stopped_ms", "turn.t_speech_stopped_ms", "float", "`speech_stopped` came."),
    Column("t_committed_ms", "turn.t_committed_ms", "float", "`committed` came: the audio became an item."),
    Column(
        "t_response_created_ms", "turn.t_response_created_ms", "float", "The first `response.created` came."
    ),
    Column(
        "t_first_audio_ms",
        "turn.t_first_audio_ms",
        "float",
        "The first `output_audio_buffer.started` came; on a WebSocket, without one, the first audio delta.",
    ),
    Column(
        "t_audio_stopped_ms",
        "turn.t_audio_stopped_ms",
        "float",
        "`output_audio_buffer.stopped` or `.cleared` of the last audible response came.",
    ),
    Column(
        "endpointing_ms",
        "turn.endpointing_ms",
        "float",
        "End of speech to committed. End of speech: when `speech_stopped` came, less the VAD's "
        "silence_duration_ms; NA for semantic_vad and without a VAD. As LiveKit's end-of-turn delay.",
    ),
    Column(
        "latency_inferred_ms",
        "turn.latency_inferred_ms",
        "float",
        "End of speech to t_first_audio_ms (text only: to the first text delta), from events. Typed input "
        "and push to talk: from our request for that answer, else from the item. As pipecat's user-bot "
        "latency.",
    ),
    Column(
        "latency_heard_ms",
        "heard.columns.latency_heard_ms",
        "float",
        "Last sample of the user's speech to the first of the agent's on the recording, less what jitter "
        "buffer (getStats of that moment) and calibrated constant put between. NA for typed input.",
    ),
    Column(
        "heard_quality",
        "heard.columns.heard_quality",
        "category",
        "What to think of latency_heard_ms, NA where that is. first_turn: the first of a browser's call, "
        "whose jitter buffer may sit at 0.5 s; jitter: more than 80 ms of it; slip: samples are missing in "
        "between; uncalibrated: no constant of the browser is known; ok: none of these.",
        QUALITIES,
    ),
    Column(
        "at_the_ear_ms",
        "heard.columns.at_the_ear_ms",
        "float",
        "The same and the device's output latency; browsers report about half of what devices take.",
    ),
    Column(
        "transcription_delay_ms",
        "turn.transcription_delay_ms",
        "float",
        "Committed to the user's final transcript.",
    ),
    Column(
        "overlap_ms",
        "heard.columns.overlap_ms",
        "float",
        "The user spoke during the answer, on the recording.",
    ),
    Column(
        "yield_ms",
        "heard.columns.yield_ms",
        "float",
        "Onset of the user who cut the answer short to the agent's silence. As τ-voice's yield.",
    ),
    Column(
        "heard_ms",
        "heard.columns.heard_ms",
        "float",
        "Agent audio that was played: first to last sample of the answer.",
    ),
    Column(
        "status",
        "turn.status",
        "category",
        "Status of the last response.",
        ("in_progress", "completed", "cancelled", "failed", "incomplete"),
    ),
    Column(
        "interrupted",
        "turn.interrupted",
        "bool",
        "Whether an answer was cut short: response cancelled, its audio cleared or truncated.",
    ),
    Column("n_responses", "turn.n_responses", "int", "Responses, out-of-band ones not counted."),
    Column("n_tool_calls", "turn.n_tool_calls", "int", "Function and MCP calls of its responses."),
    Column(
        "cost_usd", "cost_usd", "float", "Responses and transcription; NA when any part has no known price."
    ),
    Column("variant", "turn.variant", "category", "The variant in effect."),
)


def _rows(source: Source) -> list[_Row]:
    heard = heard_of(source)
    return [_Row(turn, _cost_usd(source, turn), heard.get(turn.index)) for turn in source.conversation.turns]


def _cost_usd(source: Source, turn: TurnState) -> float | None:
    bills = [bill for item in turn.users for bill in bills_of_item(source, item)]
    bills += [bill for response in turn.responses for bill in bills_of_response(source, response)]
    costs = [bill.cost_usd for bill in bills]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


FRAME = Frame("turns", "one user input and all that answers it, up to the next user input", COLUMNS, _rows)
