"""Sound that is appended comes whole into the buffer, and holds up nobody."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.sandbox.inside import inside

if TYPE_CHECKING:
    from tests.sandbox.inside import Inside

ULAW_SILENCE = b"\xff"
ULAW_HZ = 8_000


def telephone(**heard: Any) -> dict[str, Any]:
    """Return a session that is sent G.711, without turn detection."""
    heard = {"format": {"type": "audio/pcmu"}, "turn_detection": None, **heard}
    return {"output_modalities": ["text"], "audio": {"input": heard}}


def append(talk: Inside, raw: bytes) -> None:
    talk.send("input_audio_buffer.append", audio=base64.b64encode(raw).decode())


async def test_what_the_buffer_cannot_hold_is_refused_and_nothing_of_it_taken() -> None:
    async with inside(**telephone()) as talk:
        append(talk, ULAW_SILENCE * (ULAW_HZ // 10))
        append(talk, ULAW_SILENCE * (ULAW_HZ * 600))
        assert talk.error()["code"] == "input_audio_buffer_full"
        assert "not for 600000.00ms" in talk.error()["message"]
        append(talk, ULAW_SILENCE * (ULAW_HZ // 10))
        talk.send("input_audio_buffer.commit")
        entry = talk.session.history.find(talk.last("input_audio_buffer.committed")["item_id"])
        assert entry is not None
        assert entry.audio_ms == 200
