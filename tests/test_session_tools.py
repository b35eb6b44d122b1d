"""Tools of a session, called by the real sandbox."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    """Write the answers: nobody has to wait until they are spoken."""
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, output_modalities=["text"]
    ) as session:
        yield session


@pytest.fixture
async def speaking() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        yield session


def created(session: rtc.HeadlessSession) -> int:
    events = session.events
    return int(((events["direction"] == "client") & (events["type"] == "response.create")).sum())


async def test_a_tool_is_called_and_what_it_gives_back_is_said(speaking: rtc.HeadlessSession) -> None:
    @speaking.tool
    def weather(city: str = "London") -> str:
        """Look up the weather of a city."""
        return f"It is foggy in {city}."

    turn = await speaking.say("What is the weather in London?")
    assert "foggy" in turn.transcript
    calls = turn.tool_calls
    assert list(calls["name"]) == ["weather"]
    assert "foggy" in calls["output"].iloc[0]
    assert calls["run_ms"].iloc[0] >= 0
    assert created(speaking) == 2


async def test_two_tools_one_slow_one_raising_and_one_response_after_both(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool
    async def weather() -> str:
        """Look up the weather."""
        await asyncio.sleep(0.4)
        return "It is foggy."

    @session.tool
    def price() -> float:
        """Look up the price."""
        raise LookupError("no such drink")

    turn = await session.say("What is the weather and what is the price?")
    calls = turn.tool_calls.set_index("name")
    assert set(calls.index) == {"weather", "price"}
    assert "no such drink" in str(calls.loc["price", "output"])
    assert "no such drink" in str(calls.loc["price", "error"])
    assert calls.loc["weather", "output"] == "It is foggy."
    assert created(session) == 2
    errors = session.errors
    assert list(errors["source"]) == ["tool"]
    types = [(r.direction, r.type) for r in session.event_log.records()]
    outputs = [
        n
        for n, r in enumerate(session.event_log.records())
        if r.direction == "client" and '"function_call_output"' in r.text
    ]
    asks = [n for n, name in enumerate(types) if name == ("client", "response.create")]
    assert len(outputs) == 2
    assert max(outputs) < asks[-1]


async def test_an_answer_that_waits_for_a_person_says_so_when_it_takes_too_long(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        return "ordered"

    handle = session.say("Place an order, please.", timeout=3)
    asked = await session.wait_for("rtc.approval")
    with pytest.raises(
        rtc.WaitTimeout, match=r"A tool call waits for approval: w\.approve\('call_"
    ) as waited:
        await handle
    assert asked["tool_call_id"] in str(waited.value)


async def test_a_call_that_needs_approval_waits_for_it(session: rtc.HeadlessSession) -> None:
    ran = threading.Event()

    @session.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        ran.set()
        return "ordered"

    handle = session.say("Place an order, please.")
    asked = await session.wait_for("rtc.approval")
    assert not ran.is_set()
    session.approve(asked["tool_call_id"])
    turn = await handle
    assert ran.is_set()
    assert list(turn.tool_calls["approval"]) == ["approved"]


async def test_a_question_that_fails_asks_a_person_and_its_error_is_one_of_the_session(
    session: rtc.HeadlessSession,
) -> None:
    def too_much(price: float) -> bool:
        return price > 10

    @session.tool(needs_approval=too_much)
    def order() -> str:
        """Place an order."""
        return "ordered"

    handle = session.say("Place an order, please.")
    asked = await session.wait_for("rtc.approval")
    errors = session.errors
    assert list(errors["source"]) == ["tool"]
    assert list(errors["code"]) == ["TypeError"]
    assert "order: needs_approval failed, so a person is asked" in errors["message"].iloc[0]
    assert "price" in errors["message"].iloc[0]
    session.approve(asked["tool_call_id"])
    assert list((await handle).tool_calls["approval"]) == ["approved"]


async def test_a_question_for_approval_is_asked_away_from_the_loop_that_carries_the_sound(
    session: rtc.HeadlessSession,
) -> None:
    threads: list[str] = []

    def never(size: str = "m") -> bool:
        threads.append(threading.current_thread().name)
        return size == "never"

    @session.tool(needs_approval=never)
    def order(size: str = "m") -> str:
        """Place an order."""
        return f"ordered {size}"

    await session.say("Place an order, please.")
    assert threads == ["rtc_widget tool"]


async def test_the_output_of_a_call_that_is_over_does_not_go_into_the_next(
    session: rtc.HeadlessSession,
) -> None:
    goes_on = threading.Event()

    @session.tool
    def order() -> str:
        """Place an order."""
        goes_on.wait(20)
        return "ordered"

    asked = session.say("Place an order, please.")
    await session.wait_for("response.function_call_arguments.done")
    await session.hang_up()
    with pytest.raises(rtc.RtcWidgetError):
        await asked
    await session.connect()
    finished = session.wait_for("rtc.error", since=len(session.event_log))
    goes_on.set()
    await finished
    assert "order has an output for a call that is over" in session.errors["message"].iloc[-1]
    sent = [event for event in session.event_log if event["type"] == "conversation.item.create"]
    assert [event["item"]["type"] for event in sent] == ["message"]
    assert session.tool_calls["t_sent_ms"].isna().all()


async def test_a_rejected_call_never_runs_and_the_model_is_told_why(session: rtc.HeadlessSession) -> None:
    @session.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        raise AssertionError

    handle = session.say("Place an order, please.")
    asked = await session.wait_for("rtc.approval")
    session.reject(asked["tool_call_id"], "too expensive")
    turn = await handle
    assert "too expensive" in turn.tool_calls["output"].iloc[0]
    assert list(turn.tool_calls["approval"]) == ["rejected"]


async def test_nothing_waits_for_approval(session: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ConfigurationError, match="waits for approval"):
        session.approve("call_nonsense")


async def test_making_a_tool_again_replaces_it_in_a_live_session(session: rtc.HeadlessSession) -> None:
    for word in ("foggy", "sunny"):

        @session.tool
        def weather(word: str = word) -> str:
            """Look up the weather."""
            return word

        await session.wait_for("session.updated")
    turn = await session.say("What is the weather?")
    assert turn.tool_calls["output"].iloc[0] == "sunny"
    names = [tool["name"] for tool in session.conversation.session["tools"]]
    assert names == ["weather"]


async def test_a_tool_that_blocks_its_thread_does_not_hold_up_the_call(session: rtc.HeadlessSession) -> None:
    updated = threading.Event()

    @session.tool
    def weather() -> str:
        """Look up the weather."""
        return "foggy" if updated.wait(20) else "unknown: nothing went on meanwhile"

    handle = session.say("What is the weather?")
    await session.wait_for("rtc.tool")
    await session.update(instructions="Be brief.")
    updated.set()
    turn = await handle
    assert turn.tool_calls["output"].iloc[0] == "foggy"


async def test_tools_can_be_given_at_once_and_taken_away() -> None:
    def weather() -> str:
        """Look up the weather."""
        return "foggy"

    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, tools=[weather]) as session:
        assert [tool["name"] for tool in session.conversation.session["tools"]] == ["weather"]
        await session.remove_tool("weather")
        assert session.conversation.session["tools"] == []
        turn = await session.say("What is the weather?")
        assert turn.tool_calls.empty


async def test_a_call_that_is_not_ours_is_left_to_its_owner(session: rtc.HeadlessSession) -> None:
    definition = {"type": "function", "name": "weather", "description": "Look up the weather."}
    await session.update(tools=[{**definition, "parameters": {"type": "object", "properties": {}}}])
    turn = await session.say("What is the weather?")
    call = turn.tool_calls.iloc[0]
    assert call["name"] == "weather"
    assert json.loads(call["arguments"]) == {}
    assert created(session) == 1


async def test_a_definition_by_the_name_of_our_function_tells_the_model_of_it_and_the_function_runs(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool
    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    definition = {"type": "function", "name": "weather", "description": "Look out of the window."}
    parameters = {"type": "object", "properties": {}}
    await session.update(rtc.Variant("window", tools=[{**definition, "parameters": parameters}]))
    (declared,) = session.conversation.session["tools"]
    assert declared["description"] == "Look out of the window."
    assert "foggy" in (await session.say("What is the weather?")).transcript
    await session.remove_tool("weather")
    assert session.conversation.session["tools"] == []
    session.tool(weather)
    await session.respond()
    (declared,) = session.conversation.session["tools"]
    assert declared["description"] == "Look up the weather."


async def test_a_tool_that_is_taken_away_while_the_model_calls_it_is_told_to_be_gone(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool
    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    def take_away(record: Any) -> None:
        if record.type == "response.output_item.added" and b"function_call" in record.raw:
            session.remove_tool("weather")

    session._core.log.observe(take_away)
    turn = await session.say("What is the weather?")
    call = turn.tool_calls.iloc[0]
    assert call["output"] == call["error"] == "There is no tool weather any more."
    assert "no tool" in turn.transcript
    assert created(session) == 2


async def test_three_calls_of_one_response_with_an_interruption_in_the_middle_end_in_one_request(
    speaking: rtc.HeadlessSession,
) -> None:
    let_go = asyncio.Event()

    @speaking.tool
    async def weather() -> str:
        """Look up the weather."""
        await asyncio.wait_for(let_go.wait(), 30)
        return "It is foggy."

    @speaking.tool
    def price() -> float:
        """Look up the price."""
        raise LookupError("no such drink")

    @speaking.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        return "Number 42."

    said = speaking.say("What is the weather, what is the price, and please place my order.")
    asked = await speaking.wait_for("rtc.approval")
    # The user speaks while all three are open, is answered, and interrupts that answer.
    speech = len(speaking.event_log)
    played = speaking.play(rtc.Sandbox.spoken("When does the next train leave for London?"))
    await speaking.wait_for("output_audio_buffer.started", since=speech)
    await speaking.interrupt()
    speaking.approve(asked["tool_call_id"])
    await speaking.wait_for("rtc.tool")
    let_go.set()
    await said
    turn = await played

    calls = speaking.tool_calls.set_index("name")
    assert dict(calls["output"]) == {
        "order": "Number 42.",
        "weather": "It is foggy.",
        "price": "price failed: LookupError: no such drink",
    }
    assert calls["error"].notna().to_dict() == {"order": False, "weather": False, "price": True}
    assert calls.loc["order", "approval"] == "approved"
    assert set(calls["turn"]) == {0}
    assert calls["response_id"].nunique() == 1

    events = speaking.events
    sent = events[events["direction"] == "client"]
    outputs = sent[sent["event"].str.contains('"function_call_output"', regex=False)]
    # Each as soon as it is there; and when all of them are, one request besides that of say().
    assert list(outputs["tool_call_id"]) == list(calls.loc[["price", "order", "weather"], "tool_call_id"])
    requests = sent[sent["type"] == "response.create"]
    assert len(requests) == 2
    assert requests["seq"].iloc[-1] > outputs["seq"].max()

    turns = speaking.turns
    assert list(turns["n_tool_calls"]) == [3, 0]
    assert list(turns["interrupted"]) == [False, True]
    assert list(turns["n_responses"]) == [1, 2]
    assert "It is foggy." in turn.transcript
    assert "Number 42." in turn.transcript


async def test_a_call_that_waits_for_approval_when_the_session_ends_is_given_up(
    session: rtc.HeadlessSession,
) -> None:
    @session.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        return "ordered"

    session.say("Place an order, please.")
    asked = await session.wait_for("rtc.approval")
    await session.wait_for("response.done", since=0)
    await session.hang_up()
    await session.wait_for("rtc.state")
    with pytest.raises(rtc.ConfigurationError, match="waits for approval"):
        session.approve(asked["tool_call_id"])
    assert list(session.errors["source"]) == ["connection"]  # of `say`, whose answer never came


async def test_what_is_changed_before_the_call_is_part_of_it_however_soon_the_call_is_made() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)

    @session.tool
    def weather() -> str:
        """Look up the weather."""
        return "foggy"

    session.update(instructions="In one word.")
    made = session.connect()
    late = session.update(instructions="Your name is Bruno.")
    try:
        await made
        assert (await late)["instructions"] == "Your name is Bruno."
        effective = session.conversation.session
        assert [tool["name"] for tool in effective["tools"]] == ["weather"]
        assert list(session.config["cause"]) == ["connect", "update"]
    finally:
        session.close()


async def test_what_is_changed_just_before_a_question_holds_for_its_answer(
    session: rtc.HeadlessSession,
) -> None:
    for number in range(4):
        session.update(instructions=f"Your name is N{number}.")
    turn = await session.say("What is your name?")
    assert turn.transcript == "My name is N3."


NAMELESS = {"type": "function", "nam": "x"}
ELSEWHERE = {"type": "mcp", "server_label": "mail", "connector_id": "connector_gmail"}
"""A tool that the sandbox refuses."""


def weather() -> str:
    """Look up the weather."""
    return "foggy"


def price() -> str:
    """Look up the price."""
    return "3 euro"


def names(session: rtc.HeadlessSession) -> list[str]:
    return [tool["name"] for tool in session.conversation.session["tools"]]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [price], "speed": 9},
        {"tools": [price, NAMELESS]},
        {"tools": [price, price]},
        {"tools": [price, ELSEWHERE]},
    ],
    ids=["bad speed beside it", "malformed tool", "the same tool twice", "refused by the server"],
)
async def test_an_update_that_is_refused_leaves_the_tools_as_they_are(
    session: rtc.HeadlessSession, fields: dict[str, Any]
) -> None:
    await session.update(tools=[weather])
    with pytest.raises((rtc.ProtocolError, rtc.ServerError)):
        await session.update(**fields)
    assert names(session) == ["weather"]
    turn = await session.say("What is the weather?")
    assert list(turn.tool_calls["output"]) == ["foggy"]
    session.tool(price)
    await session.wait_for("session.updated")
    assert names(session) == ["weather", "price"]


async def test_a_tool_that_the_server_refuses_is_none_of_the_session(
    session: rtc.HeadlessSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_events: object, **_how: object) -> None:
        raise rtc.ServerError({"error": {"message": "too many tools"}})

    await session.update(tools=[weather])
    with monkeypatch.context() as patch:
        patch.setattr(session._core, "execute", refuse)
        session.tool(price)
        with pytest.raises(rtc.ServerError):
            await session.remove_tool("weather")
    assert [tool.name for tool in session._tools] == ["weather"]
    with pytest.raises(rtc.ConfigurationError, match="no tool 'price'"):
        session.remove_tool("price")


async def test_a_tool_call_beside_the_conversation_is_not_run_for_its_output_has_no_place(
    session: rtc.HeadlessSession,
) -> None:
    ran: list[str] = []

    @session.tool
    def weather(city: str = "London") -> str:
        """Look up the weather of a city."""
        ran.append(city)
        return "foggy"

    await session.say("Hello there.")
    before = session.items
    words = {"type": "input_text", "text": "What is the weather in London?"}
    question = {"type": "message", "role": "user", "content": [words]}
    beside = await session.respond(conversation="none", input=[question])
    assert [item.name for item in beside.items] == ["weather"]
    typed = await session.say("And what do you say?")
    assert ran == []
    assert created(session) == 3
    assert len(typed.response_ids) == 1
    assert len(session.items) == len(before) + 2
    assert session.errors.empty


async def test_a_call_that_ends_while_a_tool_runs_ends_the_wait_for_the_answer_with_an_error(
    session: rtc.HeadlessSession,
) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    @session.tool
    def weather() -> str:
        """Look up the weather."""
        loop.call_soon_threadsafe(begun.set)
        time.sleep(1.0)
        return "foggy"

    asked = session.say("What is the weather?")
    await begun.wait()
    await session.hang_up()
    with pytest.raises(rtc.ConnectionFailed):
        await asked
    async with asyncio.timeout(10):
        async for event in session.stream(since=0):
            if "weather has an output for a call that is over" in event.get("message", ""):
                break
    await session.connect()
    assert (await session.say("Hello.")).status == "completed"


CALM = rtc.Variant("calm", instructions="Answer in one word.")
ARMED = rtc.Variant("armed", instructions="Answer in one word.", tools=[])
"""A variant that says itself which tools there are."""


async def test_a_session_stays_the_variant_it_is_when_tools_are_added_and_taken_away(
    session: rtc.HeadlessSession,
) -> None:
    await session.update(CALM)
    session.tool(weather)
    session.tool(price)
    await session.remove_tool("price")
    await session.update(tools=[price])
    assert session.configuration.variant == "calm"
    assert list(session.config["variant"])[1:] == ["calm"] * 5
    await session.update(tools=[weather], speed=1.2)
    assert session.configuration.variant is None


async def test_a_variant_that_names_tools_is_another_with_others(session: rtc.HeadlessSession) -> None:
    await session.update(ARMED)
    assert session.configuration.variant == "armed"
    await session.update(tools=[weather])
    assert session.configuration.variant is None


async def test_a_session_stays_the_variant_it_is_when_nothing_changes(session: rtc.HeadlessSession) -> None:
    await session.update(CALM)
    await session.update(speed=1.0)
    assert session.configuration.variant == "calm"
    assert list(session.config["variant"])[1:] == ["calm", "calm"]


async def test_a_variant_with_tools_beside_it_is_the_variant_from_the_first_turn_on() -> None:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, output_modalities=["text"], tools=[weather]
    ) as session:
        await session.update(CALM, tools=[weather, price])
        assert session.configuration.variant == "calm"
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), directory=None, variant=CALM, tools=[weather]
    ) as session:
        await session.say("Good morning.")
        assert list(session.turns["variant"]) == ["calm"]


@pytest.mark.parametrize(
    ("variant", "fields", "name"),
    [
        (CALM, {"tools": [weather]}, "calm"),
        (CALM, {"tools": [weather], "voice": "cedar"}, None),
        (ARMED, {"tools": [weather]}, None),
    ],
)
def test_before_a_call_too_only_tools_leave_a_variant_what_it_is(
    variant: rtc.Variant, fields: dict[str, Any], name: str | None
) -> None:
    made = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, variant=variant, **fields)
    changed = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, variant=variant)
    changed.update(**fields)
    for session in (made, changed):
        assert session.configuration.variant == name
        session.tool(price)
        assert session.configuration.variant == name
        session.close()
