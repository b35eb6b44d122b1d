"""A service that says what a test lets it say, over a real WebSocket: what no honest service would."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve

import rtc_widget as rtc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.http11 import Request, Response


class ByHand:
    """The service's end of one session; it confirms what it is told, and answers with nothing."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._socket: ServerConnection | None = None
        self._is_over = False
        self._numbers = count()

    def admit(self, socket: ServerConnection, _: Request) -> Response | None:
        """Refuse whoever comes after the end."""
        return socket.respond(404, "There is no such call.") if self._is_over else None

    async def end(self) -> None:
        """End the call."""
        assert self._socket is not None
        self._is_over = True
        await self._socket.close()

    async def talk(self, socket: ServerConnection) -> None:
        """Confirm what comes, until it ends."""
        self._socket = socket
        async for message in socket:
            event = json.loads(message)
            self.heard.append(event)
            if event["type"] == "session.update":
                session = {"type": "realtime", "model": "gpt-realtime-2.1", **event["session"]}
                await self.say("session.updated", session=session)
            elif event["type"] == "conversation.item.create":
                for name in ("added", "done"):
                    await self.say(f"conversation.item.{name}", previous_item_id=None, item=event["item"])
            elif event["type"] == "response.create":
                await self._answer(event.get("response") or {})

    async def say(self, type: str, **fields: Any) -> None:
        """Send an event."""
        assert self._socket is not None
        event_id = f"event_{next(self._numbers)}"
        await self._socket.send(json.dumps({"type": type, "event_id": event_id, **fields}))

    async def _answer(self, asked: dict[str, Any]) -> None:
        response: dict[str, Any] = {
            "id": f"resp_{next(self._numbers)}",
            "status": "in_progress",
            "output": [],
            "metadata": asked.get("metadata"),
        }
        await self.say("response.created", response=response)
        await self.say("response.done", response={**response, "status": "completed"})

    async def call_tool(self, name: str, arguments: str, *, call_id: str = "call_1", at: str = "a") -> None:
        """Let a response of its own, named after `at`, call a tool."""
        response = {"id": f"resp_{at}", "status": "in_progress", "output": []}
        item = {"id": f"item_{at}", "type": "function_call", "name": name, "call_id": call_id}
        whole = {**item, "arguments": arguments, "status": "completed"}
        await self.say("response.created", response=response)
        await self.say("response.output_item.added", response_id=response["id"], output_index=0, item=item)
        await self.say("conversation.item.added", previous_item_id=None, item=item)
        await self.arguments_done(name, arguments, call_id=call_id, at=at)
        await self.say("response.output_item.done", response_id=response["id"], output_index=0, item=whole)
        await self.say("response.done", response={**response, "status": "completed", "output": [whole]})

    async def arguments_done(
        self, name: str, arguments: str, *, call_id: str = "call_1", at: str = "a"
    ) -> None:
        """Say that the arguments of a call are complete."""
        await self.say(
            "response.function_call_arguments.done",
            response_id=f"resp_{at}",
            item_id=f"item_{at}",
            output_index=0,
            call_id=call_id,
            name=name,
            arguments=arguments,
        )


@asynccontextmanager
async def by_hand() -> AsyncIterator[tuple[ByHand, rtc.Session]]:
    """Give such a service, and a session on a call of it."""
    service = ByHand()
    async with serve(service.talk, "127.0.0.1", 0, process_request=service.admit) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        provider = rtc.Compatible(f"http://127.0.0.1:{port}/v1", key="canary-of-by-hand")
        async with rtc.attach("rtc_1", provider=provider, directory=None) as session:
            yield service, session
