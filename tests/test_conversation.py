"""What a conversation makes of its events, in the easy cases and the hard ones."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget.conversation import Conversation
from tests.log.script import SESSION, UNFILTERED, USAGE, Script, message

if TYPE_CHECKING:
    from rtc_widget.conversation import Item, TurnState


def reduce(script: Script) -> Conversation:
    conversation = Conversation()
    for record in script.log().records():
        conversation.apply(record)
    return conversation


def only_turn(script: Script) -> TurnState:
    (turn,) = reduce(script).turns
    return turn


def test_a_spoken_turn_has_both_sides_and_its_times() -> None:
    script = Script().session()
    item_id, response_id = script.spoken_turn("A flat white, please.", "One flat white coming up.")
    turn = only_turn(script)
    assert (turn.user_item_ids, turn.response_ids) == ([item_id], [response_id])
    assert turn.user_transcript == "A flat white, please."
    assert turn.transcript == "One flat white coming up."
    assert turn.status == "completed"
    assert turn.done
    assert not turn.interrupted
    assert turn.t_speech_stopped_ms is not None
    assert turn.t_speech_end_ms == turn.t_speech_stopped_ms - 200
    assert turn.endpointing_ms == 210
    assert turn.t_first_audio_ms is not None
    assert turn.latency_inferred_ms == turn.t_first_audio_ms - turn.t_speech_stopped_ms + 200


def test_a_conversation_says_how_much_there_is_of_it() -> None:
    script = Script().session()
    assert repr(reduce(script)) == "<Conversation: 0 items, 0 turns, 0 responses>"
    script.spoken_turn("A flat white, please.", "One flat white coming up.")
    script.server("conversation.item.deleted", item_id=reduce(script).items[-1].item_id)
    assert repr(reduce(script)) == "<Conversation: 1 items, 1 turns, 1 responses>"


DELTA = "conversation.item.input_audio_transcription.delta"


def test_words_that_come_before_the_commit_are_known_and_become_the_item_s() -> None:
    script = Script().session()
    early = {"item_id": "item_live", "content_index": 0}
    script.server(DELTA, **early, delta="What time")
    (item,) = reduce(script).all_items
    assert (item.words, item.role, item.placed) == ("What time", "user", False)
    script.server("input_audio_buffer.committed", previous_item_id=None, item_id="item_live")
    script.server(DELTA, **early, delta=" is it?")
    (item,) = reduce(script).items
    assert (item.words, item.transcription) == ("What time is it?", "pending")


def test_words_of_speech_that_is_thrown_away_are_deleted() -> None:
    script = Script().session()
    script.server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_heard")
    script.server(DELTA, item_id="item_live", content_index=0, delta="What time")
    script.server("input_audio_buffer.cleared")
    conversation = reduce(script)
    assert [(item.words, item.deleted) for item in conversation.all_items] == [("What time", True)]
    assert not conversation.user_speaking


def test_a_typed_turn_is_measured_from_the_request_for_an_answer() -> None:
    script = Script().session()
    script.typed("Say hello.")
    script.ask()
    asked_ms = (len(script.rows) - 1) * 10.0
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "Hello there.")])
    turn = only_turn(script)
    assert turn.t_first_audio_ms is not None
    assert turn.latency_inferred_ms == turn.t_first_audio_ms - asked_ms
    assert turn.endpointing_ms is None
    assert turn.t_committed_ms is None


def test_an_answer_that_our_own_tool_round_asked_for_does_not_begin_the_turn() -> None:
    script = Script().session()
    script.typed("Weather?")
    created_ms = (len(script.rows) - 3) * 10.0
    first = script.created()
    call = script.call(first, "get_weather", "{}")
    script.server("output_audio_buffer.started", response_id=first)
    script.done(first, [call])
    script.output(call["call_id"], "Foggy.")
    script.ask()
    second = script.created()
    script.done(second, [script.say(second, "It is foggy.")])
    turn = only_turn(script)
    assert turn.t_first_audio_ms is not None
    assert turn.latency_inferred_ms == turn.t_first_audio_ms - created_ms


@pytest.mark.parametrize(
    ("audio", "known"),
    [
        ({"input": {"turn_detection": None}}, True),
        ({"input": {"turn_detection": {"type": "server_vad"}}}, False),
        ({"input": {}}, False),
        (None, False),
    ],
    ids=["off", "server_vad", "not said", "no audio"],
)
def test_push_to_talk_is_measured_from_the_commit_where_nobody_else_decides(
    audio: dict[str, object] | None, known: bool
) -> None:
    script = Script().session(audio=audio)
    item_id = script.id("item")
    script.server("input_audio_buffer.committed", previous_item_id=None, item_id=item_id)
    script.added(message(item_id, "user", "completed", {"type": "input_audio", "transcript": None}))
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "Sure.")])
    turn = only_turn(script)
    assert turn.t_committed_ms is not None
    assert turn.t_first_audio_ms is not None
    assert turn.latency_inferred_ms == (turn.t_first_audio_ms - turn.t_committed_ms if known else None)


def test_a_text_answer_is_measured_to_its_first_words() -> None:
    script = Script()
    script.server("session.created", session={**SESSION, "output_modalities": ["text"]})
    script.typed("Say hello.")
    script.ask()
    response_id = script.created()
    script.rows[-1][1]["response"]["output_modalities"] = ["text"]
    item = script.write(response_id, "Hello there.")
    script.done(response_id, [item])
    script.rows[-1][1]["response"]["output_modalities"] = ["text"]
    turn = only_turn(script)
    assert turn.t_first_audio_ms is None
    assert turn.latency_inferred_ms is not None
    assert turn.transcript == "Hello there."


def test_without_a_fixed_silence_the_end_of_speech_is_unknown() -> None:
    detection = {"type": "semantic_vad", "eagerness": "auto"}
    audio = {"input": {"turn_detection": detection, "transcription": {"model": "gpt-transcribe"}}}
    script = Script().session(audio=audio)
    script.spoken_turn()
    turn = only_turn(script)
    assert turn.endpointing_ms is None
    assert turn.latency_inferred_ms is None
    assert turn.t_first_audio_ms is not None


def test_deltas_that_part_a_character_join_to_it() -> None:
    script = Script().session()
    response_id = script.created()
    item_id = script.begin_message(response_id)
    script.speak(response_id, item_id, "Hi \ud83d")
    script.speak(response_id, item_id, "\ude00! \ud800")
    assert reduce(script).items[0].words == "Hi 😀! \ud800"
    script.server("response.output_audio_transcript.done", item_id=item_id, transcript="Hi 😀! ?")
    assert reduce(script).items[0].words == "Hi 😀! ?"


def test_an_item_added_again_has_its_new_words_only() -> None:
    script = Script().session()
    item_id = script.speech()
    script.transcript(item_id, "The old and long words.")
    script.server("conversation.item.deleted", item_id=item_id)
    assert reduce(script).turns[0].user_transcript == "The old and long words."
    script.typed("New.", item_id=item_id)
    conversation = reduce(script)
    assert conversation.items[0].words == conversation.items[0].text == "New."
    assert conversation.turns[0].user_transcript == "New."
    assert "".join(piece.words for piece in conversation.items[0].came if not piece.is_final) == (
        "The old and long words."
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [({"previous_item_id": None}, "bac"), ({"previous_item_id": "c"}, "acb"), ({}, "acb")],
    ids=["beginning", "after another", "not said"],
)
def test_an_item_added_again_stands_where_it_is_put_now(where: dict[str, Any], expected: str) -> None:
    script = Script().session()
    for item_id in "abc":
        script.typed(item_id, item_id=item_id)
    script.server("conversation.item.deleted", item_id="b")
    words = {"type": "input_text", "text": "b"}
    script.server("conversation.item.added", **where, item=message("b", "user", "completed", words))
    assert "".join(item.item_id for item in reduce(script).items) == expected


def test_an_input_of_written_and_spoken_parts_has_the_words_of_both_in_order() -> None:
    script = Script().session()
    parts = [
        {"type": "input_audio", "transcript": "Read this:"},
        {"type": "input_text", "text": "flat white"},
        {"type": "input_audio", "transcript": "Thanks."},
    ]
    script.added(message("item_1", "user", "completed", *parts))
    item = reduce(script).items[0]
    assert item.words == only_turn(script).user_transcript == "Read this: flat white Thanks."
    assert (item.text, item.transcript) == ("flat white", "Read this: Thanks.")


def test_segments_are_the_transcript_until_another_comes() -> None:
    script = Script().session()
    item_id = script.speech()
    for number, words in enumerate(["A tea.", " Two, please."]):
        about = {"item_id": item_id, "content_index": 0, "id": f"seg_{number}"}
        script.server("conversation.item.input_audio_transcription.segment", **about, text=words, speaker="A")
    conversation = reduce(script)
    assert conversation.turns[0].user_transcript == "A tea. Two, please."
    assert [piece.is_final for piece in conversation.items[0].came] == [False, False]
    script.transcript(item_id, "A tea, two please.", deltas=False)
    conversation = reduce(script)
    assert conversation.turns[0].user_transcript == "A tea, two please."
    assert [piece.is_final for piece in conversation.items[0].came] == [True]


def test_the_users_transcript_may_come_after_the_answer() -> None:
    script = Script().session()
    item_id = script.speech()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "Here you are.")])
    script.stopped(response_id)
    script.transcript(item_id, "One tea.")
    conversation = reduce(script)
    assert conversation.turns[0].user_transcript == "One tea."
    item = conversation.item(item_id)
    assert item is not None
    assert item.transcription == "completed"


def test_an_interrupted_answer_keeps_what_its_deltas_said() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    item = script.say(response_id, "We have coffee and tea and milk.", said=4)
    script.server("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=900)
    details = {"type": "cancelled", "reason": "turn_detected"}
    script.done(response_id, [item], status="cancelled", details=details)
    script.stopped(response_id, cleared=True)
    conversation = reduce(script)
    turn = conversation.turns[0]
    assert turn.interrupted
    assert turn.status == "cancelled"
    assert turn.transcript == "We have coffee and"
    assert conversation.responses[response_id].status_reason == "turn_detected"
    assert conversation.items[-1].truncated_ms == 900


def test_a_completed_answer_cut_while_it_plays_is_interrupted() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "A long story.")])
    script.stopped(response_id, cleared=True)
    turn = only_turn(script)
    assert turn.status == "completed"
    assert turn.interrupted


def test_clearing_what_had_been_played_to_its_end_cuts_nothing() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "A short story.")])
    script.stopped(response_id)
    before = only_turn(script)
    stopped_ms = before.t_audio_stopped_ms
    script.stopped(response_id, cleared=True)
    turn = only_turn(script)
    assert not turn.interrupted
    assert turn.t_audio_stopped_ms == stopped_ms
    assert turn.responses[0].items[0].heard_transcript is None


def test_a_cancelled_answer_is_interrupted_though_nobody_says_why() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "A story.", said=1)], status="cancelled", details=None)
    assert only_turn(script).interrupted


def _cut_short(words: str, played_ms: int, *, audio_tokens: int | None) -> Item:
    """Return the item of an answer whose sound was cut at a moment; of its words all had come."""
    script = Script().session()
    script.speech()
    response_id = script.created()
    item = script.say(response_id, words, said=len(words.split(" ")))
    script.server("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=played_ms)
    details = {"type": "cancelled", "reason": "turn_detected"}
    script.done(response_id, [item], status="cancelled", details=details)
    usage = script.rows[-1][1]["response"]["usage"] = copy.deepcopy(USAGE)
    usage["output_token_details"]["audio_tokens"] = audio_tokens
    found = reduce(script).item(item["id"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("played_ms", "heard"),
    [
        (0, ""),
        (180, ""),
        (250, "One"),
        (500, "One two"),
        (900, "One two six"),
        (990, "One two six"),
        (1000, "One two six ten."),
        (5000, "One two six ten."),
    ],
)
def test_of_an_answer_cut_short_those_words_were_heard_that_fit_the_time_played(
    played_ms: int, heard: str
) -> None:
    assert _cut_short("One two six ten.", played_ms, audio_tokens=20).heard_transcript == heard


def test_words_without_spaces_are_cut_between_characters() -> None:
    assert _cut_short("日本語です。", 500, audio_tokens=20).heard_transcript == "日本語"


@pytest.mark.parametrize("audio_tokens", [None, 0])
def test_where_nobody_counts_tokens_speech_has_its_everyday_pace(audio_tokens: int | None) -> None:
    words = "One two three four five six seven eight nine ten."
    assert _cut_short(words, 1300, audio_tokens=audio_tokens).heard_transcript == "One two three four"


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("Hello", ""),
        ("Good morning", "Good"),
        ("早上好今天天气很好我们去散步", "早上好今天天气"),
        ("ok 早上好今天天气很好去散步", "ok 早上好今"),
    ],
)
def test_what_was_cut_short_ends_with_a_whole_word_where_words_are_set_apart(words: str, heard: str) -> None:
    half_ms = len(words) * 1000 / 15 / 2 + 1
    found = _cut_short(words, round(half_ms), audio_tokens=None).heard_transcript
    assert found == heard


def test_what_the_server_keeps_of_an_answer_cut_short_is_what_was_heard() -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    item = script.say(response_id, "We have coffee and tea and milk.", said=6)
    script.server("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=900)
    kept = message(
        item["id"], "assistant", "incomplete", {"type": "output_audio", "transcript": "We have cof"}
    )
    script.server("conversation.item.retrieved", item=kept)
    found = reduce(script).items[-1]
    assert found.heard_transcript == "We have cof"
    assert found.transcript == "We have coffee and tea and"


def _cut_after(
    played_ms: float, script: Script, response_id: str, by: str = "output_audio_buffer.cleared"
) -> Conversation:
    """Return the conversation, had its sound been cut so long after it began."""
    conversation = Conversation()
    for record in script.log().records():
        if record.type == by:
            record.t_ms = (conversation.responses[response_id].t_first_audio_ms or 0) + played_ms
        conversation.apply(record)
    return conversation


def test_an_answer_that_was_cleared_was_heard_as_long_as_its_sound_went_out() -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    item = script.say(response_id, "One two six ten.")
    script.done(response_id, [item])
    script.stopped(response_id, cleared=True)
    conversation = _cut_after(1600, script, response_id)
    # 61 tokens are 3.05 s: 1.6 s hold eight of the sixteen characters.
    assert conversation.items[-1].heard_transcript == "One two"


@pytest.mark.parametrize("state", ["ended", "failed"])
def test_an_answer_whose_call_ended_was_heard_as_long_as_its_sound_went_out(state: str) -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "One two six ten.")])
    script.note("rtc.state", state=state, call=1)
    conversation = _cut_after(1600, script, response_id, by="rtc.state")
    assert conversation.items[-1].heard_transcript == "One two"
    assert not conversation.responses[response_id].interrupted


def test_an_answer_that_was_played_to_its_end_before_its_call_ended_was_not_cut_short() -> None:
    script = Script().session()
    script.typed_turn()
    script.note("rtc.state", state="ended", call=1)
    assert reduce(script).items[-1].heard_transcript is None


def test_each_message_of_a_cleared_response_was_heard_for_itself() -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    items = [script.say(response_id, words) for words in ("One two six ten.", "Six ten one two.", "Never.")]
    script.done(response_id, items)
    script.stopped(response_id, cleared=True)
    conversation = _cut_after(2000, script, response_id)
    # 61 tokens for 38 characters: 1,284 ms a sentence.
    assert [item.heard_transcript for item in conversation.items[1:]] == [None, "Six ten", ""]


def test_of_an_answer_cancelled_before_it_sounded_nothing_was_heard() -> None:
    script = Script().session()
    script.typed("Go on.")
    response_id = script.created()
    item_id = script.begin_message(response_id)
    script.speak(response_id, item_id, "Never heard.")
    details = {"type": "cancelled", "reason": "client_cancelled"}
    script.done(response_id, status="cancelled", details=details)
    assert reduce(script).items[-1].heard_transcript == ""


def test_an_answer_that_was_not_cut_short_or_written_has_no_heard_transcript() -> None:
    script = Script().session()
    script.spoken_turn()
    script.typed("In writing.")
    response_id = script.created()
    item = script.write(response_id, "As you like.")
    script.done(response_id, [item], status="cancelled", details={"type": "cancelled"})
    assert [item.heard_transcript for item in reduce(script).items] == [None] * 4


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("failed", {"type": "failed", "error": {"type": "server_error", "code": "overloaded"}}, "overloaded"),
        ("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}, "max_output_tokens"),
        ("incomplete", {"type": "incomplete", "reason": "content_filter"}, "content_filter"),
    ],
)
def test_an_answer_that_did_not_complete_says_why(
    status: str, details: dict[str, object], reason: str
) -> None:
    script = Script().session()
    script.typed("Go on.")
    script.ask()
    response_id = script.created()
    script.done(response_id, status=status, details=details)
    conversation = reduce(script)
    response = conversation.responses[response_id]
    assert (response.status, response.status_reason) == (status, reason)
    assert conversation.turns[0].status == status
    assert conversation.pending_responses == 0


def test_a_failed_answer_and_the_next_input_are_two_turns() -> None:
    script = Script().session()
    script.typed("One.")
    script.ask()
    script.done(script.created(), status="failed")
    script.typed_turn("Two.", "Second.")
    turns = reduce(script).turns
    assert [turn.user_transcript for turn in turns] == ["One.", "Two."]
    assert [turn.status for turn in turns] == ["failed", "completed"]


def test_a_tool_round_is_one_turn_of_two_responses() -> None:
    script = Script().session()
    script.typed("What is the weather in London?")
    script.ask()
    first = script.created()
    call = script.call(first, "get_weather", '{ "city": "London" }')
    script.done(first, [call])
    pending = reduce(script)
    assert pending.pending_tool_calls == [call["call_id"]]
    assert not pending.turns[0].done
    script.output(call["call_id"], "Foggy.")
    assert reduce(script).pending_tool_calls == []
    script.ask()
    second = script.created()
    script.done(second, [script.say(second, "It is foggy.")])
    script.stopped(second)
    turn = only_turn(script)
    assert turn.response_ids == [first, second]
    assert (turn.n_responses, turn.n_tool_calls) == (2, 1)
    assert turn.transcript == "It is foggy."
    assert turn.t_first_audio_ms is not None
    assert turn.done


def test_an_out_of_band_response_is_part_of_no_turn() -> None:
    script = Script().session()
    script.typed_turn()
    script.ask(conversation="none", metadata={"probe": "a", "rtc_mark": "m1"})
    metadata = {"probe": "a", "rtc_mark": "m1"}
    response_id = script.created(conversation="none", metadata=metadata)
    running = reduce(script)
    assert running.pending_responses == 1
    assert running.active_response is None
    item = script.say(response_id, "Calm.", in_conversation=False)
    script.done(response_id, [item], conversation="none", metadata=metadata)
    conversation = reduce(script)
    response = conversation.responses[response_id]
    assert response.conversation == "none"
    assert response.turn is None
    assert response.text == "Calm."
    assert (response.mark, response.metadata) == ("m1", {"probe": "a"})
    assert len(conversation.turns) == 1
    assert item["id"] not in [i.item_id for i in conversation.items]


def test_a_response_that_only_its_request_calls_out_of_band_is_so() -> None:
    script = Script().session()
    script.ask(conversation="none", metadata={"rtc_mark": "m1"})
    response_id = script.created(metadata={"rtc_mark": "m1"})
    del script.rows[-1][1]["response"]["conversation_id"]
    assert reduce(script).responses[response_id].conversation == "none"


def test_a_response_nobody_asked_for_opens_a_turn_without_an_input() -> None:
    script = Script().session()
    script.ask()
    greeting = script.created()
    script.done(greeting, [script.say(greeting, "Welcome!")])
    script.stopped(greeting)
    script.spoken_turn()
    turns = reduce(script).turns
    assert turns[0].user_item_id is None
    assert turns[0].transcript == "Welcome!"
    assert turns[1].user_transcript == "A flat white."


def test_a_missing_end_of_a_response_does_not_hold_up_the_next() -> None:
    script = Script().session()
    script.typed("One.")
    first = script.created()
    script.say(first, "First.")
    script.typed("Two.")
    second = script.created()
    conversation = reduce(script)
    assert conversation.active_response is conversation.responses[second]
    assert conversation.pending_responses == 1
    assert conversation.responses[first].status == "in_progress"
    assert conversation.turns[0].transcript == "First."


def test_the_end_of_the_call_ends_what_only_a_call_keeps_going() -> None:
    script = Script().session()
    script.speech()
    response_id = script.created()
    script.server("output_audio_buffer.started", response_id=response_id)
    script.server("input_audio_buffer.speech_started", audio_start_ms=1, item_id="item_x")
    before = reduce(script)
    assert before.audio_playing
    assert before.user_speaking
    assert before.has_spoken
    script.note("rtc.state", state="ended", call=1)
    after = reduce(script)
    assert not after.audio_playing
    assert not after.user_speaking
    assert after.pending_responses == 0
    assert after.has_spoken


def test_a_deleted_item_leaves_the_conversation_and_its_turn_stays() -> None:
    script = Script().session()
    item_id, _ = script.typed_turn()
    script.server("conversation.item.deleted", item_id=item_id)
    conversation = reduce(script)
    assert item_id not in [item.item_id for item in conversation.items]
    assert conversation.turns[0].user_transcript == "Say hello."
    found = conversation.item(item_id)
    assert found is not None
    assert found.deleted


def test_an_edited_input_stays_in_its_turn_and_keeps_its_answer() -> None:
    script = Script().session()
    item_id, response_id = script.typed_turn("Say hullo.", "Hullo.")
    script.server("conversation.item.deleted", item_id=item_id)
    edited = script.typed("Say hello.", previous_item_id="root")
    script.typed_turn("Bye.", "Goodbye.")
    conversation = reduce(script)
    assert conversation.items[0].item_id == edited
    first, second = conversation.turns
    assert first.user_item_ids == [item_id, edited]
    assert first.response_ids == [response_id]
    assert first.user_transcript == "Say hello."
    assert second.user_transcript == "Bye."


def test_an_input_edited_after_its_answer_is_measured_as_it_was_asked() -> None:
    script = Script().session()
    item_id = script.typed("Say hullo.")
    added_ms = (len(script.rows) - 3) * 10.0
    response_id = script.created()  # somebody else's request: this side saw none
    script.done(response_id, [script.say(response_id, "Hullo.")])
    script.typed("Say hello.", previous_item_id="root")
    script.server("conversation.item.deleted", item_id=item_id)
    turn = reduce(script).turns[0]
    assert turn.t_first_audio_ms is not None
    assert turn.latency_inferred_ms == turn.t_first_audio_ms - added_ms


def test_an_image_and_the_words_after_it_are_one_input() -> None:
    script = Script().session()
    image = script.typed("", item_id="item_image")
    script.spoken_turn("What is this?", "A menu.")
    turn = only_turn(script)
    assert turn.user_item_ids[0] == image
    assert turn.user_transcript == "What is this?"


def test_an_image_after_the_words_to_it_is_the_same_input() -> None:
    script = Script().session()
    script.typed("What is this?")
    image = script.typed("", item_id="item_image")
    script.ask()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "A menu.")])
    turn = only_turn(script)
    assert (turn.user_item_ids[1], turn.user_transcript, turn.n_responses) == (image, "What is this?", 1)


def test_two_utterances_are_two_turns_even_if_the_first_got_no_answer() -> None:
    script = Script().session()
    script.transcript(script.speech(), "I would like")
    script.spoken_turn("a flat white.", "Sure.")
    turns = reduce(script).turns
    assert [turn.n_responses for turn in turns] == [0, 1]
    assert turns[0].closed


def test_items_stand_where_previous_item_id_puts_them() -> None:
    script = Script().session()
    script.typed("b", item_id="b")
    script.typed("c", item_id="c")
    script.typed("a", item_id="a", previous_item_id="root")
    script.typed("between", item_id="bc", previous_item_id="b")
    assert [item.item_id for item in reduce(script).items] == ["a", "b", "bc", "c"]


def test_an_item_without_a_predecessor_said_stands_at_the_end() -> None:
    script = Script().session()
    for item_id in ("a", "b"):
        script.added(message(item_id, "user", "completed", {"type": "input_text", "text": item_id}))
        del script.rows[-1][1]["previous_item_id"]
    script.server("input_audio_buffer.committed", item_id="c")
    first = message("first", "user", "completed", {"type": "input_text", "text": "first"})
    script.server("conversation.item.added", previous_item_id=None, item=first)
    items = reduce(script).items
    assert [item.item_id for item in items] == ["first", "a", "b", "c"]
    assert {item.previous_item_id for item in items} == {None}


def test_the_root_is_the_beginning_whether_named_or_null() -> None:
    script = Script().session()
    words = {"type": "input_text", "text": "Hullo."}
    script.server(
        "conversation.item.added", previous_item_id="root", item=message("a", "user", "completed", words)
    )
    script.server("conversation.item.deleted", item_id="a")
    script.typed("Hello.", item_id="b", previous_item_id="root")
    conversation = reduce(script)
    assert [item.previous_item_id for item in conversation.all_items] == [None, None]
    assert [turn.user_item_ids for turn in conversation.turns] == [["a", "b"]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_items_stand_in_the_conversations_order_however_they_arrive(order: tuple[int, ...]) -> None:
    script = Script().session()
    ids = ["u1", "a1", "u2", "a2"]
    for place in order:
        role, kind = ("user", "input_text") if ids[place][0] == "u" else ("assistant", "output_text")
        item = message(ids[place], role, "completed", {"type": kind, "text": ids[place]})
        before = ids[place - 1] if place else None
        if role == "assistant":
            about = {"response_id": f"r{ids[place]}", "output_index": 0}
            script.server("response.output_item.added", **about, item=item)
        script.server("conversation.item.added", previous_item_id=before, item=item)
    conversation = reduce(script)
    assert [item.item_id for item in conversation.items] == ids
    answers = {turn.user_item_id: turn.transcript for turn in conversation.turns}
    assert answers == {"u1": "a1", "u2": "a2"}


def test_what_was_put_after_an_item_goes_with_it_behind_a_late_predecessor() -> None:
    script = Script().session()
    for item_id, before in [
        ("a", None),
        ("c", "b"),
        ("d", "c"),
        ("x", "a"),
        ("e", "d"),
        ("b", "a"),
        ("y", "y"),
    ]:
        words = {"type": "input_text", "text": item_id}
        item = message(item_id, "user", "completed", words)
        script.server("conversation.item.added", previous_item_id=before, item=item)
    assert "".join(item.item_id for item in reduce(script).items) == "abcdexy"


def test_a_reconnected_session_goes_on_after_what_was_there() -> None:
    script = Script().session()
    script.typed_turn("One.", "First.")
    script.note("rtc.state", state="ended", call=1)
    script.session()
    script.last_item = None
    greeting = script.created()
    script.done(greeting, [script.say(greeting, "Back again.")])
    script.typed_turn("Two.", "Second.")
    conversation = reduce(script)
    words = [item.words for item in conversation.items]
    assert words == ["One.", "First.", "Back again.", "Two.", "Second."]
    assert [turn.user_item_id is None for turn in conversation.turns] == [False, True, False]


def test_a_filter_that_hides_events_leaves_turns_and_transcripts() -> None:
    script = Script().session()
    script.spoken_turn("One tea.", "One tea coming.")
    script.spoken_turn("And milk.", "With milk.")
    script.rows = [row for row in script.rows if row[1]["type"] in UNFILTERED]
    script.rows.insert(0, ("local", {"type": "rtc.config", "version": 1, "effective": SESSION}))
    turns = reduce(script).turns
    assert [turn.user_transcript for turn in turns] == ["One tea.", "And milk."]
    assert [turn.transcript for turn in turns] == ["One tea coming.", "With milk."]
    assert [turn.status for turn in turns] == [None, None]
    assert turns[0].latency_inferred_ms is not None


def test_another_call_follows_the_one_before_though_a_filter_hides_that_it_began() -> None:
    script = Script()
    for call, words in enumerate(["One.", "Two."], 1):
        script.note("rtc.state", state="connecting", call=call)
        script.note("rtc.state", state="live", call=call)
        script.last_item = None
        script.typed_turn(words, f"Answer to {words}")
        script.note("rtc.state", state="ended", call=call)
    said = " ".join(item.words or "" for item in reduce(script).items)
    assert said == "One. Answer to One. Two. Answer to Two."


def test_an_aside_whose_begin_was_missed_is_known_by_its_end() -> None:
    script = Script().session()
    script.typed_turn("Hello.", "Hi.")
    aside = script.id("resp")
    said = message("item_aside", "assistant", "completed", {"type": "output_text", "text": "Probe."})
    script.done(aside, [said], conversation="none")
    conversation = reduce(script)
    assert conversation.responses[aside].conversation == "none"
    assert [turn.transcript for turn in conversation.turns] == ["Hi."]


@pytest.mark.parametrize("modalities", [["text", "audio"], ["audio", "text"], ["text"]])
def test_a_written_answer_has_a_latency_where_sound_was_allowed_as_well(modalities: list[str]) -> None:
    script = Script().session()
    script.typed("Hello.")
    script.ask()
    response_id = script.created()
    script.rows[-1][1]["response"]["output_modalities"] = modalities
    script.done(response_id, [script.write(response_id, "Hi there.")])
    script.rows[-1][1]["response"]["output_modalities"] = modalities
    assert only_turn(script).latency_inferred_ms == 40


def test_the_audio_of_a_turn_has_not_stopped_while_its_last_answer_sounds() -> None:
    script = Script().session()
    script.tool_turn()
    turn = only_turn(script)
    assert turn.t_audio_stopped_ms == turn.responses[-1].t_audio_stopped_ms
    more = script.created()
    script.done(more, [script.say(more, "And cold.")])
    assert only_turn(script).t_audio_stopped_ms is None
    script.stopped(more)
    assert only_turn(script).t_audio_stopped_ms is not None


def test_what_nobody_asked_for_has_no_latency() -> None:
    script = Script().session()
    script.ask()
    greeting = script.created()
    script.done(greeting, [script.say(greeting, "Welcome!")])
    turn = only_turn(script)
    assert (turn.user_item_id, turn.t_first_audio_ms is None, turn.latency_inferred_ms) == (None, False, None)


def test_a_refused_request_is_no_longer_waited_for() -> None:
    script = Script().session()
    script.client("response.create", event_id="mine")
    assert reduce(script).requested_responses == 1
    script.server("error", error={"type": "invalid_request_error", "code": "x", "event_id": "mine"})
    assert reduce(script).requested_responses == 0


def test_an_unnamed_error_about_a_response_disposes_of_the_oldest_unnamed_request() -> None:
    script = Script().session()
    script.typed("Say hello.")
    script.client("response.create", event_id="mine")
    script.ask(voice="nope")
    script.ask()
    asked_ms = (len(script.rows) - 1) * 10.0
    error = {"type": "invalid_request_error", "code": "invalid_value", "event_id": None}
    script.server("error", error={**error, "param": "session.voice"})
    script.server("error", error={**error, "code": "response_cancel_not_active"})
    assert reduce(script).requested_responses == 3
    script.server("error", error={**error, "param": "response.voice"})
    script.server("error", error={**error, "event_id": "mine"})
    assert reduce(script).requested_responses == 1
    response_id = script.created()
    assert reduce(script).responses[response_id].t_requested_ms == asked_ms


def test_a_response_answers_the_request_that_it_agrees_with() -> None:
    script = Script().session()
    asked: list[dict[str, Any]] = [{"conversation": "none"}, {"metadata": {"a": "1"}}, {}]
    for fields in asked:
        script.ask(**fields)
    in_band = script.created()
    about = script.created(metadata={"a": "1"})
    aside = script.created(conversation="none")
    responses = reduce(script).responses
    assert [responses[one].t_requested_ms for one in (aside, about, in_band)] == [10.0, 20.0, 30.0]


def test_a_response_of_a_service_that_tells_no_more_than_its_id_answers_the_oldest_request() -> None:
    script = Script().session()
    script.ask(conversation="none", metadata={"a": "1"})
    script.server("response.created", response={"id": "r"})
    assert reduce(script).responses["r"].t_requested_ms == 10.0


def test_a_cancelled_response_waits_for_no_tool_output() -> None:
    script = Script().session()
    script.typed("Go.")
    response_id = script.created()
    call = script.call(response_id, "slow", "{}")
    script.done(response_id, [call], status="cancelled", details={"reason": "turn_detected"})
    assert reduce(script).pending_tool_calls == []


def test_a_turn_keeps_its_object_while_it_grows() -> None:
    script = Script().session()
    script.typed_turn()
    conversation = reduce(script)
    (before,) = conversation.turns
    more = Script("later")
    more.last_item = script.last_item
    more.typed_turn("Bye.", "Goodbye.")
    for record in more.log().records():
        conversation.apply(record)
    after = conversation.turns
    assert after[0] is before
    assert len(after) == 2


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "conversation.item.added"},
        {"type": "conversation.item.added", "item": "a string"},
        {"type": "conversation.item.added", "item": {"id": 5}},
        {"type": "conversation.item.done", "item": {"id": "i", "content": 7}},
        {"type": "conversation.item.done", "item": {"id": "i", "content": [None, "x", {"text": 3}]}},
        {"type": "response.created", "response": []},
        {"type": "response.done", "response": {"id": "r", "output": "none", "status_details": "?"}},
        {"type": "response.done", "response": {"id": "r", "output": [3], "usage": "much"}},
        {"type": "response.output_audio_transcript.delta", "item_id": ["i"], "delta": {}},
        {"type": "response.output_audio.delta"},
        {"type": "session.updated", "session": None},
        {"type": "input_audio_buffer.speech_stopped", "item_id": None},
        {"type": "error", "error": "went wrong"},
        {"type": "something.new", "item": {}},
    ],
)
def test_odd_events_change_nothing_and_raise_nothing(event: dict[str, object]) -> None:
    script = Script().session()
    script.rows.append(("server", event))
    script.typed_turn()
    conversation = reduce(script)
    assert conversation.turns[-1].transcript == "Hello there."


def test_of_a_list_only_what_is_malformed_is_left_out() -> None:
    script = Script().session()
    script.typed("Go.")
    response_id = script.created()
    parts: list[Any] = [None, {"type": "output_text", "text": "Hello"}, "x", {"text": 5}, {"text": "world."}]
    item = message("a", "assistant", "completed", *parts)
    script.done(response_id, [7, {"type": "message"}, item])  # type: ignore[list-item]  # that is the point
    script.server("response.output_text.done", item_id="a", content_index=4, text="world.")
    assert only_turn(script).transcript == "Hello world."


def test_a_history_that_was_put_in_is_no_response() -> None:
    script = Script().session()
    first = script.typed("My name is Alice.")
    words = {"type": "output_text", "text": "Nice to meet you."}
    script.added(message("item_seed", "assistant", "completed", words))
    second, response_id = script.typed_turn("What is my name?", "Alice.")
    conversation = reduce(script)
    assert [item.words for item in conversation.items] == [
        "My name is Alice.",
        "Nice to meet you.",
        "What is my name?",
        "Alice.",
    ]
    assert [turn.user_item_id for turn in conversation.turns] == [first, second]
    assert [turn.response_ids for turn in conversation.turns] == [[], [response_id]]


def test_two_messages_of_one_response_keep_their_words_apart_however_they_come() -> None:
    script = Script().session()
    script.typed("Greet us.")
    response_id = script.created()
    first = script.begin_message(response_id)
    script.speak(response_id, first, "Hello")
    second = script.begin_message(response_id)
    script.speak(response_id, second, "Bonjour tout le monde.")
    script.speak(response_id, first, " world.")
    script.done(response_id, [])
    turn = only_turn(script)
    assert [item.words for item in turn.responses[0].items] == ["Hello world.", "Bonjour tout le monde."]
    assert turn.transcript == "Hello world. Bonjour tout le monde."


def test_what_the_service_says_after_a_silence_is_a_turn_without_words() -> None:
    script = Script().session()
    script.typed_turn("Say hi.", "Hi there.")
    silence = {"audio_start_ms": 0, "audio_end_ms": 5000, "item_id": "item_s"}
    script.server("input_audio_buffer.timeout_triggered", **silence)
    words = {"type": "input_text", "text": "No speech was detected for a while."}
    script.added(message("item_nudge", "system", "completed", words))
    script.server("input_audio_buffer.committed", previous_item_id="item_nudge", item_id="item_s")
    script.added(message("item_s", "user", "completed", {"type": "input_audio", "transcript": None}))
    script.transcript("item_s", "", deltas=False)
    response_id = script.created()
    script.done(response_id, [script.say(response_id, "Still here!")])
    turns = reduce(script).turns
    assert [turn.user_transcript for turn in turns] == ["Say hi.", ""]
    assert [turn.transcript for turn in turns] == ["Hi there.", "Still here!"]
    assert turns[1].latency_inferred_ms is None


def test_a_service_that_speaks_the_beta_s_dialect_is_understood() -> None:
    rows = Script().session(audio=None, voice={"name": "alloy", "type": "openai"}, modalities=["text"]).rows
    script = Script()
    script.rows = rows
    script.client("conversation.item.create", item={"type": "message", "role": "user"})
    item = {
        "id": "item_u",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hi"}],
    }
    script.server("conversation.item.created", previous_item_id=None, item=item)
    body = {"id": "resp_1", "status": "in_progress", "modalities": ["text"], "conversation_id": "conv_1"}
    script.server("response.created", response=body)
    about = {"response_id": "resp_1", "output_index": 0}
    answer = message("item_a", "assistant", "in_progress")
    script.server("response.output_item.added", **about, item=answer)
    script.server("conversation.item.created", previous_item_id="item_u", item=answer)
    part = {**about, "item_id": "item_a", "content_index": 0}
    script.server("response.text.delta", **part, delta="Hel")
    script.server("response.text.delta", **part, delta="lo.")
    script.server("response.text.done", **part, text="Hello.")
    done = {**body, "status": "completed", "status_details": "unimplemented", "usage": {}}
    script.server("response.done", response=done, usage={"input_tokens": 3, "output_tokens": 2})
    turn = only_turn(script)
    assert (turn.user_transcript, turn.transcript, turn.status) == ("Hi", "Hello.", "completed")
    assert turn.latency_inferred_ms is not None
    assert turn.responses[0].usage == {"input_tokens": 3, "output_tokens": 2}


def test_an_event_that_says_nothing_of_arguments_leaves_them() -> None:
    script = Script().session()
    call = script.call(script.created(), "get_weather", '{"place": "Bern"}')
    head = {key: call[key] for key in ("id", "type", "status")}
    script.server("conversation.item.retrieved", item=head)
    item = reduce(script).item(call["id"])
    assert item is not None
    assert (item.arguments, item.name, item.tool_call_id) == (
        call["arguments"],
        "get_weather",
        call["call_id"],
    )


def test_an_event_that_says_nothing_of_an_approval_leaves_it() -> None:
    script = Script().session()
    head = {"id": "mcpa_1", "type": "mcp_approval_response", "approval_request_id": "mcpr_1"}
    script.added({**head, "approve": False})
    script.server("conversation.item.retrieved", item=head)
    item = reduce(script).item("mcpa_1")
    assert item is not None
    assert item.approve is False


def test_written_words_of_which_only_the_whole_comes_are_known() -> None:
    script = Script().session()
    response_id = script.created()
    of = {"response_id": response_id, "output_index": 0, "item_id": "item_w", "content_index": 0}
    script.server("response.output_text.done", **of, text="One flat white.")
    (item,) = reduce(script).responses[response_id].items
    assert (item.text, item.role, [piece.is_final for piece in item.came]) == (
        "One flat white.",
        "assistant",
        [True],
    )


def test_arguments_of_which_only_the_whole_comes_wait_for_their_output() -> None:
    script = Script().session()
    of = {"response_id": script.created(), "output_index": 0, "item_id": "item_c", "call_id": "call_1"}
    script.server("response.function_call_arguments.done", **of, name="price", arguments='{"drink": "tea"}')
    conversation = reduce(script)
    item = conversation.item("item_c")
    assert item is not None
    assert (item.name, item.arguments, item.tool_call_id) == ("price", '{"drink": "tea"}', "call_1")
    assert conversation.pending_tool_calls == ["call_1"]


def test_speech_gets_its_place_where_no_session_was_told() -> None:
    script = Script()
    item_id = script.speech()
    script.rows = [row for row in script.rows if not row[1]["type"].startswith("conversation.item.")]
    (item,) = reduce(script).items
    assert (item.item_id, item.placed, item.role, item.by_hand) == (item_id, True, "user", False)


def test_an_output_that_is_sent_twice_was_sent_the_first_time() -> None:
    script = Script().session()
    call = script.call(script.created(), "get_weather", "{}")
    script.output(call["call_id"], "Foggy.")
    n_before = len(script.rows)
    script.output(call["call_id"], "Sunny.")
    run = reduce(script).tool_runs[call["call_id"]]
    assert run.t_sent_ms is not None
    assert run.t_sent_ms < (n_before - 1) * 10
    assert run.output == "Foggy."


def test_speech_of_which_a_stretch_is_transcribed_waits_for_the_rest() -> None:
    script = Script().session(audio={"input": {}})
    item_id = script.speech()
    (item,) = reduce(script).items
    assert item.transcription == "none"
    segment = {"type": "conversation.item.input_audio_transcription.segment", "item_id": item_id}
    script.server(**segment, content_index=0, id="seg", text="A tea.", speaker="A", start=0.0, end=0.4)
    (item,) = reduce(script).items
    assert item.transcription == "pending"
    script.transcript(item_id, "A tea.", deltas=False)
    script.server(**segment, content_index=0, id="seg2", text="Two.", speaker="A", start=0.4, end=0.8)
    (item,) = reduce(script).items
    assert item.transcription == "completed"


def test_what_we_noted_of_the_session_does_not_replace_the_server_s_own_word() -> None:
    script = Script().session(instructions="As the server has it.")
    script.note(
        "rtc.config", version=2, variant="calm", effective={**SESSION, "instructions": "As we have it."}
    )
    assert reduce(script).session["instructions"] == "As the server has it."


def test_arguments_grow_by_deltas_also_where_the_call_s_item_was_hidden() -> None:
    script = Script().session()
    of = {"response_id": script.created(), "output_index": 0, "item_id": "item_c", "call_id": "call_1"}
    for piece in ('{"drink":', ' "tea"}'):
        script.server("response.function_call_arguments.delta", **of, delta=piece)
    item = reduce(script).item("item_c")
    assert item is not None
    assert item.arguments == '{"drink": "tea"}'


def test_arguments_of_an_mcp_call_are_the_service_s_to_run_though_its_item_was_hidden() -> None:
    script = Script().session()
    of = {"response_id": script.created(), "output_index": 0, "item_id": "mcp_1"}
    script.server("response.mcp_call_arguments.done", **of, arguments='{"q": 1}')
    conversation = reduce(script)
    item = conversation.item("mcp_1")
    assert item is not None
    assert (item.type, item.tool_call_id, item.arguments) == ("mcp_call", "mcp_1", '{"q": 1}')
    assert conversation.pending_tool_calls == []


def test_a_call_that_only_the_end_of_its_response_tells_waits_for_its_output() -> None:
    script = Script().session()
    response_id = script.created()
    call = {"id": "item_c", "type": "function_call", "call_id": "call_1", "name": "price", "arguments": "{}"}
    script.done(response_id, [call], status="cancelled")
    assert reduce(script).pending_tool_calls == []
    response_id = script.created()
    script.done(response_id, [{**call, "id": "item_d", "call_id": "call_2"}])
    assert reduce(script).pending_tool_calls == ["call_2"]


def test_a_turn_is_not_done_before_its_answer_is() -> None:
    script = Script().session()
    script.typed("Weather?")
    assert not only_turn(script).done
    script.ask()
    response_id = script.created()
    assert not only_turn(script).done
    script.done(response_id, [script.write(response_id, "Foggy.")])
    assert only_turn(script).done


def test_words_that_were_complete_before_the_commit_are_not_waited_for() -> None:
    script = Script().session()
    script.transcript("item_live", "What time is it?")
    script.server("input_audio_buffer.committed", previous_item_id=None, item_id="item_live")
    (item,) = reduce(script).items
    assert (item.words, item.transcription) == ("What time is it?", "completed")


def test_an_item_whose_place_is_told_twice_stays_behind_what_was_put_before_it_meanwhile() -> None:
    script = Script().session()
    first = script.typed("One.")
    script.server("input_audio_buffer.committed", previous_item_id=first, item_id="item_spoken")
    script.typed("Between.", item_id="item_between", previous_item_id=first)
    spoken = message("item_spoken", "user", "completed", {"type": "input_audio", "transcript": None})
    script.server("conversation.item.added", previous_item_id=first, item=spoken)
    assert [item.item_id for item in reduce(script).items] == [first, "item_between", "item_spoken"]


def test_words_that_were_committed_stay_when_the_buffer_is_cleared_after_them() -> None:
    script = Script().session()
    script.server(DELTA, item_id="item_live", content_index=0, delta="What time is it?")
    script.server("input_audio_buffer.committed", previous_item_id=None, item_id="item_live")
    script.server("input_audio_buffer.cleared")
    (item,) = reduce(script).items
    assert (item.words, item.deleted) == ("What time is it?", False)


def test_a_piece_of_arguments_that_comes_after_the_whole_changes_nothing() -> None:
    script = Script().session()
    response_id = script.created()
    call = script.call(response_id, "price", "{}")
    of = {"response_id": response_id, "output_index": 0, "item_id": call["id"], "call_id": call["call_id"]}
    script.server("response.function_call_arguments.delta", **of, delta="{}")
    (item,) = reduce(script).items
    assert item.arguments == "{}"
