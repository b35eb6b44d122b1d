"""WebSockets: a session of its own (`?model=`), or a sideband that joins a call (`?call_id=`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocketDisconnect

from rtc_widget.sandbox.service import no_such_call
from rtc_widget.sandbox.session import Session, told_of
from rtc_widget.sandbox.wire import ApiError, is_beta

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.websockets import WebSocket

    from rtc_widget.sandbox.service import Sandbox

__all__ = ["hold"]

_PROTOCOL: Final = "realtime"
_GOING_AWAY: Final = 1001
_KEY_PROTOCOL: Final = "openai-insecure-api-key."
"""A browser cannot set headers of a WebSocket: its key comes among the subprotocols."""


async def hold(sandbox: Sandbox, websocket: WebSocket) -> None:
    """`GET /v1/realtime`, until either side ends it.

    Raises
    ------
    ApiError
        It is refused; nothing was accepted yet.
    """
    sandbox.trouble.strike("realtime")
    header = websocket.headers.get("authorization") or _key_among(websocket.scope["subprotocols"])
    call_id = websocket.query_params.get("call_id")
    if call_id is not None:
        sandbox.keys.check_standard(header)
        call = sandbox.find(call_id)
        if call.session is None or not call.may_be_joined:
            raise no_such_call(call_id)
        await _join(call.session, websocket)
        return
    asked = sandbox.keys.session_of(header)
    if asked is None and websocket.query_params.get("intent") == "transcription":
        asked = {"type": "transcription"}
    if asked is None:
        if not websocket.query_params.get("model"):
            raise ApiError("You must provide a model parameter.", code="missing_model", param="model")
        asked = {"type": "realtime"}
    line = _Line(websocket)
    session = Session(
        asked,
        brain=sandbox.brain,
        send=line.send,
        seconds=sandbox.session_seconds,
        on_expired=lambda: line.end(_GOING_AWAY, told_of(sandbox.session_seconds)),
        audio_in_events=True,
        is_beta=is_beta(websocket.headers, websocket.scope["subprotocols"]),
    )
    await _accept(websocket)
    try:
        session.open()
        await line.carry(session.accept)
    finally:
        session.close()


async def _join(session: Session, websocket: WebSocket) -> None:
    """Let a sideband hear and say what the call's own channel does; the session began without it."""
    line = _Line(websocket)
    await _accept(websocket)
    session.join(line)
    try:
        await line.carry(session.accept)
    finally:
        session.leave(line)


class _Line:
    """One WebSocket: what is sent waits here until the network has taken it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self._why = (1000, "")

    def send(self, text: str) -> None:
        self._waiting.put_nowait(text)

    def end(self, code: int = 1000, reason: str = "") -> None:
        """Close it, once all has been sent."""
        self._why = code, reason
        self._waiting.put_nowait(None)

    async def carry(self, accept: Callable[[str], Awaitable[None]]) -> None:
        """Carry messages both ways until one side ends it."""
        works = {asyncio.create_task(self._write()), asyncio.create_task(self._read(accept))}
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
        for work in done:
            work.result()

    async def _write(self) -> None:
        while (text := await self._waiting.get()) is not None:
            try:
                await self._websocket.send_text(text)
            except WebSocketDisconnect:
                return
        code, reason = self._why
        await self._websocket.close(code, reason)

    async def _read(self, accept: Callable[[str], Awaitable[None]]) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            await accept(text if text is not None else message["bytes"].decode(errors="replace"))


async def _accept(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=_PROTOCOL if _PROTOCOL in offered else None)


def _key_among(protocols: list[str]) -> str | None:
    keys = [name.removeprefix(_KEY_PROTOCOL) for name in protocols if name.startswith(_KEY_PROTOCOL)]
    return f"Bearer {keys[0]}" if keys else None
