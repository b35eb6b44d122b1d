"""Keys at the log's door: of MCP servers, of providers, and client secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget._known_keys import LASTING, PASSING, hidden_in_event, keep
from rtc_widget._secrets import redacted
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.journal import Journal
from rtc_widget.protocol import check_client_event
from rtc_widget.providers import ClientSecret

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


ADDRESSES = {
    f"https://example.com/mcp?api_key={CANARY}&team=5": "https://example.com/mcp?api_key=***&team=***",
    f"https://user:{CANARY}@example.com/mcp": "https://***@example.com/mcp",
    f"https://example.com/?{CANARY}": "https://example.com/?***",
    f"https://example.com/mcp#token={CANARY}": "https://example.com/mcp#token=***",
}


@pytest.mark.parametrize("url", list(ADDRESSES))
def test_a_key_in_the_address_of_an_mcp_server_is_in_no_record_nor_what_is_said_of_it(url: str) -> None:
    log = EventLog()
    log.append("client", json.dumps(update(server_url=url)))
    log.append("client", log.record(0).text)
    assert [event["session"]["tools"][0]["server_url"] for event in log] == [ADDRESSES[url]] * 2
    assert log.record(0).text == log.record(1).text
    other = url.replace(CANARY, "canary%2F4720")
    check_client_event(update(server_url=other))
    assert said_of("No canary%2F4720, no canary/4720.") == "No ***, no ***."


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


def said_of(text: str) -> str:
    """Return what is kept of a service's words."""
    log = EventLog()
    log.append("server", json.dumps({"type": "error", "error": {"message": text}}))
    return str(log[0]["error"]["message"])


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("X-Custom", "canaryOfNoName1", ["canaryOfNoName1"]),
        ("Cookie", "sid=canary4721; theme=canary-4722", ["sid=canary4721", "canary4721", "canary-4722"]),
        ("Proxy-Authorization", "Basic Y2FuYXJ5OjQ3MjM=", ["Y2FuYXJ5OjQ3MjM="]),
        ("X-Api-Key", 'canary"4724\\é', ['canary"4724\\é']),
        ("X-Passphrase", "Canary of 4725", ["Canary of 4725"]),
    ],
)
def test_what_a_header_holds_is_masked_whole_and_by_its_parts(
    name: str, value: str, parts: list[str]
) -> None:
    check_client_event(update(headers={name: value}))
    assert said_of(f"Bad header {value}!") in {"Bad header ***!", "Bad header Basic ***!"}
    assert [said_of(f"No {part}!") for part in parts] == ["No ***!"] * len(parts)


def test_a_word_in_a_header_that_tells_of_no_key_is_none() -> None:
    check_client_event(update(headers={"X-Mode": "realtime", "MCP-Protocol-Version": "2025-06-18"}))
    assert said_of("A realtime model of 2025-06-18.") == "A realtime model of 2025-06-18."


def test_a_client_secret_is_masked_by_its_place() -> None:
    log = EventLog()
    for secret in ({"value": CANARY, "expires_at": 1}, CANARY, {"value": "***"}, {"type": "string"}):
        log.append("server", json.dumps({"type": "session.created", "session": {"client_secret": secret}}))
    found = [event["session"]["client_secret"] for event in log]
    assert found == [{"value": "***", "expires_at": 1}, "***", {"value": "***"}, {"type": "string"}]


def test_a_client_secret_that_the_service_repeats_is_masked() -> None:
    ClientSecret("canary.secret.4714", 1.0)
    assert said_of("No secret canary.secret.4714.") == "No secret ***."


def test_client_secrets_make_room_for_newer_ones_and_not_in_place_of_a_standard_key() -> None:
    keep("standard-canary-4715")
    for number in range(3 * PASSING.most):
        keep(f"canary-of-many-{number:03}", PASSING)
    assert len(PASSING.known) == PASSING.most
    assert len(LASTING.known) <= LASTING.most
    assert said_of("standard-canary-4715 and canary-of-many-095") == "*** and ***"
    assert said_of("canary-of-many-000") == "canary-of-many-000"


ODD = 'canary/"é+\\<4716>='


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(ODD).replace("/", r"\/"),
        re.sub(r"[^\w\\/\".]", lambda one: f"\\u{ord(one[0]):04X}", json.dumps(ODD)),
        json.dumps(json.dumps(ODD)),
        json.dumps(json.dumps(json.dumps(ODD))),
    ],
)
def test_a_key_is_found_however_json_writes_it(written: str) -> None:
    keep(ODD)
    kept = hidden_in_event(f'{{"said": {written}}}'.encode(), "***")
    assert "4716" not in json.loads(kept)["said"]


def test_a_key_of_digits_is_no_part_of_a_number_and_a_short_one_is_a_word() -> None:
    for key in ("47174717", "short-1"):
        keep(key)
    assert said_of("47174717, 147174717, short-1") == "***, 147174717, short-1"


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


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"type": "a.secret", "client_secret": CANARY}),
        json.dumps({"type": "a.secret", "client_secret": CANARY, "said": "\ud800"}),
        json.dumps([{"client_secret": CANARY}]),
        f' {{"type": "a.secret", "client_secret": "{CANARY}"}}',
        f'{{"type": "a.secret", "client_sec\\u0072et": "{CANARY}"}}',
    ],
)
def test_a_client_secret_is_masked_where_an_event_holds_nothing_else(text: str) -> None:
    log = EventLog()
    log.append("server", text)
    assert CANARY not in log.record(0).text
    assert "***" in log.record(0).text
