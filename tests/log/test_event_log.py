"""The log: order, observers, threads, clocks, and what it takes in."""

from __future__ import annotations

import json
import math
import threading
from typing import TYPE_CHECKING

import pytest

from rtc_widget.log.clocks import ClockFit
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.store import BLOCK_RECORDS

if TYPE_CHECKING:
    from rtc_widget.log.record import Record


def test_records_come_back_as_they_went_in() -> None:
    log = EventLog()
    raw = '{"type": "a",  "n": 1.50, "s": "\\u00e9"}'
    assert log.append("server", raw, t_browser_ms=1.7e12, rtc_call_id="rtc_1") == 0
    record = log.record(0)
    assert (record.text, record.type, record.direction) == (raw, "a", "server")
    assert record.event == {"type": "a", "n": 1.5, "s": "é"}
    assert (record.rtc_call_id, record.t_browser_ms, record.t_ms) == ("rtc_1", 1.7e12, 0.0)
    assert log[0] == log[-1] == record.event


def test_sealed_records_are_the_same_as_fresh_ones() -> None:
    log = EventLog()
    seen: list[Record] = []
    log.observe(seen.append)
    for n in range(2 * BLOCK_RECORDS + 7):
        log.append("client", f'{{"type": "t{n % 3}", "n": {n}}}', t_browser_ms=float(n) if n % 2 else None)
    assert list(log.records()) == seen
    assert list(log.records(1000, 1050)) == seen[1000:1050]
    assert list(log.records(1000, 2100, types={"t1"})) == [r for r in seen[1000:2100] if r.type == "t1"]
    assert log.record(5) == seen[5]
    assert [event["n"] for event in log] == list(range(len(seen)))
    with pytest.raises(IndexError, match="2055 records"):
        log.record(len(seen))


def test_a_direction_is_one_of_three() -> None:
    log = EventLog()
    with pytest.raises(ValueError, match="client, server, local"):
        log.append("sideways", "{}")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="client, server, local"):
        log.extend([("server", "{}", None), ("up", "{}", None)])  # type: ignore[list-item]  # that is the point
    assert len(log) == 0


@pytest.mark.parametrize(
    ("raw", "type", "event"),
    [
        ("[1, 2]", "", {}),
        ("5", "", {}),
        ("null", "", {}),
        ("", "", {}),
        ("no json", "", {}),
        ('{"type": 5}', "", {"type": 5}),
        ('{"type": "a", "type": "b"}', "b", {"type": "b"}),
        ('{"type": "a", "item": "text"}', "a", {"type": "a", "item": "text"}),
        ('{"type": "a", "x": "\\ud800"}', "a", {"type": "a", "x": "\ud800"}),
        ('{"type": "a",\n "x": 1}', "a", {"type": "a", "x": 1}),
        ('{"type": "a", "x": -Infinity}', "a", {"type": "a", "x": -math.inf}),
        ("[" * 200_000, "", {}),
    ],
)
def test_odd_text_is_kept_and_read_as_far_as_it_goes(raw: str, type: str, event: dict[str, object]) -> None:
    log = EventLog()
    log.append("server", raw)
    assert (log.record(0).text, log.record(0).type, log[0]) == (raw, type, event)


def test_a_real_lone_surrogate_becomes_its_escape() -> None:
    log = EventLog()
    log.append("server", '{"type": "a", "x": "\ud800"}')
    assert log.record(0).text == '{"type": "a", "x": "\\ud800"}'
    log.append("server", b'{"type": "b\xff"}')
    assert log.record(1).text == '{"type": "b\N{REPLACEMENT CHARACTER}"}'


def test_notes_hold_whatever_they_are_given() -> None:
    log = EventLog()
    log.note("rtc.error", message="\ud800", code=ValueError("x"))
    assert log.record(0).direction == "local"
    assert log[0] == {"type": "rtc.error", "message": "\ud800", "code": "x"}


