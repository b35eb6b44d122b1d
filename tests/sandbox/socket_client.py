"""A client of the sandbox over WebSockets, and everything that came back."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

from tests.sandbox.events import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.events import Event
    from tests.sandbox.service import Service

TIME_LIMIT_S = 45.0
PIECE_BYTES = 4800


class SocketClient:
    """One WebSocket, and what it brought.

    Attributes
    ----------
    events
        All server events, in order.
    is_over
        Set when the service has closed it.
    close_code
        Its number.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.events: list[Event] = []
        self.is_over = asyncio.Event()
        self.connection = connection
        self._news = asyncio.Event()

    async def send(self, type: str, **fields: Any) -> None:
        """Send a client event."""
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def type_text(self, text: str, **response: Any) -> None:
        """Send a typed message, and ask for the answer."""
        content = [{"type": "input_text", "text": text}]
        message = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=message)
        await self.send("response.create", response=response)

    async def append(self, raw: bytes, piece_bytes: int = PIECE_BYTES) -> None:
        """Append sound, piece by piece."""
        for start in range(0, len(raw), piece_bytes):
            piece = base64.b64encode(raw[start : start + piece_bytes]).decode()
            await self.send("input_audio_buffer.append", audio=piece)

    async def wait_for(self, type: str, since: int = 0) -> Event:
        """Return the first event of a type from a place in `events` on."""
        async with asyncio.timeout(TIME_LIMIT_S):
            while True:
                self._news.clear()
                for event in self.events[since:]:
                    if event["type"] == type:
                        return event
                await self._news.wait()

    async def answer(self, text: str, **response: Any) -> list[Event]:
        """Ask by text, and return the events until all is said."""
        since = len(self.events)
        await self.type_text(text, **response)
        await self.wait_for("rate_limits.updated", since)
        return self.events[since:]

    async def collect(self) -> None:
        """Take what comes, until it is over."""
        async for text in self.connection:
            self.events.append(check(json.loads(text)))
            self._news.set()
        self.is_over.set()


@asynccontextmanager
async def socket(
    service: Service, query: str, key: str | None = None, **headers: str
) -> AsyncIterator[SocketClient]:
    """Hold a WebSocket while the block lasts; `headers` with _ for -."""
    url = f"{service.base_url.replace('http', 'ws', 1)}/realtime?{query}"
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    more["Authorization"] = f"Bearer {key or service.key}"
    async with connect(url, additional_headers=more, proxy=None) as connection:
        client = SocketClient(connection)
        collecting = asyncio.create_task(client.collect())
        try:
            yield client
        finally:
            await connection.close()
            await collecting
