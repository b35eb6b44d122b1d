"""Over WebSockets the sandbox holds the same session: one of its own, or a call's, which a sideband joins."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import jiwer
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rtc_widget.sandbox.ears import recognise
from rtc_widget.sandbox.formats import decoded, encoded
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from tests.sandbox.client import TRANSCRIPTION, Client, call, spoken
from tests.sandbox.events import of_type, types
from tests.sandbox.service import running
from tests.sandbox.socket_client import socket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.events import Event
    from tests.sandbox.service import Service

MODEL = "model=gpt-realtime-2.1"
QUESTION = "How many people live in Paris?"
# As recorded from the real service, the deltas of words and sound aside, which run side by side.
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
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
PATIENT = {"type": "server_vad", "silence_duration_ms": 500}


def words(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in " '")


def hearing(kind: str = "audio/pcm", **input_: Any) -> Event:
    """Return a session that hears and speaks in a format."""
    heard = {"format": {"type": kind}, "transcription": TRANSCRIPTION, "turn_detection": PATIENT, **input_}
    return {"type": "realtime", "audio": {"input": heard, "output": {"format": {"type": kind}}}}


def sound_of(events: list[Event], kind: str) -> bytes:
    """Return what the deltas say, as mono s16 samples at 16 kHz."""
    deltas = of_type(events, "response.output_audio.delta")
    return decoded(b"".join(base64.b64decode(event["delta"]) for event in deltas), kind)


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_a_spoken_question_is_heard_and_answered_in_events(service: Service, kind: str) -> None:
    async with socket(service, MODEL) as talk:
        created = await talk.wait_for("session.created")
        await talk.send("session.update", session=hearing(kind))
        updated = (await talk.wait_for("session.updated"))["session"]
        since = len(talk.events)
        pause = silence(800, SPOKEN_RATE_HZ)
        # An odd number of bytes at once: a sample may lie in two events.
        await talk.append(encoded(pause + spoken(QUESTION) + pause, kind), piece_bytes=4801)
        await talk.wait_for("rate_limits.updated", since)
        await talk.wait_for("conversation.item.input_audio_transcription.completed", since)
        events = talk.events[since:]

    assert created["session"]["model"] == "sandbox"
    rate = {"rate": 24_000} if kind == "audio/pcm" else {}
    for side in ("input", "output"):
        assert updated["audio"][side]["format"] == {"type": kind, **rate}
    transcript = of_type(events, "conversation.item.input_audio_transcription.completed")[0]["transcript"]
    assert jiwer.wer(words(QUESTION), words(transcript)) <= 0.2
    assert [kind for kind in types(events) if "transcription" not in kind] == [*SPOKEN_TURN, *ANSWER]
    answer = of_type(events, "response.output_audio_transcript.done")[0]["transcript"]
    assert answer == f"You said: {transcript}"
    assert jiwer.wer(words(answer), words(recognise(sound_of(events, kind)))) <= 0.25


async def test_sound_is_sent_faster_than_it_is_spoken(service: Service) -> None:
    async with socket(service, MODEL) as talk:
        begun_s = asyncio.get_running_loop().time()
        events = await talk.answer("Count to twenty.")
        taken_s = asyncio.get_running_loop().time() - begun_s
    assert len(sound_of(events, "audio/pcm")) / 2 / 16_000 > taken_s


async def test_speech_cancels_the_answer_and_the_client_truncates_what_it_did_not_play(
    service: Service,
) -> None:
    async with socket(service, MODEL) as talk:
        await talk.send("session.update", session=hearing())
        await talk.type_text("Tell me a story.")
        first = await talk.wait_for("response.output_audio.delta")
        for _ in range(3):  # of 200 ms
            await talk.wait_for("response.output_audio.delta", len(talk.events))
        await talk.append(encoded(spoken(QUESTION) + silence(800, SPOKEN_RATE_HZ), "audio/pcm"))
        cancelled = (await talk.wait_for("response.done"))["response"]
        await talk.send(
            "conversation.item.truncate", item_id=first["item_id"], content_index=0, audio_end_ms=600
        )
        truncated = await talk.wait_for("conversation.item.truncated")
        await talk.send("conversation.item.retrieve", item_id=first["item_id"])
        kept = (await talk.wait_for("conversation.item.retrieved"))["item"]["content"][0]["transcript"]
        await talk.wait_for("response.done", talk.events.index(truncated))
    assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert truncated["audio_end_ms"] == 600
    assert kept
    assert "captain" not in kept
    assert not [kind for kind in types(talk.events) if kind.startswith("output_audio_buffer")]


async def test_a_session_that_has_lasted_too_long_says_so_and_is_closed(tmp_path: Path) -> None:
    with running(tmp_path / "stderr.log", "--session-seconds", "0.3") as short:
        async with socket(short, MODEL) as talk:
            await asyncio.wait_for(talk.is_over.wait(), 20)
            assert types(talk.events) == ["session.created", "error"]
            assert talk.events[-1]["error"]["code"] == "session_expired"
            assert talk.connection.close_code == 1001
            assert talk.connection.close_reason == "Your session hit the maximum duration of 0.005 minutes."


async def test_the_buffer_of_output_is_another_transports(service: Service) -> None:
    async with socket(service, MODEL) as talk:
        await talk.send("output_audio_buffer.clear", event_id="mine")
        error = (await talk.wait_for("error"))["error"]
    assert error["event_id"] == "mine"
    assert "WebRTC" in error["message"]


async def test_sound_committed_by_hand_is_complete_to_its_last_sample(service: Service) -> None:
    async with socket(service, MODEL) as talk:
        await talk.send("session.update", session=hearing(turn_detection=None))
        await talk.append(silence(99, 24_000))
        await talk.send("input_audio_buffer.commit")
        assert "only has 99.00ms" in (await talk.wait_for("error"))["error"]["message"]
        await talk.append(silence(1, 24_000))
        await talk.send("input_audio_buffer.commit")
        await talk.wait_for("input_audio_buffer.committed")


async def test_a_browsers_key_comes_among_the_subprotocols(service: Service) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        minted = await http.post(
            f"{service.base_url}/realtime/client_secrets",
            headers=service.authorization,
            json={"session": {"type": "realtime", "instructions": "Begin with Ahoy."}},
        )
    url = f"{service.base_url.replace('http', 'ws', 1)}/realtime?{MODEL}"
    key = f"openai-insecure-api-key.{minted.json()['value']}"
    async with connect(url, subprotocols=["realtime", key], proxy=None) as connection:  # type: ignore[list-item]
        assert connection.subprotocol == "realtime"
        created = json.loads(await connection.recv())
    assert created["session"]["instructions"] == "Begin with Ahoy."


@pytest.mark.parametrize(
    ("query", "authorization", "status", "code"),
    [
        (MODEL, "", 401, "missing_api_key"),
        (MODEL, "Bearer wrong", 401, "invalid_api_key"),
        ("", None, 400, "missing_model"),
        ("call_id=rtc_none", "Bearer wrong", 401, "invalid_api_key"),
        ("call_id=rtc_none", None, 404, "call_id_not_found"),
    ],
)
async def test_who_may_not_come_in_is_told_why(
    service: Service, query: str, authorization: str | None, status: int, code: str
) -> None:
    url = f"{service.base_url.replace('http', 'ws', 1)}/realtime?{query}"
    headers = service.authorization if authorization is None else {"Authorization": authorization}
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=headers, proxy=None)
    answer = caught.value.response
    assert answer.status_code == status
    assert json.loads(answer.body)["error"]["code"] == code
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_socket_where_there_is_none_is_refused_as_any_other_address(service: Service) -> None:
    url = f"{service.base_url.replace('http', 'ws', 1)}/realtime/translations?{MODEL}"
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=service.authorization, proxy=None)
    answer = caught.value.response
    assert answer.status_code == 404
    assert json.loads(answer.body)["error"]["code"] == "unknown_url"


async def kernel_call(service: Service, client: Client) -> None:
    """Begin a call with the standard key."""
    form = {"sdp": (None, await client.offer()), "session": (None, json.dumps({"type": "realtime"}))}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{service.base_url}/realtime/calls", headers=service.authorization, files=form
        )
    await client.accept(answer)
    await client.wait_for("session.created")


async def test_channel_and_sideband_get_every_event_and_either_may_ask(service: Service) -> None:
    client = Client()
    try:
        await kernel_call(service, client)
        async with socket(service, f"call_id={client.rtc_call_id}") as side:
            await side.send(
                "session.update", session={"type": "realtime", "instructions": "Begin with Ahoy."}
            )
            await client.wait_for("session.updated")
            await side.wait_for("session.updated")
            await side.type_text("Hello.")
            await client.turn(since=1)
            await side.wait_for("output_audio_buffer.stopped")
            since = len(side.events)
            client.type_text("Yes.")
            await side.wait_for("output_audio_buffer.stopped", since)
            await client.wait_for("output_audio_buffer.stopped", since + 1)
            assert side.events == client.events[1:]
        said = [
            event["transcript"] for event in of_type(side.events, "response.output_audio_transcript.done")
        ]
        assert said[0] == "Ahoy. You said: Hello."
        assert said[1] == "Ahoy. You said: Yes."
        # A sideband that leaves takes nothing with it.
        client.type_text("Hello.")
        await client.turn(since=len(client.events))
    finally:
        await client.close()


async def test_the_sideband_ends_with_its_call(service: Service) -> None:
    client = Client()
    await kernel_call(service, client)
    async with (
        socket(service, f"call_id={client.rtc_call_id}") as side,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        hang_up = f"{service.base_url}/realtime/calls/{client.rtc_call_id}/hangup"
        assert (await http.post(hang_up, headers=service.authorization)).status_code == 200
        await asyncio.wait_for(side.is_over.wait(), 10)
        assert side.connection.close_code == 1000
    await client.close()


async def test_a_call_made_with_a_client_secret_has_no_sideband(service: Service) -> None:
    async with call(service) as client:
        with pytest.raises(InvalidStatus) as caught:
            async with socket(service, f"call_id={client.rtc_call_id}"):
                pass
    assert caught.value.response.status_code == 404
    assert json.loads(caught.value.response.body)["error"]["code"] == "call_id_not_found"


async def test_half_a_surrogate_pair_goes_to_and_fro(service: Service) -> None:
    async with socket(service, MODEL) as talk:
        await talk.send("session.update", session={"type": "realtime", "instructions": "bad \ud83d"})
        assert (await talk.wait_for("session.updated"))["session"]["instructions"] == "bad \ud83d"
        assert (await talk.answer("bad \ud83d", output_modalities=["text"]))[-1]
