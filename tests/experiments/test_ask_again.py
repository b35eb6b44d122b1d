"""One turn asked again under three variants, in new calls and in the call that is up, on the real sandbox."""

from __future__ import annotations

import copy
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, cast

import jiwer
import numpy as np
import pytest

import rtc_widget as rtc
from rtc_widget._images import image_url
from rtc_widget._turn import Turn
from rtc_widget.experiments.question import question_of
from tests.log.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rtc_widget.experiments.answers import Answers
    from rtc_widget.experiments.variant import Variant

SENTENCES = {
    "garden": "We are walking in the garden today.",
    "weather": "The weather is cold and rainy today.",
    "help": "Good morning, how can I help you today?",
}


def variant(name: str, **fields: Any) -> Variant:
    from rtc_widget.experiments.variant import Variant

    return Variant(name, **fields)


def three() -> list[Variant]:
    """Return three variants that each say a sentence of their own."""
    return [variant(name, instructions=f'Say exactly "{words}"') for name, words in SENTENCES.items()]


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), instructions="Your name is Otto.", directory=tmp_path, record=True
    ) as session:
        yield session


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncIterator[rtc.HeadlessSession]:
    """Answer in writing, where no voice is needed: no test waits for speech that it does not listen to."""
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), output_modalities=["text"], directory=tmp_path, record=True
    ) as session:
        yield session


def conversation_of(session: rtc.HeadlessSession) -> list[tuple[str, str | None]]:
    return [(item.item_id, item.words) for item in session.conversation.items]


def plain(words: str) -> str:
    return "".join(letter for letter in words.lower() if letter.isalpha() or letter == " ")


def misheard(answers: Answers) -> list[float]:
    """Return how many of the words of each row its sound does not say."""
    rows = zip(answers.frame["transcript"], answers.frame["recognised"], strict=True)
    return [jiwer.wer(plain(said), plain(heard)) for said, heard in rows]


def check(answers: Answers, repeats: int) -> None:
    """Rows as the instructions demand, each with a sound that says what its transcript says."""
    frame = answers.frame
    assert len(frame) == len(answers) == 3 * repeats
    assert list(frame["variant"].astype(str)) == [name for name in SENTENCES for _ in range(repeats)]
    assert list(frame["repeat"]) == list(range(repeats)) * 3
    assert frame["error"].isna().all()
    assert list(frame["transcript"]) == [SENTENCES[name] for name in SENTENCES for _ in range(repeats)]
    assert frame["latency_inferred_ms"].gt(0).all()
    assert not any(dtype == "object" for dtype in frame.dtypes)
    assert list(answers["transcript"]) == list(frame["transcript"])
    assert list(answers.groupby("variant", observed=True).size()) == [repeats] * 3
    assert not hasattr(answers, "nothing_of_a_frame")
    assert copy.copy(answers).frame.equals(frame)
    # A busy machine tears a word apart here and there: the middle one of the rows tells.
    assert median(misheard(answers)) <= 0.2
    sound = answers[0].audio
    assert sound is not None
    assert sound.seconds > 1
    assert answers._repr_html_().count("<audio") == len(answers)


async def test_in_new_calls_every_answer_hears_the_recorded_question(session: rtc.HeadlessSession) -> None:
    turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
    before = conversation_of(session)
    answers = await session.ask_again(turn, three(), repeats=1)
    check(answers, 1)
    assert conversation_of(session) == before
    assert answers.frame["latency_heard_ms"].notna().sum() >= 2  # as above: what is torn is not measured
    assert answers.frame["session_id"].nunique() == 3
    assert session.event_log.session_id not in set(answers.frame["session_id"])


async def test_on_this_call_the_conversation_stays_as_it_is(session: rtc.HeadlessSession) -> None:
    await session.say("Good morning.")
    turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
    before = conversation_of(session)
    answers = await session.ask_again(turn, three(), repeats=1, on="this_call")
    check(answers, 1)
    assert conversation_of(session) == before
    assert set(answers.frame["session_id"]) == {session.event_log.session_id}
    responses = session.responses.set_index("response_id")["conversation"]
    assert {responses[answer.response_ids[0]] for answer in answers.each} == {"none"}
    # What was said before the first answer is not in its sound.
    first = session.conversation.responses[answers[0].response_ids[0]].output_item_ids[0]
    heard = session.segments.query("track == 'agent'").reset_index(drop=True)
    place = list(heard["item_id"]).index(first)
    assert heard["t_start_ms"][place] - heard["t_end_ms"][place - 1] > 200


