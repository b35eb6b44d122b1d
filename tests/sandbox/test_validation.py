"""Wrong client events and sessions are refused with the API's codes, at the place of the fault."""

from __future__ import annotations

from typing import Any

import pytest

from rtc_widget.sandbox.validation import check_client_event, check_session
from rtc_widget.sandbox.wire import ApiError

USER = {"type": "message", "role": "user"}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def heard(**fields: Any) -> dict[str, Any]:
    return update(audio={"input": fields})


def create(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "session.dance"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": 3}, "invalid_type", "session"),
        (update(temperature=1), "unknown_parameter", "session.temperature"),
        (update(turn_detection=None), "unknown_parameter", "session.turn_detection"),
        (update(instructions=3), "invalid_type", "session.instructions"),
        (update(output_modalities=["text", "audio"]), "invalid_value", "session.output_modalities"),
        (update(output_modalities=["video"]), "invalid_value", "session.output_modalities[0]"),
        (update(max_output_tokens=0), "integer_below_min_value", "session.max_output_tokens"),
        (update(max_output_tokens=5000), "integer_above_max_value", "session.max_output_tokens"),
        (update(max_output_tokens="many"), "invalid_value", "session.max_output_tokens"),
        (update(audio={"output": {"speed": 3}}), "decimal_above_max_value", "session.audio.output.speed"),
        (update(audio={"output": {"voice": "bob"}}), "invalid_value", "session.audio.output.voice"),
        (
            update(audio={"output": {"voice": {"name": "x"}}}),
            "unknown_parameter",
            "session.audio.output.voice.name",
        ),
        (update(tools=[{"type": "function", "name": "a b"}]), "invalid_value", "session.tools[0].name"),
        (update(tools=[{"type": "function"}]), "missing_required_parameter", "session.tools[0].name"),
        (update(tools=[{"type": "gadget", "name": "x"}]), "invalid_value", "session.tools[0].type"),
        (heard(turn_detection={"type": "vad"}), "invalid_value", "session.audio.input.turn_detection.type"),
        (heard(turn_detection={}), "missing_required_parameter", "session.audio.input.turn_detection.type"),
        (
            heard(turn_detection={"type": "server_vad", "eagerness": "low"}),
            "unknown_parameter",
            "session.audio.input.turn_detection.eagerness",
        ),
        (
            heard(turn_detection={"type": "server_vad", "threshold": 2}),
            "decimal_above_max_value",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            heard(turn_detection={"type": "server_vad", "idle_timeout_ms": 10}),
            "integer_below_min_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            heard(format={"type": "audio/pcm", "rate": 8000}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            heard(format={"type": "audio/pcm", "rate": True}),
            "invalid_type",
            "session.audio.input.format.rate",
        ),
        *(
            (
                heard(transcription={"model": model, **more}),
                "invalid_value",
                f"session.audio.input.transcription.{next(iter(more))}",
            )
            for model, more in (
                ("gpt-realtime-whisper", {"prompt": "Bruno"}),
                ("gpt-realtime-whisper", {"keywords": ["Bruno"]}),
                ("whisper-1", {"languages": ["en"]}),
                ("gpt-transcribe", {"delay": "low"}),
            )
        ),
        ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
        ({"type": "conversation.item.create", "item": {"type": "note"}}, "invalid_value", "item.type"),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "bot", "content": []}},
            "invalid_value",
            "item.role",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {**USER, "content": [{"type": "text", "text": "x"}]},
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "conversation.item.create", "item": {**USER, "id": "i" * 33, "content": []}},
            "string_above_max_length",
            "item.id",
        ),
        (create(modalities=["text"]), "unknown_parameter", "response.modalities"),
        (create(input=[{"type": "item_reference"}]), "missing_required_parameter", "response.input[0].id"),
        (create(metadata={"a": 1}), "invalid_type", "response.metadata.a"),
        (create(metadata={"a": "x" * 513}), "string_above_max_length", "response.metadata.a"),
        (
            create(metadata={str(n): "" for n in range(17)}),
            "object_above_max_properties",
            "response.metadata",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": -1},
            "integer_below_min_value",
            "audio_end_ms",
        ),
        ({"type": "response.cancel", "why": "x"}, "unknown_parameter", "why"),
    ],
)
def test_a_wrong_event_is_refused_at_its_place(event: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_client_event(event)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    "event",
    [
        update(),
        update(instructions=None, tools=[], tool_choice="required", truncation="disabled", tracing="auto"),
        update(tools=[{"type": "function", "name": "f", "parameters": {"type": "object", "x-any": [1]}}]),
        update(tool_choice={"type": "function", "name": "f"}, max_output_tokens="inf"),
        update(audio={"output": {"voice": {"id": "voice_1"}, "speed": 1}}),
        heard(
            turn_detection={"type": "semantic_vad", "eagerness": "low"},
            noise_reduction={"type": "near_field"},
        ),
        heard(turn_detection=None, transcription={"model": "gpt-transcribe", "languages": ["en"]}),
        {"type": "response.create"},
        create(input=[{"type": "item_reference", "id": "item_1"}], conversation="none", metadata={"a": "b"}),
        create(input=[{**USER, "content": [{"type": "input_text", "text": "x"}]}]),
        {"type": "response.cancel", "event_id": "e"},
        {"type": "output_audio_buffer.clear"},
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "c", "output": ""},
        },
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": {**USER, "content": [{"type": "input_image", "image_url": "x", "detail": "low"}]},
        },
    ],
)
def test_a_right_event_passes(event: dict[str, Any]) -> None:
    assert check_client_event(event) is event


def test_a_session_is_checked_too() -> None:
    assert check_session({"type": "realtime", "model": "gpt-realtime-2.1"})
    for session, param in (
        ({"model": "x"}, "session.type"),
        ([], "session"),
        ({"type": "translation"}, "session.type"),
    ):
        with pytest.raises(ApiError) as caught:
            check_session(session)
        assert caught.value.param == param
    heard = {"transcription": {"model": "gpt-transcribe"}}
    assert check_session({"type": "transcription", "audio": {"input": heard}})
    with pytest.raises(ApiError, match=r"session\.instructions"):
        check_session({"type": "transcription", "instructions": "Be brief."})
