"""Each segment finds the turn and the item that it was heard in."""

from __future__ import annotations

from rtc_widget.audio.attribution import Answer, Input, Place, TurnTimes, attribute
from rtc_widget.audio.segments import Segment

FIRST_INPUT, FIRST_ANSWER = Input(2_300, 1_250, "item_u0"), Answer(2_700, 4_900, "item_a0")
NEXT_INPUT, NEXT_ANSWER = Input(6_600, 5_700, "item_u1"), Answer(7_000, None, "item_a1")
TURNS = [
    TurnTimes(0, (FIRST_INPUT,), (FIRST_ANSWER,)),
    TurnTimes(1, (NEXT_INPUT,), (NEXT_ANSWER,)),
]


def user(start_ms: float, end_ms: float) -> Segment:
    return Segment("user", "speech", start_ms, end_ms, -20)


def agent(start_ms: float, end_ms: float) -> Segment:
    return Segment("agent", "speech", start_ms, end_ms, -20)


def test_speech_belongs_to_the_input_that_its_events_tell_of() -> None:
    said = [user(1_000, 1_500), user(1_800, 2_000), user(5_500, 6_300)]
    assert attribute(said, TURNS) == [Place(0, FIRST_INPUT), Place(0, FIRST_INPUT), Place(1, NEXT_INPUT)]
    assert [place.item_id for place in attribute(said, TURNS)] == ["item_u0", "item_u0", "item_u1"]


def test_sound_that_became_no_input_belongs_to_the_turn_it_falls_in() -> None:
    assert attribute([user(100, 200), user(3_000, 3_200), user(9_000, 9_100)], TURNS) == [
        Place(),
        Place(0),
        Place(1),
    ]


def test_answers_may_be_heard_a_little_before_or_after_their_events() -> None:
    heard = [agent(2_500, 3_000), agent(3_200, 5_000), agent(5_400, 5_500), agent(6_800, 9_000)]
    assert attribute(heard, TURNS) == [
        Place(0, FIRST_ANSWER),
        Place(0, FIRST_ANSWER),
        Place(0, FIRST_ANSWER),
        Place(1, NEXT_ANSWER),
    ]


def test_sound_of_the_agent_long_after_its_answer_is_no_part_of_it() -> None:
    assert attribute([agent(1_900, 2_000), agent(6_200, 6_300)], TURNS) == [Place(0), Place(1)]


def test_push_to_talk_needs_no_speech_started() -> None:
    pushed = Input(2_300, None, "item_u0")
    assert attribute([user(200, 2_000)], [TurnTimes(0, (pushed,))]) == [Place(0, pushed)]


def test_without_turns_nothing_belongs_anywhere() -> None:
    assert attribute([user(1, 2), agent(3, 4)], []) == [Place(), Place()]
