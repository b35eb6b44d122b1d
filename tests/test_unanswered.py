"""Whom an answer answers, where it does not say so."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget import WaitTimeout, protocol
from rtc_widget._unanswered import Sent, Unanswered
from rtc_widget.log.event_log import EventLog

if TYPE_CHECKING:
    from rtc_widget.log.record import Record


class Wire:
    """A log whose records are shown to what is not answered yet."""

    def __init__(self) -> None:
        self.unanswered = Unanswered()
        self.answered: Sent | None = None
        self.log = EventLog()
        self.log.observe(self._on_record)

    def _on_record(self, record: Record) -> None:
        self.unanswered.feed(record)
        self.answered = self.unanswered.answered_by(record)

    def give_up(self, about: str, *, late: str | None = None) -> None:
        """Send an update and stop waiting, when the answer of another (`late`) has come meanwhile."""
        answer = protocol.answers({"type": "session.update", "event_id": f"event_{about}"})
        assert answer is not None
        with suppress(WaitTimeout), self.unanswered.sending(answer, about):
            if late is not None:
                assert self.updated() == late
            raise WaitTimeout("session.updated", 1.0, [])

    def server(self, type: str, **fields: Any) -> object:
        """Let the service say something; return what it answers."""
        self.log.append("server", json.dumps({"type": type, **fields}))
        return None if self.answered is None else self.answered.about

    def updated(self) -> object:
        return self.server("session.updated", session={})


def test_the_first_answer_is_the_first_one_s_though_nobody_waits_any_more() -> None:
    wire = Wire()
    wire.give_up("a")
    wire.give_up("b", late="a")
    assert [wire.updated(), wire.updated()] == ["b", None]


def test_what_is_refused_when_nobody_waits_any_more_takes_no_answer_from_another() -> None:
    wire = Wire()
    wire.give_up("a")
    wire.give_up("b")
    wire.server("error", error={"type": "invalid_request_error", "event_id": "event_a"})
    assert wire.updated() == "b"


def test_what_never_got_an_answer_takes_it_from_one_other_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, now_s = Wire(), time.monotonic()
    wire.give_up("a")
    answer = protocol.answers({"type": "session.update"})
    assert answer is not None
    with suppress(WaitTimeout), wire.unanswered.sending(answer, "b"):
        assert wire.updated() == "a"
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 10.0)
        raise WaitTimeout("session.updated", 10.0, [])
    with suppress(asyncio.CancelledError), wire.unanswered.sending(answer, "c"):
        assert wire.updated() == "c"
        raise asyncio.CancelledError


@pytest.mark.parametrize("state", ["ended", "failed"])
def test_nothing_is_to_come_from_a_call_that_is_over(state: str) -> None:
    wire = Wire()
    wire.give_up("a")
    wire.log.note("rtc.state", state=state)
    assert wire.updated() is None
