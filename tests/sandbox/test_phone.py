"""Somebody calls by phone: the call rings, is accepted, talks, presses keys, is handed over and hung up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import jiwer
import openai
import pytest
from openai.types.webhooks import RealtimeCallIncomingWebhookEvent

from rtc_widget.sandbox.ears import recognise
from rtc_widget.sandbox.phone import read_wav
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from rtc_widget.sandbox.wire import ApiError
from tests.sandbox.client import TRANSCRIPTION, spoken, wav
from tests.sandbox.events import of_type
from tests.sandbox.service import running
from tests.sandbox.socket_client import socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.sandbox.service import Service

QUESTION = "How many people live in Paris?"
HEARING = {
    "input": {
        "transcription": TRANSCRIPTION,
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
    }
}


@pytest.fixture
async def api(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as client:
        yield client


@pytest.fixture
async def stage(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Reach what the sandbox alone has."""
    base_url = f"{service.base_url}/sandbox"
    async with httpx.AsyncClient(base_url=base_url, headers=service.authorization, trust_env=False) as http:
        yield http


async def ring(stage: httpx.AsyncClient, sound: bytes = b"") -> str:
    answer = await stage.post("/phone_calls", params={"from": "+15550199"}, content=sound)
    assert answer.status_code == 201, answer.text
    incoming = RealtimeCallIncomingWebhookEvent.model_validate(answer.json())
    assert incoming.type == "realtime.call.incoming"
    assert "+15550199" in incoming.data.sip_headers[0].value
    return incoming.data.call_id


async def test_a_caller_is_heard_and_answered_aloud(
    service: Service, api: openai.AsyncOpenAI, stage: httpx.AsyncClient
) -> None:
    call_id = await ring(stage, wav(silence(2500, SPOKEN_RATE_HZ) + spoken(QUESTION)))
    await api.realtime.calls.accept(call_id, type="realtime", instructions="Be brief.", audio=HEARING)  # type: ignore[arg-type]
    async with socket(service, f"call_id={call_id}") as side:
        await side.wait_for("output_audio_buffer.stopped")
        heard = (await side.wait_for("conversation.item.input_audio_transcription.completed"))["transcript"]
        said = of_type(side.events, "response.output_audio_transcript.done")[0]["transcript"]
        assert said == f"You said: {heard}"
        recording = (await stage.get(f"/phone_calls/{call_id}/heard")).content
        assert jiwer.wer(said.lower(), recognise(read_wav(recording)).lower()) <= 0.4

        assert (await stage.post(f"/phone_calls/{call_id}/press", json={"key": "5"})).status_code == 200
        assert (await side.wait_for("input_audio_buffer.dtmf_event_received"))["event"] == "5"
        wrong = await stage.post(f"/phone_calls/{call_id}/press", json={"key": "x"})
        assert wrong.json()["error"]["param"] == "key"

        await api.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
        await side.is_over.wait()
    with pytest.raises(openai.NotFoundError):
        await api.realtime.calls.hangup(call_id)


async def test_a_call_that_has_lasted_too_long_is_ended(tmp_path: Path) -> None:
    with running(tmp_path / "stderr.log", "--session-seconds", "2") as short:
        async with (
            openai.AsyncOpenAI(base_url=short.base_url, api_key=short.key) as api,
            httpx.AsyncClient(base_url=f"{short.base_url}/sandbox", headers=short.authorization) as stage,
        ):
            call_id = await ring(stage)
            await api.realtime.calls.accept(call_id, type="realtime")
            async with socket(short, f"call_id={call_id}") as side:
                assert (await side.wait_for("error"))["error"]["code"] == "session_expired"
                await side.is_over.wait()
            with pytest.raises(openai.NotFoundError):
                await api.realtime.calls.hangup(call_id)


async def test_a_call_that_rings_is_joined_by_nobody_and_may_be_rejected(
    service: Service, api: openai.AsyncOpenAI, stage: httpx.AsyncClient
) -> None:
    call_id = await ring(stage)
    with pytest.raises(Exception, match="404"):
        async with socket(service, f"call_id={call_id}"):
            pass
    with pytest.raises(openai.BadRequestError, match="not been accepted"):
        await api.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
    with pytest.raises(openai.BadRequestError, match="status_code"):
        await api.realtime.calls.reject(call_id, status_code=200)
    await api.realtime.calls.reject(call_id, status_code=486)
    with pytest.raises(openai.NotFoundError):
        await api.realtime.calls.accept(call_id, type="realtime")


async def test_an_accepted_call_does_not_ring_any_more_and_is_hung_up(
    api: openai.AsyncOpenAI, stage: httpx.AsyncClient
) -> None:
    call_id = await ring(stage)
    with pytest.raises(openai.BadRequestError, match="nobody"):
        await api.realtime.calls.accept(call_id, type="realtime", audio={"output": {"voice": "nobody"}})
    await api.realtime.calls.accept(call_id, type="realtime")
    with pytest.raises(openai.BadRequestError, match="does not ring"):
        await api.realtime.calls.accept(call_id, type="realtime")
    with pytest.raises(openai.BadRequestError, match="target_uri"):
        await api.realtime.calls.refer(call_id, target_uri="nobody")
    await api.realtime.calls.hangup(call_id)
    assert (await stage.get(f"/phone_calls/{call_id}/heard")).status_code == 404


async def test_somebody_without_the_key_does_not_call(service: Service) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{service.base_url}/sandbox/phone_calls")).status_code == 401


@pytest.mark.parametrize("file", [b"no sound", wav(b"")[:30]])
def test_what_is_no_wav_file_is_no_caller(file: bytes) -> None:
    with pytest.raises(ApiError, match="WAV"):
        read_wav(file)
