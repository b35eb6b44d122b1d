"""Keys of MCP servers at the log's door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rtc_widget._secrets import redacted
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal
from rtc_widget.protocol import check_client_event

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "token-canary-4711"


def update(**tool: Any) -> dict[str, Any]:
    tools = [{"type": "mcp", "server_label": "kitchen", "server_url": "https://example.com", **tool}]
    return {"type": "session.update", "session": {"type": "realtime", "tools": tools}}


def test_a_key_of_an_mcp_server_is_in_no_record_and_in_no_journal(tmp_path: Path) -> None:
    log = EventLog(journal=Journal(tmp_path / "events.jsonl"))
    log.append("client", json.dumps(update(authorization=CANARY)))
    log.append("client", json.dumps(update(headers={"X-Key": CANARY})))
    log.append("client", json.dumps(update(headers=[CANARY], authorization=[CANARY])))
    log.note("rtc.config", effective=update(authorization=CANARY)["session"])
    log.close()
    assert log[0]["session"]["tools"][0]["authorization"] == "***"
    assert log[1]["session"]["tools"][0]["headers"] == {"X-Key": "***"}
    assert CANARY not in "".join(record.text for record in log.records())
    assert CANARY not in (tmp_path / "events.jsonl").read_text("utf-8")


def test_a_key_is_masked_in_a_text_that_is_no_strict_json_too() -> None:
    log = EventLog()
    log.append("client", json.dumps({**update(authorization=CANARY), "metadata": "\ud800"}))
    log.append("client", json.dumps({**update(headers={"X-Key": CANARY}), "logprob": float("-inf")}))
    assert CANARY not in "".join(record.text for record in log.records())
    assert log[0]["metadata"] == "\ud800"
    assert log[1]["session"]["tools"][0]["headers"] == {"X-Key": "***"}


def test_a_key_that_the_service_repeats_in_its_own_words_is_masked_there_too() -> None:
    token, key = "token-canary-4712", "canary-key-4713"
    headers = {"X-Api-Key": key, "Accept": "application/json"}
    check_client_event(update(authorization=f"Bearer {token}", headers=headers))
    log = EventLog()
    for said in (f"There is no token {token}.", f"{key} is not application/json."):
        log.append("server", json.dumps({"type": "error", "error": {"message": said}}))
    messages = [event["error"]["message"] for event in log]
    assert messages == ["There is no token ***.", "*** is not application/json."]
    assert redacted(f"What is {token}?") == "What is [key]?"


def test_any_other_event_stays_as_it_came_to_the_byte() -> None:
    texts = [
        json.dumps(update(), indent=1),
        json.dumps(update(authorization="***", headers={"X-Key": "***"}), indent=1),
        '{"type":  "x", "authorization": "of nobody", "a": 1.50}',
        '{"type": "mcp", "authorization": ',
    ]
    log = EventLog()
    for text in texts:
        log.append("server", text)
    assert [record.text for record in log.records()] == texts
