"""Recordings of the real API: the frames hold what a person reads in the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import rtc_widget as rtc
from tests.log.real import RECORDINGS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_typed_message_and_its_spoken_answer() -> None:
    rec = rtc.load(RECORDINGS / "webrtc_audio_turn.jsonl")
    (turn,) = rec.turns.to_dict("records")
    assert turn["user_transcript"] == "Say hello."
    assert turn["transcript"] == "Hello there."
    assert (turn["status"], turn["interrupted"]) == ("completed", False)
    assert (turn["n_responses"], turn["n_tool_calls"]) == (1, 0)
    assert rec.items["item_id"].tolist() == ["item_E6mH8gMSHj8w5w9SzpiLj", "item_E6mH8lEZC6KvjuwrKvm4y"]
    assert rec.items["role"].tolist() == ["user", "assistant"]
    (usage,) = rec.usage.to_dict("records")
    assert (usage["input_tokens"], usage["output_tokens"]) == (12, 70)
    assert (usage["text_in"], usage["text_out"], usage["audio_out"]) == (12, 9, 61)
    assert usage["cost_usd"] == pytest.approx((12 * 4 + 9 * 16 + 61 * 64) / 1e6)
    (limit,) = rec.rate_limits.to_dict("records")
    assert (limit["name"], limit["limit"], limit["remaining"]) == ("tokens", 15_000_000, 14_999_361)
    assert limit["reset_s"] == 0.002
    assert rec.transcripts["delta"].dropna().tolist() == ["Hello", " there", "."]


def test_a_spoken_turn_with_its_transcription() -> None:
    rec = rtc.load(RECORDINGS / "server_vad_audio_turn.jsonl")
    (turn,) = rec.turns.to_dict("records")
    assert turn["user_item_id"] == "item_E6U0xpLmn5e80rVGpEeKv"
    assert turn["user_transcript"] == "Hello, my name is Marcelo."
    assert turn["transcript"] == "Hello, Marcelo! Great to meet you. How can I help you today?"
    finals = rec.transcripts[rec.transcripts["is_final"]]
    assert finals["role"].tolist() == ["user", "assistant"]
    assert "".join(rec.transcripts.query("role == 'assistant'")["delta"].dropna()) == turn["transcript"]
    transcription, response = rec.usage.to_dict("records")
    assert (transcription["source"], transcription["seconds"]) == ("transcription", 3.0)
    assert transcription["model"] == "gpt-realtime-whisper"
    assert transcription["cost_usd"] == pytest.approx(1.02 * 3 / 3600)
    assert (response["text_in"], response["audio_in"]) == (14, 27)
    assert (response["text_out"], response["audio_out"]) == (28, 136)
    assert turn["cost_usd"] == pytest.approx(transcription["cost_usd"] + response["cost_usd"])
    assert rec.config["cause"].tolist() == ["connect", "update"]
    assert "Reply in a few words." in rec.config["changed"].iloc[1]


def test_a_tool_call_and_the_answer_after_it() -> None:
    rec = rtc.load(RECORDINGS / "tool_call_round.jsonl")
    (call,) = rec.tool_calls.to_dict("records")
    assert (call["name"], call["kind"]) == ("get_weather", "function")
    assert json.loads(call["arguments"]) == {"city": "London"}
    assert call["output"] == "It is foggy and 12 degrees in London."
    assert call["tool_call_id"] == "call_uMNE0Myi2tDTPu0w"
    (turn,) = rec.turns.to_dict("records")
    assert turn["user_transcript"] == "What is the weather in London?"
    assert turn["transcript"] == "It is foggy and 12 degrees in London."
    assert (turn["n_responses"], turn["n_tool_calls"]) == (2, 1)
    assert rec.items["type"].tolist() == ["message", "function_call", "function_call_output", "message"]
    assert rec.responses["turn"].tolist() == [0, 0]
    assert rec.usage["input_tokens"].tolist() == [63, 103]
    assert rec.usage["cached_text_in"].tolist() == [0, 64]


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_recording_gives_every_frame_and_every_event_as_it_stands(path: Path) -> None:
    rec = rtc.load(path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [json.loads(text) for text in rec.events["event"]] == [row["event"] for row in rows]
    assert rec.events["direction"].tolist() == [row["direction"] for row in rows]
    for name in rtc.frames.FRAMES:
        frame = rec.frames.get(name)
        assert "object" not in map(str, frame.dtypes)
    done = [row["event"]["response"] for row in rows if row["event"]["type"] == "response.done"]
    assert rec.responses["status"].tolist() == [response["status"] for response in done]
    assert len(rec.turns) >= 1
    assert not pd.isna(rec.sessions["cost_usd"].iloc[0])
