"""A session's second call begins with nothing: what is of the first is no part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rtc_widget as rtc
from rtc_widget import Variant
from rtc_widget.experiments.question import question_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtc_widget._turn import Turn


@pytest.fixture
async def told() -> AsyncIterator[tuple[rtc.HeadlessSession, Turn]]:
    """Give a session in its second call, and the turn of its first."""
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), instructions="Answer in one word.", directory=None
    ) as session:
        turn = await session.say("My name is Bob.")
        await session.hang_up()
        await session.connect()
        yield session, turn


async def test_its_first_message_is_edited_in_its_place(told: tuple[rtc.HeadlessSession, Turn]) -> None:
    session, _ = told
    await session.add_message("user", "And a scone.")
    tea = await session.add_message("user", "One tea.", previous_item_id="root")
    await session.edit(tea, "Two teas.")
    assert session.items[~session.items["deleted"]]["text"].dropna().tolist()[-2:] == [
        "Two teas.",
        "And a scone.",
    ]
    assert session.errors.empty


async def test_what_was_said_in_the_first_is_refused_before_anything_is_sent(
    told: tuple[rtc.HeadlessSession, Turn],
) -> None:
    session, turn = told
    await session.add_message("user", "One tea.")
    sent = len(session.event_log)
    for change in (session.delete, session.retrieve, lambda item: session.edit(item, "My name is Ada.")):
        with pytest.raises(rtc.ConfigurationError, match="of an earlier call"):
            change(turn.item_ids[0])
    assert len(session.event_log) == sent


async def test_a_turn_of_the_second_is_asked_again_with_what_its_answer_knew(
    told: tuple[rtc.HeadlessSession, Turn],
) -> None:
    session, _ = told
    await session.say("Bananas are yellow.")
    turn = await session.say("What is your name?")
    asked = question_of(session, turn)
    assert [role for role, _ in asked.before] == ["user", "assistant"]
    assert "Bananas" in str(asked.before[0][1])
    named = Variant("named", instructions="Your name is Otto.")
    answers = await session.ask_again(turn, [named], on="this_call")
    assert "Otto" in answers.frame["transcript"].iloc[0]


async def test_a_turn_of_the_first_is_not_asked_again_in_the_second(
    told: tuple[rtc.HeadlessSession, Turn],
) -> None:
    session, turn = told
    await session.say("Bananas are yellow.")
    with pytest.raises(rtc.ConfigurationError, match='on="new_calls" can'):
        await session.ask_again(turn, [Variant("calm", instructions="Be calm.")], on="this_call")
