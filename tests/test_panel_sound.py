"""The panel's requests about sound, on one recorded call with the real sandbox."""

from __future__ import annotations

import io
import wave
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

import rtc_widget as rtc
from rtc_widget._panel import Panel
from rtc_widget._panel_asking import NOW
from rtc_widget._panel_recorded import RecordedPanel
from rtc_widget._panel_sound import PEAKS_PER_S, PanelSound, Peaks, picture
from rtc_widget.audio import load_sound
from rtc_widget.frames.timeline import LANES
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.tracks import Tracks

if TYPE_CHECKING:
    from pathlib import Path


def heard(answer: dict[str, Any]) -> str:
    (data,) = answer["buffers"]
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(answer["seconds"])
    return (rtc.Sandbox.recognised(load_sound(data)) or "").lower()


async def test_a_recorded_call_is_heard_drawn_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rtc.Variant("city", instructions='Say exactly "Paris is a large city."').save()
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(),
        instructions='Say exactly "The train leaves in the morning."',
        directory=tmp_path,
        record=True,
    ) as session:
        panel = Panel(session)

        async def ask(method: str, **params: Any) -> dict[str, Any]:
            handler = panel.handler(method)
            assert handler is not None
            return await handler(params)

        await ask("play", what="a.wav", buffers=[rtc.Sandbox.spoken("When does the train leave?").wav()])
        assert '"what":"a.wav"' in session.events.query("type == 'rtc.play'").event.iloc[0].replace(" ", "")
        picture_file = io.BytesIO()
        Image.new("RGB", (4, 4)).save(picture_file, "PNG")
        await ask("add_image", buffers=[picture_file.getvalue()])
        turn = [state for state in session.conversation.turns if state.responses][-1]
        asked = turn.user_item_id
        (answered,) = turn.responses[0].output_item_ids

        assert "when" in heard(await ask("sound", item_id=asked))
        assert "morning" in heard(await ask("sound", item_id=answered))
        drawn = await ask("timeline")
        both = await ask("sound", start_ms=0, end_ms=drawn["duration_ms"])
        assert {"when", "morning"} <= set(heard(both).replace(".", "").replace("?", "").split())
        with pytest.raises(rtc.ConfigurationError, match="nothing was recorded"):
            await ask("sound", item_id="item_unknown")

        assert drawn["lanes"] == list(LANES)
        lanes = {one["lane"]: one for one in reversed(drawn["stretches"])}
        assert lanes["user speech"]["id"] == asked
        assert lanes["responses"]["id"] == turn.response_ids[0]
        (told, *_) = (await ask("turns"))["turns"]
        assert told["answer_id"] == answered
        assert told["latency_heard_ms"] == drawn["turns"][0]["latency_heard_ms"] > 0
        user, agent = (np.frombuffer(buffer, np.int8) for buffer in drawn["buffers"])
        assert len(user) == pytest.approx(drawn["duration_ms"] / 1000 * PEAKS_PER_S, abs=PEAKS_PER_S)
        first_user, first_agent = (int(np.flatnonzero(track > 8)[0]) for track in (user, agent))
        assert first_user < first_agent
        later = await ask("timeline", since=len(user) - 10)
        assert len(np.frombuffer(later["buffers"][0], np.int8)) >= 10

        answers = (await ask("ask_again", item_id=asked, variants=[NOW, "city"], repeats=1))["answers"]
        said = {answer["variant"]: answer["transcript"] for answer in answers}
        assert said == {NOW: "The train leaves in the morning.", "city": "Paris is a large city."}
        assert "city" in heard(await ask("sound", answer=answers[1]["id"]))
        with pytest.raises(rtc.ConfigurationError, match="at most"):
            await ask("ask_again", item_id=asked, variants=["city"], repeats=99)

        found = (await ask("find", query="RESPONSE.DONE"))["seqs"]
        assert "response.done" in [session.event_log[seq]["type"] for seq in found]
        assert len(found) < len(session.event_log)
        await session.hang_up()
        live, folder = picture(session._core.frames), session.folder
    assert folder is not None
    recording = rtc.load(folder)
    assert picture(recording.frames)["stretches"] == live["stretches"]
    assert (await replayed(recording))[0]["latency_heard_ms"] == pytest.approx(told["latency_heard_ms"])


async def replayed(recording: rtc.Recording) -> list[dict[str, Any]]:
    handler = RecordedPanel(recording).handler("turns")
    assert handler is not None
    return cast("list[dict[str, Any]]", (await handler({}))["turns"])


def test_turns_that_are_long_over_are_looked_at_again_once_the_browser_was_measured_anew() -> None:
    log = EventLog()
    sound = PanelSound(cast("Any", SimpleNamespace(frames=SimpleNamespace(log=log))))
    known = sound._long_over()
    known[0] = {"latency_heard_ms": 677.0}
    log.note("rtc.audio")
    assert sound._long_over() is known
    log.note("rtc.calibration", constant_ms=7.2)
    assert sound._long_over() == {}


async def test_without_a_recording_the_panel_says_how_to_make_one() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    handler = Panel(session).handler("sound")
    assert handler is not None
    with pytest.raises(rtc.ConfigurationError, match="record=True"):
        await handler({"start_ms": 0, "end_ms": 100})
    session.close()


def test_peaks_of_a_growing_track_are_those_of_the_whole_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(-30_000, 30_000, 24_000 * 5, dtype=np.int16)
    (tmp_path / "agent.pcm").write_bytes(b"")
    growing, found = Peaks(Tracks(tmp_path), "user"), np.zeros(0, np.int8)
    for end in (0, 24_000, 24_000 * 4, len(samples)):
        (tmp_path / "user.pcm").write_bytes(samples[:end].tobytes())
        fresh = growing.since(len(found) // 2)
        found = np.concatenate([found[: len(found) // 2], fresh])
    assert found.tolist() == Peaks(Tracks(tmp_path), "user").since(0).tolist()
    assert len(found) == 5 * PEAKS_PER_S
