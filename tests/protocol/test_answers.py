"""What confirms a client event, what refuses it, and what is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from rtc_widget.protocol import answers, dialect, is_nothing_to_cancel

Event = dict[str, Any]


def answer_of(event: Event) -> Any:
    answer = answers(event)
    assert answer is not None
    return answer


def error(event_id: str, code: str = "invalid_value") -> Event:
    return {"type": "error", "error": {"type": "invalid_request_error", "code": code, "event_id": event_id}}


BY_ITEM: list[tuple[Event, str]] = [
    (dialect.add_message("user", "Hi.")[0], "conversation.item.added"),
    (dialect.function_call_output("call_1", "3")[0], "conversation.item.added"),
    (dialect.delete("item_1"), "conversation.item.deleted"),
    (dialect.retrieve("item_1"), "conversation.item.retrieved"),
    (dialect.truncate("item_1", 900), "conversation.item.truncated"),
]


@pytest.mark.parametrize(("event", "type"), BY_ITEM, ids=lambda value: str(value)[:40])
def test_what_is_done_to_an_item_is_confirmed_by_the_event_of_that_item(event: Event, type: str) -> None:
    answer = answer_of(event)
    item_id = event["item"]["id"] if "item" in event else event["item_id"]
    assert not answer.in_order
    assert answer.what == f"{type} of {item_id}"
    for right in ({"item_id": item_id}, {"item": {"id": item_id}}):
        assert answer({"type": type, **right})
    assert not answer({"type": type, "item_id": "item_other"})
    assert not answer({"type": "conversation.item.done", "item": {"id": item_id}})


@pytest.mark.parametrize(
    ("event", "type"),
    [
        (dialect.update({"instructions": "Hi."}), "session.updated"),
        (dialect.commit_input(), "input_audio_buffer.committed"),
        (dialect.clear_input(), "input_audio_buffer.cleared"),
        (dialect.interrupt(active_response=False, audio_playing=True)[0], "output_audio_buffer.cleared"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_names_nobody_is_answered_in_order(event: Event, type: str) -> None:
    answer = answer_of(event)
    assert answer.in_order
    assert answer({"type": type})
    assert not answer({"type": "error"})


def test_a_response_is_known_by_our_mark() -> None:
    event, mark = dialect.respond()
    answer = answer_of(event)
    assert answer({"type": "response.done", "response": {"metadata": {"rtc_mark": mark}}})
    assert not answer({"type": "response.created", "response": {"metadata": {"rtc_mark": mark}}})
    assert not answer({"type": "response.done", "response": {"metadata": {"rtc_mark": "mark_other"}}})
    assert not answer({"type": "response.done", "response": {"metadata": None}})


def test_a_cancel_is_confirmed_by_the_end_of_its_response() -> None:
    named = answer_of({"type": "response.cancel", "response_id": "resp_1"})
    assert named({"type": "response.done", "response": {"id": "resp_1"}})
    assert not named({"type": "response.done", "response": {"id": "resp_2"}})
    assert answer_of({"type": "response.cancel"})({"type": "response.done", "response": {"id": "resp_2"}})


def test_an_error_with_our_event_id_refuses() -> None:
    event = dialect.update({"instructions": "Hi."})
    answer = answer_of(event)
    assert answer.is_refused_by(error(event["event_id"]))
    assert not answer.is_refused_by(error("event_other"))
    assert not answer.is_refused_by({"type": "session.updated"})
    assert not answer_of({"type": "session.update"}).is_refused_by({"type": "error", "error": {}})


def test_what_nothing_answers_has_no_answer() -> None:
    assert answers({"type": "input_audio_buffer.append", "audio": "AAAA"}) is None
    assert answers({"type": "future.event"}) is None


def test_an_item_without_an_id_of_ours_is_answered_in_order() -> None:
    event = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}}
    answer = answer_of(event)
    assert answer.in_order
    assert answer({"type": "conversation.item.added", "item": {"id": "item_theirs"}})


def test_nothing_to_cancel_is_what_an_interruption_wanted() -> None:
    assert is_nothing_to_cancel(error("event_1", "response_cancel_not_active"))
    assert not is_nothing_to_cancel(error("event_1"))
    assert not is_nothing_to_cancel({"type": "response.done"})


def test_a_service_of_the_beta_confirms_an_item_by_its_old_name() -> None:
    create = {"type": "conversation.item.create", "event_id": "event_1", "item": {"id": "item_1"}}
    answer = answers(create)
    assert answer is not None
    assert answer({"type": "conversation.item.created", "item": {"id": "item_1"}})
    assert not answer({"type": "conversation.item.created", "item": {"id": "item_2"}})
    assert not answer({"type": "conversation.item.done", "item": {"id": "item_1"}})
