"""A transcription session writes down what it hears, and answers nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import jiwer
import openai
import pytest

from rtc_widget.sandbox.formats import PCM, encoded
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from tests.sandbox.client import call, spoken
from tests.sandbox.events import of_type, types
from tests.sandbox.socket_client import socket

if TYPE_CHECKING:
    from tests.sandbox.service import Service

QUESTION = "How many people live in Paris?"
HEARD = {
    "transcription": {"model": "gpt-transcribe"},
    "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
}
SESSION = {"type": "transcription", "audio": {"input": HEARD}}
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
]


def words(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in " '")


async def test_speech_over_a_websocket_is_written_down(service: Service) -> None:
    async with socket(service, "intent=transcription") as client:
        created = (await client.wait_for("session.created"))["session"]
        assert created["type"] == "transcription"
        assert created["object"] == "realtime.transcription_session"
        assert set(created["audio"]) == {"input"}
        await client.send("session.update", session=SESSION)
        await client.wait_for("session.updated")
        since = len(client.events)
        await client.append(encoded(spoken(QUESTION) + silence(900, SPOKEN_RATE_HZ), PCM))
        completed = await client.wait_for("conversation.item.input_audio_transcription.completed", since)
        assert types(client.events[since:]) == TURN
        assert jiwer.wer(words(QUESTION), words(completed["transcript"])) <= 0.2


async def test_it_answers_nothing_and_stays_what_it_is(service: Service) -> None:
    async with socket(service, "intent=transcription") as client:
        await client.send("response.create", event_id="mine")
        error = (await client.wait_for("error"))["error"]
        assert error["event_id"] == "mine"
        assert "no responses" in error["message"]
        since = len(client.events)
        await client.send("session.update", session={"type": "realtime"})
        assert (await client.wait_for("error", since))["error"]["param"] == "session.type"


async def test_speech_over_webrtc_is_written_down(service: Service) -> None:
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as api:
        secret = await api.realtime.client_secrets.create(session=SESSION)  # type: ignore[arg-type]
    assert secret.session.type == "transcription"
    async with call(service, SESSION) as client:
        assert client.events[0]["session"]["type"] == "transcription"
        client.microphone.play(spoken(QUESTION))
        await client.wait_for("conversation.item.input_audio_transcription.completed")
        assert types(client.events[1:]) == TURN
        assert not of_type(client.events, "response.created")


@pytest.mark.parametrize("key", ["client secret", "standard"])
async def test_a_client_secret_opens_a_websocket_of_its_kind(service: Service, key: str) -> None:
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as api:
        secret = await api.realtime.client_secrets.create(session=SESSION)  # type: ignore[arg-type]
    value = secret.value if key == "client secret" else service.key
    async with socket(service, "model=gpt-realtime-2.1", value) as client:
        kind = (await client.wait_for("session.created"))["session"]["type"]
    assert kind == ("transcription" if key == "client secret" else "realtime")


LIVE = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-live-transcribe"}}}}
COMMITTED = "input_audio_buffer.committed"
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"


async def test_a_live_model_writes_while_somebody_speaks_and_ends_with_the_commit(service: Service) -> None:
    async with socket(service, "intent=transcription") as client:
        await client.send("session.update", session=LIVE)
        updated = (await client.wait_for("session.updated"))["session"]
        assert updated["audio"]["input"]["turn_detection"] is None
        sound = encoded(spoken(f"{QUESTION} And how many live in Rome?") + silence(300, SPOKEN_RATE_HZ), PCM)
        for at in range(0, len(sound), 4_800):  # at the pace of speech
            await client.append(sound[at : at + 4_800])
            await asyncio.sleep(0.1)
        before = of_type(client.events, DELTA)
        assert "".join(event["delta"] for event in before).split()
        assert not {"input_audio_buffer.speech_started", COMMITTED} & set(types(client.events))
        await client.send("input_audio_buffer.commit")
        completed = await client.wait_for(COMPLETED)
        item_id = of_type(client.events, COMMITTED)[0]["item_id"]
        told = of_type(client.events, DELTA)
        assert {event["item_id"] for event in [*told, completed]} == {item_id}
        assert "".join(event["delta"] for event in told).strip() == completed["transcript"]
        said = f"{QUESTION} And how many live in Rome?"
        assert jiwer.wer(words(said), words(completed["transcript"])) <= 0.3


async def test_what_is_cleared_is_no_part_of_what_is_written_next(service: Service) -> None:
    async with socket(service, "intent=transcription") as client:
        await client.send("session.update", session=LIVE)
        await client.append(encoded(spoken("The weather is fine today.") + silence(900, SPOKEN_RATE_HZ), PCM))
        forgotten = (await client.wait_for(DELTA))["item_id"]
        await client.send("input_audio_buffer.clear")
        await client.wait_for("input_audio_buffer.cleared")
        since = len(client.events)
        await client.append(encoded(spoken(QUESTION), PCM))
        await client.send("input_audio_buffer.commit")
        completed = await client.wait_for(COMPLETED, since)
        assert completed["item_id"] != forgotten
        assert jiwer.wer(words(QUESTION), words(completed["transcript"])) <= 0.3


async def test_turn_detection_is_refused_where_a_live_model_transcribes(service: Service) -> None:
    async with socket(service, "intent=transcription") as client:
        await client.send("session.update", session=LIVE)
        detection = {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        await client.send("session.update", session=detection)
        error = (await client.wait_for("error"))["error"]
        assert error["code"] == "invalid_value"
        assert error["message"] == "Turn detection is not supported for this transcription model"
        await client.send("session.update", session={"type": "transcription", "audio": {"input": HEARD}})
        since = len(client.events)
        updated = (await client.wait_for("session.updated", since))["session"]["audio"]["input"]
        assert updated["turn_detection"]["silence_duration_ms"] == 500
