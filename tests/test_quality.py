"""Notes about a call's quality, from what getStats says."""

from __future__ import annotations

import json

import pytest

from rtc_widget._core import Core
from rtc_widget._quality import Quality
from rtc_widget.log.event_log import EventLog


class Call:
    """A call whose getStats are written by hand, one a second."""

    def __init__(self) -> None:
        self.core = Core(EventLog())
        Quality(self.core)
        self.core.log.note("rtc.state", state="live", call=1)
        self._second = 0
        self._lost = self._received = 0

    def second(self, *, lost: int = 0, round_trip_s: float = 0.02) -> None:
        self._second += 1
        self._lost += lost
        self._received += 50 - lost
        rows = [
            ["inbound-rtp", "in", "packetsLost", self._lost],
            ["inbound-rtp", "in", "packetsReceived", self._received],
            ["candidate-pair", "pair", "currentRoundTripTime", round_trip_s],
            ["candidate-pair", "pair", "state", "succeeded"],
        ]
        stats = json.dumps({"type": "rtc.stats", "stats": rows})
        self.core.log.append("local", stats, t_kernel_ms=1_000.0 * self._second)

    def notes(self) -> list[tuple[str, str]]:
        return [(note["what"], note["phase"]) for note in self.core.log if note["type"] == "rtc.quality"]


@pytest.fixture
def call() -> Call:
    return Call()


def test_a_good_call_is_not_spoken_of(call: Call) -> None:
    for _ in range(10):
        call.second(lost=1)
    assert call.notes() == []


def test_loss_is_said_once_and_its_end_once_it_lasts(call: Call) -> None:
    call.second()
    call.second(lost=10)
    call.second(lost=10)
    assert call.notes() == [("loss", "bad")]
    for _ in range(9):
        call.second()
    assert call.notes() == [("loss", "bad"), ("loss", "good")]


def test_a_slow_round_trip_is_said_with_its_value(call: Call) -> None:
    call.second()
    call.second(round_trip_s=0.6)
    (note,) = [note for note in call.core.log if note["type"] == "rtc.quality"]
    assert (note["what"], note["value"], note["threshold"]) == ("round_trip", 600.0, 400.0)


def test_another_microphone_in_the_call_hides_no_end_of_what_was_bad(call: Call) -> None:
    call.second()
    call.second(lost=10)
    call.second(lost=10)
    call.core.log.note("rtc.state", state="live", call=1, microphone="live")
    for _ in range(9):
        call.second()
    assert call.notes() == [("loss", "bad"), ("loss", "good")]


def test_the_next_call_begins_with_a_clean_sheet(call: Call) -> None:
    call.second()
    call.second(lost=10)
    call.second(lost=10)
    call.core.log.note("rtc.state", state="live", call=2)
    for _ in range(9):
        call.second()
    assert call.notes() == [("loss", "bad")]


def test_loss_is_bad_from_more_than_five_percent(call: Call) -> None:
    call.second()
    call.second(lost=3)
    (note,) = [note for note in call.core.log if note["type"] == "rtc.quality"]
    assert (note["what"], note["value"], note["threshold"]) == ("loss", 0.06, 0.05)


def test_sound_that_had_to_be_made_up_is_said_from_three_percent_on(call: Call) -> None:
    for second, concealed in enumerate((0, 1_920)):
        rows = [
            ["inbound-rtp", "in", "concealedSamples", concealed],
            ["inbound-rtp", "in", "totalSamplesReceived", 48_000 * (second + 1)],
        ]
        stats = json.dumps({"type": "rtc.stats", "stats": rows})
        call.core.log.append("local", stats, t_kernel_ms=1_000.0 * second)
    (note,) = [note for note in call.core.log if note["type"] == "rtc.quality"]
    assert (note["what"], note["value"], note["threshold"]) == ("concealment", 0.04, 0.03)


def test_a_note_about_something_else_is_none_about_quality(call: Call) -> None:
    call.core.log.note("rtc.calibration", constant_ms=12.0)
    call.core.log.note("rtc.stats", stats=None)
    assert [note["type"] for note in call.core.log] == ["rtc.state", "rtc.calibration", "rtc.stats"]
