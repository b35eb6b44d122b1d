"""Every command and client event over the peer transport: awaited, not awaited, refused."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import rtc_widget as rtc
from rtc_widget._loop import on_loop_thread
from rtc_widget.protocol import CLIENT_EVENTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from rtc_widget._loop import Handle
    from rtc_widget.log.record import Record

Session = rtc.HeadlessSession
CALM = rtc.Variant("calm", instructions="Be calm.")
PICTURE = np.full((20, 30, 3), 200, np.uint8)
COMMANDS: dict[str, tuple[str, Callable[[Session, str], Handle[Any]]]] = {
    "update": ("session.updated", lambda s, _: s.update(instructions="Be brief.")),
    "add_message": ("conversation.item.added", lambda s, _: s.add_message("user", "Good morning.")),
    "add_image": ("conversation.item.added", lambda s, _: s.add_image(PICTURE, text="Look.")),
    "edit": ("conversation.item.added", lambda s, item: s.edit(item, "What I meant.")),
    "delete": ("conversation.item.deleted", lambda s, item: s.delete(item)),
    "retrieve": ("conversation.item.retrieved", lambda s, item: s.retrieve(item)),
    "respond": ("response.done", lambda s, _: s.respond(instructions="In one word.")),
    "out_of_band": ("response.done", lambda s, _: s.respond(conversation="none", metadata={"probe": "a"})),
    "clear_input": ("input_audio_buffer.cleared", lambda s, _: s.clear_input()),
    "send_event": ("session.updated", lambda s, _: s.send_event(update_event())),
}


def update_event() -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}}


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with Session(provider=rtc.Sandbox(), directory=None, turn_detection=None) as session:
        yield session


async def added(session: Session) -> str:
    item = await session.add_message("user", "What is your name?")
    return item.item_id


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_awaited_is_confirmed_and_not_awaited_runs_all_the_same(
    session: Session, name: str
) -> None:
    confirmation, command = COMMANDS[name]
    await command(session, await added(session))
    if name == "send_event":
        await session.wait_for(confirmation)
    assert confirmation in list(session.events["type"])
    item = await added(session)
    since = len(session.event_log)
    command(session, item)
    await session.wait_for(confirmation, since=since)
    assert session.errors.empty


@pytest.mark.parametrize("name", ["retrieve", "delete", "clear_input"])
async def test_what_confirmed_a_command_about_an_item_or_the_input_is_what_it_gives(
    session: Session, name: str
) -> None:
    confirmation, command = COMMANDS[name]
    item = await added(session)
    event = await command(session, item)
    assert event["type"] == confirmation
    assert event in list(session.event_log)
    if name == "retrieve":
        assert event["item"]["content"] == [{"type": "input_text", "text": "What is your name?"}]


async def test_every_client_event_can_be_sent_as_it_is(session: Session) -> None:
    item = await added(session)
    answer = await session.say("What is your name?")
    spoken = session.conversation.responses[answer.response_ids[0]].output_item_ids[0]
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]}
    events: list[tuple[dict[str, Any], str]] = [
        (update_event(), "session.updated"),
        ({"type": "input_audio_buffer.clear"}, "input_audio_buffer.cleared"),
        ({"type": "input_audio_buffer.commit"}, "error"),
        ({"type": "conversation.item.create", "item": message}, "conversation.item.added"),
        ({"type": "conversation.item.retrieve", "item_id": item}, "conversation.item.retrieved"),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": spoken,
                "content_index": 0,
                "audio_end_ms": 100,
            },
            "conversation.item.truncated",
        ),
        ({"type": "conversation.item.delete", "item_id": item}, "conversation.item.deleted"),
        ({"type": "response.create"}, "response.created"),
        ({"type": "response.cancel"}, "response.done"),
        ({"type": "output_audio_buffer.clear"}, "output_audio_buffer.cleared"),
    ]
    assert {event["type"] for event, _ in events} == CLIENT_EVENTS - {"input_audio_buffer.append"}
    for event, answered in events:
        since = len(session.event_log)
        await session.send_event(event)
        if event["type"] != "output_audio_buffer.clear":
            await session.wait_for(answered, since=since)
    with pytest.raises(rtc.ProtocolError, match="track"):
        session.send_event({"type": "input_audio_buffer.append", "audio": "AAAA"})


REFUSED: dict[str, Callable[[Session, str], Handle[Any]]] = {
    "add_message": lambda s, _: s.add_message("user", "Hi.", previous_item_id="item_nowhere"),
    "commit_input": lambda s, _: s.commit_input(),
    "truncate": lambda s, item: s.truncate(item, audio_end_ms=10),
    "respond": lambda s, _: s.respond(conversation="none", input=["item_nowhere"]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_command_that_the_server_refuses_raises_its_error(session: Session, name: str) -> None:
    item = await added(session)
    await session.clear_input()
    with pytest.raises(rtc.ServerError) as caught:
        await REFUSED[name](session, item)
    error = caught.value
    assert error.code
    errors = session.errors
    assert list(errors["source"]) == ["server"]
    assert errors["message"].iloc[0] in str(error)


async def test_a_refused_command_that_nobody_awaits_shows_in_errors(session: Session) -> None:
    session.commit_input()
    await session.wait_for("error")
    assert list(session.errors["source"]) == ["server"]


async def test_a_response_queues_behind_a_running_one_and_out_of_band_runs_beside(session: Session) -> None:
    await session.add_message("user", "Tell me a story.")
    first, second = session.respond(), session.respond(instructions="In one word.")
    beside = session.respond(conversation="none", instructions="In one word.", metadata={"probe": "a"})
    answers = await asyncio.gather(first, second, beside)
    assert [answer.status for answer in answers] == ["completed"] * 3
    first_response, second_response, aside = answers
    assert second_response.t_created_ms is not None
    assert first_response.t_done_ms is not None
    assert second_response.t_created_ms >= first_response.t_done_ms
    row = session.responses.query("conversation == 'none'").iloc[0]
    assert row["response_id"] == aside.response_id
    assert json.loads(row["metadata"]) == {"probe": "a"}
    assert session.errors.empty


async def test_a_response_does_not_overtake_what_was_typed_before(session: Session) -> None:
    await session.update(output_modalities=["text"])
    said = [session.say("One."), session.say("Two.")]
    asked = session.respond(instructions='Say exactly "three".')
    await asyncio.gather(*said, asked)
    assert session.responses["text"].to_list() == ["You said: One.", "You said: Two.", "three"]
    assert (await said[0]).transcript == "You said: One."


async def test_edit_keeps_the_place_of_the_item(session: Session) -> None:
    for text in ("one", "two", "three"):
        await session.add_message("user", text)
    items = session.items
    await session.edit(str(items["item_id"].iloc[1]), "TWO")
    assert list(session.items.query("not deleted")["text"]) == ["one", "TWO", "three"]
    await session.edit(session.conversation.items[0], "ONE")
    assert [item.text for item in session.conversation.items] == ["ONE", "TWO", "three"]


async def test_edits_of_neighbours_that_nobody_awaited_keep_both_places(session: Session) -> None:
    items = [await session.add_message("user", text) for text in ("one", "two", "three")]
    for item, text in zip(items, ("ONE", "TWO", "THREE"), strict=True):
        last = session.edit(item, text)
    await last
    assert [item.text for item in session.conversation.items] == ["ONE", "TWO", "THREE"]
    assert session.errors.empty


async def test_a_change_sent_as_an_event_confirms_no_other(session: Session) -> None:
    session.send_event(
        {"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}}
    )
    effective = await session.update(speed=1.2)
    assert (effective["instructions"], effective["audio"]["output"]["speed"]) == ("Be brief.", 1.2)
    assert list(session.config["cause"]) == ["connect", "update", "update"]
    assert list(session.config["version"]) == [1, 2, 3]


async def test_a_change_sent_as_an_event_and_refused_keeps_the_next_from_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(session, "_checked", dict)  # so that only the service refuses
        bad = {
            "type": "session.update",
            "event_id": "event_of_mine",
            "session": {"type": "realtime", "speed": 9},
        }
        await session.send_event(bad)
    assert (await session.update(speed=1.2))["audio"]["output"]["speed"] == 1.2
    assert list(session.config["cause"]) == ["connect", "update"]
    assert "event_of_mine" in session.errors["event_id"].iloc[0]


async def test_root_puts_an_item_first(session: Session) -> None:
    await session.add_message("user", "second")
    await session.add_message("system", "first", previous_item_id="root")
    assert [item.text for item in session.conversation.items] == ["first", "second"]


async def test_push_to_talk_listens_while_the_block_runs(session: Session) -> None:
    question = rtc.Sandbox.spoken("What is your name?")
    await session.update(instructions="Your name is Bruno.")
    async with session.push_to_talk():
        turn = await session.play(question)
    assert turn.user_transcript
    assert turn.transcript == "My name is Bruno."
    assert len(session.turns) == len(session.responses) == 1


async def test_push_to_talk_is_sent_from_the_loop_that_holds_the_call(session: Session) -> None:
    sent_there: dict[str, bool] = {}

    def note(record: Record) -> None:
        if record.direction == "client":
            sent_there[record.type] = on_loop_thread()

    session.event_log.observe(note)
    async with session.push_to_talk():
        await asyncio.sleep(0.3)
    assert sent_there.keys() >= {"input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"}
    assert all(sent_there.values())


async def test_a_message_larger_than_the_channel_takes_is_refused_with_both_sizes(session: Session) -> None:
    with pytest.raises(rtc.ProtocolError, match=r"(?s)3\d\d,\d\d\d.*262,144|262,144.*3\d\d,\d\d\d"):
        await session.add_message("user", "x" * 300_000)
    await session.say("What is your name?")


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.delete("item_nowhere"),
        lambda s: s.edit("item_nowhere", "x"),
        lambda s: s.add_message("developer", "x"),
        lambda s: s.add_message("user", " "),
        lambda s: s.respond(temperature=0.7),
        lambda s: s.respond(conversation="nobody"),
        lambda s: s.update(),
        lambda s: s.update(language="de"),
        lambda s: s.update(speed=9),
        lambda s: s.send_event({"type": "conversation.item.edit"}),
    ],
)
async def test_bad_input_is_refused_before_anything_is_sent(session: Session, call: Any) -> None:
    before = len(session.event_log)
    with pytest.raises((rtc.ConfigurationError, rtc.ProtocolError)):
        call(session)
    assert len(session.event_log) == before


def made(**arguments: Any) -> Session:
    return Session(provider=rtc.Sandbox(), **arguments)


NOTHING: Any = None
NO_TIMEOUTS: dict[str, Callable[[Session, Any], object]] = {
    "say": lambda s, t: s.say("Hello.", timeout=t),
    "play": lambda s, t: s.play(np.zeros(240, np.int16), sample_rate_hz=24_000, timeout=t),
    "respond": lambda s, t: s.respond(timeout=t),
    "interrupt": lambda s, t: s.interrupt(timeout=t),
    "update": lambda s, t: s.update(speed=1.1, timeout=t),
    "add_message": lambda s, t: s.add_message("user", "Hello.", timeout=t),
    "add_image": lambda s, t: s.add_image(PICTURE, timeout=t),
    "clear_input": lambda s, t: s.clear_input(timeout=t),
    "wait_for": lambda s, t: s.wait_for("response.done", timeout=t),
    "connect": lambda s, t: s.connect(timeout=t),
    "ask_again": lambda s, t: s.ask_again(0, [], timeout=t),
    "tool": lambda s, t: s.tool(timeout=t)(len),
    "add_mcp": lambda s, t: s.add_mcp("python server.py", timeout=t),
}
"""Each command that has a time limit, and that no call is needed for to be refused."""


@pytest.fixture(scope="module")
def bare() -> Iterator[Session]:
    session = Session(provider=rtc.Sandbox(), directory=None)
    yield session
    session.close()


@pytest.mark.parametrize("timeout", [None, 0, -1, "a", True, float("nan")])
@pytest.mark.parametrize("name", NO_TIMEOUTS)
def test_a_time_limit_that_is_no_number_above_0_is_refused(bare: Session, name: str, timeout: Any) -> None:
    with pytest.raises(rtc.ConfigurationError, match="timeout is a number of seconds above 0"):
        NO_TIMEOUTS[name](bare, timeout)
    assert len(bare.event_log) == 0


@pytest.mark.parametrize(
    ("call", "way_out"),
    [
        (lambda s: s.update("calm"), r"rtc\.Variant\.load"),
        (lambda s: s.update("You are calm."), r"a text for the model is instructions="),
        (lambda s: s.update({"instructions": "x"}), r"\*\*fields"),
        (lambda s: s.update(5), r"rtc\.Variant\("),
        (lambda _: made(variant="calm"), r"rtc\.Variant\.load"),
        (lambda _: made(directory=5), "path of a folder"),
        (lambda _: rtc.Session(provider=rtc.Sandbox()), "RealtimeWidget.*HeadlessSession"),
        (lambda s: s.tool(nonsense=1), "nonsense= is no keyword.*needs_approval="),
        (lambda s: s.tool(len, nonsense=1), "nonsense= is no keyword"),
        (lambda s: s.tool(max), "function of your own"),
        (lambda s: s.tool(dict), "function of your own"),
        (lambda s: s.tool(name=5)(len), "no name of a tool"),
        (lambda s: s.wait_for("response.done", since="x"), "seq of a record"),
        (lambda s: s.stream(since=True), "seq of a record"),
        (lambda s: s.add_image(PICTURE, text=3), "what the user says to the picture"),
        (lambda s: s.add_image(PICTURE, text="x" * 300_000), "no room for the picture"),
        (lambda _: made(record="yes"), "record is True"),
        (
            lambda _: made(session={"voice": "cedar"}),
            r"fields of the session by themselves, as in \*\*session",
        ),
        (lambda _: made(type="transcription"), r"rtc\.TranscriptionWidget"),
        (lambda s: s.save(None), "no path"),
        (lambda _: rtc.resume(NOTHING), "no path"),
        (lambda _: rtc.Variant.load(NOTHING), "no name of a variant"),
        (lambda _: CALM.save(NOTHING), "no path"),
        (lambda _: CALM.diff(NOTHING), "not a NoneType"),
        (lambda _: rtc.side_by_side(NOTHING, NOTHING), r"rtc\.load"),
        (lambda _: rtc.Sandbox.spoken(NOTHING), "needs words"),
        (lambda s: s.ask_again("x", [CALM]), "turn of this session, or its number"),
        (lambda s: s.ask_again(None, [CALM]), "turn of this session, or its number"),
        (lambda s: s.ask_again(0, ["calm"]), r"rtc\.Variant\.load"),
        (lambda s: s.ask_again(0, CALM), "a list of"),
        (lambda s: s.ask_again(0, [CALM], repeats=1.5), "whole number"),
        (lambda s: s.ask_again(0, [CALM, CALM.replace(speed=1.1)]), r"called 'calm'.*replace\("),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_with_the_way_out(
    bare: Session, call: Any, way_out: str
) -> None:
    with pytest.raises(rtc.ConfigurationError, match=way_out):
        call(bare)
    assert len(bare.event_log) == 0
    assert not bare.configuration.requested.get("tools")


def test_equal_variants_of_one_name_may_be_asked(bare: Session) -> None:
    with pytest.raises(rtc.ConfigurationError, match="no turn 0"):
        bare.ask_again(0, [CALM, CALM.replace()])


async def test_a_command_waits_for_the_call_that_is_being_placed() -> None:
    session = made(directory=None, turn_detection=None)
    placed = session.connect()
    try:
        muted, added, sent = (
            session.mute(),
            session.add_message("user", "Hello."),
            session.send_event({"type": "input_audio_buffer.clear"}),
        )
        turn = await session.say("What is your name?")
        assert turn.status == "completed"
        assert all(handle.done() for handle in (placed, muted, sent))
        assert (await added).words == "Hello."
        assert session.muted
        assert session.errors.empty
    finally:
        await session.close()


async def test_a_command_that_waits_for_a_call_that_fails_says_why() -> None:
    session = Session(provider=rtc.Sandbox("http://127.0.0.1:9/v1", key="sk-sandbox-x"), directory=None)
    placed = session.connect()
    said = session.say("What is your name?")
    for handle in (placed, said):
        with pytest.raises(rtc.ConnectionFailed) as caught:
            await handle
        assert caught.value.step == "secret"
    (error,) = session.errors.to_dict("records")
    assert (error["source"], error["code"], error["param"]) == ("connection", "SecretError", "secret")
    assert "127.0.0.1:9" in error["message"]
    await session.close()
