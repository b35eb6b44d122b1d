"""Every wrong client event is refused with its cause and a right form that is no word of the input."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rtc_widget import ProtocolError
from rtc_widget.protocol import check_client_event

Event = dict[str, Any]
LIVE: Event = {
    "type": "realtime",
    "model": "gpt-realtime",
    "tracing": "auto",
    "audio": {"output": {"voice": "marin"}},
}


def session(**fields: Any) -> Event:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def heard(**fields: Any) -> Event:
    return session(audio={"input": fields})


def spoken(**fields: Any) -> Event:
    return session(audio={"output": fields})


def response(**fields: Any) -> Event:
    return {"type": "response.create", "response": fields}


def item(**fields: Any) -> Event:
    return {"type": "conversation.item.create", "item": fields}


def message(role: str, *content: Any) -> Event:
    return item(type="message", role=role, content=list(content))


def function(**fields: Any) -> Event:
    return session(tools=[{"type": "function", "name": "price", **fields}])


def words_of(event: Any) -> set[str]:
    return set(re.findall(r"[\w.-]+", json.dumps(event, default=str, ensure_ascii=False)))


# what it is: (event, words that name the cause, the right form)
WRONG: dict[str, tuple[Any, str, str]] = {
    # events
    "no type": ({}, "needs its type", '"response.create"'),
    "no type, but a session": ({"session": {}}, "needs its type", '"session.update"'),
    "a misspelt type": ({"typ": "response.create"}, 'its "typ" is not it', '{"type": "response.create"'),
    "a type that is no string": ({"type": 7}, "7 is none", '"response.create"'),
    "a JSON text": ('{"type": "response.create"}', "is a dict", "send_event(json.loads"),
    "a list": ([{"type": "response.create"}], "is a list", 'Right form: {"type"'),
    "a slip of the pen": ({"type": "respnse.create"}, "no such event", '"response.create"'),
    "another slip": ({"type": "session.updte"}, "no such event", '"session.update"'),
    "camel case": ({"type": "inputAudioBuffer.commit"}, "no such event", '"input_audio_buffer.commit"'),
    "an invented event": ({"type": "make.coffee"}, "no such event", "conversation.item.create"),
    "a server event": ({"type": "session.updated"}, "is a server event", '"session.update"'),
    "a server event of responses": ({"type": "response.done"}, "is a server event", '"response.create"'),
    "a server event that nothing leads to": ({"type": "error"}, "is a server event", "response.cancel"),
    "a note": ({"type": "rtc.state"}, "is a note of ours", "session.update"),
    "input_audio.buffer.append": (
        {"type": "input_audio.buffer.append", "audio": ""},
        "no such event",
        '"input_audio_buffer.append"',
    ),
    "append over WebRTC": ({"type": "input_audio_buffer.append", "audio": ""}, "is for WebSocket", "play("),
    "conversation.item.edit": ({"type": "conversation.item.edit"}, "cannot be changed", '"previous_item_id"'),
    "conversation.item.completed": (
        {"type": "conversation.item.completed"},
        "no such event",
        '"conversation.item.done"',
    ),
    "session.language": ({"type": "session.language"}, "no such thing", "session.instructions"),
    "a beta event": ({"type": "response.text.delta"}, "of the beta", '"response.output_text.delta"'),
    "a beta audio event": (
        {"type": "response.audio_transcript.done"},
        "of the beta",
        '"response.output_audio_transcript.done"',
    ),
    "transcription_session.update": (
        {"type": "transcription_session.update"},
        "of the beta",
        '"type": "transcription"',
    ),
    "response.stop": ({"type": "response.stop"}, "no such event", '"response.cancel"'),
    "session.close": ({"type": "session.close"}, "no such event", "hang_up()"),
    # fields of a session
    "a misspelt field, deep": (
        heard(turn_detecton=None),
        "session.audio.input.turn_detecton: there is no such field",
        "session.audio.input.turn_detection?",
    ),
    "a misspelt field": (session(instruction="…"), "no such field", "session.instructions"),
    "a field in camel case": (session(maxOutputTokens=9), "no such field", "session.max_output_tokens"),
    "a field at the wrong place": (
        session(voice="marin"),
        "no such field here",
        "session.audio.output.voice",
    ),
    "a field much too high": (
        session(threshold=0.5),
        "no such field here",
        "session.audio.input.turn_detection.threshold",
    ),
    "output's field in input": (heard(speed=1.0), "no such field here", "session.audio.output.speed"),
    "fields beside the session": (
        {"type": "session.update", "voice": "marin"},
        "no such field here",
        "session.audio.output.voice",
    ),
    "a field that is nowhere": (session(mood="happy"), "no such field", "include, instructions"),
    "turn_detection at the top": (
        session(turn_detection=None),
        "session.turn_detection",
        "session.audio.input.turn_detection",
    ),
    "modalities": (session(modalities=["text"]), "session.modalities", "session.output_modalities"),
    "input_audio_format": (
        session(input_audio_format="pcm16"),
        "session.input_audio_format",
        '{"type": "audio/pcm", "rate": 24000}',
    ),
    "input_audio_transcription": (
        session(input_audio_transcription={"model": "whisper-1"}),
        "session.input_audio_transcription",
        "session.audio.input.transcription",
    ),
    "max_response_output_tokens": (
        session(max_response_output_tokens=9),
        "session.max_response_output_tokens",
        "session.max_output_tokens",
    ),
    "temperature": (session(temperature=0.8), "no more", "session.instructions"),
    "seed": (session(seed=1), "no more", "session.instructions"),
    "language": (
        session(language="de"),
        "heard or spoken?",
        'audio.input.transcription {"model": "gpt-transcribe", "language": "de"}',
    ),
    "a read-only field": (session(expires_at=1), "the service sets it", '"instructions"'),
    "a session without its type": (
        {"type": "session.update", "session": {"instructions": "…"}},
        '"type" is missing',
        '{"type": "realtime"',
    ),
    "a session of no type": (
        {"type": "session.update", "session": {"type": "realtim"}},
        "session.type",
        '"realtime"',
    ),
    "no session": ({"type": "session.update"}, '"session" is missing', '"session": {"type": "realtime"}'),
    "a session that is a list": ({"type": "session.update", "session": []}, "is not an object", '"realtime"'),
    "a model": (session(model="gpt-realtime"), "keeps its model", "RealtimeWidget(model="),
    # values of a session
    "a speed out of range": (spoken(speed=2.5), "out of range", "from 0.25 to 1.5"),
    "a speed in words": (spoken(speed="fast"), "is not a number", "from 0.25 to 1.5"),
    "a speed that is true": (spoken(speed=True), "is not a number", "from 0.25 to 1.5"),
    "a speed that is NaN": (spoken(speed=float("nan")), "JSON", "from 0.25 to 1.5"),
    "a misspelt voice": (spoken(voice="mariin"), "no voice", '"marin"'),
    "an invented voice": (spoken(voice="Alexa"), "no voice", "cedar"),
    "a custom voice as a string": (spoken(voice="voice_12"), "as an object", '{"id": "voice_12"}'),
    "no tokens": (session(max_output_tokens=0), "out of range", '1 to 4096 or "inf"'),
    "too many tokens": (session(max_output_tokens=5000), "out of range", '1 to 4096 or "inf"'),
    "half a token": (session(max_output_tokens=1.5), "whole number", "1 to 4096"),
    "tokens in words": (session(max_output_tokens="infinite"), "not taken here", 'to 4096 or "inf"'),
    "both modalities": (session(output_modalities=["audio", "text"]), "not one modality", "never both"),
    "an unknown modality": (session(output_modalities=["speech"]), "not taken here", '"audio"'),
    "a modality without its list": (session(output_modalities="text"), "is not a list", '["audio"]'),
    "a type of VAD": (heard(turn_detection={"type": "servervad"}), "not taken here", '"server_vad"'),
    "a VAD in words": (heard(turn_detection="server"), "is not an object", '{"type": "server_vad"}'),
    "a VAD without its type": (heard(turn_detection={"threshold": 0.6}), "is missing", '"server_vad"'),
    "a threshold out of range": (
        heard(turn_detection={"type": "server_vad", "threshold": 5}),
        "out of range",
        "from 0 to 1",
    ),
    "silence less than none": (
        heard(turn_detection={"type": "server_vad", "silence_duration_ms": -1}),
        "out of range",
        "0 or more",
    ),
    "a field of the other VAD": (
        heard(turn_detection={"type": "semantic_vad", "silence_duration_ms": 500}),
        '"semantic_vad" has no silence_duration_ms',
        '{"type": "server_vad"',
    ),
    "an eagerness": (
        heard(turn_detection={"type": "semantic_vad", "eagerness": "very"}),
        "not taken here",
        '"low", "medium", "high" or "auto"',
    ),
    "a language by its name": (
        heard(transcription={"model": "gpt-transcribe", "language": "German"}),
        "ISO-639-1",
        '"de"',
    ),
    "keywords for a model without": (
        heard(transcription={"model": "whisper-1", "keywords": ["flat white"]}),
        '"whisper-1" takes none',
        '"gpt-transcribe"',
    ),
    "transcription in words": (heard(transcription="on"), "is not an object", '{"model": "gpt-transcribe"}'),
    "a format in words": (heard(format="pcm16"), "is an object now", '{"type": "audio/pcm", "rate": 24000}'),
    "a format of the beta": (spoken(format="g711_ulaw"), "is an object now", '{"type": "audio/pcmu"}'),
    "a sample rate": (heard(format={"type": "audio/pcm", "rate": 16000}), "is not 24000", "24000"),
    "noise reduction in words": (heard(noise_reduction="near"), "is not an object", '"near_field"'),
    "null instructions": (session(instructions=None), "null is not taken here", '"" to clear it'),
    "a null voice": (spoken(voice=None), "leave the field out", 'Right form: "marin" or'),
    "null modalities": (session(output_modalities=None), "leave the field out", 'Right form: ["audio"] or'),
    "no id": ({"type": "conversation.item.delete", "item_id": None}, "leave the field out", 'Right form: "'),
    "the beta's language": (
        {"type": "session.update", "session": {"language": "de"}},
        "session.language",
        "Heard: audio.input.transcription",
    ),
    "the beta's modalities": (
        {"type": "session.update", "session": {"modalities": ["text"], "temperature": 0.8}},
        "session.modalities",
        "output_modalities",
    ),
    "the beta's voice": (
        {"type": "session.update", "session": {"instructions": "Hi.", "voice": "ash"}},
        "session.voice",
        "audio.output.voice",
    ),
    "null tools": (session(tools=None), "null is not taken here", "[] to clear it"),
    "a truncation": (session(truncation="none"), "not taken here", '"disabled"'),
    "a retention ratio": (
        session(truncation={"type": "retention_ratio", "retention_ratio": 80}),
        "out of range",
        "from 0 to 1",
    ),
    "an effort": (session(reasoning={"effort": "max"}), "not taken here", '"xhigh"'),
    "reasoning in words": (session(reasoning="high"), "is not an object", '{"effort": "low"}'),
    "a tool choice": (session(tool_choice="any"), "not taken here", '"required"'),
    "a tool choice of Chat Completions": (
        session(tool_choice={"type": "function", "function": {"name": "price"}}),
        "Chat Completions",
        '{"type": "function", "name": …}',
    ),
    "a tool of Chat Completions": (
        session(tools=[{"type": "function", "function": {"name": "price"}}]),
        "Chat Completions",
        '"parameters": {…}',
    ),
    "a tool without a name": (session(tools=[{"type": "function"}]), "needs its name", '"name": "…"'),
    "a tool's name": (function(name="get price"), "no name of a tool", '"get_price"'),
    "two tools of one name": (
        session(tools=[{"type": "function", "name": "price"}] * 2),
        '"price" stands here twice',
        "one tool for each name",
    ),
    "parameters that are a list": (function(parameters=["drink"]), "no JSON Schema", '"properties"'),
    "parameters that are no JSON": (function(parameters={"drink": {1}}), "JSON", "dict, list, str"),
    "an MCP tool without a server": (
        session(tools=[{"type": "mcp", "server_label": "shop"}]),
        "where its server is",
        '"server_url"',
    ),
    # items
    "content that is a string": (
        item(type="message", role="user", content="Hi"),
        "is not a list",
        '[{"type": "input_text", "text": "…"}]',
    ),
    "text beside the content": (
        item(type="message", role="user", text="Hi"),
        "no such field here",
        "item.content[].text",
    ),
    "the role developer": (message("developer"), '"developer"', 'role "system"'),
    "the role tool": (message("tool"), '"tool"', '"function_call_output"'),
    "an unknown role": (message("usr"), "not taken here", '"user"'),
    "the assistant's text": (
        message("assistant", {"type": "text", "text": "Hi"}),
        'role "assistant"',
        '"output_text"',
    ),
    "the user's text": (message("user", {"type": "text", "text": "Hi"}), 'role "user"', '"input_text"'),
    "the assistant's sound": (
        message("assistant", {"type": "output_audio", "audio": "AAAA"}),
        "no sound of the assistant's",
        '"output_text"',
    ),
    "a part without its type": (message("user", {"text": "Hi"}), "needs its type", '"input_text"'),
    "a part without its text": (message("user", {"type": "input_text"}), "needs its text", '"text": "…"'),
    "a part with two things": (
        message("user", {"type": "input_text", "text": "Hi", "image_url": "https://a.test/b.png"}),
        "has no image_url",
        '"text": "…"}',
    ),
    "an image as a path": (
        message("user", {"type": "input_image", "image_url": "menu.png"}),
        "no picture",
        '"data:image/png;base64,…"',
    ),
    "an image in a format that is not taken": (
        message("user", {"type": "input_image", "image_url": "data:image/webp;base64,AA"}),
        "no picture",
        '"data:image/png;base64,…"',
    ),
    "sound as bytes": (
        message("user", {"type": "input_audio", "audio": b"\0\0"}),
        "is not a string",
        "base64",
    ),
    "an item without its type": (
        item(role="user", content=[]),
        '"type" is missing',
        '{"type": "message", …}',
    ),
    "an item of no type": (item(type="mesage", role="user", content=[]), "not taken here", '"message"'),
    "a reference where none goes": (
        item(type="item_reference", id="item_1"),
        "only response.create takes references",
        '"response": {"input"',
    ),
    "a tool's output as a dict": (
        item(type="function_call_output", call_id="call_1", output={"price": 3}),
        "is not a string",
        "json.dumps(…)",
    ),
    "a tool's output without its call": (
        item(type="function_call_output", output="3"),
        "is missing",
        '"call_id": "…"',
    ),
    "a tool's output by our own word": (
        item(type="function_call_output", tool_call_id="call_1", output="3"),
        "item.tool_call_id",
        "item.call_id",
    ),
    "an id that is too long": (
        item(id="item_" + "0" * 40, type="message", role="user", content=[]),
        "45 characters",
        "at most 32 characters",
    ),
    "a status": (
        item(type="message", role="user", content=[], status="done"),
        "not taken here",
        '"completed"',
    ),
    # the other events
    "a delete without its item": ({"type": "conversation.item.delete"}, "is missing", '"item_id": "…"'),
    "a delete by id": ({"type": "conversation.item.delete", "id": "item_1"}, "no such field", "item_id"),
    "a delete of a number": ({"type": "conversation.item.delete", "item_id": 1}, "is not a string", '"…"'),
    "a truncation without its end": (
        {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0},
        '"audio_end_ms" is missing',
        '"audio_end_ms": 1500',
    ),
    "a truncation before its beginning": (
        {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": -5},
        "out of range",
        "0 or more",
    ),
    "a misspelt previous_item_id": (
        {**message("user"), "previous_item": "root"},
        "no such field",
        "previous_item_id",
    ),
    "a response in prose": (
        {"type": "response.create", "response": "Hi"},
        "is not an object",
        '{"instructions": "…"}',
    ),
    "instructions beside the response": (
        {"type": "response.create", "instructions": "Hi"},
        "no such field here",
        "response.instructions",
    ),
    "a response's voice at the top": (
        response(voice="marin"),
        "no such field here",
        "response.audio.output.voice",
    ),
    "a response's temperature": (response(temperature=1), "no more", "response.instructions"),
    "a response's modalities": (response(modalities=["text"]), "response.modalities", "output_modalities"),
    "a response's turn detection": (
        response(turn_detection=None),
        "belongs to the session",
        "session.audio.input.turn_detection",
    ),
    "a conversation": (response(conversation="nne"), "not taken here", '"none"'),
    "an input in prose": (response(input="Hi"), "is not a list", '{"type": "item_reference"'),
    "a number in metadata": (response(metadata={"try": 1}), "is not a string", "str(…)"),
    "too much metadata": (response(metadata={str(i): "" for i in range(17)}), "17 pairs", "at most 16 keys"),
    "a long key": (response(metadata={"k" * 65: ""}), "65 characters", "at most 64 characters"),
    "a long value": (response(metadata={"k": "v" * 513}), "513 characters", "at most 512 characters"),
    "a cancel by id": ({"type": "response.cancel", "id": "resp_1"}, "no such field", "response_id"),
    "a commit with sound": (
        {"type": "input_audio_buffer.commit", "audio": "AAAA"},
        "no such field",
        "event_id and type",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_event_is_refused_with_its_cause_and_a_right_form_that_is_no_word_of_the_input(
    what: str,
) -> None:
    event, cause, right = WRONG[what]
    with pytest.raises(ProtocolError) as refused:
        check_client_event(event)
    text = str(refused.value)
    assert cause in text
    assert right in text
    assert right.strip('"') not in words_of(event)


def test_keys_are_strings() -> None:
    with pytest.raises(ProtocolError, match="JSON's keys are strings"):
        check_client_event(response(metadata={1: "a"}))


def test_there_are_more_than_sixty_wrong_calls() -> None:
    assert len(WRONG) > 60


# against a session that is live
WRONG_NOW: dict[str, tuple[Event, bool, str, str]] = {
    "another model": (session(model="gpt-realtime-2.1"), False, "keeps its model", "RealtimeWidget(model="),
    "another type": (
        {"type": "session.update", "session": {"type": "transcription"}},
        False,
        'of type "realtime"',
        '"type": "realtime"',
    ),
    "another voice once it has spoken": (spoken(voice="cedar"), True, "has spoken", '"marin"'),
    "another voice for one response": (
        response(audio={"output": {"voice": "cedar"}}),
        True,
        "has spoken",
        '"marin"',
    ),
    "other tracing": (session(tracing={"workflow_name": "x"}), False, "cannot be changed", "null to turn it"),
    "reasoning without a model for it": (
        session(reasoning={"effort": "low"}),
        False,
        "gpt-realtime does not reason",
        "gpt-realtime-2.1",
    ),
    "parallel calls without a model for them": (
        response(parallel_tool_calls=True),
        False,
        "gpt-realtime does not reason",
        "gpt-realtime-2.1",
    ),
}


@pytest.mark.parametrize("what", WRONG_NOW)
def test_what_the_live_session_cannot_do_is_refused(what: str) -> None:
    event, has_spoken, cause, right = WRONG_NOW[what]
    with pytest.raises(ProtocolError) as refused:
        check_client_event(event, session=LIVE, has_spoken=has_spoken)
    text = str(refused.value)
    assert cause in text
    assert right in text
    assert right.strip('"') not in words_of(event)


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe"])
def test_a_transcription_session_of_a_live_model_takes_no_turn_detection(model: str) -> None:
    listening = {"turn_detection": {"type": "server_vad"}}
    event = {"type": "session.update", "session": {"type": "transcription", "audio": {"input": listening}}}
    before = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": model}}},
    }
    with pytest.raises(ProtocolError, match="Right form: null"):
        check_client_event(event, session=before)
    assert check_client_event(event, session={"type": "transcription"}) == event


CANARY = "canary-4711"
REMOTE = {"type": "mcp", "server_label": "kitchen", "server_url": "https://example.com"}


@pytest.mark.parametrize(
    "tool",
    [
        {"headers": CANARY},
        {"headers": [CANARY]},
        {"headers": {"Authorization": [CANARY]}},
        {"authorization": [CANARY]},
        {"authorization": {"token": CANARY}},
        {"require_approval": f"sk-{CANARY}"},
        {"server_url": [f"Bearer {CANARY}"]},
        {"server_url": [f"https://example.com/?key={CANARY}"]},
    ],
)
def test_a_key_of_an_mcp_server_in_a_wrong_place_or_shape_is_not_shown(tool: Event) -> None:
    for event in (session(tools=[{**REMOTE, **tool}]), response(tools=[{**REMOTE, **tool}])):
        with pytest.raises(ProtocolError, match=next(iter(tool))) as caught:
            check_client_event(event, session=LIVE)
        assert CANARY not in str(caught.value)


def test_a_word_that_only_looks_a_little_like_a_key_is_shown() -> None:
    with pytest.raises(ProtocolError, match="risk-averse"):
        check_client_event(session(tool_choice="risk-averse"), session=LIVE)