def test_extend_appends_all_in_order() -> None:
    log = EventLog()
    log.note("first")
    numbers = log.extend([("server", '{"n": 1}', 5.0), ("client", '{"n": 2}', None)], rtc_call_id="rtc_1")
    assert numbers == range(1, 3)
    assert [record.rtc_call_id for record in log.records()] == [None, "rtc_1", "rtc_1"]
    assert log.record(1).t_kernel_ms == log.record(2).t_kernel_ms


def test_times_count_from_the_first_record() -> None:
    log = EventLog()
    log.append("server", "{}", t_kernel_ms=1000.25)
    log.append("server", "{}", t_kernel_ms=1012.5)
    assert [record.t_ms for record in log.records()] == [0.0, 12.25]


def test_a_clock_fit_places_browser_times_from_then_on() -> None:
    log = EventLog()
    log.append("local", "{}", t_kernel_ms=1000.0)
    log.append("server", "{}", t_kernel_ms=1030.0, t_browser_ms=501_010.0)
    log.set_clock(ClockFit(offset_ms=500_000.0, error_ms=1.0, n=1))
    log.append("server", "{}", t_kernel_ms=1060.0, t_browser_ms=501_040.5)
    log.append("local", "{}", t_kernel_ms=1070.0)
    assert [record.t_ms for record in log.records()] == [0.0, 30.0, 40.5, 70.0]


def test_observers_see_every_record_once_and_in_order() -> None:
    log = EventLog()
    seen: list[int] = []
    stop = log.observe(lambda record: seen.append(record.seq))
    log.extend([("server", "{}", None)] * 3)
    log.note("x")
    stop()
    log.note("y")
    assert seen == [0, 1, 2, 3]


def test_an_append_inside_a_callback_is_delivered_after_and_never_nested() -> None:
    log = EventLog()
    order: list[tuple[str, int]] = []

    def first(record: Record) -> None:
        order.append(("in", record.seq))
        if record.seq == 0:
            assert log.append("local", "{}") == 1
        order.append(("out", record.seq))

    log.observe(first)
    log.observe(lambda record: order.append(("second", record.seq)))
    log.append("server", "{}")
    assert order == [("in", 0), ("out", 0), ("second", 0), ("in", 1), ("out", 1), ("second", 1)]


def test_a_callback_that_raises_becomes_an_error_and_harms_nobody() -> None:
    log = EventLog()
    seen: list[str] = []

    def fail(_: Record) -> None:
        raise RuntimeError("no good")

    log.observe(fail)
    log.observe(lambda record: seen.append(record.type))
    log.append("server", '{"type": "a"}')
    assert seen == ["a", "rtc.error"]
    assert log[1]["source"] == "callback"
    assert (log[1]["code"], log[1]["message"]) == ("RuntimeError", "no good")
    assert "test_event_log.py" in log[1]["detail"]


def test_an_interrupt_inside_a_callback_stops_the_append_but_not_the_log() -> None:
    log = EventLog()
    seen: list[int] = []

    def interrupted(record: Record) -> None:
        if record.seq == 0:
            raise KeyboardInterrupt

    log.observe(interrupted)
    log.observe(lambda record: seen.append(record.seq))
    with pytest.raises(KeyboardInterrupt):
        log.append("server", "{}")
    log.append("server", "{}")
    assert seen == [0, 1]


def test_appends_from_many_threads_are_all_there_and_all_delivered_in_order() -> None:
    log = EventLog()
    seen: list[int] = []
    log.observe(lambda record: seen.append(record.seq))

    def work(name: int) -> None:
        for n in range(500):
            log.append("server", json.dumps({"type": "t", "thread": name, "n": n}))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == list(range(2000))
    for name in range(4):
        assert [event["n"] for event in log if event["thread"] == name] == list(range(500))


def test_without_a_journal_all_records_count_as_durable() -> None:
    log = EventLog()
    told: list[int] = []
    log.on_durable(told.append)
    log.append("server", "{}")
    assert log.durable == 1
    assert told == [1]


def test_a_slice_of_the_log_is_a_list_of_events() -> None:
    log = EventLog()
    for number in range(5):
        log.append("server", f'{{"type": "t", "n": {number}}}')
    assert [event["n"] for event in log[1:3]] == [1, 2]
    assert [event["n"] for event in log[::-2]] == [4, 2, 0]
