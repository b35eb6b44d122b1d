"""What holds for any session, in any order of arrival, cut off anywhere."""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtc_widget.conversation import Conversation
from rtc_widget.frames import FRAMES, Frames
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal
from rtc_widget.log.reading import read_file
from rtc_widget.log.writing import write_journal
from tests.log.interleavings import interleaved, scripts
from tests.log.script import Row, log_of

if TYPE_CHECKING:
    from rtc_widget.log.record import Record

EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SPACING = st.sampled_from([None, (",", ":"), (" , ", " : ")])


def _told(rows: list[Row]) -> tuple[list[Any], list[Any]]:
    conversation = Conversation()
    for record in log_of(rows).records():
        conversation.apply(record)
    items = [
        (
            *(i.item_id, i.previous_item_id, i.type, i.role, i.status, i.text, i.transcript, i.response_id),
            *(i.truncated_ms, i.deleted, i.arguments, i.transcription),
        )
        for i in conversation.all_items
    ]
    turns = [
        (
            *(t.index, t.user_item_ids, t.response_ids, t.user_transcript, t.transcript, t.status),
            *(t.interrupted, t.n_responses, t.n_tool_calls),
        )
        for t in conversation.turns
    ]
    return items, turns


@EXAMPLES
@given(scripts(), st.integers(0, 2**32))
def test_any_order_that_keeps_items_and_responses_gives_the_same_items_and_turns(
    rows: list[Row], seed: int
) -> None:
    again = interleaved(rows, random.Random(seed).randrange)  # noqa: S311 - an order, no secret
    assert _told(again) == _told(rows)


def _frames_of(log: EventLog) -> dict[str, pd.DataFrame]:
    frames = Frames(log)
    return {name: frames.get(name) for name in FRAMES}


def _assert_same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> None:
    for name, frame in left.items():
        pd.testing.assert_frame_equal(frame, right[name], obj=name)


@EXAMPLES
@given(scripts(), st.lists(st.integers(0, 5), min_size=1))
def test_live_frames_equal_loaded_frames_cell_by_cell(rows: list[Row], looks: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        log = EventLog(journal=Journal(path))
        conversation = Conversation()
        log.observe(conversation.apply)
        live = Frames(log, conversation)
        look = iter(looks)
        for index, (direction, event) in enumerate(rows):
            browser_ms = 1.7e12 + index * 7.3 if index % 3 else None
            log.append(direction, json.dumps(event), t_browser_ms=browser_ms)  # type: ignore[arg-type]  # rows say str
            if next(look, 1) == 0:
                for name in FRAMES:
                    live.get(name)
        log.close()
        loaded = read_file(path).log
    _assert_same({name: live.get(name) for name in FRAMES}, _frames_of(loaded))


@EXAMPLES
@given(scripts(max_steps=2), st.floats(0, 1))
def test_any_prefix_of_a_journal_loads(rows: list[Row], share: float) -> None:
    log = log_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        write_journal(log, path)
        whole = path.read_bytes()
        cut = whole[: int(len(whole) * share)]
        path.write_bytes(cut)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            loaded = read_file(path)
    assert len(loaded.log) in {cut.count(b"\n"), cut.count(b"\n") + 1}
    for mine, theirs in zip(loaded.log.records(), log.records(), strict=False):
        assert mine == theirs
    _frames_of(loaded.log)


def _raw(value: Any, spacing: tuple[str, str] | None, ascii_only: bool, indent: int | None) -> str:
    return json.dumps(value, separators=spacing, ensure_ascii=ascii_only, indent=indent)


RAWS = st.builds(_raw, JSON, SPACING, st.booleans(), st.sampled_from([None, 1])) | st.text()


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from(["client", "server", "local"]), RAWS), min_size=1, max_size=12))
def test_any_text_comes_back_from_the_journal_as_it_came(rows: list[tuple[Any, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        log = EventLog(journal=Journal(path))
        for direction, raw in rows:
            log.append(direction, raw)
        log.close()
        loaded = read_file(path).log
    assert [_key(record) for record in loaded.records()] == [_key(record) for record in log.records()]
    expected = [raw.encode("utf-8", "backslashreplace").decode() for _, raw in rows]
    assert [record.text for record in loaded.records()] == expected
    _assert_same(_frames_of(log), _frames_of(loaded))


def _key(record: Record) -> tuple[Any, ...]:
    return record.seq, record.direction, record.type, record.raw, record.t_ms, record.event


@EXAMPLES
@given(
    st.lists(
        JSON.filter(lambda value: not isinstance(value, dict)) | st.dictionaries(st.text(), JSON, max_size=4)
    )
)
def test_a_path_reads_what_json_loads_reads(values: list[Any]) -> None:
    texts = [json.dumps({"a": value, "b": [value]}) for value in values]
    frame = pd.DataFrame({"event": pd.array(texts, "string[pyarrow]")})
    for path, expected in (("a", values), ("b.0", values), ("a.x", [_get(value, "x") for value in values])):
        read = [None if pd.isna(cell) else cell for cell in frame.rtc.path(path)]
        assert len(read) == len(expected)
        for cell, value in zip(read, expected, strict=True):
            if value is None or (isinstance(value, str) and not value.isprintable()):
                continue
            same = cell == value if type(cell) is type(value) else True
            assert cell is not None
            assert same or cell == pytest.approx(value)


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
