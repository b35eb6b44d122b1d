"""Every server event of the API can be had of the sandbox, in sessions as clients hold them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx

from rtc_widget.sandbox.formats import PCM, encoded
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from tests.sandbox.client import spoken
from tests.sandbox.events import all_types, types
from tests.sandbox.mcp_server import weather_server
from tests.sandbox.socket_client import SocketClient, socket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.sandbox.events import Event
    from tests.sandbox.mcp_server import Weather
    from tests.sandbox.service import Service

TEXT: dict[str, Any] = {"output_modalities": ["text"]}
PRICE = {"type": "function", "name": "price", "description": "Price of a drink.", "parameters": {}}
NOBODY = {"type": "mcp", "server_label": "nobody", "server_url": "http://127.0.0.1:9/mcp"}
PATIENT = {"type": "server_vad", "silence_duration_ms": 500}


async def test_every_server_event_can_be_had(service: Service) -> None:
    async with weather_server() as weather:
        sessions = (_session(service, script, weather) for script in (_talk, _spoken, _tools))
        seen = await asyncio.gather(*sessions, _phone_call(service))
    assert set().union(*map(types, seen)) == all_types()


async def _session(
    service: Service, script: Callable[[SocketClient, Weather], Awaitable[None]], weather: Weather
) -> list[Event]:
    # Who still asks for the beta gets the two events that only the beta sent.
    async with socket(service, "model=sandbox", OpenAI_Beta="realtime=v1") as client:
        await script(client, weather)
        return client.events


async def _configure(client: SocketClient, **fields: Any) -> None:
    since = len(client.events)
    await client.send("session.update", session={"type": "realtime", **fields})
    await client.wait_for("session.updated", since)


async def _talk(client: SocketClient, _: Weather) -> None:
    await client.answer("Hello.", **TEXT)
    events = await client.answer("Hello.")
    item_id = next(event["item_id"] for event in events if event["type"] == "response.output_audio.delta")
    await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100)
    await client.send("conversation.item.retrieve", item_id=item_id)
    await client.send("conversation.item.delete", item_id=item_id)
    await client.send("input_audio_buffer.clear")
    await client.send("response.cancel")
    await client.wait_for("error")


async def _spoken(client: SocketClient, _: Weather) -> None:
    question = encoded(spoken("How many people live in Paris?") + silence(900, SPOKEN_RATE_HZ), PCM)
    for language, outcome in (("en", "segment"), ("fr", "failed")):
        transcription = {"model": "gpt-4o-transcribe-diarize", "language": language}
        await _configure(client, audio={"input": {"transcription": transcription, "turn_detection": PATIENT}})
        await client.append(question)
        await client.wait_for(f"conversation.item.input_audio_transcription.{outcome}")
    await client.wait_for("conversation.item.input_audio_transcription.completed")


async def _tools(client: SocketClient, weather: Weather) -> None:
    await _configure(client, **TEXT, tools=[PRICE, NOBODY, weather.tool(require_approval="never")])
    await client.wait_for("mcp_list_tools.failed")
    await client.wait_for("mcp_list_tools.completed")
    await client.answer("What is the price?")
    await client.answer("What is the weather in London?")
    await client.wait_for("response.mcp_call.completed")
    await client.answer("Break the umbrella by its handle.")
    await client.wait_for("response.mcp_call.failed")


async def _phone_call(service: Service) -> list[Event]:
    base_url = service.base_url
    async with httpx.AsyncClient(headers=service.authorization, trust_env=False) as http:
        incoming = await http.post(f"{base_url}/sandbox/phone_calls")
        call_id = incoming.json()["data"]["call_id"]
        session = {
            "type": "realtime",
            "audio": {"input": {"turn_detection": {**PATIENT, "idle_timeout_ms": 5000}}},
        }
        await http.post(f"{base_url}/realtime/calls/{call_id}/accept", content=json.dumps(session))
        async with socket(service, f"call_id={call_id}") as client:
            await http.post(f"{base_url}/sandbox/phone_calls/{call_id}/press", json={"key": "#"})
            await client.type_text("Tell me a story.")
            await client.wait_for("output_audio_buffer.started")
            await client.send("response.cancel")
            await client.send("output_audio_buffer.clear")
            await client.wait_for("output_audio_buffer.cleared")
            await client.type_text("Hello.")
            await client.wait_for("output_audio_buffer.stopped")
            await client.wait_for("input_audio_buffer.timeout_triggered")
            return client.events
