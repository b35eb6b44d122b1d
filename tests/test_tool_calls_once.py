"""A call runs once, when its own question was answered, and as long as somebody can use its output."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import rtc_widget as rtc
from tests.by_hand import by_hand


class Till:
    """Money that moves only by `transfer`."""

    def __init__(self) -> None:
        self.moved: list[int] = []

    def transfer(self, amount: int) -> str:
        """Move money."""
        self.moved.append(amount)
        return "moved"


def make_transfer(till: Till) -> Any:
    def transfer(amount: int) -> str:
        """Move money."""
        return till.transfer(amount)

    return transfer


async def noted(session: rtc.Session, type: str, *, times: int = 1, **fields: str) -> None:
    """Wait until so many such notes are in the log."""
    async with asyncio.timeout(10):
        async for event in session.stream(since=0):
            times -= event["type"] == type and fields.items() <= event.items()
            if not times:
                return


async def test_a_tool_that_asks_first_still_does_when_its_function_is_listed_again() -> None:
    async with by_hand() as (service, session):
        till = Till()
        transfer = make_transfer(till)
        session.tool(needs_approval=True, description="Moves money.")(transfer)
        await session.update(tools=[transfer], instructions="Be quick.")
        assert session.tools[0]["description"] == "Moves money."
        await service.call_tool("transfer", '{"amount": 1}')
        await noted(session, "rtc.approval", decision="asked")
        session.reject("call_1")
        await noted(session, "rtc.tool", phase="sent")
        assert till.moved == []


async def test_a_method_that_asks_first_still_does_when_it_is_listed_again() -> None:
    async with by_hand() as (service, session):
        till = Till()
        session.tool(needs_approval=True)(till.transfer)
        await session.update(tools=[till.transfer])
        await service.call_tool("transfer", '{"amount": 1}')
        await noted(session, "rtc.approval", decision="asked")
        assert till.moved == []


async def test_a_function_asks_first_in_other_sessions_too_until_it_is_made_a_tool_that_does_not() -> None:
    till = Till()
    transfer = make_transfer(till)
    async with by_hand() as (_, first):
        first.tool(needs_approval=True)(transfer)
    async with by_hand() as (service, session):
        await session.update(tools=[transfer])
        await service.call_tool("transfer", '{"amount": 1}')
        await noted(session, "rtc.approval", decision="asked")
        assert till.moved == []
        session.tool(needs_approval=False)(transfer)
        await service.call_tool("transfer", '{"amount": 2}', call_id="call_2", at="b")
        await noted(session, "rtc.tool", phase="sent")
        assert till.moved == [2]


async def test_no_experiment_runs_a_function_that_asks_first_where_it_was_made_a_tool() -> None:
    transfer = make_transfer(Till())
    async with by_hand() as (_, session):
        session.tool(needs_approval=True)(transfer)
    scenario = rtc.Scenario("one", [rtc.Say("Transfer 1.")])
    with pytest.raises(rtc.ConfigurationError, match="The tool transfer asks a person"):
        rtc.Experiment(variants=[rtc.Variant("calm")], scenarios=[scenario], tools=[transfer])


async def test_arguments_that_are_complete_twice_run_a_call_once() -> None:
    async with by_hand() as (service, session):
        till = Till()
        session.tool(needs_approval=False)(make_transfer(till))
        await service.call_tool("transfer", '{"amount": 1}')
        await noted(session, "rtc.tool", phase="sent")
        await service.arguments_done("transfer", '{"amount": 1}')
        await service.call_tool("transfer", '{"amount": 2}', call_id="call_2", at="b")
        await noted(session, "rtc.tool", phase="sent", times=2)
        assert till.moved == [1, 2]


async def test_what_is_allowed_is_what_was_asked_though_another_call_comes_under_its_id() -> None:
    async with by_hand() as (service, session):
        till = Till()
        session.tool(needs_approval=True)(make_transfer(till))
        await service.call_tool("transfer", '{"amount": 1}')
        await noted(session, "rtc.approval", decision="asked")
        await service.call_tool("transfer", '{"amount": 1000}', at="b")
        await session.wait_for("rtc.error", since=0)
        session.approve("call_1")
        await noted(session, "rtc.tool", phase="sent")
        assert till.moved == [1]
        assert "under the id of a call that is not over (call_1)" in session.errors["message"].iloc[0]


async def test_an_id_that_is_used_again_after_its_call_is_a_call_of_its_own() -> None:
    async with by_hand() as (service, session):
        till = Till()
        session.tool(needs_approval=False)(make_transfer(till))
        for amount, at in enumerate("abc"):
            await service.call_tool("transfer", f'{{"amount": {amount}}}', at=at)
            await noted(session, "rtc.tool", phase="sent", times=amount + 1)
        assert till.moved == [0, 1, 2]
        assert session.errors.empty


@pytest.mark.parametrize("verdict", [True, False])
async def test_a_tool_neither_runs_nor_asks_when_its_call_ended_before(verdict: bool) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> bool:
        begun.set()
        assert go_on.wait(10)
        return verdict

    async with by_hand() as (service, session):
        till = Till()
        session.tool(needs_approval=slowly)(make_transfer(till))
        await session.wait_for("session.updated")
        await service.call_tool("transfer", '{"amount": 1}')
        await asyncio.to_thread(begun.wait, 10)
        await service.end()
        await noted(session, "rtc.state", state="ended")
        go_on.set()
        with pytest.raises(rtc.WaitTimeout):
            await session.wait_for("rtc.approval", since=0, timeout=0.5)
        assert till.moved == []
        assert session.tool_calls["t_started_ms"].isna().all()
