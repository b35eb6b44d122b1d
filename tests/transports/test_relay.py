"""The kernel end of the relay, against a page that is written out by hand."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget import ConnectionFailed
from rtc_widget.frames import Frames
from rtc_widget.log.event_log import EventLog
from rtc_widget.transports.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.transports.page import Page

PANEL: Any = {"provider": "sandbox"}


class Line:
    """What the kernel posted, and a page's side of the line."""

    def __init__(self, page: str = "p1", log: EventLog | None = None) -> None:
        self.log = log or EventLog()
        self.posted: list[dict[str, Any]] = []
        self.acks = threading.Event()
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.relay = Relay(self.log, self._post, self._request, lambda: PANEL)
        self.page = page

    def _post(self, message: dict[str, Any], buffers: Sequence[bytes] | None) -> None:
        assert buffers is None or all(isinstance(buffer, bytes) for buffer in buffers)
        self.posted.append(message)
        if message["kind"] == "ack":
            self.acks.set()
        self.buffers = buffers

    def _request(self, page: Page, id: str, method: str, params: dict[str, Any]) -> None:
        self.requests.append((id, method, params))
        self.relay.exchange.reply(page, id, {"page": page.id})

    def says(self, kind: str, *, page: str | None = None, **fields: Any) -> None:
        self.relay.receive({"kind": kind, "page": page or self.page, **fields})

    def sends(self, first: int, *types: str, page: str | None = None) -> None:
        rows = [["server", 1000.0 + n, json.dumps({"type": name})] for n, name in enumerate(types)]
        self.says("records", page=page, first=first, records=rows)

    def last(self, kind: str) -> dict[str, Any]:
        return next(message for message in reversed(self.posted) if message["kind"] == kind)

    def acknowledged(self) -> dict[str, Any]:
        """Wait for an acknowledgement."""
        assert self.acks.wait(5), self.posted
        return self.last("ack")

    def types(self) -> list[str]:
        return [event["type"] for event in self.log]


@pytest.fixture
def line() -> Line:
    line = Line()
    line.says("hello", next=0, oldest=0, live=False, views=1)
    return line


def state(name: str, **fields: Any) -> list[Any]:
    return ["local", 1000.0, json.dumps({"type": "rtc.state", "state": name, **fields})]


def test_hello_is_answered_with_what_is_here(line: Line) -> None:
    welcome = line.last("welcome")
    assert (welcome["page"], welcome["received"], welcome["owner"], welcome["length"]) == ("p1", 0, None, 0)
    assert welcome["config"] == PANEL


def test_each_kernel_end_has_an_id_of_its_own_that_stays(line: Line) -> None:
    first = line.last("welcome")["end"]
    line.says("hello", next=0, oldest=0, live=False, views=1)
    other = Line()
    other.says("hello", next=0, oldest=0, live=False, views=1)
    assert line.last("welcome")["end"] == first != other.last("welcome")["end"]


def test_records_enter_the_log_in_order_and_one_answer_acknowledges_them_all(line: Line) -> None:
    line.sends(0, "a", "b")
    line.sends(2, "c")
    assert line.types() == ["a", "b", "c"]
    assert line.acknowledged() == {"kind": "ack", "page": "p1", "received": 3, "durable": 3}
    assert [message["kind"] for message in line.posted].count("ack") == 1


def test_a_page_that_sends_on_and_on_hears_of_each_fourth_message_at_once(line: Line) -> None:
    for number in range(4):
        line.sends(number, "a")
    assert line.last("ack")["received"] == 4


def test_a_record_that_comes_twice_is_logged_once(line: Line) -> None:
    line.sends(0, "a", "b")
    line.sends(1, "b", "c")
    line.sends(0, "a", "b", "c")
    assert line.types() == ["a", "b", "c"]


def test_after_a_gap_nothing_is_logged_and_the_page_hears_where_to_go_on(line: Line) -> None:
    line.sends(0, "a")
    line.sends(2, "c")
    assert line.types() == ["a"]
    assert line.last("welcome")["received"] == 1
    line.sends(1, "b", "c")
    assert line.types() == ["a", "b", "c"]


def test_a_page_that_outlived_its_kernel_goes_on_from_the_oldest_it_holds() -> None:
    line = Line()
    line.says("hello", next=12, oldest=7, live=True, views=1)
    assert line.last("welcome")["received"] == 7
    line.sends(7, "h", "i")
    assert line.types() == ["h", "i"]


def outlived_by(page: str, state: str) -> Line:
    """Take up the log of a kernel that died in a call of that page, whose records 5 and 6 it had written."""
    log = EventLog()
    note = {"type": "rtc.state", "state": state, "page": page, "rtc_call_id": "rtc_1"}
    log.append("local", json.dumps(note), t_browser_ms=900.0, rtc_call_id="rtc_1")
    for number in (5, 6):
        log.append("server", f'{{"type":"n{number}"}}', t_browser_ms=1000.0 + number, rtc_call_id="rtc_1")
    return Line("p2", log)