@pytest.mark.soak
@pytest.mark.parametrize("on", ["new_calls", "this_call"])
async def test_nine_answers_each_say_what_their_transcript_says(
    session: rtc.HeadlessSession, on: Literal["new_calls", "this_call"]
) -> None:
    turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
    before = conversation_of(session)
    answers = await session.ask_again(turn, three(), repeats=3, on=on)
    check(answers, 3)
    assert conversation_of(session) == before
    assert max(misheard(answers)) <= 0.2


async def test_a_typed_turn_is_typed_again_after_what_came_before_it(writing: rtc.HeadlessSession) -> None:
    await writing.say("Good morning.")
    turn = await writing.say("What is your name?")
    name = variant("clara", instructions="Your name is Clara.")
    answers = await writing.ask_again(turn.index, [name], repeats=1)
    assert list(answers.frame["transcript"]) == ["My name is Clara."]
    assert answers.frame["latency_heard_ms"].isna().all()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """Return what each session held when it was closed: the content of its inputs, as it was sent."""
    found: list[list[Any]] = []
    close = rtc.HeadlessSession.close

    def look(session: rtc.HeadlessSession) -> Any:
        sent = {
            event["item"]["id"]: event["item"]["content"]
            for event in (record.event for record in session.event_log.records())
            if event["type"] == "conversation.item.create"
        }
        items = [item for item in session.conversation.items if item.role != "assistant"]
        found.append([sent.get(item.item_id, "sound") for item in items])
        return close(session)

    monkeypatch.setattr(rtc.HeadlessSession, "close", look)
    return found


def typed(words: str) -> list[dict[str, str]]:
    return [{"type": "input_text", "text": words}]


async def test_a_session_that_asks_for_answers_itself_is_answered_in_new_calls_too(tmp_path: Path) -> None:
    by_us = {"type": "server_vad", "create_response": False}
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), turn_detection=by_us, directory=tmp_path, record=True
    ) as session:
        turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
        assert turn.response_ids == []
        await session.respond()
        answers = await session.ask_again(turn, three()[:1], repeats=1)
    assert answers.frame["error"].isna().all()
    assert answers.frame["transcript"].tolist() == [SENTENCES["garden"]]
    assert answers.frame["recognised"].notna().all()


async def test_a_turn_that_was_typed_and_then_spoken_is_asked_whole(
    writing: rtc.HeadlessSession, held: list[list[Any]]
) -> None:
    await writing.add_message("user", "My name is Zebulon.")
    turn = await writing.play(rtc.Sandbox.spoken("What is your name?"))
    assert len(turn.item_ids) == 2
    await writing.ask_again(turn, three()[:1], repeats=1)
    assert held == [[typed("My name is Zebulon."), "sound"]]


async def test_a_turn_of_an_image_and_words_is_asked_whole_whichever_is_last(
    writing: rtc.HeadlessSession, held: list[list[Any]]
) -> None:
    picture = {"type": "input_image", "image_url": image_url(np.zeros((8, 8)), 10_000), "detail": "low"}
    await writing.add_image(picture["image_url"], detail="low")
    await writing.add_message("user", "Look at it.")
    turn = await writing.say("What is it?")
    assert len(turn.item_ids) == 3
    await writing.ask_again(turn, three()[:1], repeats=1)
    assert held == [[[picture], typed("Look at it."), typed("What is it?")]]

    await writing.add_message("user", "And this?")
    await writing.add_image(picture["image_url"], text="Well?", detail="low")
    await writing.respond()
    answers = await writing.ask_again(1, three()[:1], repeats=1)
    before = [typed("Look at it."), typed("What is it?"), typed("And this?")]
    assert held[1] == [*before, [*typed("Well?"), picture]]
    assert answers.frame["transcript"].tolist() == ["I see a PNG image, 8 by 8 pixels. And this? Well?"]


def test_an_image_that_the_log_does_not_hold_cannot_be_given_again() -> None:
    script = Script().session()
    script.server(
        "conversation.item.added",
        previous_item_id=None,
        item={"id": "i", "type": "message", "role": "user", "content": [{"type": "input_image"}]},
    )
    rows = [{"direction": direction, "event": event} for direction, event in script.rows]
    recording = rtc.load(rows)
    with pytest.raises(rtc.ConfigurationError, match=r"does not hold the input_image of i.*this_call"):
        question_of(cast("Any", recording), Turn(recording, 0))


