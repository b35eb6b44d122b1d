"""A recorded session on the real sandbox: heard live, on disk, and loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import rtc_widget as rtc

if TYPE_CHECKING:
    from pathlib import Path


def letters(text: str | None) -> set[str]:
    return set((text or "").lower().replace(".", "").replace("?", "").split())


async def test_what_is_recorded_is_heard_live_and_loaded_alike(tmp_path: Path) -> None:
    latencies: list[float | None] = []
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(),
        instructions='Say exactly "The train leaves in the morning."',
        directory=tmp_path,
        record=True,
    ) as session:
        session._keeper.on_heard = latencies.append
        turn = await session.play(rtc.Sandbox.spoken("When does the train leave?"))
        typed = await session.say("Once more, please.")
        assert turn.latency_heard_ms is not None
        assert turn.latency_inferred_ms is not None
        assert turn.audio is not None
        assert turn.user_audio is not None
        assert len(letters(rtc.Sandbox.recognised(turn.audio)) & letters(turn.transcript)) >= 4
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

    copy = rtc.load(session.save(tmp_path / "copy"))
    pd.testing.assert_frame_equal(copy.segments, live["segments"])


async def test_without_recording_there_is_no_audio_and_nothing_heard() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        turn = await session.say("Hello.")
        assert (turn.audio, turn.user_audio, turn.latency_heard_ms, session.audio) == (None, None, None, None)
        assert session.segments.empty
