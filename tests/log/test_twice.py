"""A server event that comes by two paths is logged once, at the place where it came first."""

from __future__ import annotations

import json
import threading

from hypothesis import given
from hypothesis import strategies as st

from rtc_widget.log import twice
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.record import Head


def event(number: int) -> str:
    return json.dumps({"type": "x", "event_id": f"event_{number}"})


def numbers(log: EventLog) -> list[int]:
    return [int(one["event_id"].removeprefix("event_")) for one in log if one.get("event_id")]


@given(st.lists(st.booleans(), min_size=40, max_size=40))
def test_however_two_paths_interleave_the_order_of_the_wire_is_kept(turns: list[bool]) -> None:
    log = EventLog()
    log.expect_twice()
    heads = [0, 0]
    for path in [*map(int, turns), *[0] * 20, *[1] * 20]:
        if heads[path] < 20:
            log.append("server", event(heads[path]))
            heads[path] += 1
    assert numbers(log) == list(range(20))


def test_two_threads_at_once_lose_nothing_and_repeat_nothing() -> None:
    log = EventLog()
    log.expect_twice()
    seen: list[int] = []
    log.observe(lambda record: seen.append(record.seq))

    def path() -> None:
        for number in range(2_000):
            log.extend([("server", event(number), None)])

    threads = [threading.Thread(target=path) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(log) == list(range(2_000))
    assert seen == list(range(2_000))


def test_the_second_append_answers_with_the_place_of_the_first() -> None:
    log = EventLog()
    log.expect_twice()
    log.note("rtc.state", state="live")
    assert log.append("server", event(1)) == 1
    assert log.append("server", event(1)) == 1
    assert log.extend([("server", event(1), None), ("server", event(2), None)]) == range(2, 3)
    assert log.has_come("event_2")
    assert not log.has_come("event_3")


def test_what_has_no_id_and_what_we_send_or_note_is_never_left_out() -> None:
    log = EventLog()
    log.expect_twice()
    for _ in range(2):
        log.append("server", '{"type": "x"}')
        log.append("client", event(1))
        log.append("local", event(1))
    assert len(log) == 6


def test_without_a_second_path_nothing_is_left_out() -> None:
    log = EventLog()
    log.append("server", event(1))
    log.append("server", event(1))
    assert len(log) == 2


def test_the_oldest_ids_are_forgotten() -> None:
    known = twice.Twice()
    for number in range(twice._KEPT + 10):
        known.add(Head(event_id=f"event_{number}"), number)
    assert known.seq_of(Head(event_id="event_9")) is None
    assert known.seq_of(Head(event_id="event_10")) == 10
