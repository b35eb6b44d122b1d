"""A recorded session on the real sandbox: heard live, on disk, and loaded again."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget._playback import TAIL_S
from tests.audio.signals import loud_span_ms
from tests.full_disk import no_file_over

if TYPE_CHECKING:
    from pathlib import Path

LONG = "It is a long way, and there is much to see, so let us take the slow train and look around."


def letters(text: str | None) -> set[str]:
    return set((text or "").lower().replace(".", "").replace("?", "").split())


def at_the_station(directory: Path | None) -> rtc.HeadlessSession:
    """Return a recorded session with one answer to everything."""
    said = 'Say exactly "The train leaves in the morning."'
    return rtc.HeadlessSession(provider=rtc.Sandbox(), instructions=said, directory=directory, record=True)


async def test_what_is_recorded_is_heard_live_and_loaded_alike(tmp_path: Path) -> None:
    latencies: list[float | None] = []
    async with at_the_station(tmp_path) as session:
        session._keeper.on_heard = latencies.append
        turn = await session.play(rtc.Sandbox.spoken("When does the train leave?"))
        typed = await session.say("Once more, please.")
        assert turn.latency_heard_ms is not None
        assert turn.latency_inferred_ms is not None
        assert turn.audio is not None
        assert turn.user_audio is not None
        assert len(letters(rtc.Sandbox.recognised(turn.audio)) & letters(turn.transcript)) >= 3
        assert len(letters(rtc.Sandbox.recognised(turn.user_audio)) & {"when", "does", "the", "train"}) >= 3
        assert typed.user_audio is None
        assert typed.latency_heard_ms is None
        folder = session.folder
        assert folder is not None
        assert (folder / "user.pcm").exists()
        await session.hang_up()
        assert sorted(path.name for path in folder.glob("*.flac")) == ["agent.flac", "user.flac"]
        assert latencies[0] == turn.latency_heard_ms
        live = {name: getattr(session, name) for name in ("segments", "turns", "stats")}
    loaded = rtc.load(folder)
    for name, frame in live.items():
        pd.testing.assert_frame_equal(getattr(loaded, name), frame)
    assert loaded.audio is not None
    assert len(loaded.audio.user.samples) == len(loaded.audio.agent.samples)
    answered = live["segments"].query("track == 'agent' and turn == 0").iloc[0]
    heard = loaded.audio.sound("agent", answered["t_start_ms"], answered["t_end_ms"])
    assert np.abs(heard.samples.astype(np.int32)).max() > 1_000
    assert loaded.sessions["latency_heard_p50_ms"].iloc[0] == turn.latency_heard_ms
    assert {"packetsReceived", "bit_rate_out_bps"} <= set(live["stats"]["metric"].astype(str))
    jitter_s = live["stats"].query("metric == 'jitter'")["value"]
    assert 0 < jitter_s.max() < 0.5

    copy = rtc.load(session.save(tmp_path / "copy"))
    pd.testing.assert_frame_equal(copy.segments, live["segments"])


async def test_a_turn_that_has_ended_is_whole_to_its_last_word_and_has_been_measured() -> None:
    async with at_the_station(None) as session:
        turn = await session.play(rtc.Sandbox.spoken("When does the train leave?"))
        answer, latency_ms = turn.audio, turn.latency_heard_ms
    assert latency_ms is not None
    assert answer is not None
    spoken = rtc.Sandbox.spoken(turn.transcript, voice=session.voice).resampled(answer.sample_rate_hz)
    assert loud_span_ms(answer)[1] - loud_span_ms(answer)[0] > 0.95 * (
        loud_span_ms(spoken)[1] - loud_span_ms(spoken)[0]
    )


async def test_hanging_up_after_an_answer_waits_until_its_last_word_has_been_heard() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        await session.say("Are you still there?")
        await session.hang_up()
        last_ms = session.events.groupby("type", observed=True)["t_ms"].max()
    assert last_ms["rtc.state"] - last_ms["output_audio_buffer.stopped"] >= 1_000 * TAIL_S


async def test_hanging_up_in_the_middle_of_an_answer_ends_it_at_once() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        asked = session.say(LONG)
        await session.wait_for("output_audio_buffer.started", timeout=20)
        await session.hang_up()
        with pytest.raises(rtc.ConnectionFailed):
            await asked
        assert "output_audio_buffer.stopped" not in set(session.events["type"])


async def test_without_recording_there_is_no_audio_and_nothing_heard() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        turn = await session.say("Hello.")
        assert (turn.audio, turn.user_audio, turn.latency_heard_ms, session.audio) == (None, None, None, None)
        assert session.segments.empty


async def test_what_is_heard_without_a_browser_is_what_the_sandbox_waited() -> None:
    wait = "Answer in one word, 1500 ms after the user."
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, record=True, instructions=wait
    ) as session:
        question = rtc.Sandbox.spoken("What time is it?")
        turns = [await session.play(question) for _ in range(2)]
        told = set(session.errors["code"])
    heard = [turn.latency_heard_ms for turn in turns if turn.status == "completed"]
    if not heard:  # a machine so busy that the sandbox could not keep its word, and said so
        assert told == {"answered_too_late"}
        return
    assert min(latency_ms or 0.0 for latency_ms in heard) == pytest.approx(1_500, abs=50)


@pytest.mark.parametrize("place", ["a file", "gone"])
async def test_where_the_sound_has_no_place_the_session_goes_on_and_is_saved_elsewhere(
    tmp_path: Path, place: str
) -> None:
    directory = tmp_path / "runs"
    if place == "a file":
        directory.touch()
    async with at_the_station(directory) as session:
        turn = await session.say("When does the train leave?")
        if session.folder is not None and place == "gone":
            shutil.rmtree(session.folder)
        assert turn.audio is None or place == "gone"
        folder = session.save(tmp_path / "copy")
        assert session.save(folder) == folder
        assert len(session.turns) == 1
    assert len(rtc.load(folder).turns) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="it has no limit of a file's size")
async def test_a_disk_that_is_full_at_hang_up_ends_the_call_all_the_same_and_close_tries_again(
    tmp_path: Path,
) -> None:
    session = at_the_station(tmp_path)
    await session.connect()
    await session.say("When does the train leave?")
    with no_file_over(100):
        await session.hang_up()
    folder = session.folder
    assert folder is not None
    assert sorted(path.name for path in folder.glob("*.pcm*")) == ["agent.pcm", "user.pcm"]
    told = session.errors
    assert set(told["source"]) == {"disk"}
    assert set(told["code"]) == {"EFBIG"}
    assert all(str(folder) in message for message in told["message"])
    assert {message.split()[1] for message in told["message"]} >= {"audio", "tells"}
    await session.close()
    assert sorted(path.name for path in folder.glob("*.flac*")) == ["agent.flac", "user.flac"]
    loaded = rtc.load(folder)
    assert len(loaded.event_log) == len(session.event_log)
    assert loaded.info["session_id"] == session.event_log.session_id
