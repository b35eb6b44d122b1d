"""What is still to be heard of an answer, and of its cut to be told."""

from __future__ import annotations

import pytest

from rtc_widget._playback import Playback
from tests.log.script import Row, Script

RESPONSE = {"response_id": "resp_1"}
STARTED: Row = ("server", {"type": "output_audio_buffer.started", **RESPONSE})
CLEARED: Row = ("server", {"type": "output_audio_buffer.cleared", **RESPONSE})
TRUNCATED: Row = ("server", {"type": "conversation.item.truncated", "item_id": "item_1", "audio_end_ms": 800})
ENDED: Row = ("local", {"type": "rtc.state", "state": "ended"})


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock: it goes on where it is put forward."""
    clock = [100.0]
    monkeypatch.setattr("rtc_widget._playback.time.monotonic", lambda: clock[0])
    return clock


def playback_after(*rows: Row) -> Playback:
    script, playback = Script(), Playback()
    script.rows += rows
    for record in script.log().records():
        playback.apply(record)
    return playback


@pytest.mark.usefixtures("now_s")
def test_an_answer_that_is_cut_is_over_when_its_cut_is_told() -> None:
    assert playback_after(STARTED).rest_s() is False
    assert playback_after(STARTED, CLEARED).rest_s() == pytest.approx(0.5)
    assert playback_after(STARTED, CLEARED, TRUNCATED).rest_s() is True


def test_a_cut_that_is_never_told_is_waited_for_half_a_second(now_s: list[float]) -> None:
    playback = playback_after(STARTED, CLEARED)
    now_s[0] += 0.6
    assert playback.rest_s() is True


@pytest.mark.usefixtures("now_s")
def test_a_cut_before_the_first_sound_or_at_the_end_of_the_call_is_not_waited_for() -> None:
    assert playback_after(CLEARED).rest_s() is True
    assert playback_after(STARTED, CLEARED, ENDED).rest_s() is True
