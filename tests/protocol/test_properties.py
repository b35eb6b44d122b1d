"""Whatever is thrown at the check: a plain event comes back, or a ProtocolError says why not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_widget import ProtocolError
from rtc_widget.protocol import CLIENT_EVENTS, check_client_event, schema

# The same examples every time, and no clock: this machine may be busy.
REPEATABLE = settings(deadline=None, derandomize=True)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({name for event in CLIENT_EVENTS for name in schema.places_of(event)}))
WORDS = st.sampled_from(["realtime", "message", "user", "input_text", "server_vad", "function", "auto", "x"])
EVENTS = st.builds(
    lambda name, fields: {"type": name, **fields},
    st.sampled_from(sorted(CLIENT_EVENTS)),
    st.recursive(
        st.dictionaries(NAMES, st.one_of(WORDS, JSON), max_size=4),
        lambda inner: st.dictionaries(
            NAMES, st.one_of(WORDS, inner, st.lists(inner, max_size=2)), max_size=4
        ),
        max_leaves=10,
    ),
)
GOOD: list[dict[str, Any]] = [
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "tools": [{"type": "function", "name": "price", "parameters": {"type": "object"}}],
            "audio": {
                "input": {"turn_detection": {"type": "server_vad", "threshold": 0.5}},
                "output": {"speed": 1.1, "voice": "marin"},
            },
        },
    },
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
    },
    {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 900},
    {"type": "response.create", "response": {"metadata": {"probe": "a"}, "conversation": "none"}},
]


@REPEATABLE
@given(st.one_of(JSON, EVENTS))
def test_any_value_is_an_event_or_a_protocol_error(value: Any) -> None:
    try:
        checked = check_client_event(value)
    except ProtocolError:
        return
    json.dumps(checked, allow_nan=False)
    assert check_client_event(checked) == checked


def places(value: Any) -> list[dict[str, Any]]:
    """Return every object inside a value whose fields the API knows, the value itself first."""
    if isinstance(value, list):
        return [found for part in value for found in places(part)]
    if not isinstance(value, dict):
        return []
    inner = [part for name, part in value.items() if name not in {"metadata", "parameters"}]
    return [value, *places(inner)]


@REPEATABLE
@given(st.data(), st.sampled_from(GOOD))
def test_a_right_event_with_one_more_field_anywhere_is_refused_by_its_name(
    data: st.DataObject, good: dict[str, Any]
) -> None:
    event = copy.deepcopy(good)
    holder = data.draw(st.sampled_from(places(event)))
    name = data.draw(st.text("abcdefgh_", min_size=5, max_size=12))
    holder[name] = 1
    with pytest.raises(ProtocolError, match=name):
        check_client_event(event)
