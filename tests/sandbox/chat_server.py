"""A stand-in for a chat completions endpoint: it streams over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

KEY = "sk-brain-canary-5e"


@dataclass
class ChatServer:
    """The running server.

    Attributes
    ----------
    base_url
        Where it is.
    requests
        What it was asked.
    goes_on
        Set: it writes to the end. Clear: it stops after the first sentence, until it is set.
    is_left
        Set when somebody has hung up on it in the middle.
    """

    base_url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    is_left: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        asked = await request.json()
        self.requests.append(asked)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            problem = {"message": f"wrong key: {request.headers.get('authorization')}", "code": "nobody"}
            return JSONResponse({"error": problem}, status_code=401)
        return StreamingResponse(self._stream(asked), media_type="text/event-stream")

    async def _stream(self, asked: dict[str, Any]) -> AsyncIterator[str]:
        try:
            last = asked["messages"][-1]
            if asked.get("tools") and last["role"] == "user":
                name = asked["tools"][0]["function"]["name"]
                for piece in (
                    {"id": "call_1", "function": {"name": name, "arguments": ""}},
                    {"function": {"arguments": '{"city": '}},
                    {"function": {"arguments": '"Oslo"}'}},
                ):
                    yield _chunk(tool_calls=[{"index": 0, "type": "function", **piece}])
            else:
                said = "The tool has spoken" if last["role"] == "tool" else "You asked something"
                for word in (f"{said}.", " That", " is", " all", "."):
                    yield _chunk(content=word)
                    if word.endswith(" That"):
                        await self.goes_on.wait()
            yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.is_left.set()
            raise


def _chunk(**delta: Any) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


@asynccontextmanager
async def chat_server() -> AsyncIterator[ChatServer]:
    """Run one while the block lasts."""
    listening = socket.create_server(("127.0.0.1", 0))
    chat = ChatServer(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
    app = Starlette(routes=[Route("/v1/chat/completions", chat.complete, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield chat
    finally:
        server.should_exit = True
        await serving
