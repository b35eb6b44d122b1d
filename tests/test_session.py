"""Sessions over the peer transport, against the real sandbox."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget._loop import get_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from rtc_widget.log.record import Record


@pytest.fixture
async def session() -> AsyncIterator[rtc.HeadlessSession]:
    async with rtc.HeadlessSession(
        provider=rtc.Sandbox(), instructions="Your name is Bruno.", directory=None
    ) as session:
        yield session


@pytest.fixture
async def idle() -> AsyncIterator[rtc.HeadlessSession]:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    yield session
    session.close()


# -- one turn -------------------------------------------------------------------------------------


async def test_say_returns_the_turn_when_its_answer_has_been_spoken(session: rtc.HeadlessSession) -> None:
    turn = await session.say("What is your name?")
    assert turn.user_transcript == "What is your name?"
    assert turn.transcript == "My name is Bruno."
    assert turn.status == "completed"
    assert turn.latency_inferred_ms is not None
    assert turn.latency_heard_ms is None
    types = list(session.events["type"])
    assert types.index("output_audio_buffer.stopped") > types.index("response.done")
    assert len(turn.usage) == 1


async def test_play_returns_the_turn_that_the_service_heard(session: rtc.HeadlessSession) -> None:
    turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
    assert turn.user_transcript.lower().strip(" .?") == "what is your name"
    assert turn.transcript == "My name is Bruno."
    assert list(session.turns["turn"]) == [0]
    row = session.turns.iloc[0]
    assert row["t_speech_started_ms"] < row["t_speech_stopped_ms"] <= row["t_committed_ms"]
    assert row["latency_inferred_ms"] > 0


async def test_play_returns_the_last_turn_where_a_pause_splits_the_sound(
    session: rtc.HeadlessSession,
) -> None:
    first, second = rtc.Sandbox.spoken("Good morning to you."), rtc.Sandbox.spoken("What is your name?")
    silence = bytes(2 * 2 * first.sample_rate_hz)
    both = type(first)(first.pcm + silence + second.pcm, first.sample_rate_hz, name="both")
    turn = await session.play(both)
    assert turn.index == 1
    assert turn.transcript == "My name is Bruno."


async def test_two_sounds_that_nobody_awaited_are_two_turns(session: rtc.HeadlessSession) -> None:
    question = rtc.Sandbox.spoken("What is your name?")
    first, second = session.play(question), session.play(question)
    assert [(await first).index, (await second).index] == [0, 1]
    assert (await second).transcript == "My name is Bruno."


async def test_two_texts_that_nobody_awaited_are_two_turns(session: rtc.HeadlessSession) -> None:
    first, second = session.say("What is your name?"), session.say("Good morning.")
    turns = [await first, await second]
    assert [turn.index for turn in turns] == [0, 1]
    assert [turn.user_transcript for turn in turns] == ["What is your name?", "Good morning."]
    assert turns[0].transcript == "My name is Bruno."


async def test_play_commits_by_hand_where_voice_detection_is_off(session: rtc.HeadlessSession) -> None:
    await session.update(turn_detection=None)
    turn = await session.play(rtc.Sandbox.spoken("What is your name?"))
    assert turn.transcript
    assert session.events.type.tolist().count("input_audio_buffer.commit") == 1


@pytest.mark.parametrize("line", ["say", "response"])
async def test_what_a_question_waits_for_those_before_it_is_not_taken_from_its_time(
    session: rtc.HeadlessSession, line: str
) -> None:
    async def ask_while_others_are_before() -> Any:
        async with session._core.order.line(line):
            asked = session.say("What is your name?", timeout=5)
            await asyncio.sleep(5)
        return asked

    asking = asyncio.run_coroutine_threadsafe(ask_while_others_are_before(), get_loop())
    asked = await asyncio.wrap_future(asking)
    assert "Bruno" in (await asked).transcript


async def test_only_the_instructions_change_and_the_answer_does(session: rtc.HeadlessSession) -> None:
    question = rtc.Sandbox.spoken("What is your name?")
    before = await session.play(question)
    await session.update(instructions="Your name is Clara.")
    after = await session.play(question)
    assert (before.transcript, after.transcript) == ("My name is Bruno.", "My name is Clara.")
    assert session.instructions == "Your name is Clara."


async def test_a_sound_without_speech_says_that_none_was_heard(session: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.WaitTimeout, match="hear speech"):
        await session.play(type(rtc.Sandbox.spoken("x"))(bytes(48_000), 24_000, name="silence"))


def test_what_a_callback_does_to_its_event_is_nobody_else_s(session: rtc.HeadlessSession) -> None:
    seen: list[dict[str, Any]] = []
    session.on("session.updated", lambda event: event["session"].clear())
    session.on("session.updated", seen.append)
    session.update(instructions="Be brief.").result(10)
    came = session.wait_for("session.updated", since=0).result(10)
    came.clear()
    session._core.callbacks.drain()
    assert seen[0]["session"]["instructions"] == "Be brief."
    assert session.conversation.session["instructions"] == "Be brief."
    session.event_log[0].clear()
    assert session.event_log[0]["type"] == "rtc.session"


def _leave(_event: object) -> None:
    sys.exit("bye")


async def _leave_later(_event: object) -> None:
    sys.exit("bye")


@pytest.mark.parametrize("leaves", [_leave, _leave_later])
def test_a_callback_that_leaves_ends_nothing_but_itself(session: rtc.HeadlessSession, leaves: Any) -> None:
    seen: list[str] = []
    session.on("response.done", leaves)
    session.on("response.done", lambda event: seen.append(event["type"]))
    for words in ("One.", "Two."):
        session.say(words).result(20)
        session._core.callbacks.drain()
    assert seen == ["response.done"] * 2
    session.wait_for("rtc.error", since=0).result(10)
    assert session.errors["code"].iloc[0] == "SystemExit"


# -- commands -------------------------------------------------------------------------------------


async def test_a_command_that_nobody_awaits_runs_all_the_same(session: rtc.HeadlessSession) -> None:
    session.update(instructions="Your name is Clara.")
    await session.wait_for("session.updated")
    assert session.instructions == "Your name is Clara."


async def test_the_error_of_a_command_that_nobody_awaits_is_kept(idle: rtc.HeadlessSession) -> None:
    idle.say("Hello?")
    await idle.wait_for("rtc.error", since=0)
    assert "there is no call" in idle.errors["message"].iloc[-1]


async def test_updates_are_confirmed_first_in_first_out(session: rtc.HeadlessSession) -> None:
    handles = [session.update(instructions=f"Your name is N{n}.") for n in range(5)]
    for n, handle in enumerate(handles):
        assert (await handle)["instructions"] in {f"Your name is N{m}." for m in range(n, 5)}
    assert list(session.config["version"]) == [1, 2, 3, 4, 5, 6]


def given_up(session: rtc.HeadlessSession, variant: rtc.Variant) -> asyncio.Future[Any]:
    """Change the session, and stop waiting in the moment in which the change has been sent."""
    handles: list[Any] = []
    sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def stop(record: Record) -> None:
        if record.type == "session.update" and record.direction == "client":
            unobserve()
            handles[0].cancel()
            sent.get_loop().call_soon_threadsafe(sent.set_result, None)

    unobserve = session.event_log.observe(stop)
    get_loop().call_soon_threadsafe(lambda: handles.append(session.update(variant)))  # there first
    return sent


async def test_an_update_that_nobody_waits_for_any_more_confirms_no_other(
    session: rtc.HeadlessSession,
) -> None:
    for number in range(3):
        await given_up(session, rtc.Variant(f"calm{number}", instructions=f"Calm {number}."))
        brisk = rtc.Variant(f"brisk{number}", instructions=f"Brisk {number}.")
        assert (await session.update(brisk))["instructions"] == f"Brisk {number}."
        assert session.configuration.variant == f"brisk{number}"
    rows = session.config.iloc[1:]
    named = [str(json.loads(effective)["instructions"]) for effective in rows["effective"]]
    assert [name.lower().replace(" ", "").rstrip(".") for name in named] == list(rows["variant"])
    assert list(rows["cause"]) == ["update"] * 6


async def test_an_update_that_nobody_waits_for_any_more_is_part_of_the_next_call_too(
    session: rtc.HeadlessSession,
) -> None:
    await given_up(session, rtc.Variant("calm", instructions="Your name is Dora."))
    await session.wait_for("session.updated")
    await session.hang_up()
    await session.connect()
    assert session.instructions == "Your name is Dora."
    assert session.configuration.variant == "calm"


async def test_an_update_that_the_end_of_the_call_left_unanswered_confirms_none_of_the_next_call(
    session: rtc.HeadlessSession,
) -> None:
    sent = given_up(session, rtc.Variant("calm", instructions="Be calm."))
    hung_up = session.hang_up()
    await sent
    await hung_up
    await session.connect()
    assert (await session.update(instructions="Be brief."))["instructions"] == "Be brief."
    assert session.configuration.variant is None


async def test_a_field_the_server_refuses_raises_its_error(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    with pytest.raises(rtc.RtcWidgetError, match="voice"):
        await session.update(voice="cedar")


async def test_result_works_in_a_script(session: rtc.HeadlessSession) -> None:
    turn = await asyncio.to_thread(lambda: session.say("What is your name?").result(30))
    assert turn.transcript == "My name is Bruno."


async def test_update_without_a_call_is_what_the_next_call_is_made_with(idle: rtc.HeadlessSession) -> None:
    await idle.update(instructions="Your name is Dora.")
    await idle.connect()
    assert (await idle.say("What is your name?")).transcript == "My name is Dora."


async def test_the_first_call_has_version_1_of_the_configuration_whatever_was_changed_before_it(
    idle: rtc.HeadlessSession,
) -> None:
    idle.update(instructions="Your name is Dora.")
    idle.update(speed=1.2)
    assert idle.configuration.version == 1
    await idle.connect()
    await idle.update(speed=1.0)
    await idle.hang_up()
    await idle.update(speed=1.1)
    await idle.connect()
    assert list(idle.config["version"]) == [1, 2, 3]


async def test_a_session_outlives_its_call(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    await session.hang_up()
    await session.connect()
    await session.say("What is your name?")
    assert len(session.calls) == 2
    assert len(session.turns) == 2
    assert session.calls["rtc_call_id"].nunique() == 2


async def test_interrupt_stops_a_long_answer(session: rtc.HeadlessSession) -> None:
    handle = session.say("Tell me a story.")
    await session.wait_for("output_audio_buffer.started")
    await session.interrupt()
    turn = await handle
    assert "output_audio_buffer.cleared" in list(session.events["type"])
    assert turn.transcript


async def test_what_was_heard_of_an_interrupted_answer_is_what_the_server_keeps_of_it(
    session: rtc.HeadlessSession,
) -> None:
    handle = session.say("Count to fifty.")
    await session.wait_for("output_audio_buffer.started")
    await asyncio.sleep(2.5)
    await session.interrupt()
    turn = await handle
    item = session.conversation.items[-1]
    estimated = item.heard_transcript
    assert estimated is not None
    await session.retrieve(item.item_id)
    kept = session.items["heard_transcript"].iloc[-1]
    assert kept == item.heard_transcript
    assert turn.transcript is not None
    assert turn.transcript.startswith(kept)
    assert len(kept.split()) >= 3
    assert len(estimated.split()) == pytest.approx(len(kept.split()), abs=2)


async def test_interrupt_stops_what_was_asked_for_just_before(session: rtc.HeadlessSession) -> None:
    first, second = session.respond(instructions="Tell me a story."), session.say("Tell me a story.")
    await session.interrupt()
    assert (await first).status == (await second).status == "cancelled"


async def test_interrupt_with_nothing_to_stop_is_a_success(session: rtc.HeadlessSession) -> None:
    await session.interrupt()


# -- listening ------------------------------------------------------------------------------------


async def test_wait_for_looks_from_the_last_command_on(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    event = await session.wait_for("response.done")
    assert event["response"]["status"] == "completed"
    session.update(instructions="Be brief.")
    with pytest.raises(rtc.WaitTimeout, match=r"0\.3 s for response\.done"):
        await session.wait_for("response.done", timeout=0.3)


async def test_whoever_waited_in_vain_is_told_the_time_that_he_gave(session: rtc.HeadlessSession) -> None:
    @session.tool(needs_approval=True)
    def order() -> str:
        """Place an order."""
        return "ordered"

    with pytest.raises(rtc.WaitTimeout, match=r"Waited 3 s for .* approval") as waited:
        await session.say("Place an order, please.", timeout=3)  # for its item first, and for the response
    assert waited.value.seconds == 3


async def test_wait_for_since_looks_from_there_on(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    await session.update(instructions="Be brief.")
    assert (await session.wait_for("response.done", since=0))["type"] == "response.done"


async def test_wait_for_the_name_of_an_old_event_is_told_the_new_one(session: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ProtocolError, match=r"response\.output_audio_transcript\.delta"):
        session.wait_for("response.audio_transcript.delta")


async def test_stream_yields_what_comes(session: rtc.HeadlessSession) -> None:
    stream = session.stream()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)  # it streams from here on
    session.update(instructions="Be brief.")
    async with asyncio.timeout(10):
        types = [(await first)["type"]]
        async for event in stream:
            types.append(event["type"])
            if event["type"] == "session.updated":
                break
    assert "session.update" in types


async def test_a_stream_begins_where_it_was_made_and_ends_with_the_session(
    session: rtc.HeadlessSession,
) -> None:
    begins = len(session.event_log)
    stream = session.stream()
    await session.update(instructions="Be brief.")
    late = asyncio.create_task(types_of(stream))
    await asyncio.sleep(0.1)
    await session.close()
    types = await asyncio.wait_for(late, 5)
    assert types == list(session.events["type"])[begins:]
    assert {"session.update", "session.updated"} <= set(types)
    assert await asyncio.wait_for(types_of(session.stream(since=begins)), 5) == types


async def types_of(stream: AsyncIterator[dict[str, Any]]) -> list[str]:
    return [event["type"] async for event in stream]


async def test_a_callback_is_called_in_order_and_its_error_is_kept(session: rtc.HeadlessSession) -> None:
    seen: list[str] = []
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(event: dict[str, object]) -> None:
        seen.append(str(event["type"]))

    def fail(_: dict[str, object]) -> None:
        loop.call_soon_threadsafe(failed.set)
        raise ValueError("a mistake of mine")

    session.on("*", note)
    stop = session.on("session.updated", fail)
    await session.update(instructions="Be brief.")
    await failed.wait()
    await session.wait_for("rtc.error", since=0)
    stop()
    await asyncio.to_thread(session._core.callbacks.drain)
    errors = session.errors
    assert list(errors["source"]) == ["callback"]
    assert errors["message"].iloc[0] == "a mistake of mine"
    types = list(session.events["type"])
    assert seen == types[len(types) - len(seen) :]


@pytest.mark.parametrize("type", ["*", "rtc.error"])
@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_a_callback_that_fails_is_one_error_an_event(
    idle: rtc.HeadlessSession, type: str, sync: bool
) -> None:
    def fail(event: dict[str, Any]) -> None:
        raise ValueError(event["message"])

    async def fail_later(event: dict[str, Any]) -> None:
        fail(event)

    told: list[str] = []
    for function in (fail, fail) if sync else (fail_later, fail_later):
        idle.on(type, function)
    idle.on(type, lambda event: told.append(event["message"]))
    for message in ("first", "second"):
        idle._core.log.note("rtc.error", source="tool", message=message)
    await asyncio.sleep(0.5)
    errors = idle.errors
    assert list(errors[errors["source"] == "callback"]["message"]) == ["first", "first", "second", "second"]
    assert sorted(told) == ["first"] * 3 + ["second"] * 3


async def test_a_wait_that_fails_says_what_came_since_it_looks(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    with pytest.raises(rtc.WaitTimeout, match=r"output_audio_buffer\.stopped") as caught:
        await session.wait_for("conversation.item.deleted", timeout=0.3)
    assert len(caught.value.seen) == 8


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", None])
def test_say_needs_words(text: str, bare: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ConfigurationError, match="needs words"):
        bare.say(text)


@pytest.fixture(scope="module")
def bare() -> Iterator[rtc.HeadlessSession]:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    yield session
    session.close()


def test_an_event_without_a_type_is_refused(bare: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ProtocolError, match="type"):
        bare.send_event({"response": {}})


def test_play_of_what_is_no_sound_is_refused(bare: rtc.HeadlessSession, tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.wav", tmp_path / "text.wav"
    empty.touch()
    text.write_text("not a sound")
    for path in (tmp_path / "missing.wav", empty, text):
        with pytest.raises(rtc.ConfigurationError, match=path.name):
            bare.play(path)
    assert len(bare.event_log) == 0


def test_an_unknown_keyword_is_refused_with_the_nearest() -> None:
    with pytest.raises(rtc.ConfigurationError, match="instructions"):
        rtc.HeadlessSession(provider=rtc.Sandbox(), instruction="Be brief.")


def test_assigning_a_field_names_update(bare: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ConfigurationError, match="update"):
        bare.voice = "cedar"
    assert bare.voice == "marin"


async def test_connect_twice_is_refused(session: rtc.HeadlessSession) -> None:
    with pytest.raises(rtc.ConfigurationError, match="has a call already"):
        await session.connect()


async def test_a_wrong_key_is_a_secret_error_that_names_its_step() -> None:
    right = rtc.Sandbox()
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(right.ready(), get_loop()))
    session = rtc.HeadlessSession(provider=rtc.Sandbox(right.base_url, key="sk-canary-wrong"), directory=None)
    with pytest.raises(rtc.SecretError, match="HTTP 401") as caught:
        await session.connect()
    assert caught.value.step == "secret"
    assert "canary" not in str(caught.value)
    assert session.calls["reason"].iloc[0]
    session.close()


# -- keys -----------------------------------------------------------------------------------------


async def test_a_session_shows_its_provider_its_model_and_its_state() -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), model="gpt-realtime-2.1-mini", directory=None)
    assert repr(session) == "HeadlessSession(sandbox, gpt-realtime-2.1-mini, idle)"
    session.close()


async def test_a_configuration_shows_what_calls_are_made_with_and_nothing_that_may_be_secret() -> None:
    server = {
        "type": "mcp",
        "server_label": "bar",
        "server_url": "https://bar.example",
        "authorization": "canary",
    }
    calm = rtc.Variant("calm", voice="cedar")
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None, variant=calm, tools=[server])
    said = repr(session.configuration)
    assert said == "<Configuration: gpt-realtime-2.1, voice cedar, version 1, variant calm>"
    await session.update(voice={"id": "voice_1"}, instructions="canary")
    assert repr(session.configuration) == "<Configuration: gpt-realtime-2.1, voice voice_1, version 1>"
    session.close()


async def test_no_key_is_in_the_log_or_any_frame(session: rtc.HeadlessSession) -> None:
    await session.say("What is your name?")
    text = "\n".join(record.text for record in session.event_log.records())
    assert "sk-sandbox" not in text
    assert "ek_" not in text
    assert "sk-sandbox" not in repr(session.provider) + repr(vars(session.provider).get("base_url"))
    assert json.loads(session.event_log.record(0).text)["type"] == "rtc.session"


@pytest.mark.parametrize(
    "name", ["voice", "tools", "reasoning", "truncation", "parallel_tool_calls", "prompt"]
)
def test_a_field_that_is_assigned_names_update(name: str) -> None:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(rtc.ConfigurationError, match=rf"await w\.update\({name}="):
        setattr(session, name, None)
    session.close()


# -- what was asked before is answered before ------------------------------------------------------


def greeting(words: str) -> rtc.Variant:
    return rtc.Variant(words.lower(), instructions=f'Begin with "{words}."')


GREETINGS = ("Alpha", "Bravo", "Charlie")


async def test_each_answer_is_given_under_the_variant_of_its_question_when_nothing_is_awaited(
    session: rtc.HeadlessSession,
) -> None:
    asked = []
    for words in GREETINGS:
        session.update(greeting(words))
        asked.append(session.say("Good evening."))
    turns = await asyncio.gather(*asked)
    assert [(turn.transcript or "").split(".")[0] for turn in turns] == list(GREETINGS)
    assert list(session.turns["variant"]) == [words.lower() for words in GREETINGS]
    assert session.errors.empty


async def test_a_response_is_asked_for_under_what_was_changed_before_and_not_after(
    session: rtc.HeadlessSession,
) -> None:
    await session.add_message("user", "Good evening.")
    asked = []
    for words in GREETINGS:
        session.update(greeting(words))
        asked.append(session.respond(conversation="none"))
    session.send_event(
        {"type": "session.update", "session": {"type": "realtime", "instructions": 'Begin with "Delta."'}}
    )
    asked.append(session.respond())
    responses = await asyncio.gather(*asked)
    first_words = [(response.text or "").split(".")[0] for response in responses]
    assert first_words == [*GREETINGS, "Delta"]
    assert session.errors.empty


async def test_what_is_changed_after_a_sound_was_played_holds_for_the_next(
    session: rtc.HeadlessSession,
) -> None:
    question = rtc.Sandbox.spoken("What time is it in London?")
    first = session.play(question)
    session.update(greeting("Alpha"))
    second = session.play(question)
    session.update(turn_detection=None)
    third = session.play(question)
    await asyncio.gather(first, second, third)
    types = session.events["type"]
    passed = types[types.isin(["session.update", "input_audio_buffer.commit", "response.created"])]
    answered = ["response.created", "session.update"] * 2
    assert list(passed) == [*answered, "input_audio_buffer.commit", "response.created"]
    assert session.errors.empty


async def test_a_change_during_an_answer_goes_out_at_once(session: rtc.HeadlessSession) -> None:
    story = session.say("Tell me a story.")
    await session.wait_for("response.created")
    await session.update(greeting("Alpha"))
    assert not story.done()
    assert session.conversation.active_response is not None or session.conversation.playing_response
    await session.interrupt()
    await story


async def test_a_question_that_fails_keeps_no_change_from_being_made(session: rtc.HeadlessSession) -> None:
    given_up = session.say("Good evening.")
    late = session.say("Good evening.", timeout=0.001)
    refused = session.respond(conversation="none", input=["item_nowhere"])
    given_up.cancel()
    assert (await session.update(greeting("Alpha")))["instructions"] == 'Begin with "Alpha."'
    for handle, error in ((late, rtc.WaitTimeout), (refused, rtc.ServerError)):
        with pytest.raises(error):
            await handle


async def test_a_tool_and_a_callback_change_the_session_while_what_they_belong_to_runs(
    session: rtc.HeadlessSession,
) -> None:
    changed: list[str] = []

    @session.tool
    async def price() -> str:
        """Look up the price."""
        changed.append((await session.update(greeting("Alpha")))["instructions"])
        return "3 euro"

    async def on_answer(_event: dict[str, Any]) -> None:
        changed.append((await session.update(speed=1.1))["instructions"])

    session.on("conversation.item.added", on_answer)
    first, second = session.say("What is the price?"), session.say("Good evening.")
    await asyncio.gather(first, second)
    assert 'Begin with "Alpha."' in changed
    assert session.errors.empty
