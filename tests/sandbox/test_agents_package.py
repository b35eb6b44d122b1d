"""The Agents SDK for Python holds a conversation over a WebSocket, and its objects say what they should."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import jiwer
import openai
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.openai_realtime import OpenAIRealtimeSIPModel

from rtc_widget.sandbox.formats import PCM, encoded
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, silence
from tests.sandbox.client import spoken, wav

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.realtime import RealtimeSessionEvent

    from tests.sandbox.service import Service

TIME_LIMIT_S = 45
QUESTION = "How many people live in Paris?"


@function_tool(needs_approval=True)
def get_weather(city: str) -> str:
    """Look up the weather for a city."""
    return f"It is foggy in {city}."


class Talk:
    """A session of the SDK, and what it told."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.events: list[RealtimeSessionEvent] = []
        self.history: list[Any] = []
        self._news = asyncio.Event()

    async def collect(self) -> None:
        async for event in self.session:
            self.events.append(event)
            if event.type == "history_updated":
                self.history = event.history
            self._news.set()

    async def until(self, is_so: Callable[[], Any]) -> Any:
        """Return what a condition finds, once it finds something."""
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                while True:
                    self._news.clear()
                    found = is_so()
                    if found:
                        return found
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"in vain; the history: {self.history}") from None

    def of_type(self, type: str) -> list[Any]:
        return [event for event in self.events if event.type == type]

    def words(self) -> str:
        """Return all words of the assistant's, as they came."""
        told = [event.data for event in self.of_type("raw_model_event")]
        return "".join(data.delta for data in told if data.type == "transcript_delta")

    def last_said(self) -> str:
        """Return what the assistant has said last, if it is the last in the conversation."""
        last = self.history[-1] if self.history else None
        if getattr(last, "role", None) != "assistant" or last is None or last.status != "completed":
            return ""
        return str(last.content[0].transcript or "")


async def speak(session: RealtimeSession) -> None:
    """Ask the question aloud."""
    sound = encoded(spoken(QUESTION) + silence(900, SPOKEN_RATE_HZ), PCM)
    for start in range(0, len(sound), 9600):
        await session.send_audio(sound[start : start + 9600])


async def test_a_phone_call_of_the_agents_sdk(service: Service) -> None:
    agent = RealtimeAgent(name="Robin", instructions="Begin with Ahoy.")
    base_url = service.base_url
    async with (
        openai.AsyncOpenAI(base_url=base_url, api_key=service.key) as api,
        httpx.AsyncClient(headers=service.authorization, trust_env=False) as stage,
    ):
        sound = silence(3000, SPOKEN_RATE_HZ) + spoken(QUESTION)
        incoming = await stage.post(f"{base_url}/sandbox/phone_calls", content=wav(sound))
        call_id = incoming.json()["data"]["call_id"]
        detection: Any = {"type": "server_vad", "silence_duration_ms": 500}
        overrides: Any = {"audio": {"input": {"turn_detection": detection}}}
        payload = await OpenAIRealtimeSIPModel.build_initial_session_payload(agent, overrides=overrides)
        await api.realtime.calls.accept(call_id, **payload.model_dump(exclude_none=True))
        runner = RealtimeRunner(agent, model=OpenAIRealtimeSIPModel(), config={"tracing_disabled": True})
        url = f"{base_url.replace('http', 'ws', 1)}/realtime?call_id={call_id}"
        config: Any = {"call_id": call_id, "url": url, "api_key": service.key}
        config["initial_model_settings"] = overrides
        session = await runner.run(model_config=config)
        async with session:
            talk = Talk(session)
            collecting = asyncio.create_task(talk.collect())
            assert (await talk.until(talk.last_said)).startswith("Ahoy. You said: How many people")
            await session.send_message("Hello.")
            await talk.until(lambda: talk.last_said() == "Ahoy. You said: Hello.")
            await api.realtime.calls.hangup(call_id)
        await collecting


async def test_a_conversation_of_the_agents_sdk(service: Service) -> None:
    agent = RealtimeAgent(name="Robin", instructions="Begin with Ahoy.", tools=[get_weather])
    detection = {"type": "server_vad", "silence_duration_ms": 500, "interrupt_response": True}
    settings: Any = {
        "audio": {
            "input": {"transcription": {"model": "gpt-transcribe"}, "turn_detection": detection},
            "output": {"voice": "cedar"},
        }
    }
    runner = RealtimeRunner(agent, config={"model_settings": settings, "tracing_disabled": True})
    url = f"{service.base_url.replace('http', 'ws', 1)}/realtime?model=gpt-realtime-2.1"
    session = await runner.run(model_config={"url": url, "api_key": service.key})
    async with session:
        talk = Talk(session)
        collecting = asyncio.create_task(talk.collect())
        await speak(session)
        answer = await talk.until(talk.last_said)
        user = talk.history[0]
        assert user.role == "user"
        heard = await talk.until(lambda: talk.history[0].content[0].transcript)
        assert jiwer.wer(QUESTION.lower(), heard.lower()) <= 0.2
        assert answer == f"Ahoy. You said: {heard}"
        assert b"".join(event.audio.data for event in talk.of_type("audio"))

        await session.send_message("What is the weather in London?")
        (asked,) = await talk.until(lambda: talk.of_type("tool_approval_required"))
        await session.approve_tool_call(asked.call_id)
        await talk.until(lambda: "foggy" in talk.last_said())
        assert talk.last_said() == "Ahoy. Get weather says: It is foggy in London."
        call = talk.history[-2]
        assert (call.name, call.status, call.output) == ("get_weather", "completed", "It is foggy in London.")

        since = len(talk.of_type("audio"))
        await session.send_message("Tell me a story.")
        # The words come faster than they are played: so many words, and some have been heard.
        await talk.until(lambda: "white cloud" in talk.words())
        # Speech interrupts: the service cancels, the SDK truncates what it has not played.
        await speak(session)
        await talk.until(lambda: talk.of_type("audio_interrupted"))
        await talk.until(lambda: heard in talk.last_said())
        story = next(item for item in talk.history if item.item_id == talk.of_type("audio")[since].item_id)
        assert (story.content[0].transcript or "").startswith("Ahoy. A ship")
        assert "soup" not in story.content[0].transcript

        def done() -> list[Any]:
            return [event for event in talk.of_type("raw_model_event") if event.data.type == "usage"]

        # An item is complete a little before its response is.
        await talk.until(lambda: len(done()) == 5)
        usage = talk.events[-1].info.context.usage
        assert usage.requests == len(done()) == 5
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
        assert talk.of_type("error") == []
    await collecting