def held(*numbers: int) -> list[list[Any]]:
    return [["server", 1000.0 + number, f'{{"type":"n{number}"}}'] for number in numbers]


def test_the_page_that_outlived_a_call_s_kernel_is_named_and_hands_over_what_the_log_lacks() -> None:
    line = outlived_by("p1", "live")
    line.says("hello", next=0, oldest=0, live=False, views=1)
    assert line.last("welcome")["owner"] == "p1"
    line.says("hello", page="p1", next=8, oldest=5, live=True, views=1)
    line.says("records", page="p1", first=5, records=held(5, 6, 6, 7))
    assert line.types() == ["rtc.state", "n5", "n6", "n6", "n7"]
    assert line.acknowledged()["received"] == 9
    assert line.log.record(-1).rtc_call_id == "rtc_1"
    line.says("records", page="p1", first=9, records=[state("ended")])
    assert line.relay.owner is None


def test_a_page_that_hung_up_meanwhile_says_so_itself() -> None:
    line = outlived_by("p1", "live")
    line.says("hello", page="p1", next=8, oldest=5, live=False, views=1)
    assert line.types() == ["rtc.state", "n5", "n6"]
    line.says("records", page="p1", first=5, records=[*held(5, 6), state("ended", reason="you hung up")])
    assert [event.get("reason") for event in line.log][-1] == "you hung up"
    assert line.relay.owner is None


def test_nobody_is_expected_after_a_call_that_had_ended() -> None:
    line = outlived_by("p1", "ended")
    line.says("hello", next=0, oldest=0, live=False, views=1)
    assert line.last("welcome")["owner"] is None


def test_the_raw_text_of_an_event_is_kept_to_the_byte(line: Line) -> None:
    raw = '{ "type":"x",\t"n":1.50e3,"s":"\\u00e9 é \\ud83d" }'
    line.says("records", first=0, records=[["server", 1.0, raw]])
    assert line.log.record(0).raw == raw.encode()


def test_records_carry_the_call_id_from_the_note_that_names_it_to_the_one_that_ends_it(line: Line) -> None:
    rows = [
        state("connecting"),
        state("connecting", rtc_call_id="rtc_1"),
        ["server", 1.0, '{"type":"session.created"}'],
        state("live", rtc_call_id="rtc_1"),
        state("ended"),
        ["local", 2.0, '{"type":"rtc.mute","muted":false}'],
    ]
    line.says("records", first=0, records=rows)
    ids = [record.rtc_call_id for record in line.log.records()]
    assert ids == [None, "rtc_1", "rtc_1", "rtc_1", "rtc_1", None]
    assert line.relay.owner is None


def test_the_page_that_calls_owns_the_call(line: Line) -> None:
    line.says("records", first=0, records=[state("connecting")])
    line.says("hello", page="p2", next=0, oldest=0, live=False, views=1)
    assert line.last("welcome")["owner"] == "p1"
    line.says("records", first=1, records=[state("ended")])
    assert line.relay.owner is None


def test_a_call_whose_page_is_gone_has_ended(line: Line) -> None:
    line.says("records", first=0, records=[state("live", rtc_call_id="rtc_1", call=2)])
    page = line.relay.owner
    assert page is not None
    line.relay.lose(page)
    assert (line.log[-1]["state"], line.log[-1]["call"]) == ("ended", 2)
    assert line.relay.owner is None


LIVE = [state("live", rtc_call_id="rtc_1", call=2)]


def lost(line: Line) -> None:
    """Let the page that calls be out of reach for so long that its call is given up."""
    line.says("records", first=0, records=[["server", 1000.0, '{"type": "a"}'], *LIVE])
    page = line.relay.owner
    assert page is not None
    line.relay.lose(page)


def test_a_page_that_was_given_up_goes_on_from_its_last_number_and_so_does_its_call(line: Line) -> None:
    lost(line)
    line.sends(2, "b")
    assert [message["missing"] for message in line.posted if message["kind"] == "welcome"] == [False]
    assert line.relay.owner is line.relay.pages["p1"]
    assert line.types() == ["a", "rtc.state", "rtc.state", "rtc.state", "b"]
    assert [event["state"] for event in line.log if event["type"] == "rtc.state"] == ["live", "ended", "live"]
    assert list(line.log.records())[-1].rtc_call_id == "rtc_1"
    calls = Frames(line.log).get("calls")
    assert calls[["rtc_call_id", "t_end_ms", "reason"]].isna().to_numpy().tolist() == [[False, True, True]]


def test_a_page_that_was_given_up_and_says_that_its_call_is_over_makes_it_live_no_more(line: Line) -> None:
    lost(line)
    line.says("hello", next=2, oldest=2, live=False, views=1)
    assert line.relay.owner is None
    line.sends(2, "b")
    assert line.types()[-2:] == ["rtc.state", "b"]
    assert list(line.log.records())[-1].rtc_call_id is None


def test_a_call_that_was_given_up_gives_way_to_the_one_that_has_begun_since(line: Line) -> None:
    lost(line)
    line.says("records", page="p2", first=0, records=[state("connecting", call=3)])
    line.says("hello", next=2, oldest=2, live=True, views=1)
    assert line.relay.owner is line.relay.pages["p2"]
    command = line.last("command")
    assert (command["page"], command["method"]) == ("p1", "hang_up")


