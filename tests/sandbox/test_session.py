"""A session obeys client events as the API does, and sends what the API sends."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox import voice
from rtc_widget.sandbox.formats import decoded
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, resample, silence
from rtc_widget.sandbox.voice import synthesise
from tests.sandbox.events import of_type, types
from tests.sandbox.inside import Inside, inside, text_of

if TYPE_CHECKING:
    from tests.sandbox.events import Event

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PRICE = {
    "type": "function",
    "name": "price",
    "description": "Price in euro.",
    "parameters": {
        "type": "object",
        "properties": {"drink": {"type": "string"}, "size": {"type": "string", "enum": ["small", "large"]}},
        "required": ["drink"],
    },
}
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


async def test_a_session_begins_as_recorded() -> None:
    async with inside() as talk:
        session = talk.events[0]["session"]
    assert types(talk.events) == ["session.created"]
    assert session["id"].startswith("sess_")
    del session["id"], session["expires_at"], session["instructions"]
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "sandbox",
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


async def test_an_update_is_a_sparse_merge_and_null_clears() -> None:
    async with inside(instructions="Be brief.") as talk:
        talk.send(
            "session.update",
            session={
                "type": "realtime",
                "audio": {
                    "input": {
                        "transcription": {"model": "gpt-realtime-whisper"},
                        "turn_detection": {"type": "server_vad", "threshold": 0.7},
                    }
                },
            },
        )
        session = talk.last("session.updated")["session"]
        assert session["instructions"] == "Be brief."
        heard = session["audio"]["input"]
        assert heard["transcription"] == {"model": "gpt-realtime-whisper", "language": None, "prompt": None}
        assert heard["turn_detection"]["threshold"] == 0.7
        assert heard["turn_detection"]["prefix_padding_ms"] == 300
        off = {"transcription": None, "turn_detection": None}
        talk.send("session.update", session={"type": "realtime", "instructions": "", "audio": {"input": off}})
        session = talk.last("session.updated")["session"]
        assert session["instructions"] == ""
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["transcription"] is None
        semantic = {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}
        talk.send("session.update", session={"type": "realtime", "audio": {"input": semantic}})
        assert talk.last("session.updated")["session"]["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "low",
            "create_response": True,
            "interrupt_response": True,
        }


async def test_a_transcription_holds_what_its_model_takes_and_no_more() -> None:
    async with inside() as talk:

        def become(**fields: Any) -> Event:
            update = {"type": "realtime", "audio": {"input": {"transcription": fields}}}
            talk.send("session.update", session=update)
            found: Event = talk.last("session.updated")["session"]["audio"]["input"]["transcription"]
            return found

        become(model="gpt-transcribe", keywords=["Bruno"], prompt="Names.", language="en")
        live = become(model="gpt-realtime-whisper", delay="low")
        assert live == {"model": "gpt-realtime-whisper", "language": "en", "prompt": None, "delay": "low"}
        assert become(keywords=["Bruno"]) == live
        error = talk.error()
        assert (error["code"], error["param"]) == (
            "invalid_value",
            "session.audio.input.transcription.keywords",
        )
        assert become(language="fr") == {**live, "language": "fr"}


@pytest.mark.parametrize(
    ("instructions", "question", "answer"),
    [
        ("", "A flat white.", "You said: A flat white."),
        ("Answer in one word.", "A flat white, please.", "White."),
        ("Your name is Robin.", "What is your name?", "My name is Robin."),
        ("Your name is Robin. Answer in one word.", "Who are you?", "Robin."),
        ("Begin with Ahoy.", "Hello.", "Ahoy. You said: Hello."),
        ('Start every answer with "Well, well!" and be kind.', "Hello.", "Well, well! You said: Hello."),
        ("Reply in French.", "Hello.", "Vous avez dit : Hello."),
        ("Answer only in Spanish, please.", "Hello.", "Usted ha dicho: Hello."),
        ("Speak German.", "What is your name?", "Ich bin der Sandkasten. Ich habe eine Stimme"),
        ('Say exactly "Good night".', "Hello.", "Good night"),
    ],
)
async def test_instructions_change_the_answer(instructions: str, question: str, answer: str) -> None:
    async with inside(**TEXT) as talk:
        talk.send("session.update", session={"type": "realtime", "instructions": instructions})
        assert (await talk.ask(question)).startswith(answer)


async def test_slowly_and_quickly_change_how_long_the_voice_takes() -> None:
    lengths = {}
    for instructions in ("Speak slowly.", "", "Talk quickly."):
        async with inside(instructions=instructions) as talk:
            await talk.ask("A flat white.")
            entry = talk.session.history.find(talk.session.history.last_id or "")
            assert entry is not None
            lengths[instructions] = entry.audio_ms
    assert lengths["Speak slowly."] > lengths[""] * 1.2
    assert lengths["Talk quickly."] < lengths[""] * 0.85


async def test_the_instructions_of_a_response_hold_for_it_alone() -> None:
    async with inside(**TEXT) as talk:
        assert (
            await talk.ask("Tell me, what is your name?", instructions="Your name is Ada.")
            == "My name is Ada."
        )
        assert "sandbox" in await talk.ask("What is your name?")


async def test_a_function_call_has_the_recorded_order_and_its_output_is_told() -> None:
    async with inside(tools=[WEATHER], **TEXT) as talk:
        talk.say("What is the weather in London?")
        since = len(talk.events)
        response = await talk.answer()
        assert types(talk.events[since:])[:8] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        call = response["output"][0]
        assert call["name"] == "get_weather"
        assert json.loads(call["arguments"]) == {"city": "London"}
        deltas = of_type(talk.events, "response.function_call_arguments.delta")
        assert "".join(event["delta"] for event in deltas) == call["arguments"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Foggy."}
        talk.send("conversation.item.create", item=output)
        assert text_of(await talk.answer()) == "Get weather says: Foggy."


async def test_two_functions_are_called_in_one_response_unless_that_is_forbidden() -> None:
    question = "What is the price of a large espresso, and what is the weather in New York?"
    async with inside(tools=[WEATHER, PRICE], **TEXT) as talk:
        talk.say(question)
        calls = (await talk.answer())["output"]
        arguments = {call["name"]: json.loads(call["arguments"]) for call in calls}
        assert arguments["get_weather"] == {"city": "New York"}
        assert arguments["price"]["size"] == "large"
        talk.say(question)
        assert len((await talk.answer(parallel_tool_calls=False))["output"]) == 1
        assert (await talk.ask(question, tool_choice="none")).startswith("You said")
        talk.say("Hello.")
        forced = await talk.answer(tool_choice={"type": "function", "name": "price"})
        assert forced["output"][0]["name"] == "price"


async def test_one_response_at_a_time_and_others_beside_it() -> None:
    async with inside() as talk:
        talk.say("Count to fifty.")
        talk.send("response.create")
        running = await talk.wait_for("output_audio_buffer.started")
        talk.send("response.create", event_id="second")
        error = talk.error()
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "second"
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
        talk.send("response.create", response={"conversation": "another"})
        assert talk.error()["param"] == "response.conversation"
        beside = await talk.answer(
            conversation="none", input=[item], metadata={"probe": "a"}, output_modalities=["text"]
        )
        assert text_of(beside) == "You said: Hello."
        assert beside["conversation_id"] is None
        assert beside["metadata"] == {"probe": "a"}
        assert all(entry.id != beside["output"][0]["id"] for entry in talk.session.history)
        talk.send("response.cancel", response_id=running["response_id"])
        cancelled = talk.last("response.done")["response"]
        assert cancelled["id"] == running["response_id"]
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert cancelled["output"][0]["status"] == "incomplete"


async def test_a_response_beside_the_conversation_is_cancelled_by_its_id_alone() -> None:
    async with inside() as talk:
        talk.send("response.create", response={"conversation": "none", "instructions": "Count to fifty."})
        beside = (await talk.wait_for("response.created"))["response"]["id"]
        talk.send("response.cancel")
        assert talk.error()["code"] == "response_cancel_not_active"
        talk.send("response.create", response={"instructions": "Count to fifty."})
        talk.send("response.cancel")
        assert talk.last("response.done")["response"]["id"] != beside
        talk.send("response.cancel", response_id=beside)
        done = talk.last("response.done")["response"]
        assert (done["id"], done["status"]) == (beside, "cancelled")


async def test_a_response_may_look_at_referenced_items_alone() -> None:
    async with inside(**TEXT) as talk:
        talk.say("First.", id="item_first")
        talk.say("Second.", id="item_second")
        only = {"conversation": "none", "input": [{"type": "item_reference", "id": "item_first"}]}
        assert text_of(await talk.answer(**only)) == "You said: First."
        assert "listening" in text_of(await talk.answer(conversation="none", input=[]))
        talk.send("response.create", response={"input": [{"type": "item_reference", "id": "item_lost"}]})
        assert talk.error()["param"] == "response.input[0].id"


async def test_items_are_placed_retrieved_and_deleted() -> None:
    async with inside() as talk:
        talk.say("B", id="item_b")
        talk.send(
            "conversation.item.create",
            previous_item_id="root",
            item={
                "type": "message",
                "id": "item_a",
                "role": "system",
                "content": [{"type": "input_text", "text": "A"}],
            },
        )
        assert talk.last("conversation.item.added")["previous_item_id"] is None
        talk.send(
            "conversation.item.create",
            previous_item_id="item_b",
            item={
                "type": "message",
                "id": "item_c",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "C"}],
            },
        )
        assert talk.last("conversation.item.added")["previous_item_id"] == "item_b"
        assert [entry.id for entry in talk.session.history] == ["item_a", "item_b", "item_c"]
        talk.send("conversation.item.retrieve", item_id="item_b")
        assert talk.last("conversation.item.retrieved")["item"]["content"] == [
            {"type": "input_text", "text": "B"}
        ]
        talk.send("conversation.item.delete", item_id="item_b")
        assert talk.last("conversation.item.deleted")["item_id"] == "item_b"


@pytest.mark.parametrize(
    ("event", "code", "words"),
    [
        (
            {"type": "conversation.item.delete", "item_id": "x"},
            "item_delete_invalid_item_id",
            "'x' does not exist",
        ),
        (
            {"type": "conversation.item.retrieve", "item_id": "x"},
            "item_retrieve_invalid_item_id",
            "retrieving",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1},
            "item_truncate_invalid_item_id",
            "truncating",
        ),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "item_user",
                "content_index": 0,
                "audio_end_ms": 1,
            },
            "invalid_value",
            "Only model output audio",
        ),
        ({"type": "response.cancel"}, "response_cancel_not_active", "no active response"),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", "only has 0.00ms"),
        (
            {
                "type": "conversation.item.create",
                "previous_item_id": "x",
                "item": {"type": "message", "role": "user", "content": []},
            },
            "item_create_invalid_previous_item_id",
            "'x' does not exist",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"id": "item_user", "type": "message", "role": "user", "content": []},
            },
            "item_create_duplicate_item_id",
            "already exists",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "call_x", "output": "1"},
            },
            "invalid_tool_call_id",
            "'call_x' not found",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_audio", "audio": "AAAA"}],
                },
            },
            "invalid_value",
            "'output_text'",
        ),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value", "base64"),
        ({"type": "input_audio_buffer.append", "audio": "é"}, "invalid_value", "'audio'"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(event: dict[str, Any], code: str, words: str) -> None:
    async with inside() as talk:
        talk.say("Hello.", id="item_user")
        talk.session.receive(json.dumps({**event, "event_id": "mine"}))
        error = talk.error()
        assert error["code"] == code
        assert words in error["message"]
        assert error["event_id"] == "mine"


def message(role: str, **part: str) -> Event:
    """Return an item with one part."""
    return {"type": "message", "role": role, "content": [part]}


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (message("user", type="input_audio", audio="?"), "content[0].audio"),
        (message("user", type="input_audio"), "content[0].audio"),
        (message("user", type="input_image", image_url="x"), "content[0].image_url"),
        (message("assistant", type="output_audio", transcript="Hello."), "content[0].type"),
        ({"type": "function_call_output", "call_id": "call_x", "output": "1"}, "call_id"),
    ],
)
async def test_a_fault_of_an_item_is_named_where_it_stands_in_the_event(item: Event, place: str) -> None:
    async with inside() as talk:
        talk.send("conversation.item.create", item=item)
        assert talk.error()["param"] == f"item.{place}"
        whole = message("user", type="input_text", text="Hello.")
        talk.send("response.create", response={"input": [whole, item]})
        assert talk.error()["param"] == f"response.input[1].{place}"


async def test_what_is_no_json_is_refused() -> None:
    async with inside() as talk:
        for text, code in (("{", "invalid_json"), ("[]", "invalid_event"), ('{"type": 3}', "invalid_value")):
            talk.session.receive(text)
            assert talk.error()["code"] == code


async def test_the_voice_is_fixed_once_it_was_heard() -> None:
    async with inside() as talk:
        voice = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
        talk.send("session.update", session=voice)
        assert talk.events[-1]["type"] == "session.updated"
        await talk.ask("Hello.")
        talk.send("session.update", session=voice)
        assert talk.events[-1]["type"] == "session.updated"
        voice["audio"]["output"]["voice"] = "ash"  # type: ignore[index]
        talk.send("session.update", session=voice)
        assert talk.error()["code"] == "cannot_update_voice"
        assert talk.error()["param"] == "session.audio.output.voice"
        talk.send("response.create", response={"audio": {"output": {"voice": "ash"}}})
        assert talk.error()["code"] == "cannot_update_voice"
        assert talk.error()["param"] == "response.audio.output.voice"


async def test_truncating_forgets_what_comes_after() -> None:
    async with inside() as talk:
        await talk.ask("Count to twenty.")
        await talk.wait_for("output_audio_buffer.stopped")
        item_id = talk.session.history.last_id
        place = {"item_id": item_id, "content_index": 0}
        talk.send("conversation.item.truncate", **place, audio_end_ms=2000)
        assert talk.last("conversation.item.truncated")["audio_end_ms"] == 2000
        talk.send("conversation.item.retrieve", item_id=item_id)
        kept = talk.last("conversation.item.retrieved")["item"]["content"][0]["transcript"]
        assert kept.startswith("One, two")
        assert "twenty" not in kept
        talk.send("conversation.item.truncate", **place, audio_end_ms=5000)
        assert talk.error()["message"] == "Audio content of 2000ms is already shorter than 5000ms"


async def test_a_cancelled_answer_tells_bills_and_sounds_no_more_than_was_made_of_it() -> None:
    async with inside() as talk:
        talk.say("Tell me a story.")
        talk.send("response.create")
        delta = "response.output_audio_transcript.delta"
        for _ in range(5):
            await talk.wait_for(delta, len(talk.events))
        talk.send("response.cancel")
        cancelled = talk.last("response.done")["response"]
        said = "".join(event["delta"] for event in of_type(talk.events, delta))
        assert text_of(cancelled) == said
        details = cancelled["usage"]["output_token_details"]
        assert details["text_tokens"] <= -(-len(said) // 4)
        entry = next(entry for entry in talk.session.history if entry.id == cancelled["output"][0]["id"])
        assert sum(len(word) for word, _ in entry.spoken) == len(said)
        assert details["audio_tokens"] == pytest.approx(entry.audio_ms / 50, abs=1)
        await talk.wait_for("output_audio_buffer.stopped")
        place = {"item_id": entry.id, "content_index": 0}
        talk.send("conversation.item.truncate", **place, audio_end_ms=int(entry.audio_ms))
        talk.send("conversation.item.retrieve", item_id=entry.id)
        kept = talk.last("conversation.item.retrieved")["item"]["content"][0]["transcript"]
        assert said.startswith(kept)


async def test_clearing_the_output_answers_even_when_nothing_plays() -> None:
    async with inside() as talk:
        await talk.ask("Hello.")
        response_id = (await talk.wait_for("output_audio_buffer.stopped"))["response_id"]
        talk.send("output_audio_buffer.clear")
        assert talk.last("output_audio_buffer.cleared")["response_id"] == response_id


async def test_a_limit_of_tokens_cuts_the_answer() -> None:
    async with inside() as talk:
        talk.say("Tell me a story.")
        response = await talk.answer(max_output_tokens=60)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert response["usage"]["output_tokens"] <= 61
        assert text_of(response).startswith("A ship left")
        talk.say("Tell me a story.")
        written = await talk.answer(max_output_tokens=20, output_modalities=["text"])
        assert written["status"] == "incomplete"
        assert written["usage"]["output_tokens"] == 20


async def test_an_answer_without_a_limit_ends_where_the_model_does() -> None:
    async with inside(**TEXT) as talk:
        short = await talk.answer(instructions=f'say "{"x" * 4_000}"')
        assert short["status"] == "completed"
        response = await talk.answer(instructions=f'say "{"x" * 20_000}"')
        assert response["max_output_tokens"] == "inf"
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}


async def test_a_long_text_without_marks_is_spoken_bit_by_bit_and_no_further_than_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []

    async def noted(text: str, **how: Any) -> bytes:
        made.append(len(text))
        return await voice.speak(text, **how)

    monkeypatch.setattr("rtc_widget.sandbox.response.speak", noted)
    async with inside() as talk:
        talk.say("word " * 4_000)
        response = await talk.answer(max_output_tokens=50)
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert response["usage"]["output_tokens"] <= 51
        assert sum(made) <= 200
        talk.say("word " * 4_000)
        since = len(talk.events)
        talk.send("response.create")
        await talk.wait_for("response.output_audio_transcript.delta", since)
    begun = len(made)
    await voice.speak("Hello.", voice="marin", language="en", speed=1.0)
    assert len(made) == begun, "the client is gone, and is spoken to no more"
    assert max(made) <= 200


async def test_usage_adds_up_and_the_cache_fills() -> None:
    async with inside(**TEXT) as talk:
        await talk.ask("Tell me a story.")
        await talk.ask("Tell me a story.")
        usage = talk.last("response.done")["response"]["usage"]
        details = usage["input_token_details"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert (
            usage["input_tokens"]
            == details["text_tokens"] + details["audio_tokens"] + details["image_tokens"]
        )
        assert usage["output_tokens"] == sum(usage["output_token_details"].values())
        assert details["cached_tokens"] == sum(details["cached_tokens_details"].values())
        limit = talk.last("rate_limits.updated")["rate_limits"][0]
        assert limit["remaining"] < limit["limit"]


async def test_a_context_that_is_too_long_is_cut_or_refused() -> None:
    few = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 40}}
    async with inside(truncation=few, **TEXT) as talk:
        for number in range(5):
            talk.say(f"This is message number {number} of a long story.")
        response = await talk.answer()
        assert "number 4" in text_of(response)
        assert "number 0" not in text_of(response)
        talk.send("session.update", session={"type": "realtime", "truncation": "disabled"})
        talk.say("word " * 30_000)
        failed = await talk.answer()
        assert failed["status_details"]["error"]["code"] == "context_length_exceeded"


async def test_a_conversation_is_truncated_once_in_a_while_and_what_was_kept_comes_from_the_cache() -> None:
    some = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 400}}
    asked = {"instructions": 'say "ok"', "tools": []}
    sizes: list[int] = []
    cached: list[int] = []
    async with inside(truncation=some, **TEXT) as talk:
        for number in range(12):
            talk.say(f"{number:02d} {'word ' * 60}")
            details = (await talk.answer(**asked))["usage"]["input_token_details"]
            sizes.append(details["text_tokens"])
            cached.append(details["cached_tokens"])
        beside = [{"type": "item_reference", "id": next(iter(talk.session.history)).id}]
        aside = await talk.answer(conversation="none", input=beside, **asked)
    cuts = [turn for turn in range(1, 12) if sizes[turn] < sizes[turn - 1]]
    assert len(cuts) == 2, sizes
    assert max(sizes) <= 402
    for turn in range(1, 12):
        expected = 0 if turn in cuts else sizes[turn - 1] // 64 * 64
        assert cached[turn] == expected, (turn, sizes, cached)
    assert aside["usage"]["input_tokens"] > 70, "a response is given what it names"


async def test_rules_make_a_response_fail_or_wait() -> None:
    async with inside(**TEXT) as talk:
        talk.say("Please fail with rate limit exceeded.")
        failed = await talk.answer()
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["code"] == "rate_limit_exceeded"
        begun_s = asyncio.get_running_loop().time()
        assert await talk.ask("Wait one second.") == "I have waited."
        assert asyncio.get_running_loop().time() - begun_s >= 1


async def test_what_is_typed_while_it_answers_is_answered_next() -> None:
    async with inside(**TEXT) as talk:
        talk.say("Tell me a story.")
        talk.send("response.create")
        await talk.wait_for("response.output_text.delta")
        talk.say("First.")
        await talk.wait_for("response.done")
        assert await talk.ask("Second.") == "You said: First. Second."


async def test_what_the_client_has_cancelled_is_not_answered_again() -> None:
    async with inside(**TEXT) as talk:
        talk.say("Tell me a story.")
        talk.send("response.create")
        talk.send("response.cancel")
        await talk.wait_for("response.done")
        assert await talk.ask("Hello.") == "You said: Hello."


async def test_an_image_is_acknowledged_by_format_and_size() -> None:
    async with inside(**TEXT) as talk:
        picture = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PNG}]}
        talk.send("conversation.item.create", item=picture)
        assert talk.last("conversation.item.added")["item"]["content"] == [
            {"type": "input_image", "detail": "auto"}
        ]
        assert text_of(await talk.answer()) == "I see a PNG image, 1 by 1 pixels."
        for broken in ("AAAA", "é"):
            url = f"data:image/png;base64,{broken}"
            picture["content"] = [{"type": "input_image", "image_url": url}]
            talk.send("conversation.item.create", item=picture)
            assert talk.error()["code"] == "invalid_value"
            assert talk.error()["param"] == "item.content[0].image_url"


async def test_sound_inside_an_item_is_understood() -> None:
    pcm = resample(*synthesise("What is your name?", voice="cedar"), 24_000)
    async with inside(**TEXT) as talk:
        audio = {"type": "input_audio", "audio": base64.b64encode(pcm).decode()}
        talk.send("conversation.item.create", item={"type": "message", "role": "user", "content": [audio]})
        assert "I am the sandbox" in text_of(await talk.answer())


async def test_long_sound_inside_an_item_is_decoded_beside_what_else_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def decode(raw: bytes, kind: str) -> bytes:
        threads.append(threading.current_thread())
        return decoded(raw, kind)

    monkeypatch.setattr("rtc_widget.sandbox.given.decoded", decode)
    async with inside(audio={"input": {"format": {"type": "audio/pcmu"}}}, **TEXT) as talk:
        audio = {"type": "input_audio", "audio": base64.b64encode(b"\xff" * 8_000 * 60).decode()}
        item = {"id": "sound", "type": "message", "role": "user", "content": [audio]}
        talk.send("conversation.item.create", item=item)
        entry = talk.session.history.find("sound")
        assert entry is not None
        assert entry.audio_ms == 60_000
        assert await talk.answer()
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_sound_in_the_input_of_a_response_is_understood() -> None:
    pcm = resample(*synthesise("What is your name?", voice="cedar"), 24_000)
    audio = {"type": "input_audio", "audio": base64.b64encode(pcm).decode()}
    asked = {"type": "message", "role": "user", "content": [audio]}
    async with inside(**TEXT) as talk:
        assert "I am the sandbox" in text_of(await talk.answer(conversation="none", input=[asked]))
        audio["audio"] = "?"
        talk.send("response.create", response={"conversation": "none", "input": [asked]})
        assert talk.error()["param"] == "response.input[0].content[0].audio"


async def test_a_silent_user_is_asked_again() -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    async with inside(audio={"input": {"turn_detection": detection}}) as talk:
        talk.session.config["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = 300
        await talk.ask("Hello.")
        since = len(talk.events)
        await talk.wait_for("response.done", since)
        assert [kind for kind in types(talk.events[since:]) if not kind.startswith("output_audio")][:5] == [
            "input_audio_buffer.timeout_triggered",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        assert text_of(talk.last("response.done")["response"]) == "Are you still there?"


@pytest.mark.parametrize("changed", [None, {"type": "server_vad", "idle_timeout_ms": None}])
async def test_nobody_is_asked_again_once_the_idle_timeout_is_off(changed: dict[str, Any] | None) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    async with inside(audio={"input": {"turn_detection": detection}}, **TEXT) as talk:
        talk.session.config["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = 300
        await talk.ask("Hello.")
        audio = {"input": {"turn_detection": changed}}
        talk.send("session.update", session={"type": "realtime", "audio": audio})
        await asyncio.sleep(0.6)
        assert not of_type(talk.events, "input_audio_buffer.timeout_triggered")


async def test_a_changed_idle_timeout_counts_from_now_on() -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    async with inside(audio={"input": {"turn_detection": detection}}, **TEXT) as talk:
        talk.session.config["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = 300
        await talk.ask("Hello.")
        talk.send(
            "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        )
        await asyncio.sleep(0.6)
        assert not of_type(talk.events, "input_audio_buffer.timeout_triggered")
        talk.session.config["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = 200
        talk.session.turns.configure()
        await talk.wait_for("input_audio_buffer.timeout_triggered")


UNREADABLE = {
    "no JSON": "{",
    "a number of 5000 digits": '{"type": "response.create", "event_id": ' + "9" * 5000 + "}",
    "NaN": '{"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": NaN}}}}',
    "minus infinity": '{"type": "response.create", "response": {"metadata": {"a": -Infinity}}}',
    "a number that is too large": '{"type": "response.create", "response": {"metadata": {"a": 1e999}}}',
    "brackets without end": "[" * 50_000,
    "a list in a list, and so on": "[" * 50_000 + "]" * 50_000,
    "a schema of 2000 levels": (
        '{"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", '
        '"name": "f", "parameters": ' + '{"a":' * 2000 + "1" + "}" * 2000 + "}]}}"
    ),
    "a schema of 300 levels": (
        '{"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", '
        '"name": "f", "parameters": ' + '{"a":' * 300 + "1" + "}" * 300 + "}]}}"
    ),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_message_that_cannot_be_read_gets_an_error_and_the_session_goes_on(text: str) -> None:
    async with inside(**TEXT) as talk:
        talk.session.receive(text)
        assert talk.error()["code"] == "invalid_json"
        talk.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        assert talk.last("session.updated")["session"]["instructions"] == "Be brief."


async def test_half_a_surrogate_pair_is_carried_as_its_escape() -> None:
    sent: list[str] = []
    async with inside(**TEXT) as talk:
        talk.session.join(Kept(sent))
        talk.say("bad \ud83d")
        talk.send("half \ud83d", event_id="\ud83d")
        assert talk.error()["event_id"] == "\ud83d"
        assert talk.last("conversation.item.added")["item"]["content"][0]["text"] == "bad \ud83d"
        assert await talk.ask("Say: bad \ud83d") != ""
        assert (await talk.answer(output_modalities=["audio"]))["status"] == "completed"
    assert b"bad \\ud83d" in "".join(sent).encode()


async def test_a_session_expires() -> None:
    async with inside(seconds=0.1) as talk:
        await talk.wait_for("error")
        assert talk.error()["code"] == "session_expired"
        assert talk.error()["message"].startswith("Your session hit the maximum duration of")
        assert talk.is_over


class Kept:
    """A listener that keeps what is sent."""

    def __init__(self, sent: list[str]) -> None:
        self.send = sent.append

    def end(self) -> None:
        pass


async def speak(talk: Inside) -> None:
    """Let the session hear speech and the silence after it, faster than real time."""
    speech = resample(*synthesise("How many people live in Paris?", voice="marin"), HEARD_RATE_HZ)
    whole = silence(200, HEARD_RATE_HZ) + speech + silence(800, HEARD_RATE_HZ)
    for start in range(0, len(whole), 640):
        talk.session.hear(whole[start : start + 640])
        await asyncio.sleep(0)


def hearing(detection: Event | None = None, **fields: Any) -> Event:
    """Return a session that waits for half a second of silence."""
    vad = {"type": "server_vad", "silence_duration_ms": 500, **(detection or {})}
    return {"audio": {"input": {"turn_detection": vad, **fields}}}


async def test_speech_may_be_committed_without_an_answer() -> None:
    async with inside(**hearing({"create_response": False})) as talk:
        await speak(talk)
        assert types(talk.events)[-3:] == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert "people" in text_of(await talk.answer(output_modalities=["text"]))


async def test_an_answer_may_go_on_through_speech_and_the_next_one_follows() -> None:
    async with inside(**hearing({"interrupt_response": False})) as talk:
        talk.say("Count to twelve.")
        talk.send("response.create")
        first = await talk.wait_for("output_audio_buffer.started")
        await speak(talk)
        assert not of_type(talk.events, "output_audio_buffer.cleared")
        await talk.wait_for("response.done")
        second = of_type(talk.events, "response.created")[1]["response"]["id"]
        done = of_type(talk.events, "response.done")[0]["response"]
        assert (done["id"], done["status"]) == (first["response_id"], "completed")
        assert second != done["id"]


async def test_push_to_talk_commits_by_hand() -> None:
    async with inside(audio={"input": {"turn_detection": None}}, **TEXT) as talk:
        talk.send("input_audio_buffer.clear")
        assert talk.events[-1]["type"] == "input_audio_buffer.cleared"
        await speak(talk)
        assert types(talk.events)[-1] == "input_audio_buffer.cleared"
        talk.send("input_audio_buffer.commit")
        assert talk.last("input_audio_buffer.committed")["previous_item_id"] is None
        assert "people" in text_of(await talk.answer())


async def test_silence_committed_by_hand_has_no_words() -> None:
    async with inside(audio={"input": {"turn_detection": None}}, **TEXT) as talk:
        talk.session.hear(silence(500, HEARD_RATE_HZ))
        talk.send("input_audio_buffer.commit")
        assert text_of(await talk.answer()) == "I heard you, but no words."


async def test_the_words_of_a_session_that_is_over_are_given_up() -> None:
    async with inside(audio={"input": {"turn_detection": None}}, **TEXT) as talk:
        await speak(talk)
        talk.send("input_audio_buffer.commit")
        entry = talk.session.history.find(talk.last("input_audio_buffer.committed")["item_id"])
        assert entry is not None
        assert entry.words is not None
        assert not entry.words.done()
    assert entry.words.cancelled()


async def test_a_transcript_is_billed_as_its_model_is() -> None:
    for model, kind in (("gpt-realtime-whisper", "duration"), ("gpt-transcribe", "tokens")):
        async with inside(**hearing({"create_response": False}, transcription={"model": model})) as talk:
            await speak(talk)
            completed = await talk.wait_for("conversation.item.input_audio_transcription.completed")
            assert completed["usage"]["type"] == kind
            assert completed.get("languages") == {"gpt-transcribe": [{"code": "en"}]}.get(model)
            deltas = of_type(talk.events, "conversation.item.input_audio_transcription.delta")
            assert "".join(event["delta"] for event in deltas).strip() == completed["transcript"]
            talk.send("conversation.item.retrieve", item_id=completed["item_id"])
            part = talk.last("conversation.item.retrieved")["item"]["content"][0]
            assert part["transcript"] == completed["transcript"]


async def test_a_language_it_does_not_know_is_not_transcribed_but_answered() -> None:
    french = {"model": "gpt-transcribe", "language": "fr"}
    async with inside(**hearing(transcription=french), **TEXT) as talk:
        await speak(talk)
        failed = await talk.wait_for("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "unsupported_language"
        assert (await talk.wait_for("response.done"))["response"]["status"] == "completed"


async def test_without_recognition_it_says_that_it_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> str:
        raise ConfigurationError("no model here")

    monkeypatch.setattr("rtc_widget.sandbox.recognition.recognise", refuse)
    async with inside(**hearing(transcription={"model": "gpt-transcribe"}), **TEXT) as talk:
        await speak(talk)
        failed = await talk.wait_for("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["message"] == "no model here"
        done = await talk.wait_for("response.done")
        assert "no speech recognition" in text_of(done["response"])
