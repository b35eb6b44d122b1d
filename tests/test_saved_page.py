"""A call as one page, as the file holds it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import rtc_widget as rtc
from rtc_widget import _saved_page
from tests.log.call import write_call
from tests.log.script import Script

if TYPE_CHECKING:
    from pathlib import Path


def saved(path: Path) -> dict[str, Any]:
    """Read the data of a page."""
    found = re.search(r'<script type="application/json" id="saved">(.*?)</script>', path.read_text("utf-8"))
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_a_page_holds_every_record_and_the_sound_in_pieces(tmp_path: Path) -> None:
    recording = rtc.load(write_call(tmp_path / "barista-1", 2))
    data = saved(recording.to_html(tmp_path / "pages" / "call.html"))
    assert [row[3] for row in data["records"]] == [record.text for record in recording.event_log.records()]
    assert data["config"]["replay"]["duration_ms"] == pytest.approx(11_000)
    assert len(data["sound"]["pieces"]) == 2
    turn = recording.conversation.turns[1]
    track, begin_ms, end_ms = data["sound"]["items"][turn.user_item_id]
    assert track == 0
    assert begin_ms < 6_000 < end_ms < 7_500
    silent = saved(recording.to_html(tmp_path / "silent.html", sound=None))
    assert silent["sound"] is None
    assert silent["config"]["record"] is False


def test_a_page_allows_no_address_at_all(tmp_path: Path) -> None:
    script = Script().session()
    script.typed_turn()
    text = rtc.load(event for _, event in script.rows).to_html(tmp_path / "call.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in policy[1]
    assert "http" not in policy[1]
    head = text.partition('id="saved"')[0]
    assert re.findall(r'(?:src|href)="([^"]*)"', head) == ["data:,"]


def test_a_page_that_cannot_be_written_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = rtc.load(write_call(tmp_path / "barista-1", 1))
    path = tmp_path / "call.html"
    with pytest.raises(rtc.ConfigurationError, match="sound is one of 'opus', 'flac' or None, not 'mp3'"):
        recording.to_html(path, sound="mp3")  # type: ignore[arg-type]  # what people try
    monkeypatch.setattr(_saved_page, "MOST_BYTES", 100_000)
    with pytest.raises(rtc.ConfigurationError, match="sound=None leaves it out"):
        recording.to_html(path, sound="flac")
    assert not path.exists()


def test_keys_are_taken_out_of_a_page_wherever_they_stand(tmp_path: Path) -> None:
    script = Script().session(instructions="Never say sk-proj-canary-4711.")
    script.typed_turn(asked="My key is ek_canary_4711.", answer="I heard ek_canary_4711.")
    with pytest.warns(UserWarning, match="look like a key"):
        path = rtc.load(event for _, event in script.rows).to_html(tmp_path / "call.html")
    text = path.read_text("utf-8")
    assert "canary" not in text
    assert "My key is ek_…" in text


def test_a_key_that_came_in_pieces_is_taken_out_of_each_of_them(tmp_path: Path) -> None:
    script = Script().session()
    response_id = script.created()
    item = script.say(response_id, "")
    place = {"response_id": response_id, "item_id": item["id"], "output_index": 0, "content_index": 0}
    for delta in ("It", " is", " sk", "-", "proj", "-", "canary", "4711", ",", " so", " there"):
        script.server("response.output_audio_transcript.delta", **place, delta=delta)
    with pytest.warns(UserWarning, match="1 places in this recording look like a key"):
        path = rtc.load(event for _, event in script.rows).to_html(tmp_path / "call.html")
    assert "canary" not in path.read_text("utf-8")
    told = [json.loads(row[3]) for row in saved(path)["records"]]
    assert "".join(event.get("delta", "") for event in told).endswith("It is sk-…, so there")
