"""Each segment finds the turn and the item that it was heard in."""

from __future__ import annotations

from rtc_widget.audio.attribution import Answer, Input, Place, TurnTimes, attribute, parted
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


def test_speech_that_goes_on_before_the_last_was_committed_is_the_next_input_s() -> None:
    turns = [
        TurnTimes(0, (Input(1_340, 50, "item_u0"),), (Answer(1_500, 1_700, "item_a0"),)),
        TurnTimes(1, (Input(2_640, 1_300, "item_u1"),), (Answer(2_700, 4_000, "item_a1"),)),
    ]
    said = [user(0, 1_000), user(1_240, 2_300)]
    assert [place.item_id for place in attribute(said, turns)] == ["item_u0", "item_u1"]
    assert [place.item_id for place in attribute([user(0, 1_290)], turns)] == ["item_u0"]


def test_an_answer_that_follows_another_at_once_is_parted_from_it() -> None:
    turns = [
        TurnTimes(0, (), (Answer(100, 1_100, "item_a0"),)),
        TurnTimes(1, (), (Answer(1_160, 3_000, "item_a1"),)),
    ]
    sound = parted([user(50, 1_500), agent(140, 3_040)], turns)
    assert sound == [user(50, 1_500), agent(140, 1_160), agent(1_160, 3_040)]
    assert [place.item_id for place in attribute(sound[1:], turns)] == ["item_a0", "item_a1"]


def test_an_answer_heard_before_its_event_is_left_whole() -> None:
    turns = [TurnTimes(0, (), (Answer(100, 1_100, "item_a0"), Answer(1_600, 3_000, "item_a1")))]
    heard = [agent(140, 1_150), agent(1_400, 3_000)]
    assert parted(heard, turns) == heard


def test_push_to_talk_needs_no_speech_started() -> None:
    pushed = Input(2_300, None, "item_u0")
    assert attribute([user(200, 2_000)], [TurnTimes(0, (pushed,))]) == [Place(0, pushed)]


def test_without_turns_nothing_belongs_anywhere() -> None:
    assert attribute([user(1, 2), agent(3, 4)], []) == [Place(), Place()]
