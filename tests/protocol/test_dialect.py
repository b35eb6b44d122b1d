"""Verbs become client events that the API takes, each with ids by which its answer is known."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rtc_widget import ConfigurationError
from rtc_widget.protocol import MARK, check_client_event, dialect, mark_of, without_mark


def every_event() -> list[dict[str, Any]]:
    """Return one event of each verb."""
    said, _, _ = dialect.say("A flat white, please.", previous_item_id="root")
    edited, _ = dialect.edit("item_1", "what I meant", role="user", previous_item_id="item_0")
    released, _ = dialect.push_to_talk_up()
    return [
        *said,
        *edited,
        *released,
        *dialect.push_to_talk_down(),
        *dialect.interrupt(active_response=True, audio_playing=True),
        dialect.respond({"conversation": "none", "metadata": {"probe": "a"}})[0],
        dialect.add_message("system", "Be brief.")[0],
        dialect.add_message("assistant", "Hello!")[0],
        dialect.add_image("data:image/png;base64,AA", text="The menu.", detail="low")[0],
        dialect.update({"instructions": "Be brief."}),
        dialect.commit_input(),
        dialect.clear_input(),
        dialect.delete("item_1"),
        dialect.retrieve("item_1"),
        dialect.truncate("item_1", 900),
        dialect.function_call_output("call_1", "3 euro")[0],
        dialect.mcp_approval_response("mcpr_1", approve=False, reason="too dear")[0],
    ]


def test_every_verb_makes_events_that_the_api_takes_with_an_id_of_their_own() -> None:
    events = every_event()
    for event in events:
        assert check_client_event(event) == event
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    items = [event["item"]["id"] for event in events if "item" in event]
    assert all(item_id.startswith("item_") and len(item_id) <= 32 for item_id in items)
    assert len(set(items)) == len(items)


def test_saying_adds_a_message_and_asks_for_a_marked_response() -> None:
    (message, request), item_id, mark = dialect.say("Hi.", fields={"metadata": {"probe": "a"}})
    assert message["item"] == {
        "id": item_id,
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Hi."}],
    }
    assert "previous_item_id" not in message
    assert request["response"]["metadata"] == {"probe": "a", MARK: mark}
    assert mark_of(request["response"]) == mark


def test_our_mark_is_taken_out_of_metadata_again() -> None:
    _, mark = dialect.respond()
    assert without_mark({"probe": "a", MARK: mark}) == {"probe": "a"}
    assert without_mark({MARK: mark}) is None
    assert without_mark(None) is None
    assert mark_of({"metadata": None}) is None
    assert mark_of({}) is None


def test_a_response_leaves_what_it_was_given_alone() -> None:
    fields = {"metadata": {"probe": "a"}}
    dialect.respond(fields)
    assert fields == {"metadata": {"probe": "a"}}


@pytest.mark.parametrize(
    ("role", "kind"), [("user", "input_text"), ("system", "input_text"), ("assistant", "output_text")]
)
def test_each_role_has_its_kind_of_text(role: str, kind: str) -> None:
    event, _ = dialect.add_message(role, "Hi.")
    assert event["item"]["content"] == [{"type": kind, "text": "Hi."}]


def test_a_picture_stands_behind_its_words() -> None:
    event, _ = dialect.add_image("https://a.test/menu.png", text="The menu.")
    assert event["item"]["content"] == [
        {"type": "input_text", "text": "The menu."},
        {"type": "input_image", "image_url": "https://a.test/menu.png"},
    ]


def test_an_edit_deletes_and_creates_at_the_same_place() -> None:
    (gone, new), item_id = dialect.edit("item_1", "new", role="user", previous_item_id="item_0")
    assert gone["item_id"] == "item_1"
    assert new["previous_item_id"] == "item_0"
    assert new["item"]["id"] == item_id != "item_1"
    (_, first), _ = dialect.edit("item_1", "new", role="user", previous_item_id=None)
    assert first["previous_item_id"] == "root"
    parts = [{"type": "input_text", "text": "new"}]
    (_, again), _ = dialect.edit("item_1", parts, role="user", previous_item_id=None)
    assert again["item"]["content"] == parts
    for wrong in (None, 3, ["a"]):
        with pytest.raises(ConfigurationError, match="a text, or a list of content parts"):
            dialect.edit("item_1", cast("Any", wrong), role="user", previous_item_id=None)


def test_interrupting_does_only_what_is_left_to_do() -> None:
    def kinds(**state: bool) -> list[str]:
        return [event["type"] for event in dialect.interrupt(**state)]

    assert kinds(active_response=True, audio_playing=True) == ["response.cancel", "output_audio_buffer.clear"]
    assert kinds(active_response=True, audio_playing=False) == ["response.cancel"]
    assert kinds(active_response=False, audio_playing=True) == ["output_audio_buffer.clear"]
    assert kinds(active_response=False, audio_playing=False) == []


def test_push_to_talk_clears_then_commits_and_asks() -> None:
    assert [event["type"] for event in dialect.push_to_talk_down()] == ["input_audio_buffer.clear"]
    events, mark = dialect.push_to_talk_up()
    assert [event["type"] for event in events] == ["input_audio_buffer.commit", "response.create"]
    assert mark_of(events[1]["response"]) == mark


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda: dialect.say(""), "not empty"),
        (lambda: dialect.say("  \n"), "not empty"),
        (lambda: dialect.say(cast("str", None)), "not empty"),
        (lambda: dialect.add_message("usr", "Hi."), '"user"'),
        (lambda: dialect.add_message("developer", "Hi."), '"system"'),
        (lambda: dialect.add_message("tool", "3"), "function_call_output"),
        (lambda: dialect.add_image("https://a.test/b.png", detail="best"), '"high"'),
        (lambda: dialect.respond({"metadata": {str(i): "" for i in range(16)}}), "at most 15"),
        (lambda: dialect.respond({"metadata": {MARK: "mine"}}), "any other name"),
    ],
)
def test_what_no_verb_takes_is_refused_with_what_it_takes(call: Any, right: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        call()
    assert right in str(refused.value)
