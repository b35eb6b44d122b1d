"""`rtc.resume`: what a session is in the next kernel."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget.log.folders import open_log
from tests.log.script import SESSION, Script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the session of a kernel that died in its third call."""
    log, folder = open_log(tmp_path)
    assert folder is not None
    script = Script()
    script.note("rtc.session", provider="sandbox", model="gpt-realtime")
    script.note("rtc.state", state="live", call=3, page="p1", rtc_call_id="rtc_1")
    effective: dict[str, Any] = deepcopy(SESSION) | {
        "model": "gpt-realtime-2.1",
        "tool_choice": "auto",
        "expires_at": 1,
    }
    effective["audio"]["input"] |= {"turn_detection": None, "noise_reduction": None}
    script.note("rtc.config", version=4, cause="update", variant="calm", changed={}, effective=effective)
    script.server("session.updated", session=effective)
    script.typed_turn("A flat white.", "Coming.")
    for direction, event in script.rows:
        log.append(direction, json.dumps(event))  # type: ignore[arg-type]  # rows say str
    log.close()
    return folder


@pytest.fixture
def widget(folder: Path) -> Iterator[rtc.RealtimeWidget]:
    widget = rtc.resume(folder, provider=rtc.Sandbox())
    yield widget
    widget.close()


def test_log_frames_and_state_are_those_of_the_session_so_far(
    widget: rtc.RealtimeWidget, folder: Path
) -> None:
    assert widget.event_log.session_id == rtc.load(folder).event_log.session_id
    assert widget.folder == folder
    assert widget.status == "live"
    assert widget.turns["transcript"].tolist() == ["Coming."]
    assert [item.words for item in widget.conversation.items] == ["A flat white.", "Coming."]


async def test_the_configuration_is_the_one_in_force_and_the_next_call_has_it(
    widget: rtc.RealtimeWidget,
) -> None:
    assert (widget.configuration.version, widget.configuration.variant) == (4, "calm")
    await widget.hang_up()  # no page has the call any more
    assert widget.status == "ended"
    assert (widget.instructions, widget.voice, widget.turn_detection) == ("You are a barista.", "marin", None)
    assert widget.configuration.requested["audio"]["input"] == {
        "transcription": {"model": "gpt-realtime-whisper"},
        "turn_detection": None,
        "noise_reduction": None,
    }
    assert "expires_at" not in widget.configuration.requested
    widget.event_log.append("server", json.dumps({"type": "later"}))
    assert widget.calls["t_end_ms"].notna().tolist() == [True]
    assert widget._call_request().attempt == 4


async def test_a_call_that_no_page_held_has_ended_with_its_kernel(tmp_path: Path) -> None:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), output_modalities=["text"], directory=None
    ) as session:
        await session.say("Hello.")
        saved = session.save(tmp_path / "live")
    widget = rtc.resume(saved, provider=rtc.Sandbox())
    assert widget.status == "ended"
    assert widget.calls["t_end_ms"].notna().tolist() == [True]
    states = widget.events[widget.events["type"] == "rtc.state"]
    assert states.rtc.path("transport").tolist()[-2:] == ["peer", "peer"]
    with pytest.raises(rtc.ConnectionFailed, match="no page shows this widget"):
        await widget.connect(timeout=0.1)
    widget.close()


def test_fields_that_are_given_come_over_those_it_had(folder: Path) -> None:
    widget = rtc.resume(folder, provider=rtc.Sandbox(), voice="cedar")
    assert widget.configuration.requested["audio"]["output"]["voice"] == "cedar"
    assert widget.configuration.variant is None
    widget.close()


def test_what_is_no_session_is_refused_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(rtc.RecordingError, match="no recording at"):
        rtc.resume(tmp_path / "nowhere", provider=rtc.Sandbox())
    before = (folder / "events.jsonl").read_bytes()
    with pytest.raises(rtc.ConfigurationError, match="temprature"):
        rtc.resume(folder, provider=rtc.Sandbox(), temprature=1)
    assert (folder / "events.jsonl").read_bytes() == before
    rtc.resume(folder, provider=rtc.Sandbox()).close()


def test_a_session_that_only_writes_down_goes_on_as_one(tmp_path: Path) -> None:
    log, folder = open_log(tmp_path)
    assert folder is not None
    heard = {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": {"model": "gpt-live-transcribe", "language": None, "prompt": None},
        "noise_reduction": None,
        "turn_detection": None,
    }
    effective = {"type": "transcription", "id": "sess_1", "audio": {"input": heard}, "include": None}
    log.note("rtc.config", version=1, cause="connect", variant=None, changed={}, effective=effective)
    log.close()
    widget = rtc.resume(folder, provider=rtc.Sandbox())
    assert isinstance(widget, rtc.TranscriptionWidget)
    assert widget.configuration.requested["type"] == "transcription"
    assert widget.turn_detection is None
    assert widget.transcription == {"model": "gpt-live-transcribe"}
    widget.close()
