"""Whatever the API takes passes, and comes back as plain JSON."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtc_widget import ProtocolError
from rtc_widget.protocol import check_client_event, check_client_secret_request

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}
SAMPLES: list[dict[str, Any]] = [
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": "Answer in two words.",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "turn_detection": {"type": "server_vad", "create_response": True},
                    "transcription": {"model": "gpt-realtime-whisper"},
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}},
            },
        },
    },
    {"type": "conversation.item.create", "item": MESSAGE},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "response.create"},
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": "It is foggy."},
    },
]


def recorded() -> list[dict[str, Any]]:
    """Return what clients sent in the recordings, where these stand beside the checkout."""
    lines = [line for path in sorted(RECORDINGS.glob("*.jsonl")) for line in path.read_text().splitlines()]
    rows = [json.loads(line) for line in lines]
    return [row["event"] for row in rows if row["direction"] == "client"]


def test_every_client_event_of_real_traffic_passes_unchanged() -> None:
    for event in SAMPLES + recorded():
        assert check_client_event(event, transport="sideband") == event


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


class Mode(enum.Enum):
    """A word of the API's as somebody's enum."""

    AUDIO = "audio"


class Word(enum.StrEnum):
    """A word of the API's as somebody's enum of strings."""

    NONE = "none"


def test_numbers_tuples_and_enums_of_python_become_plain_json() -> None:
    event = session(
        output_modalities=(Mode.AUDIO,),
        tool_choice=Word.NONE,
        max_output_tokens=np.int64(40),
        audio={"output": {"speed": np.float32(1.5)}, "input": {"turn_detection": None}},
    )
    checked = check_client_event(event)
    assert json.loads(json.dumps(checked)) == session(
        output_modalities=["audio"],
        tool_choice="none",
        max_output_tokens=40,
        audio={"output": {"speed": 1.5}, "input": {"turn_detection": None}},
    )
    assert type(checked["session"]["tool_choice"]) is str


def test_models_of_the_sdk_are_taken_for_what_they_hold() -> None:
    from openai.types.realtime import RealtimeFunctionTool, RealtimeReasoning

    tool = RealtimeFunctionTool(type="function", name="price")
    checked = check_client_event(session(tools=[tool], reasoning=RealtimeReasoning(effort="low")))
    assert checked == session(tools=[{"type": "function", "name": "price"}], reasoning={"effort": "low"})


def test_a_whole_float_counts_as_a_whole_number() -> None:
    listening = {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300.0}}
    checked = check_client_event(session(audio={"input": listening}))
    silence = checked["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"]
    assert silence == 300
    assert type(silence) is int


def test_the_event_that_was_given_is_not_touched() -> None:
    event = session(tools=[{"type": "function", "name": "price", "parameters": {"type": "object"}}])
    before = json.dumps(event)
    checked = check_client_event(event)
    checked["session"]["tools"][0]["parameters"]["type"] = "array"
    assert json.dumps(event) == before


def test_response_create_takes_references_to_items_and_input_of_its_own() -> None:
    event = {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "metadata": {"probe": "a"},
            "input": [{"type": "item_reference", "id": "item_1"}, MESSAGE],
        },
    }
    assert check_client_event(event) == event


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_text", "text": "Hi."},
        {"type": "input_audio", "audio": "AAAA", "transcript": "Hi."},
        {"type": "input_image", "image_url": "data:image/jpeg;base64,AA", "detail": "low"},
        {"type": "input_image", "image_url": "https://a.test/menu.png"},
    ],
    ids=lambda part: part["type"],
)
def test_a_user_may_say_show_and_let_hear(part: dict[str, str]) -> None:
    event = {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {"type": "message", "role": "user", "content": [part]},
    }
    assert check_client_event(event) == event


@pytest.mark.parametrize("off", ["turn_detection", "transcription", "noise_reduction"])
def test_null_turns_off_what_can_be_off(off: str) -> None:
    event = session(audio={"input": {off: None}})
    assert check_client_event(event) == event


def test_strings_and_lists_are_cleared_by_empty_ones() -> None:
    event = session(instructions="", tools=[])
    assert check_client_event(event) == event


def test_custom_voices_are_objects() -> None:
    event = session(audio={"output": {"voice": {"id": "voice_123"}}})
    assert check_client_event(event) == event


def test_other_services_may_have_other_voices() -> None:
    event = session(audio={"output": {"voice": "en-GB-Sonia"}})
    assert check_client_event(event, any_voice=True) == event


def test_the_voice_in_use_may_be_named_again_after_it_has_spoken() -> None:
    event = session(audio={"output": {"voice": "marin"}})
    live = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
    assert check_client_event(event, session=live, has_spoken=True) == event


def test_the_model_in_use_may_be_named_again_and_is_left_out() -> None:
    event = session(model="gpt-realtime-2.1", instructions="Hi.")
    assert check_client_event(event, session={"model": "gpt-realtime-2.1"}) == session(instructions="Hi.")


def test_any_model_and_transcription_model_may_be_named() -> None:
    event = session(audio={"input": {"transcription": {"model": "my-deployment"}}})
    assert check_client_event(event) == event


def test_sound_goes_into_the_buffer_over_a_websocket() -> None:
    event = {"type": "input_audio_buffer.append", "audio": "AAAA"}
    assert check_client_event(event, transport="sideband") == event
    for transport in ("browser", "peer"):
        with pytest.raises(ProtocolError, match="media track"):
            check_client_event(event, transport=transport)


def test_a_request_for_a_client_secret_is_checked_the_same_way() -> None:
    body = {
        "expires_after": {"anchor": "created_at", "seconds": 30},
        "session": {"type": "realtime", "model": "gpt-realtime-2.1"},
    }
    assert check_client_secret_request(body) == body
    with pytest.raises(ProtocolError, match="from 10 to 7200"):
        check_client_secret_request({"expires_after": {"seconds": 5}})
    with pytest.raises(ProtocolError, match=r"session\.audio\.output\.voice"):
        check_client_secret_request({"session": {"type": "realtime", "voice": "marin"}})
