"""Frames: their columns, their types, and that they grow with the log."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rtc_widget as rtc
from rtc_widget.conversation import Conversation
from rtc_widget.frames import FRAMES, Frames
from rtc_widget.frames.summary import summary
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.store import BLOCK_RECORDS
from rtc_widget.protocol import session_diff
from tests.log.script import SESSION, Script, log_of

CONTRACT = Path(__file__).parents[3] / "shared" / "FRAMES.md"


def session_with_everything() -> Script:
    """Write a session that gives every frame but `segments` a row."""
    script = Script()
    script.note("rtc.session", provider="openai", model="gpt-realtime", sandbox=False)
    script.note("rtc.state", state="microphone", call=1)
    steps = {"microphone_ms": 5.0, "secret_ms": 80.0}
    script.note("rtc.config", version=1, cause="connect", variant="calm", changed={}, effective=SESSION)
    script.note("rtc.state", state="live", call=1, rtc_call_id="rtc_1", connect_ms=300.5, steps=steps)
    script.session()
    script.spoken_turn()
    script.typed("Weather?")
    script.ask()
    first = script.created()
    call = script.call(first, "get_weather", "{}")
    script.done(first, [call])
    script.note("rtc.tool", tool_call_id=call["call_id"], name="get_weather", phase="started")
    ran = {"phase": "finished", "output": "Foggy.", "run_ms": 12.5}
    script.note("rtc.tool", tool_call_id=call["call_id"], name="get_weather", **ran)
    script.output(call["call_id"], "Foggy.")
    script.server("rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 9, "remaining": 8}])
    script.server("error", error={"type": "invalid_request_error", "code": None, "message": "No."})
    script.note("rtc.error", source="tool", code="ValueError", message="bad")
    stats = [["inbound-rtp", "IT01", "packetsReceived", 99], ["inbound-rtp", "IT01", "packetsLost", 1]]
    script.note("rtc.stats", rtc_call_id="rtc_1", stats=stats)
    script.note("rtc.state", state="ended", call=1, reason="hung up")
    return script


def test_every_frame_has_the_columns_of_the_contract() -> None:
    text = CONTRACT.read_text("utf-8") if CONTRACT.exists() else ""
    for name, told in re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE):
        plain = re.sub(r"connect_ms and its steps \(([^)]*)\)", r"connect_ms, \1", told)
        plain = plain.replace("output_item_ids (count in n_items)", "output_item_ids, n_items")
        names = [part.strip() for part in re.sub(r"\([^)]*\)", "", plain).split(",")]
        assert [column.name for column in FRAMES[name].columns] == names, name


def test_every_column_is_arrow_or_nullable_and_says_what_it_is() -> None:
    frames = Frames(session_with_everything().log())
    empty = Frames(EventLog())
    for name, frame in FRAMES.items():
        full = frames.get(name)
        assert list(full.columns) == [column.name for column in frame.all_columns]
        assert len(full) > 0 or name == "segments"
        for column in frame.all_columns:
            dtype = full[column.name].dtype
            assert column.doc.endswith(".")
            assert not isinstance(dtype, np.dtype), column.name
            if column.kind == "category":
                assert isinstance(dtype, pd.CategoricalDtype)
            else:
                assert dtype == empty.get(name)[column.name].dtype
            if column.name.endswith("_at"):
                assert str(dtype) == "datetime64[us, UTC]"
            if column.name.endswith(("_ms", "_usd", "_ratio")):
                assert dtype == pd.ArrowDtype(__import__("pyarrow").float64())
    assert len(empty.get("sessions")) == 1
    assert all(len(empty.get(name)) == 0 for name in FRAMES if name != "sessions")


def test_missing_is_na_never_zero() -> None:
    frames = Frames(Script().session().log())
    session = frames.get("sessions").iloc[0]
    for name in ("latency_inferred_p50_ms", "loss_ratio", "cost_usd", "outcome", "variant"):
        assert session[name] is pd.NA or pd.isna(session[name]), name
    assert session["n_turns"] == 0


def test_a_session_of_everything_reads_as_it_was() -> None:
    frames = Frames(session_with_everything().log())
    call = frames.get("calls").iloc[0]
    assert (call["rtc_call_id"], call["connect_ms"], call["secret_ms"]) == ("rtc_1", 300.5, 80.0)
    assert call["reason"] == "hung up"
    assert call["t_start_ms"] < call["t_open_ms"] < call["t_end_ms"]
    assert pd.isna(call["ice_ms"])
    tool = frames.get("tool_calls").iloc[0]
    assert (tool["output"], tool["run_ms"], tool["turn"]) == ("Foggy.", 12.5, 1)
    assert tool["t_arguments_done_ms"] < tool["t_started_ms"] < tool["t_finished_ms"] < tool["t_sent_ms"]
    errors = frames.get("errors")
    assert errors["source"].tolist() == ["server", "tool"]
    assert errors["code"].tolist() == ["invalid_request_error", "ValueError"]
    assert [frames.log[int(seq)]["type"] for seq in errors["seq"]] == ["error", "rtc.error"]
    assert frames.get("stats")["value"].tolist() == [99.0, 1.0]
    config = frames.get("config").iloc[0]
    assert (config["variant"], config["cause"], config["version"]) == ("calm", "connect", 1)
    assert json.loads(config["effective"]) == SESSION
    session = frames.get("sessions").iloc[0]
    assert (session["provider"], session["outcome"], session["n_calls"]) == ("openai", "ended", 1)
    assert (session["loss_ratio"], session["n_errors"], session["voice"]) == (0.01, 2, "marin")
    assert session["variant"] == "calm"
    assert frames.get("turns")["variant"].tolist() == ["calm", "calm"]
    assert session["latency_inferred_p50_ms"] == frames.get("turns")["latency_inferred_ms"].median()


def test_a_call_that_failed_says_at_which_step() -> None:
    script = Script()
    script.note("rtc.state", state="connecting", call=1)
    script.note("rtc.state", state="failed", call=1, step="ice", reason="no way to the service")
    script.note("rtc.state", state="idle", call=1)
    frames = Frames(script.log())
    assert frames.get("errors")["code"].tolist() == ["ConnectionFailed"]
    session = frames.get("sessions").iloc[0]
    assert (session["outcome"], session["failed_step"]) == ("failed", "ice")
    assert frames.get("calls")["t_open_ms"].isna().all()


def test_failures_that_are_no_error_events_are_errors_too() -> None:
    script = Script().session()
    item_id = script.speech()
    failed = {"type": "conversation.item.input_audio_transcription.failed"}
    script.server(**failed, item_id=item_id, error={"code": "audio_unintelligible", "message": "?"})
    details = {"type": "failed", "error": {"type": "server_error", "message": "Sorry."}}
    script.done(script.created(), status="failed", details=details)
    script.done(script.created(), status="failed", details=None)
    script.done(script.created(), status="failed", details={"type": "failed", "reason": "overloaded"})
    errors = Frames(script.log()).get("errors")
    assert errors["code"].tolist() == ["audio_unintelligible", "server_error", "failed", "overloaded"]
    assert set(errors["source"]) == {"server"}


def test_the_summary_counts_errors_without_a_code_as_unnamed() -> None:
    script = Script().session()
    script.server("error", error={"message": "boo"})
    script.server("error", error={"message": "boo", "code": "x"})
    script.server("error", error={"message": "boo"})
    told = summary(Frames(script.log())).set_index("what")["value"]
    assert told["errors"] == "3: unnamed 2, x 1"


def test_the_summary_tells_tokens_only_where_some_were_counted() -> None:
    script = Script().session()
    script.transcript(script.speech(), "A tea.")
    assert summary(Frames(script.log())).set_index("what")["value"]["tokens in / out"] == "–"
    script.done(script.created())
    assert summary(Frames(script.log())).set_index("what")["value"]["tokens in / out"] == "12 / 70"


def test_calls_are_counted_only_where_we_took_notes() -> None:
    script = Script().session()
    assert pd.isna(Frames(script.log()).get("sessions")["n_calls"].iloc[0])
    script.note("rtc.session", provider="openai")
    assert Frames(script.log()).get("sessions")["n_calls"].iloc[0] == 0


def test_a_session_with_a_lone_surrogate_has_a_configuration() -> None:
    script = Script().session(instructions="x \ud800")
    config = Frames(script.log()).get("config").iloc[0]
    assert json.loads(config["effective"])["instructions"] == "x \ud800"
    assert json.loads(config["changed"])["instructions"] == [None, "x \ud800"]


def test_a_change_reads_the_same_whether_we_noted_it_or_only_the_server_told() -> None:
    script = Script().session()
    script.server("session.updated", session={**SESSION, "instructions": "Be brief.", "id": "sess_2"})
    config = Frames(script.log()).get("config")
    told = {"instructions": [SESSION["instructions"], "Be brief."]}
    assert (
        json.loads(config["changed"].iloc[1])
        == told
        == session_diff(SESSION, json.loads(config["effective"].iloc[1]))
    )


def test_mcp_calls_and_their_approvals() -> None:
    script = Script().session()
    script.typed("Look it up.")
    response_id = script.created()
    request = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "search", "arguments": "{}"}
    script.added(request)
    answer = {
        "id": "mcpa_1",
        "type": "mcp_approval_response",
        "approval_request_id": "mcpr_1",
        "approve": True,
    }
    script.added(answer)
    item = {
        "id": "mcp_1",
        "type": "mcp_call",
        "name": "search",
        "arguments": '{"q":1}',
        "server_label": "docs",
    }
    item["approval_request_id"] = "mcpr_1"
    script.server("response.output_item.added", response_id=response_id, output_index=0, item=item)
    script.added(item)
    script.server("response.mcp_call.in_progress", item_id="mcp_1", output_index=0)
    script.server("response.mcp_call.completed", item_id="mcp_1", output_index=0)
    script.done(response_id, [{**item, "output": "found"}])
    refused = {**request, "id": "mcpr_2", "name": "delete"}
    script.added(refused)
    script.added({**answer, "id": "mcpa_2", "approval_request_id": "mcpr_2", "approve": False})
    calls = Frames(script.log()).get("tool_calls")
    assert calls["kind"].tolist() == ["mcp", "mcp"]
    assert calls["name"].tolist() == ["search", "delete"]
    assert calls["approval"].tolist() == ["approved", "rejected"]
    assert calls["output"].tolist()[0] == "found"
    assert calls["run_ms"].iloc[0] == 10.0


def test_an_approval_that_only_our_own_event_tells_counts() -> None:
    script = Script().session()
    response_id = script.created()
    head = {"type": "mcp_approval_request", "name": "search", "arguments": "{}"}
    for number, approve in enumerate([True, False, None]):
        script.added({**head, "id": f"mcpr_{number}"})
        answer = {"type": "mcp_approval_response", "approval_request_id": f"mcpr_{number}"}
        if approve is not None:
            script.client("conversation.item.create", item={**answer, "approve": approve})
    call = {"id": "mcp_1", "type": "mcp_call", "name": "search", "approval_request_id": "mcpr_0"}
    script.server("response.output_item.added", response_id=response_id, output_index=0, item=call)
    script.added(call)
    calls = Frames(script.log()).get("tool_calls").set_index("item_id")["approval"]
    assert calls.to_dict() == {"mcp_1": "approved", "mcpr_1": "rejected", "mcpr_2": "asked"}


def test_an_empty_output_is_an_output() -> None:
    script = Script().session()
    first = script.created()
    calls = [script.call(first, name, "{}") for name in ("sent", "answered")]
    script.done(first, calls)
    sent = {"type": "function_call_output", "call_id": calls[0]["call_id"], "output": ""}
    script.client("conversation.item.create", item=sent)
    script.output(calls[1]["call_id"], "")
    assert Frames(script.log()).get("tool_calls")["output"].tolist() == ["", ""]


def test_segments_are_rows_of_transcripts_until_another_transcript_comes() -> None:
    script = Script().session()
    item_id = script.speech()
    segment = {"type": "conversation.item.input_audio_transcription.segment", "item_id": item_id}
    for words in ("A tea.", "Two."):
        script.server(**segment, content_index=0, id="seg", text=words, speaker="A", start=0.0, end=0.4)
    rows = Frames(script.log()).get("transcripts")
    assert rows["delta"].tolist() == ["A tea.", " Two."]
    assert set(rows["role"]) == {"user"}
    script.transcript(item_id, "A tea, two.", deltas=False)
    assert Frames(script.log()).get("transcripts")["text"].tolist() == ["A tea, two."]


def test_transcripts_keep_what_an_item_said_before_it_was_added_again() -> None:
    script = Script().session()
    item_id = script.speech()
    script.transcript(item_id, "Old.", deltas=False)
    script.server("conversation.item.deleted", item_id=item_id)
    script.typed("New.", item_id=item_id)
    frames = Frames(script.log())
    assert frames.get("transcripts")["text"].tolist() == ["Old."]
    assert frames.get("items")["text"].tolist() == frames.get("turns")["user_transcript"].tolist() == ["New."]


def test_frames_are_kept_and_grow_with_the_log() -> None:
    log = EventLog()
    conversation = Conversation()
    log.observe(conversation.apply)
    frames = Frames(log, conversation)
    rows = Script().session().rows
    for repeat in range(50):
        script = Script(f"{repeat}_")
        script.spoken_turn()
        rows = rows + script.rows
    for n, (direction, event) in enumerate(rows):
        log.append(direction, json.dumps(event))  # type: ignore[arg-type]  # rows say str
        if n % 331 == 0 or n in {BLOCK_RECORDS - 1, BLOCK_RECORDS}:
            grown = frames.get("events")
            assert len(grown) == n + 1
            pd.testing.assert_frame_equal(grown, Frames(log).get("events"))
    assert len(log) > BLOCK_RECORDS
    for name in FRAMES:
        pd.testing.assert_frame_equal(frames.get(name), Frames(log).get(name), obj=name)


def test_what_a_user_does_to_a_frame_stays_with_the_user() -> None:
    frames = Frames(session_with_everything().log())
    mine = frames.get("turns")
    mine["transcript"] = "changed"
    mine["new"] = 1
    theirs = frames.get("turns")
    assert "new" not in theirs
    assert not theirs["transcript"].eq("changed").any()


def test_instants_of_both_clocks_count_from_the_first_record() -> None:
    log = EventLog()
    log.append("local", "{}", t_kernel_ms=5_000.0)
    log.append("server", "{}", t_kernel_ms=5_010.5, t_browser_ms=1_700_000_000_000.25)
    log.append("server", "{}", t_kernel_ms=5_020.0, t_browser_ms=1_700_000_000_010.5)
    events = Frames(log).get("events")
    assert events["t_kernel_ms"].tolist() == [0.0, 10.5, 20.0]
    assert events["t_browser_ms"].tolist() == [pd.NA, 10.5, 20.75]


def test_a_session_lasts_from_its_first_record_to_its_last() -> None:
    log = EventLog()
    for t_kernel_ms in (5_000.0, 6_000.0, 5_900.0):
        log.append("server", "{}", t_kernel_ms=t_kernel_ms)
    assert Frames(log).get("sessions")["duration_ms"].tolist() == [1_000.0]
    assert Frames(EventLog()).get("sessions")["duration_ms"].isna().all()


def test_what_changed_a_configuration_is_told_without_notes() -> None:
    script = Script().session()
    script.server("session.updated", session={**SESSION, "instructions": "By the server."})
    script.client("session.update", session={"instructions": "By us."})
    script.server("session.updated", session={**SESSION, "instructions": "By us."})
    assert Frames(script.log()).get("config")["cause"].tolist() == ["connect", "server", "update"]
    script.rows = [row for row in script.rows if row[0] == "server"]
    assert Frames(script.log()).get("config")["cause"].tolist() == ["connect", "update", "update"]


def test_an_mcp_call_that_waits_or_fails_is_counted_and_told() -> None:
    script = Script().session()
    script.typed("How deep is it?")
    script.ask()
    first = script.created()
    about = {"response_id": first, "output_index": 0}
    asked = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "depth", "arguments": "{}"}
    script.server("response.output_item.added", **about, item=asked)
    script.added(asked)
    script.done(first, [asked])
    frames = Frames(script.log())
    assert frames.get("tool_calls")["tool_call_id"].tolist() == ["mcpr_1"]
    assert frames.get("turns")["n_tool_calls"].tolist() == [1]
    second = script.created()
    call = {"id": "mcp_1", "type": "mcp_call", "name": "depth", "approval_request_id": "mcpr_1"}
    about = {"response_id": second, "output_index": 0}
    script.server("response.output_item.added", **about, item=call)
    script.added(call)
    script.server("response.mcp_call.failed", output_index=0, item_id="mcp_1")
    failed = {**call, "error": {"type": "tool_execution_error", "message": "The sea was closed."}}
    script.server("response.output_item.done", **about, item=failed)
    script.done(second, [failed])
    script.server("mcp_list_tools.failed", item_id="mcpl_1")
    frames = Frames(script.log())
    assert frames.get("tool_calls")["tool_call_id"].tolist() == ["mcp_1"]
    assert frames.get("turns")["n_tool_calls"].tolist() == [1]
    told = frames.get("errors")[["source", "code", "message", "param"]].astype(str).to_numpy().tolist()
    assert told == [
        ["tool", "depth", "The sea was closed.", "mcp_1"],
        [
            "server",
            "mcp_list_tools.failed",
            "The service could not list the tools of an MCP server.",
            "mcpl_1",
        ],
    ]


def test_a_dictionary_prints_every_column_with_its_definition() -> None:
    told = rtc.frames.describe("turns")
    for column in FRAMES["turns"].all_columns:
        assert column.name in repr(told)
        assert column.name in told._repr_html_()
    assert "<code>speech_started</code> came" in told._repr_html_()
    assert "`" not in told._repr_html_()
    table = told.to_frame()
    assert table["column"].tolist() == [column.name for column in FRAMES["turns"].all_columns]
    assert table["dtype"].tolist()[1] == "int64[pyarrow]"


@pytest.mark.parametrize("name", FRAMES)
def test_a_dictionary_states_the_dtypes_that_the_frame_has(name: str) -> None:
    frame = Frames(session_with_everything().log()).get(name)
    told = rtc.frames.describe(name).to_frame()["dtype"].tolist()
    real = ["string[pyarrow]" if dtype == "string[pyarrow]" else str(dtype) for dtype in frame.dtypes]
    assert told == real


def test_a_frame_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(rtc.ConfigurationError, match="turns, responses"):
        rtc.frames.describe("turn")
    with pytest.raises(rtc.ConfigurationError, match="no frame is called 'turn'"):
        Frames(EventLog()).get("turn")


def test_values_of_another_kind_become_na_or_text() -> None:
    rows = Script().session().rows
    limits = [{"name": 5, "limit": "many", "remaining": 2**80, "reset_seconds": "soon"}]
    rows.append(("server", {"type": "rate_limits.updated", "rate_limits": limits}))
    rows.append(("server", {"type": "error", "error": {"message": ["a", 1], "code": {"x": "\ud800"}}}))
    frames = Frames(log_of(rows))
    limit = frames.get("rate_limits").iloc[0]
    assert limit["name"] == "5"
    assert all(pd.isna(limit[name]) for name in ("limit", "remaining", "reset_s"))
    assert frames.get("errors")["message"].tolist() == ['["a",1]']


def test_what_happened_between_two_getstats_is_derived_from_their_running_totals() -> None:
    script = Script()
    for sent, received, concealed, silent, delay_s, lost, round_trip_s in (
        (1_000, 4_000, 0, 0, 1.0, 0, 0.03),
        (3_000, 8_000, 480, 240, 3.4, 1, 0.05),
    ):
        values = {
            "bytesReceived": received,
            "concealedSamples": concealed,
            "silentConcealedSamples": silent,
            "totalSamplesReceived": 48_000 + 100 * concealed,
            "jitterBufferDelay": delay_s,
            "jitterBufferEmittedCount": 48_000 + 100 * concealed,
            "packetsLost": lost,
            "packetsReceived": 50 + 49 * lost,
        }
        stats: list[list[object]] = [["inbound-rtp", "in", name, value] for name, value in values.items()]
        stats.append(["outbound-rtp", "out", "bytesSent", sent])
        stats.append(["candidate-pair", "pair", "currentRoundTripTime", round_trip_s])
        script.note("rtc.stats", rtc_call_id="rtc_1", stats=stats)
    frame = Frames(script.log(step_ms=1_000.0)).get("stats")
    derived = frame[frame["stat_type"] == "derived"]
    assert dict(zip(derived["metric"], derived["value"], strict=True)) == pytest.approx(
        {
            "bit_rate_in_bps": 32_000.0,
            "bit_rate_out_bps": 16_000.0,
            "concealed_ratio": 0.005,
            "jitter_buffer_delay_ms": 0.05,
            "loss_ratio": 0.02,
            "round_trip_ms": 50.0,
        }
    )
    assert (set(derived["rtc_call_id"]), set(derived["t_ms"])) == ({"rtc_1"}, {1_000.0})


def test_percentiles_of_a_session_lie_linearly_between_its_turns() -> None:
    script = Script().session()
    for n_between in (0, 10, 20):
        script.typed("Hello?")
        script.ask()
        for _ in range(n_between):
            script.note("rtc.mark")
        response_id = script.created()
        script.done(response_id, [script.say(response_id, "Hello.")])
        script.stopped(response_id)
    frames = Frames(script.log())
    first, second, third = frames.get("turns")["latency_inferred_ms"]
    assert (second - first, third - second) == (100.0, 100.0)
    session = frames.get("sessions").iloc[0]
    assert session["latency_inferred_p50_ms"] == second
    assert session["latency_inferred_p95_ms"] == second + 90.0


def test_a_session_that_is_told_again_with_nothing_changed_is_no_change_of_configuration() -> None:
    script = Script().session()
    script.server("session.updated", session={"id": "sess_1", **dict(reversed(SESSION.items()))})
    script.server("session.updated", session={**SESSION, "instructions": "Be brief."})
    assert Frames(script.log()).get("config")["version"].tolist() == [1, 2]


def test_a_call_ends_once_whatever_is_noted_of_it_later() -> None:
    script = Script()
    script.note("rtc.state", state="live", call=1, rtc_call_id="rtc_1")
    script.note("rtc.state", state="ended", call=1, reason="hung up")
    script.note("rtc.state", state="failed", call=1, step="channel", reason="The data channel closed.")
    frames = Frames(script.log())
    assert frames.get("calls")[["reason", "t_end_ms"]].to_numpy().tolist() == [["hung up", 10.0]]
    assert frames.get("sessions")["outcome"].tolist() == ["ended"]


def test_a_session_with_a_voice_of_one_s_own_tells_its_id() -> None:
    script = Script().session(audio={"output": {"voice": {"id": "voice_1"}}})
    assert Frames(script.log()).get("sessions")["voice"].tolist() == ["voice_1"]


def test_a_failed_call_is_an_error_of_the_connection_with_its_step_and_its_advice() -> None:
    script = Script()
    script.note("rtc.state", state="connecting", call=1)
    script.note(
        "rtc.state", state="failed", call=1, step="ice", reason="No way to the service.", advice="Ask IT"
    )
    (error,) = Frames(script.log()).get("errors").to_dict("records")
    told = {"t_ms": 10.0, "source": "connection", "code": "ConnectionFailed", "param": "ice", "seq": 1}
    assert {name: error[name] for name in told} == told
    assert error["message"] == "No way to the service. Ask IT."


def test_items_have_their_place_in_the_conversation_until_they_are_deleted() -> None:
    script = Script().session()
    first = script.typed("One.")
    script.typed("Two.")
    script.typed("Before all.", previous_item_id="root")
    assert Frames(script.log()).get("items")["position"].tolist() == [0, 1, 2]
    script.server("conversation.item.deleted", item_id=first)
    items = Frames(script.log()).get("items")
    assert items["text"].tolist() == ["Before all.", "One.", "Two."]
    assert items["position"].fillna(-1).tolist() == [0, -1, 1]
    assert items["deleted"].tolist() == [False, True, False]


def test_turns_are_numbered_from_0_in_the_order_of_their_inputs() -> None:
    script = Script().session()
    for asked in ("One.", "Two.", "Three."):
        script.typed_turn(asked)
    frames = Frames(script.log())
    turns = frames.get("turns")
    assert turns["turn"].tolist() == frames.get("responses")["turn"].tolist() == [0, 1, 2]
    assert turns["user_transcript"].tolist() == ["One.", "Two.", "Three."]


def test_every_instant_is_that_of_the_event_that_its_definition_names() -> None:
    script = Script().session()
    item_id, response_id = script.spoken_turn()
    script.server("conversation.item.truncated", item_id=script.last_item, content_index=0, audio_end_ms=900)
    frames = Frames(script.log())
    events = frames.get("events").drop_duplicates("type").set_index("type")["t_ms"]
    buffer, audio = "input_audio_buffer.", "output_audio_buffer."
    turn = frames.get("turns").iloc[0]
    assert (turn["turn"], turn["user_item_id"], turn["status"]) == (0, item_id, "completed")
    assert turn.filter(like="t_").loc["t_speech_started_ms":"t_audio_stopped_ms"].tolist() == [
        events[f"{buffer}speech_started"],
        events[f"{buffer}speech_stopped"],
        events[f"{buffer}committed"],
        events["response.created"],
        events[f"{audio}started"],
        events[f"{audio}stopped"],
    ]
    response = frames.get("responses").iloc[0]
    assert (response["response_id"], response["turn"], response["n_items"]) == (response_id, 0, 1)
    assert (response["conversation"], response["status"], response["text"]) == (
        "auto",
        "completed",
        "One flat white.",
    )
    assert response[["t_created_ms", "t_first_audio_ms", "t_done_ms"]].tolist() == [
        events["response.created"],
        events[f"{audio}started"],
        events["response.done"],
    ]
    user, answer = frames.get("items").to_dict("records")
    assert (user["item_id"], user["role"], user["status"], user["type"]) == (
        item_id,
        "user",
        "completed",
        "message",
    )
    assert (user["t_added_ms"], user["t_done_ms"]) == (
        events["conversation.item.added"],
        events["conversation.item.done"],
    )
    assert (answer["previous_item_id"], answer["response_id"]) == (item_id, response_id)
    assert (answer["truncated_ms"], answer["transcript"]) == (900.0, "One flat white.")


def test_a_call_with_packets_that_came_twice_has_lost_none_rather_than_fewer() -> None:
    script = Script()
    values = {"packetsReceived": 100, "packetsLost": -2, "totalSamplesReceived": 1_000}
    values |= {"concealedSamples": 0, "silentConcealedSamples": 5}
    stats = [["inbound-rtp", "in", name, value] for name, value in values.items()]
    script.note("rtc.stats", rtc_call_id="rtc_1", stats=stats)
    session = Frames(script.log()).get("sessions").iloc[0]
    assert (session["loss_ratio"], session["concealed_ratio"]) == (0.0, 0.0)


def test_a_call_without_an_id_is_given_no_output_that_has_none_either() -> None:
    script = Script().session()
    item = {"id": "item_c", "type": "function_call", "name": "price"}
    script.server("response.output_item.added", response_id=script.created(), output_index=0, item=item)
    script.added({"id": "item_o", "type": "function_call_output", "output": "of another"})
    assert Frames(script.log()).get("tool_calls")["output"].isna().tolist() == [True]