def test_a_second_page_that_would_call_too_does_not_take_the_call_over(line: Line) -> None:
    line.says("records", first=0, records=LIVE)
    line.says("records", page="p2", first=0, records=[state("connecting", call=3)])
    assert line.relay.owner is line.relay.pages["p1"]
    line.says("records", page="p2", first=1, records=[state("failed", call=3)])
    assert line.relay.owner is line.relay.pages["p1"]


async def test_a_command_returns_the_page_s_reply(line: Line) -> None:
    page = line.relay.pages["p1"]
    task = asyncio.create_task(line.relay.exchange.command(page, "mute", {"muted": True}, timeout=5))
    await asyncio.sleep(0)
    command = line.last("command")
    assert (command["method"], command["params"]) == ("mute", {"muted": True})
    threading.Thread(
        target=line.says, args=("reply",), kwargs={"id": command["id"], "ok": True, "result": {"a": 1}}
    ).start()
    assert await task == {"a": 1}


async def test_a_command_that_fails_in_the_page_names_step_reason_and_advice(line: Line) -> None:
    page = line.relay.pages["p1"]
    task = asyncio.create_task(line.relay.exchange.command(page, "connect", {}, timeout=5))
    await asyncio.sleep(0)
    error = {"name": "x", "message": "no device", "step": "microphone", "advice": "Plug one in."}
    line.says("reply", id=line.last("command")["id"], ok=False, error=error)
    with pytest.raises(ConnectionFailed) as caught:
        await task
    assert (caught.value.step, caught.value.reason) == ("microphone", "no device")
    assert caught.value.advice == "Plug one in."


async def test_a_command_ends_only_when_everybody_saw_what_its_page_logged_before_it_replied(
    line: Line,
) -> None:
    seen: list[str] = []
    line.log.observe(lambda record: seen.append(record.type))
    task = asyncio.create_task(line.relay.exchange.command(line.relay.pages["p1"], "mute", {}, timeout=5))
    await asyncio.sleep(0)
    line.says("reply", id=line.last("command")["id"], records=2, ok=True, result={})
    line.sends(0, "a")
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    line.sends(1, "b")
    assert await task == {}
    assert seen == ["a", "b"]


async def test_a_reply_that_outran_a_batch_of_records_waits_for_the_last_of_them(line: Line) -> None:
    waited: list[tuple[str, bool]] = []
    exchange = line.relay.exchange
    line.log.observe(lambda record: waited.append((record.type, bool(exchange._waiting))))
    task = asyncio.create_task(exchange.command(line.relay.pages["p1"], "mute", {}, timeout=5))
    await asyncio.sleep(0)
    line.says("reply", id=line.last("command")["id"], records=3, ok=True, result={})
    line.sends(0, "a", "b", "c")
    assert await task == {}
    assert waited[:2] == [("a", True), ("b", True)]


async def test_a_page_that_does_not_answer_is_named(line: Line) -> None:
    with pytest.raises(ConnectionFailed, match="did not answer 'mute'"):
        await line.relay.exchange.command(line.relay.pages["p1"], "mute", {}, timeout=0.01)


def test_a_request_reaches_its_handler_and_is_answered(line: Line) -> None:
    line.says("request", id="r1", method="tail", params={"since": 3})
    assert line.requests == [("r1", "tail", {"since": 3})]
    assert line.last("reply") == {
        "kind": "reply",
        "page": "p1",
        "id": "r1",
        "ok": True,
        "result": {"page": "p1"},
    }


def test_the_clock_of_the_page_is_fitted_from_its_pongs(line: Line) -> None:
    page = line.relay.pages["p1"]
    line.relay.ping(page)
    line.says("pong", id=line.last("ping")["id"], t_browser_ms=5_000_000.0)
    assert page.fit is not None
    line.sends(0, "a")
    assert line.log.record(0).t_browser_ms == 1000.0


def test_nobody_there_is_no_page() -> None:
    assert Line().relay.wait_for_page(0.01) is None


@pytest.mark.parametrize("message", [None, 3, "x", {}, {"kind": "hello"}, {"kind": "records", "page": 3}])
def test_a_message_that_is_none_of_ours_is_ignored(line: Line, message: object) -> None:
    before = len(line.posted)
    line.relay.receive(message)
    assert len(line.posted) == before


def test_bytes_travel_beside_a_request_and_its_answer(line: Line) -> None:
    request = {"kind": "request", "page": "p1", "id": "r1", "method": "play", "params": {"what": "a.wav"}}
    line.relay.receive(request, [memoryview(b"RIFF")])
    assert line.requests[-1] == ("r1", "play", {"what": "a.wav", "buffers": [b"RIFF"]})
    line.relay.exchange.reply(line.relay.pages["p1"], "r1", {"rate": 1, "buffers": [b"wav"]})
    assert (line.last("reply")["result"], line.buffers) == ({"rate": 1}, [b"wav"])
