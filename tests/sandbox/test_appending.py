"""Sound that is appended comes whole into the buffer, and holds up nobody."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget.sandbox.inbox import Inbox
from tests.sandbox.events import types
from tests.sandbox.inside import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

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


async def test_a_long_append_lets_others_have_their_turn() -> None:
    async with inside(**telephone()) as talk, inside() as other:
        append(talk, ULAW_SILENCE * (ULAW_HZ * 60))
        talk.send("input_audio_buffer.commit")
        other.say("Hello.")
        assert other.events[-1]["type"] == "conversation.item.done"
        assert talk.events[-1]["type"] == "session.created"
        await talk.wait_for("input_audio_buffer.committed")


async def test_what_follows_a_long_append_waits_for_it() -> None:
    async with inside(**telephone()) as talk:
        append(talk, ULAW_SILENCE * (ULAW_HZ * 30))
        talk.send("input_audio_buffer.commit")
        append(talk, ULAW_SILENCE * (ULAW_HZ * 20))
        talk.send("input_audio_buffer.clear")
        talk.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        talk.send("input_audio_buffer.commit", event_id="mine")
        failed = await talk.wait_for("error")
        assert failed["error"]["event_id"] == "mine"
        assert types(talk.events) == [
            "session.created",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "input_audio_buffer.cleared",
            "session.updated",
            "error",
        ]
        assert talk.session.turns.ears.position_ms == pytest.approx(50_000, abs=5)
        entry = talk.session.history.find(talk.events[1]["item_id"])
        assert entry is not None
        assert entry.audio_ms == 30_000


async def test_a_format_that_changes_after_an_append_is_not_that_of_its_sound() -> None:
    async with inside(**telephone()) as talk:
        append(talk, ULAW_SILENCE * (ULAW_HZ * 5))
        heard = {"format": {"type": "audio/pcm", "rate": 24_000}}
        talk.send("session.update", session={"type": "realtime", "audio": {"input": heard}})
        append(talk, bytes(24_000 * 2 * 5))
        talk.send("input_audio_buffer.commit")
        done = await talk.wait_for("conversation.item.done")
        entry = talk.session.history.find(done["item"]["id"])
        assert entry is not None
        assert entry.audio_ms == pytest.approx(10_000, abs=5)


async def test_a_session_that_ends_takes_in_no_more() -> None:
    async with inside(**telephone()) as talk:
        append(talk, ULAW_SILENCE * (ULAW_HZ * 60))
        append(talk, ULAW_SILENCE * (ULAW_HZ * 60))
    for _ in range(3):
        await asyncio.sleep(0)
    taken_ms = talk.session.turns.ears.position_ms
    append(talk, ULAW_SILENCE * (ULAW_HZ * 60))
    for _ in range(3):
        await asyncio.sleep(0)
    assert taken_ms == talk.session.turns.ears.position_ms < 60_000


async def test_no_more_is_taken_from_a_client_while_too_much_of_it_waits() -> None:
    obeyed: list[str] = []

    def obey(text: str) -> Iterator[None]:
        yield
        obeyed.append(text[0])

    inbox = Inbox(obey, asyncio.create_task)
    inbox.take("a")
    await inbox.has_room()
    assert obeyed == []
    inbox.take("b" * 17 * 1024 * 1024)
    inbox.take("c")
    await inbox.has_room()
    assert obeyed == ["a", "b", "c"]
