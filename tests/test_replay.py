"""Replays, as the page asks for them: over the widget's own messages, from recordings of the real sandbox."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import rtc_widget as rtc
from rtc_widget._panel import Panel
from rtc_widget._panel_sound import PEAKS_PER_S
from rtc_widget.audio import load_sound
from rtc_widget.frames.timeline import stretches

if TYPE_CHECKING:
    from pathlib import Path

    from rtc_widget.log.recording import Recording

SAID = 'Say exactly "The train leaves in the morning."'
_ids = count()


async def ask(player: Any, method: str, side: int = 0, **params: Any) -> dict[str, Any]:
    """Ask as a page does; an error reply is raised as an AssertionError."""
    message = {"kind": "request", "page": "p", "id": f"r{next(_ids)}", "method": method, "params": params}
    reply, buffers = await told(player, message | {"side": side})
    assert reply["ok"], reply
    result: dict[str, Any] = reply["result"]
    return result | ({"buffers": buffers} if buffers else {})


async def told(player: Any, message: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Send a message of a page, and return the kernel's next one and its buffers."""
    loop, answer = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    player.send = lambda content, buffers=None: loop.call_soon_threadsafe(
        answer.set_result, (content, buffers)
    )
    player._take_message(player, message, [])
    return await asyncio.wait_for(answer, 20)


async def call(folder: Path, *questions: str) -> tuple[Recording, dict[str, Any]]:
    """Record a call, and return it with the timeline that its panel showed while it was live."""
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), instructions=SAID, directory=folder, record=True
    ) as session:
        for question in questions:
            await session.play(rtc.Sandbox.spoken(question))
        await session.hang_up()
        handler = Panel(session).handler("timeline")
        assert handler is not None
        live = await handler({})
        assert session.folder is not None
        return rtc.load(session.folder), live


async def test_a_replay_answers_as_the_live_panel_did_and_two_calls_share_an_axis(tmp_path: Path) -> None:
    first, live = await call(tmp_path / "a", "When does the train leave?")
    second, _ = await call(tmp_path / "b", "Good morning, and hello. When does the train leave?")
    replay = first.replay()
    welcome, _ = await told(replay, {"kind": "hello", "page": "p", "next": 0, "live": False})
    config = welcome["config"]
    assert welcome["length"] == len(first.event_log)
    assert (config["sandbox"], config["record"], config["calls_url"]) == (True, True, "")
    assert first.audio is not None
    assert config["replay"]["duration_ms"] == pytest.approx(first.audio.duration_ms, rel=0.2)

    # Lane by lane: what the live panel drew, what the replay draws, what `rec.timeline()` draws.
    first_look = await ask(replay, "timeline")
    assert first_look["listening"]
    drawn = await ask(replay, "timeline", whole=True)
    assert first_look["stretches"] == drawn["stretches"]
    for lane in drawn["lanes"]:
        seen, then, chart = (
            [one for one in source if one["lane"] == lane]
            for source in (drawn["stretches"], live["stretches"], stretches(first.frames))
        )
        assert seen == then == chart
    assert {one["lane"] for one in drawn["stretches"]} >= {"user speech", "agent audio", "responses"}
    assert (drawn["turns"], drawn["notes"]) == (live["turns"], live["notes"])
    for peaks, before in zip(drawn["buffers"], live["buffers"], strict=True):
        assert peaks == before
        assert max(np.frombuffer(peaks, np.int8)) > 20

    rows = (await ask(replay, "tail", since=0, limit=500))["records"]
    assert [row[3] for row in rows] == [record.text for record in first.event_log.records()]
    states = [record.seq for record in first.event_log.records(types={"rtc.state"})]
    assert (await ask(replay, "find", query='"RTC.STATE"'))["seqs"] == states
    (turn,) = first.conversation.turns
    heard = load_sound((await ask(replay, "sound", item_id=turn.user_item_id))["buffers"][0])
    assert "leave" in (rtc.Sandbox.recognised(heard) or "").lower()
    end_ms = drawn["duration_ms"]
    past = load_sound((await ask(replay, "sound", start_ms=end_ms - 100, end_ms=end_ms + 900))["buffers"][0])
    assert past.seconds == pytest.approx(1.0)

    refused, _ = await told(
        replay, {"kind": "request", "page": "p", "id": "x", "method": "secret", "params": {}}
    )
    assert not refused["ok"]
    assert "only looked at" in refused["error"]["message"]

    both = rtc.side_by_side(first, second)
    pictures = [await ask(both, "timeline", side) for side in (0, 1)]
    ends = [picture["turns"][0]["t_input_end_ms"] for picture in pictures]
    assert ends[0] == pytest.approx(ends[1])
    assert pictures[0]["duration_ms"] == pictures[1]["duration_ms"]
    recordings = (first, second)
    ahead_ms = [
        end - float(rec.conversation.turns[0].t_input_end_ms or 0)
        for end, rec in zip(ends, recordings, strict=True)
    ]
    assert min(ahead_ms) == pytest.approx(0)
    assert max(ahead_ms) > 0
    for shifted, rec, ahead in zip(pictures, recordings, ahead_ms, strict=True):
        alone = await ask(rec.replay(), "timeline")
        silence = bytes(round(ahead / 1000 * PEAKS_PER_S))
        assert shifted["buffers"] == [silence + track for track in alone["buffers"]]
    begin, end = ends[0] - 3_000, ends[0] + 500
    heard = load_sound((await ask(both, "sound", start_ms=begin, end_ms=end))["buffers"][0])
    assert "leave" in (rtc.Sandbox.recognised(heard) or "").lower()
    with pytest.raises(rtc.ConfigurationError, match="turn=7 is not in both recordings; those that are: 0"):
        rtc.side_by_side(first, second, turn=7)
