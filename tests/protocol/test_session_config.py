"""A session's configuration: the default one, changes, differences."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_widget.protocol import check_client_secret_request, default_session, merge_session, session_diff

# The same examples every time, and no clock: this machine may be busy.
REPEATABLE = settings(deadline=None, derandomize=True)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 9), st.text(max_size=3), st.lists(st.integers(0, 3))
)
SESSIONS = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), LEAVES, max_size=4),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), st.one_of(LEAVES, inner), max_size=4),
    max_leaves=12,
)


def test_the_default_session_transcribes_what_it_hears() -> None:
    session = default_session()
    assert session == {
        "type": "realtime",
        "model": "gpt-realtime-2.1",
        "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}, "output": {"voice": "marin"}},
    }
    assert check_client_secret_request({"session": session}) == {"session": session}


def test_fields_go_over_the_defaults() -> None:
    session = default_session(voice="cedar", transcription={"language": "de"}, instructions="Kurz, bitte.")
    assert session["audio"] == {
        "input": {"transcription": {"model": "gpt-transcribe", "language": "de"}},
        "output": {"voice": "cedar"},
    }
    assert session["instructions"] == "Kurz, bitte."
    assert default_session(transcription=None)["audio"]["input"] == {"transcription": None}


def test_changes_are_merged_field_by_field() -> None:
    before = {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.5}}}, "tools": [1]}
    after = merge_session(before, {"audio": {"input": {"turn_detection": {"threshold": 0.8}}}, "tools": []})
    assert after == {
        "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.8}}},
        "tools": [],
    }


def test_a_change_of_type_replaces_the_object() -> None:
    before = {"turn_detection": {"type": "server_vad", "threshold": 0.5}}
    after = merge_session(before, {"turn_detection": {"type": "semantic_vad"}})
    assert after == {"turn_detection": {"type": "semantic_vad"}}


def test_null_turns_off_and_comes_on_again() -> None:
    off = merge_session({"a": {"b": 1}}, {"a": None})
    assert off == {"a": None}
    assert merge_session(off, {"a": {"b": 2}}) == {"a": {"b": 2}}


@REPEATABLE
@given(SESSIONS, SESSIONS)
def test_merging_twice_is_merging_once(before: dict[str, Any], changes: dict[str, Any]) -> None:
    after = merge_session(before, changes)
    assert merge_session(after, changes) == after
    assert merge_session(before, {}) == before


@REPEATABLE
@given(SESSIONS, SESSIONS)
def test_two_sessions_differ_exactly_where_something_changed(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert session_diff(before, before) == {}
    changed = session_diff(before, after)
    assert all(old != new for old, new in changed.values())
    assert session_diff(after, before) == {place: [new, old] for place, (old, new) in changed.items()}


def test_a_difference_names_its_place() -> None:
    before = {"id": "sess_1", "audio": {"output": {"voice": "marin"}, "input": {"turn_detection": {"x": 1}}}}
    after = {"id": "sess_2", "audio": {"output": {"voice": "cedar"}, "input": {"turn_detection": None}}}
    assert session_diff(before, after) == {
        "audio.output.voice": ["marin", "cedar"],
        "audio.input.turn_detection": [{"x": 1}, None],
    }
    assert session_diff({}, {"audio": {"output": {"voice": "marin"}}}) == {
        "audio.output.voice": [None, "marin"]
    }
