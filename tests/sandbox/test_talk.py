"""Calls over real WebRTC: somebody speaks, and a voice answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import jiwer
import numpy as np
import pytest

from rtc_widget.sandbox.ears import recognise
from tests.sandbox.client import TRANSCRIPTION, Client, call, spoken
from tests.sandbox.events import of_type, types

if TYPE_CHECKING:
    from tests.sandbox.service import Service

# As recorded from the real service, with one difference: there the audio deltas of a WebSocket.
SPOKEN_TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]
ANSWER = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "output_audio_buffer.started",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
    "output_audio_buffer.stopped",
]
INTERRUPTED = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
TYPED_TURN = ["conversation.item.added", "conversation.item.done", "response.created", *ANSWER]
# Half a second of silence: no pause inside a sentence is that long.
PATIENT = {"type": "server_vad", "silence_duration_ms": 500}
HEARING = {"audio": {"input": {"transcription": TRANSCRIPTION, "turn_detection": PATIENT}}}


def words(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in " '")


async def test_a_spoken_question_is_understood_and_answered_aloud(service: Service) -> None:
    async with call(service, HEARING) as client:
        begun_s = asyncio.get_running_loop().time()
        client.microphone.play(spoken("How many people live in Paris?"))
        events = await client.turn(since=1)
        await client.hear(0.4)
        heard = recognise(client.heard_since(begun_s))

    transcript = of_type(events, "conversation.item.input_audio_transcription.completed")[0]["transcript"]
    answer = of_type(events, "response.output_audio_transcript.done")[0]["transcript"]
    assert jiwer.wer(words("How many people live in Paris?"), words(transcript)) <= 0.2
    assert answer == f"You said: {transcript}"
    assert jiwer.wer(words(answer), words(heard)) <= 0.2
    others = [event for event in events if "transcription" not in event["type"]]
    assert types(others) == [*SPOKEN_TURN, *ANSWER]
    assert types(events).index("response.created") < types(events).index(
        "conversation.item.input_audio_transcription.delta"
    )


async def test_a_typed_turn_has_the_recorded_order(service: Service) -> None:
    async with call(service) as client:
        client.type_text("Hello.")
        assert types(await client.turn(since=1)) == TYPED_TURN


async def test_without_transcription_the_words_are_answered_but_not_sent(service: Service) -> None:
    brief = {"instructions": "Answer in one word.", "audio": {"input": {"turn_detection": PATIENT}}}
    async with call(service, brief) as client:
        client.microphone.play(spoken("How many people live in Paris?"))
        events = await client.turn(since=1)
    assert not [event for event in events if "transcription" in event["type"]]
    assert of_type(events, "response.output_audio_transcript.done")[0]["transcript"] == "People."


async def test_speech_interrupts_the_answer_and_what_was_not_heard_is_forgotten(service: Service) -> None:
    question = spoken("How many people live in Paris?")  # beforehand: the service runs on this loop
    async with call(service, HEARING) as client:
        client.type_text("Count to fifty.")
        started = await client.wait_for("output_audio_buffer.started")
        begun_s = asyncio.get_running_loop().time()
        await asyncio.sleep(1.5)
        since = len(client.events)
        client.microphone.play(question)
        truncated = await client.wait_for("conversation.item.truncated", since)
        cut_s = asyncio.get_running_loop().time()
        done = await client.wait_for("response.done", since)
        client.send("conversation.item.retrieve", item_id=truncated["item_id"])
        retrieved = await client.wait_for("conversation.item.retrieved", since)
        await client.wait_for("output_audio_buffer.stopped", since)
        events = client.events[since:]

    reaction = [kind for kind in types(events) if not kind.endswith("transcript.delta")]
    assert reaction[:9] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        *INTERRUPTED,
    ]
    assert done["response"]["id"] == started["response_id"]
    assert done["response"]["status"] == "cancelled"
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    sounding_s = cut_s - begun_s
    assert truncated["audio_end_ms"] / 1000 == pytest.approx(sounding_s, abs=0.35)
    said = "".join(
        event["delta"] for event in of_type(client.events, "response.output_audio_transcript.delta")
    )
    kept = retrieved["item"]["content"][0]["transcript"]
    assert kept
    assert said.startswith(kept)
    assert len(kept) < len(said) / 2
    assert "people" in of_type(events, "response.output_audio_transcript.done")[-1]["transcript"]


async def test_an_interrupted_voice_is_silent_at_once(service: Service) -> None:
    async with call(service) as client:
        client.type_text("Tell me a story.")
        await client.wait_for("output_audio_buffer.started")
        await asyncio.sleep(0.8)
        client.send("response.cancel")
        client.send("output_audio_buffer.clear")
        cleared = await client.wait_for("output_audio_buffer.cleared")
        # What was under way when it was cleared: the frames between the two jitter buffers.
        await client.hear(0.4)
        rest = np.frombuffer(await client.hear(0.4), "<i2")
    assert np.abs(rest).max() < 200
    assert of_type(client.events, "output_audio_buffer.stopped") == []
    done = of_type(client.events, "response.done")[0]["response"]
    assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert cleared["response_id"] == done["id"]


async def test_what_is_cleared_but_not_cancelled_is_made_to_its_end_and_not_spoken(service: Service) -> None:
    async with call(service) as client:
        client.type_text("Tell me a story.")
        await client.wait_for("output_audio_buffer.started")
        await asyncio.sleep(0.8)
        client.send("output_audio_buffer.clear")
        await client.wait_for("output_audio_buffer.cleared")
        assert of_type(client.events, "response.done") == []
        await client.hear(0.4)
        rest = np.frombuffer(await client.hear(2.0), "<i2")
        done = await client.wait_for("response.done")
        client.send("conversation.item.retrieve", item_id=done["response"]["output"][0]["id"])
        kept = (await client.wait_for("conversation.item.retrieved"))["item"]["content"][0]["transcript"]
    assert np.abs(rest).max() < 200
    assert len(of_type(client.events, "output_audio_buffer.started")) == 1
    assert done["response"]["status"] == "completed"
    said = "".join(e["delta"] for e in of_type(client.events, "response.output_audio_transcript.delta"))
    assert said.startswith(kept)
    assert len(kept) < len(said) / 3


async def test_a_microphone_that_stops_in_a_word_does_not_hold_the_turn(service: Service) -> None:
    async with call(service) as client:
        client.microphone.play(spoken("Where is the nearest train station?"))
        await client.wait_for("input_audio_buffer.speech_started")
        await asyncio.sleep(0.8)
        client.stop_microphone()
        await client.wait_for("input_audio_buffer.committed")


async def test_an_offer_without_candidates_connects(service: Service) -> None:
    client = Client()
    lines = (await client.offer()).split("\r\n")
    bare = "\r\n".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of-cand")))
    async with httpx.AsyncClient(base_url=service.base_url, trust_env=False) as http:
        answer = await http.post(
            "/realtime/calls", headers=service.authorization, files={"sdp": (None, bare, "application/sdp")}
        )
    await client.accept(answer)
    created = await client.wait_for("session.created")
    assert created["session"]["model"] == "sandbox"
    addresses = [line.split()[4] for line in answer.text.splitlines() if line.startswith("a=candidate")]
    assert set(addresses) == {"127.0.0.1"}
    await client.close()


async def test_a_large_message_arrives(service: Service) -> None:
    async with call(service) as client:
        client.send("session.update", session={"type": "realtime", "instructions": "Be brief. " * 20_000})
        updated = await client.wait_for("session.updated")
        assert len(updated["session"]["instructions"]) == 200_000


async def test_hanging_up_over_http_ends_the_call(service: Service) -> None:
    async with call(service) as client:
        async with httpx.AsyncClient(base_url=service.base_url, trust_env=False) as http:
            path = f"/realtime/calls/{client.rtc_call_id}/hangup"
            assert (await http.post(path, headers=service.authorization)).status_code == 200
            await asyncio.wait_for(client.is_over.wait(), 10)
            again = await http.post(path, headers=service.authorization)
        assert again.status_code == 404
        assert again.json()["error"]["code"] == "call_id_not_found"
