"""Flat keywords land at their true place; a wrong one is told the right one."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from rtc_widget import ConfigurationError, ProtocolError
from rtc_widget.protocol import ShutdownWarning, response_fields, session_fields

RIGHT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"instructions": "Be brief."}, {"instructions": "Be brief."}),
    ({"voice": "cedar"}, {"audio": {"output": {"voice": "cedar"}}}),
    ({"speed": 1}, {"audio": {"output": {"speed": 1}}}),
    ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
    ({"transcription": None}, {"audio": {"input": {"transcription": None}}}),
    ({"noise_reduction": None}, {"audio": {"input": {"noise_reduction": None}}}),
    (
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
        {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}},
    ),
    (
        {"transcription": {"model": "gpt-transcribe", "language": "de"}},
        {"audio": {"input": {"transcription": {"model": "gpt-transcribe", "language": "de"}}}},
    ),
    ({"input_format": {"type": "audio/pcmu"}}, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
    ({"output_format": {"type": "audio/pcma"}}, {"audio": {"output": {"format": {"type": "audio/pcma"}}}}),
    ({"audio": {"output": {"voice": "ash"}}}, {"audio": {"output": {"voice": "ash"}}}),
    (
        {"audio": {"output": {"voice": "ash"}}, "speed": 1.2, "turn_detection": None},
        {"audio": {"output": {"voice": "ash", "speed": 1.2}, "input": {"turn_detection": None}}},
    ),
    ({"model": "gpt-realtime-2.1"}, {"model": "gpt-realtime-2.1"}),
    ({"output_modalities": ["text"]}, {"output_modalities": ["text"]}),
    ({"max_output_tokens": "inf"}, {"max_output_tokens": "inf"}),
    ({"tool_choice": "required"}, {"tool_choice": "required"}),
    ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    ({"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
    ({"truncation": "disabled"}, {"truncation": "disabled"}),
    ({"tracing": None}, {"tracing": None}),
    (
        {"include": ["item.input_audio_transcription.logprobs"]},
        {"include": ["item.input_audio_transcription.logprobs"]},
    ),
    ({"type": "transcription"}, {"type": "transcription"}),
]


@pytest.mark.parametrize(("flat", "nested"), RIGHT, ids=lambda value: ",".join(value) or "nothing")
def test_keywords_land_at_their_true_place(flat: dict[str, Any], nested: dict[str, Any]) -> None:
    assert session_fields(**flat) == nested


def test_tools_may_be_objects_that_define_themselves() -> None:
    definition = {"type": "function", "name": "price"}
    tool = SimpleNamespace(definition=lambda: definition)
    assert session_fields(tools=[tool, {"type": "function", "name": "order"}]) == {
        "tools": [definition, {"type": "function", "name": "order"}]
    }


def test_what_was_given_is_not_touched() -> None:
    audio: dict[str, Any] = {"output": {}}
    session_fields(audio=audio, voice="ash")
    assert audio == {"output": {}}


UNKNOWN = [
    ({"instruction": "…"}, "instructions="),
    ({"turnDetection": None}, "turn_detection="),
    ({"voices": "marin"}, "voice="),
    ({"threshold": 0.6}, 'turn_detection={"type": "server_vad", "threshold": …}'),
    ({"eagerness": "low"}, 'turn_detection={"type": "semantic_vad", "eagerness": …}'),
    ({"keywords": ["flat white"]}, 'transcription={"keywords": …}'),
    ({"effort": "low"}, 'reasoning={"effort": …}'),
    ({"retention_ratio": 0.5}, 'truncation={"type": "retention_ratio", "retention_ratio": …}'),
    ({"language": "de"}, 'transcription={"model": "gpt-transcribe", "language": "de"}'),
    ({"language": "de"}, 'instructions="Always speak German."'),
    ({"mood": "happy"}, "instructions=, "),
    ({"voice": "ash", "audio": {"output": {"voice": "ash"}}}, "one of them"),
]


@pytest.mark.parametrize(("flat", "right"), UNKNOWN, ids=lambda value: str(value)[:40])
def test_an_unknown_keyword_is_told_the_nearest_right_one(flat: dict[str, Any], right: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        session_fields(**flat)
    assert right in str(refused.value)


OLD = [
    ({"temperature": 0.8}, "instructions=…"),
    ({"seed": 1}, "instructions=…"),
    ({"modalities": ["text"]}, "output_modalities="),
    ({"max_response_output_tokens": 100}, "max_output_tokens="),
    ({"max_tokens": 100}, "max_output_tokens="),
    ({"input_audio_transcription": {}}, "transcription="),
    ({"input_audio_format": "pcm16"}, "input_format="),
    ({"output_audio_format": "pcm16"}, "output_format="),
    ({"input_audio_noise_reduction": None}, "noise_reduction="),
    ({"system_prompt": "…"}, "instructions="),
]
WRONG = [
    ({"speed": 3}, "from 0.25 to 1.5"),
    ({"voice": "mariin"}, '"marin"'),
    ({"turn_detection": "semantic_vad"}, '{"type": "server_vad"}'),
    ({"transcription": {"model": "gpt-transcribe", "lang": "de"}}, "audio.input.transcription.language"),
    ({"audio": {"output": {"speeed": 1}}}, "session.audio.output.speed"),
    ({"audio": "loud", "voice": "ash"}, "is not an object"),
    ({"audio": {"output": "loud"}, "voice": "ash"}, "is not an object"),
    ({"tools": "price"}, "is not a list"),
    ({"model": "gpt-realtime-1.5", "reasoning": {"effort": "low"}}, "gpt-realtime-2.1"),
]


@pytest.mark.parametrize(("flat", "right"), OLD + WRONG, ids=lambda value: str(value)[:40])
def test_an_old_name_or_a_wrong_value_is_told_the_right_form(flat: dict[str, Any], right: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        session_fields(**flat)
    assert right in str(refused.value)


def test_other_services_may_have_other_voices() -> None:
    assert session_fields(any_voice=True, voice="Sonia") == {"audio": {"output": {"voice": "Sonia"}}}


def test_what_shuts_down_is_warned_of_where_it_was_asked_for() -> None:
    with pytest.warns(
        ShutdownWarning, match="gpt-realtime shuts down on 2027-01-20; use gpt-realtime-2.1"
    ) as seen:
        session_fields(model="gpt-realtime")
    assert seen[0].filename == __file__
    with pytest.warns(ShutdownWarning, match="2027-02-26"):
        session_fields(transcription={"model": "whisper-1"})
    with pytest.warns(ShutdownWarning, match="2026-11-30"):
        session_fields(prompt={"id": "pmpt_1"})


def test_what_stays_is_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session_fields(model="gpt-realtime-2.1", transcription={"model": "gpt-transcribe"})


def test_a_responses_keywords_land_at_their_true_place() -> None:
    reference = SimpleNamespace(item_id="item_2")
    fields = response_fields(
        instructions="One word.",
        conversation="none",
        metadata={"probe": "a"},
        voice="marin",
        input=["item_1", reference, {"type": "item_reference", "id": "item_3"}],
        output_modalities=["audio"],
    )
    assert fields == {
        "instructions": "One word.",
        "conversation": "none",
        "metadata": {"probe": "a"},
        "audio": {"output": {"voice": "marin"}},
        "input": [{"type": "item_reference", "id": f"item_{number}"} for number in (1, 2, 3)],
        "output_modalities": ["audio"],
    }


@pytest.mark.parametrize(
    ("flat", "kind", "right"),
    [
        ({"turn_detection": None}, ConfigurationError, "update(turn_detection=…)"),
        ({"transcription": None}, ConfigurationError, "update(transcription=…)"),
        ({"speed": 1}, ConfigurationError, "update(speed=…)"),
        ({"instruction": "…"}, ConfigurationError, "instructions="),
        ({"language": "de"}, ConfigurationError, "Always speak German."),
        ({"input": ["Hello"]}, ConfigurationError, '"input_text"'),
        ({"temperature": 1}, ProtocolError, "instructions=…"),
        ({"modalities": ["text"]}, ProtocolError, "output_modalities="),
        ({"input": "Hello"}, ProtocolError, "item_reference"),
        ({"conversation": "non"}, ProtocolError, '"none"'),
        ({"voice": "mariin"}, ProtocolError, '"marin"'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_responses_wrong_keyword_is_told_the_right_one(
    flat: dict[str, Any], kind: type[Exception], right: str
) -> None:
    with pytest.raises(kind) as refused:
        response_fields(**flat)
    assert right in str(refused.value)
