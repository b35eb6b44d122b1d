"""What a session has cost so far, from its bills."""

from __future__ import annotations

import json
import queue
from typing import Any

import pytest

from rtc_widget._core import Core
from rtc_widget._cost import Cost
from rtc_widget.log.event_log import EventLog

USAGE = {
    "input_tokens": 100,
    "output_tokens": 50,
    "input_token_details": {"text_tokens": 100},
    "output_token_details": {"text_tokens": 50},
}


class Bills:
    """A session that is billed, and the sums that were told."""

    def __init__(self) -> None:
        self.core = Core(EventLog())
        self.told: queue.Queue[float | None] = queue.Queue()
        self.cost = Cost(self.core, lambda: self.told.put(self.cost.usd))

    def session(self, model: str) -> None:
        self._server({"type": "session.created", "session": {"type": "realtime", "model": model}})

    def response(self, response_id: str, usage: dict[str, Any]) -> None:
        body = {"id": response_id, "status": "completed", "output": [], "usage": usage}
        self._server({"type": "response.created", "response": {"id": response_id}})
        self._server({"type": "response.done", "response": body})

    def _server(self, event: dict[str, Any]) -> None:
        self.core.log.append("server", json.dumps(event))


def test_every_bill_is_told_in_the_sum() -> None:
    bills = Bills()
    bills.session("gpt-realtime-2.1")
    bills.response("resp_1", USAGE)
    first = bills.told.get(timeout=20)
    assert first == pytest.approx(100 * 4e-6 + 50 * 24e-6)
    bills.response("resp_2", USAGE)
    assert bills.told.get(timeout=20) == pytest.approx(2 * (first or 0))


def test_a_model_without_a_price_costs_nothing_that_could_be_told() -> None:
    bills = Bills()
    bills.session("sandbox")
    bills.response("resp_1", USAGE)
    bills.session("gpt-realtime-2.1")
    bills.response("resp_2", {})
    with pytest.raises(queue.Empty):
        bills.told.get(timeout=1)
    assert bills.cost.usd is None