async def test_a_turn_whose_input_was_deleted_is_asked_in_new_calls_only(
    writing: rtc.HeadlessSession, held: list[list[Any]]
) -> None:
    await writing.say("Good morning.")
    turn = await writing.say("What is your name?")
    await writing.say("Good evening.")
    await writing.delete(turn.item_ids[0])
    with pytest.raises(rtc.ConfigurationError, match=r"not in the conversation any more.*new_calls"):
        await writing.ask_again(turn, three()[:1], repeats=1, on="this_call")
    await writing.ask_again(turn, three()[:1], repeats=1)
    assert held == [[typed("Good morning."), typed("What is your name?")]]


async def test_a_spoken_turn_that_was_not_recorded_cannot_be_spoken_again() -> None:
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None) as session:
        turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
        with pytest.raises(rtc.ConfigurationError, match="record=True"):
            await session.ask_again(turn, three())
        with pytest.raises(rtc.ConfigurationError, match="new_calls"):
            session.ask_again(turn, [variant("vad", turn_detection=None)], on="this_call")
        with pytest.raises(rtc.ProtocolError, match=r"low: .*voice.*new_calls"):
            session.ask_again(turn, [variant("low", voice="cedar")], on="this_call")
        with pytest.raises(rtc.ConfigurationError, match="no turn 7"):
            session.ask_again(7, three())


async def test_a_turn_is_asked_again_by_its_number_as_numpy_gives_it(
    writing: rtc.HeadlessSession,
) -> None:
    await writing.say("What is your name?")
    number: Any
    (number,) = writing.turns["turn"].to_numpy("int64")
    answers = await writing.ask_again(number, [variant("calm")], repeats=number + 1, on="this_call")
    assert list(answers.frame["repeat"]) == [0]
    with pytest.raises(rtc.ConfigurationError, match="repeats is a whole number: 1 or more, not True"):
        writing.ask_again(number, three(), repeats=True)


async def test_a_variant_in_force_is_noted_until_a_field_changes_by_itself() -> None:
    calm, brisk = variant("calm", instructions="Be calm."), variant("brisk", instructions="Be brisk.")
    async with rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, variant=calm) as session:
        await session.update(brisk)
        await session.update(speed=1.1)
        assert list(session.config["variant"].astype("string").fillna("")) == ["calm", "brisk", ""]
        assert session.instructions == "Be brisk."


async def test_a_tool_that_asks_a_person_is_refused_before_new_calls_and_asks_nobody_in_them(
    writing: rtc.HeadlessSession,
) -> None:
    turn = await writing.say("What is the weather?")

    @writing.tool(needs_approval=True)
    def weather() -> str:
        """Look up the weather."""
        return "It is foggy."

    with pytest.raises(rtc.ConfigurationError, match=r"weather asks a person.*remove_tool.*this_call"):
        writing.ask_again(turn, [variant("v")])
    writing.remove_tool("weather")

    @writing.tool(needs_approval=lambda: True)
    def weather_of_today() -> str:
        """Look up the weather of today."""
        return "It is foggy."

    asked_again = await writing.ask_again(turn, [variant("v")], repeats=1, timeout=40)
    assert list(asked_again["status"]) == ["completed"]
    assert "foggy" not in str(asked_again[0].transcript)
    assert list(asked_again[asked_again["variant"] == "v"]["repeat"]) == [0]


async def test_two_who_ask_on_one_call_at_once_each_get_their_own_sound(session: rtc.HeadlessSession) -> None:
    turn = await session.say("Good evening.")
    speaking = session.say("What is your name?")
    await session.wait_for("output_audio_buffer.started")
    garden, weather, _ = three()
    asked = [session.ask_again(turn, [one], repeats=1, on="this_call") for one in (garden, weather)]
    found = [await one for one in asked]
    await speaking
    for one, name in zip(found, ("garden", "weather"), strict=True):
        assert one[0].audio is not None
        heard = set(plain(one[0].recognised or "").split())
        said, others = (
            set(plain(SENTENCES[each]).split()) - {"today", "the", "is"}
            for each in (name, "weather" if name == "garden" else "garden")
        )
        assert len(said & heard) > len(others & heard)


async def test_an_attached_call_is_asked_again_under_what_it_was_made_with() -> None:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), signaling="kernel", directory=None, instructions='Begin with "Moin."'
    ) as elsewhere:
        rtc_call_id = str(elsewhere.calls["rtc_call_id"].iloc[-1])
        attached = await rtc.attach(rtc_call_id, provider=rtc.Sandbox(), directory=None)
        turn = await attached.say("Good evening.")
        asked_again = await attached.ask_again(turn, [variant("fast", speed=1.2)], repeats=1)
        assert str(asked_again[0].transcript).startswith("Moin.")
        attached.close()
