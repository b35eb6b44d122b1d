"""A session without a call: events in and out by hand, and a mouth that speaks faster than real time."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtc_widget.sandbox.brain import RuleBrain
from rtc_widget.sandbox.session import Session
from tests.sandbox.events import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtc_widget.sandbox.prompt import Brain
    from tests.sandbox.events import Event

TIME_LIMIT_S = 30.0
FRAME_BYTES = 1920
HASTE = 8
"""How much faster than real time the mouth speaks here."""


class Inside:
    """A session, and all that it sent."""

    def __init__(self, asked: Event, seconds: float, brain: Brain | None = None) -> None:
        self.events: list[Event] = []
        self.is_over = False
        self._news = asyncio.Event()
        self.session = Session(
            {"type": "realtime", **asked},
            brain=brain or RuleBrain(),
            send=self._take,
            seconds=seconds,
            on_expired=self._end,
        )

    def send(self, type: str, **fields: Any) -> None:
        """Send a client event."""
        self.session.receive(json.dumps({"type": type, **fields}))

    def say(self, text: str, **fields: Any) -> None:
        """Add a typed message."""
        content = [{"type": "input_text", "text": text}]
        self.send(
            "conversation.item.create",
            item={"type": "message", "role": "user", "content": content, **fields},
        )

    async def answer(self, **response: Any) -> Event:
        """Ask for a response, and return it once it is done."""
        since = len(self.events)
        self.send("response.create", response=response)
        done: Event = (await self.wait_for("response.done", since))["response"]
        return done

    async def ask(self, text: str, **response: Any) -> str:
        """Say something, and return what was answered."""
        self.say(text)
        return text_of(await self.answer(**response))

    def last(self, type: str) -> Event:
        """Return the last event of a type."""
        return next(event for event in reversed(self.events) if event["type"] == type)

    def error(self) -> Event:
        """Return the error that the last event is."""
        assert self.events[-1]["type"] == "error", self.events[-1]
        found: Event = self.events[-1]["error"]
        return found

    async def wait_for(self, type: str, since: int = 0) -> Event:
        """Return the first event of a type from a place on."""
        async with asyncio.timeout(TIME_LIMIT_S):
            while True:
                self._news.clear()
                for event in self.events[since:]:
                    if event["type"] == type:
                        return event
                await self._news.wait()

    async def speak(self) -> None:
        """Let the mouth speak for ever."""
        while True:
            self.session.mouth.take(FRAME_BYTES)
            await asyncio.sleep(0.02 / HASTE)

    def _take(self, text: str) -> None:
        self.events.append(check(json.loads(text)))
        self._news.set()

    def _end(self) -> None:
        self.is_over = True
        self._news.set()


def text_of(response: Event) -> str:
    """Return what a response says."""
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return " ".join(part.get("text") or part.get("transcript") or "" for part in parts)


@asynccontextmanager
async def inside(seconds: float = 3600.0, brain: Brain | None = None, **asked: Any) -> AsyncIterator[Inside]:
    """Hold a session while the block lasts."""
    held = Inside(asked, seconds, brain)
    held.session.open()
    speaking = asyncio.create_task(held.speak())
    try:
        yield held
    finally:
        speaking.cancel()
        held.session.close()
        await held.session.brain.close()
