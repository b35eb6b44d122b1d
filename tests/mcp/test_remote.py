"""Remote MCP servers by configuration: the sandbox lists and calls a real one, and a person may be asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget._approvals import Approvals
from rtc_widget._remote_calls import RemoteCalls, Round
from rtc_widget.conversation import Conversation
from rtc_widget.log.event_log import EventLog
from tests.sandbox.mcp_server import weather_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sandbox.mcp_server import Weather

NOBODY = {"type": "mcp", "server_label": "nobody", "server_url": "http://127.0.0.1:9/mcp"}


@pytest.fixture
async def weather() -> AsyncIterator[Weather]:
    async with weather_server() as weather:
        yield weather


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, output_modalities=["text"]
    ) as session:
        yield session


async def offer(session: rtc.Session, weather: Weather, **fields: object) -> None:
    listed = session.wait_for("mcp_list_tools.completed", since=len(session.event_log))
    await session.update(tools=[weather.tool(**fields)])
    await listed


async def test_a_call_without_approval_is_answered_in_one_turn(
    session: rtc.HeadlessSession, weather: Weather
) -> None:
    await offer(session, weather, require_approval="never")
    turn = await session.say("What is the weather in London?")
    assert "foggy" in turn.transcript
    call = turn.tool_calls.iloc[0]
    assert (call["kind"], call["name"], call["output"]) == ("mcp", "get_weather", "It is foggy in London.")
    assert weather.cities == ["London"]
    assert turn.tool_calls["approval"].isna().all()
    assert len(session.turns) == 1


async def test_a_call_waits_for_a_person_who_allows_it(
    session: rtc.HeadlessSession, weather: Weather
) -> None:
    await offer(session, weather)
    handle = session.say("What is the weather in Paris?")
    asked = await session.wait_for("rtc.approval", since=0)
    assert (asked["name"], asked["server_label"], asked["decision"]) == ("get_weather", "weather", "asked")
    assert weather.cities == []
    session.approve(asked["tool_call_id"])
    turn = await handle
    assert "foggy in Paris" in turn.transcript
    assert list(turn.tool_calls["approval"]) == ["approved"]


async def test_a_call_that_a_person_forbids_is_not_made_and_the_model_is_told(
    session: rtc.HeadlessSession, weather: Weather
) -> None:
    await offer(session, weather)
    handle = session.say("What is the weather in Paris?")
    asked = await session.wait_for("rtc.approval", since=0)
    session.reject(asked["tool_call_id"], "not today")
    turn = await handle
    assert weather.cities == []
    assert list(turn.tool_calls["approval"]) == ["rejected"]
    assert "not today" in str(turn.tool_calls["error"].iloc[0])
    assert turn.status == "completed"


async def test_what_a_remote_tool_says_went_wrong_is_in_the_frame(
    session: rtc.HeadlessSession, weather: Weather
) -> None:
    await offer(session, weather, require_approval="never")
    turn = await session.say("Break the umbrella by its handle.")
    call = turn.tool_calls.set_index("name").loc["break_umbrella"]
    assert "Error executing tool" in call["error"]
    assert call["output"] is pd.NA
    assert turn.transcript


async def test_a_server_that_cannot_be_listed_harms_nothing_else(session: rtc.HeadlessSession) -> None:
    failed = session.wait_for("mcp_list_tools.failed", since=0)
    await session.update(tools=[NOBODY])
    await failed
    assert (await session.say("Hello.")).transcript


async def test_local_functions_and_remote_tools_go_together(
    session: rtc.HeadlessSession, weather: Weather
) -> None:
    await offer(session, weather, require_approval="never")

    @session.tool
    def price() -> str:
        """Look up the price."""
        return "Two euro."

    turn = await session.say("What is the price, and what is the weather in London?")
    calls = turn.tool_calls.set_index("name")
    assert {"price", "get_weather"} <= set(calls.index)
    assert calls.loc["price", "kind"] == "function"
    assert calls.loc["get_weather", "kind"] == "mcp"


class Noted:
    """As much of a session as remote calls need: a log, and what was sent."""

    def __init__(self) -> None:
        self.log, self.conversation = EventLog(), Conversation()
        self.sent: list[dict[str, Any]] = []
        self.over: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.rounds: dict[str, Round] = {}
        core: Any = self
        self.approvals = Approvals(core)
        self.calls = RemoteCalls(
            core,
            self.rounds,
            self.approvals,
            is_ours=lambda _: True,
            perhaps_ask=self._perhaps_ask,
            spawn=self._spawn,
        )

    async def execute(self, event: dict[str, Any], *, timeout: float) -> None:
        del timeout
        self.sent.append(event)

    def _perhaps_ask(self, group: Round) -> None:
        if not group.running:
            self.over.append(group.response_id)

    def _spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def event(self, type: str, **fields: Any) -> None:
        self.calls.handlers[type]({"type": type, **fields})


@pytest.mark.parametrize("approved", [True, False])
async def test_a_request_within_a_response_is_asked_once_and_the_call_after_it_belongs_to_that_response(
    *, approved: bool
) -> None:
    """As the API's guide has it: the request is an item of the response, and the call comes after it."""
    session = Noted()
    request = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "search", "arguments": "{}"}
    session.event("conversation.item.added", item=request)
    session.event("response.output_item.added", response_id="resp_1", item=request)
    await asyncio.sleep(0)
    assert len(session.tasks) == 1
    session.approvals.decide("mcpr_1", approved=approved)
    await session.tasks[0]
    (sent,) = session.sent
    assert (sent["item"]["approval_request_id"], sent["item"]["approve"]) == ("mcpr_1", approved)
    if approved:
        assert session.over == []
        call = {"id": "mcp_1", "type": "mcp_call", "approval_request_id": "mcpr_1"}
        session.event("conversation.item.added", item=call)
        assert session.over == []
        session.event("response.mcp_call.completed", item_id="mcp_1")
    assert session.over == ["resp_1"]
