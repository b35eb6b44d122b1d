"""What the relay is compared with: a widget that hands each event to its kernel, and does nothing else.

It runs in a notebook's kernel as it stands here; nothing is numbered, kept, shown or written down.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import anywidget
import httpx


class BareChannel(anywidget.AnyWidget):
    """A call by the API's own steps, whose data channel ends in Python.

    Parameters
    ----------
    base_url
        Of the sandbox; its standard key is in `RTC_SANDBOX_KEY`.
    session
        What the call is made with.

    Attributes
    ----------
    came_ms
        When an event was here, by its id.
    """

    _esm = """
    function initialize({ model }) {
      let connection, channel, microphone;
      const audio = new Audio();
      audio.autoplay = true;
      const connect = async ({ url, secret }) => {
        connection = new RTCPeerConnection();
        connection.ontrack = ({ streams }) => { audio.srcObject = streams[0]; };
        microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
        connection.addTrack(microphone.getTracks()[0]);
        channel = connection.createDataChannel("oai-events");
        channel.onopen = () => model.send({ kind: "open" });
        channel.onmessage = ({ data }) => model.send({ kind: "event", data });
        const offer = await connection.createOffer();
        await connection.setLocalDescription(offer);
        const headers = { Authorization: `Bearer ${secret}`, "Content-Type": "application/sdp" };
        const answer = await fetch(url, { method: "POST", body: offer.sdp, headers });
        await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      };
      const hangUp = () => {
        microphone.getTracks().forEach((track) => track.stop());
        connection.close();
      };
      model.on("msg:custom", (message) => {
        if (message.kind === "connect") connect(message);
        else if (message.kind === "send") channel.send(JSON.stringify(message.event));
        else hangUp();
      });
    }
    export default { initialize };
    """

    def __init__(self, base_url: str, session: dict[str, str]) -> None:
        super().__init__()
        self._base_url, self._session = base_url, session
        self.came_ms: dict[str, float] = {}
        self._open, self._spoken = asyncio.Event(), asyncio.Event()
        self.on_msg(self._take)

    def _take(self, _: object, message: dict[str, Any], __: object) -> None:
        if message["kind"] == "open":
            self._open.set()
            return
        event = json.loads(message["data"])
        self.came_ms[event["event_id"]] = time.time_ns() / 1e6
        if event["type"] == "output_audio_buffer.stopped":
            self._spoken.set()

    async def connect(self) -> None:
        """Call."""
        self._open.clear()
        async with httpx.AsyncClient(base_url=self._base_url) as client:
            minted = await client.post(
                "realtime/client_secrets",
                json={"session": self._session},
                headers={"Authorization": f"Bearer {os.environ['RTC_SANDBOX_KEY']}"},
            )
        secret = minted.raise_for_status().json()["value"]
        self.send({"kind": "connect", "url": f"{self._base_url}/realtime/calls", "secret": secret})
        await self._open.wait()

    async def say(self, text: str) -> None:
        """Say something, and return when the answer has been spoken."""
        self._spoken.clear()
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        for event in ({"type": "conversation.item.create", "item": item}, {"type": "response.create"}):
            self.send({"kind": "send", "event": event})
        await self._spoken.wait()

    def hang_up(self) -> None:
        """End the call."""
        self.send({"kind": "hang_up"})
