"""The openai package holds a conversation: over a WebSocket of its own, and beside a call that it made."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import jiwer
import openai
import pytest

from rtc_widget.sandbox.formats import PCM, encoded
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from tests.sandbox.client import Client, spoken
from tests.sandbox.mcp_server import weather_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from openai.types.realtime import RealtimeResponse, RealtimeServerEvent

    from tests.sandbox.service import Service

TIME_LIMIT_S = 45
QUESTION = "How many people live in Paris?"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SESSION: Any = {
    "type": "realtime",
    "instructions": "Begin with Ahoy.",
    "tools": [WEATHER],
    "audio": {
        "input": {
            "transcription": {"model": "gpt-transcribe"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
        }
    },
}


@pytest.fixture
async def api(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=service.base_url, api_key=service.key) as client:
        yield client


async def until(
    connection: AsyncRealtimeConnection, type: str, seen: list[RealtimeServerEvent] | None = None
) -> Any:
    """Return the next event of a type; those before it go into `seen`."""
    async with asyncio.timeout(TIME_LIMIT_S):
        while True:
            event = await connection.recv()
            assert event.type != "error", event
            if event.type == type:
                return event
            if seen is not None:
                seen.append(event)


async def ask(
    connection: AsyncRealtimeConnection, text: str, seen: list[RealtimeServerEvent] | None = None
) -> RealtimeResponse:
    content: Any = [{"type": "input_text", "text": text}]
    await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    await connection.response.create()
    response: RealtimeResponse = (await until(connection, "response.done", seen)).response
    return response


def said(response: RealtimeResponse) -> str:
    """Return what a response says, and find its usage in order."""
    usage = response.usage
    assert usage is not None
    assert usage.total_tokens == (usage.input_tokens or 0) + (usage.output_tokens or 0)
    content = getattr((response.output or [])[-1], "content", [])
    return " ".join(part.transcript for part in content)


async def test_a_conversation_over_a_websocket(api: openai.AsyncOpenAI) -> None:
    async with api.realtime.connect(model="gpt-realtime-2.1") as connection:
        assert (await until(connection, "session.created")).session.model == "sandbox"
        await connection.session.update(session=SESSION)
        assert (await until(connection, "session.updated")).session.instructions == "Begin with Ahoy."

        sound = encoded(spoken(QUESTION) + silence(900, SPOKEN_RATE_HZ), PCM)
        for start in range(0, len(sound), 9600):
            piece = base64.b64encode(sound[start : start + 9600]).decode()
            await connection.input_audio_buffer.append(audio=piece)
        seen: list[RealtimeServerEvent] = []
        answer = said((await until(connection, "response.done", seen)).response)
        heard = next(
            event.transcript
            for event in seen
            if event.type == "conversation.item.input_audio_transcription.completed"
        )
        assert jiwer.wer(QUESTION.lower(), heard.lower()) <= 0.2
        assert answer == f"Ahoy. You said: {heard}"
        assert any(event.type == "response.output_audio.delta" for event in seen)

        called: Any = (await ask(connection, "What is the weather in London?")).output or []
        assert (called[0].name, called[0].arguments) == ("get_weather", '{"city": "London"}')
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": called[0].call_id, "output": "Foggy."}
        )
        await connection.response.create()
        done = (await until(connection, "response.done")).response
        assert said(done) == "Ahoy. Get weather says: Foggy."

        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "A story!"}]}
        )
        await connection.response.create(response={"instructions": "Count to fifty."})
        await until(connection, "response.output_audio.delta")
        await connection.response.cancel()
        assert (await until(connection, "response.done")).response.status == "cancelled"


async def test_a_servers_tool_over_a_websocket(api: openai.AsyncOpenAI) -> None:
    async with weather_server() as weather, api.realtime.connect(model="gpt-realtime-2.1") as connection:
        tools: Any = [weather.tool()]
        await connection.session.update(session={"type": "realtime", "tools": tools})
        await until(connection, "mcp_list_tools.completed")
        before: list[RealtimeServerEvent] = []
        call: Any = (await ask(connection, "What is the weather in London?", before)).output or []
        assert (call[0].type, call[0].server_label) == ("mcp_call", "weather")
        items: list[Any] = [event.item for event in before if event.type == "conversation.item.done"]
        request_id = next(item.id for item in items if item.type == "mcp_approval_request")
        approval: Any = {"type": "mcp_approval_response", "approval_request_id": request_id, "approve": True}
        await connection.conversation.item.create(item=approval)
        await until(connection, "response.mcp_call.completed")
        assert (await until(connection, "conversation.item.done")).item.output == "It is foggy in London."


async def test_a_sideband_of_a_call_that_it_made(api: openai.AsyncOpenAI) -> None:
    client = Client()
    try:
        raw = await api.realtime.calls.with_raw_response.create(sdp=await client.offer(), session=SESSION)
        await client.accept(raw.http_response)  # type: ignore[arg-type]
        async with api.realtime.connect(call_id=client.rtc_call_id) as connection:
            client.microphone.play(spoken(QUESTION))
            seen: list[RealtimeServerEvent] = []
            await until(connection, "output_audio_buffer.stopped", seen)
            done = next(event.response for event in seen if event.type == "response.done")
            assert said(done).startswith("Ahoy. You said:")
            called: Any = (await ask(connection, "What is the weather in London?")).output or []
            assert called[0].name == "get_weather"
            await client.wait_for("response.function_call_arguments.done")
            await api.realtime.calls.hangup(client.rtc_call_id)
            await client.is_over.wait()
    finally:
        await client.close()


def test_the_package_without_asyncio(service: Service) -> None:
    with (
        openai.OpenAI(base_url=service.base_url, api_key=service.key) as api,
        api.realtime.connect(model="gpt-realtime-2.1") as connection,
    ):
        assert connection.recv().type == "session.created"
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
        )
        connection.response.create()
        texts = []
        for event in connection:
            if event.type == "response.output_text.done":
                texts.append(event.text)
            if event.type == "response.done":
                break
    assert texts == ["You said: Hello."]
