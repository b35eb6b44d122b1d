"""Transcription sessions against the real sandbox: words come as they are said, and nothing answers."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError, ProtocolError
from rtc_widget.transcription import Transcribing


class Headless(Transcribing, rtc.HeadlessSession):
    """The same session without a browser."""


async def test_what_is_said_is_written_down_and_nothing_answers() -> None:
    async with Headless(provider=rtc.Sandbox(), directory=None) as session:
        assert session.conversation.session["type"] == "transcription"
        turn = await session.play(rtc.Sandbox.spoken("What time is it in London?"))
        assert "london" in (turn.user_transcript or "").lower()
        assert "london" in session.captions.lower()
        transcripts = session.transcripts
        assert set(transcripts["role"]) == {"user"}
        assert transcripts["is_final"].any()
        assert session.responses.empty
        changed = await session.update(turn_detection={"type": "server_vad", "silence_duration_ms": 400})
        assert changed["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 400
        assert session.errors.empty


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.say("Hello."),
        lambda s: s.respond(),
        lambda s: s.tool(print),
        lambda s: s.add_message("user", "Hello."),
    ],
)
def test_what_a_transcription_session_does_not_do_is_refused(ask: Any) -> None:
    session = Headless(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(ConfigurationError, match="does not answer"):
        ask(session)
    session.close()


@pytest.mark.parametrize(
    "name", ["say", "respond", "tool", "add_mcp", "add_message", "add_image", "edit", "ask_again"]
)
def test_a_command_that_is_refused_says_so_under_its_own_name(name: str) -> None:
    command = getattr(rtc.TranscriptionWidget, name)
    assert command.__name__ == name
    assert (inspect.getdoc(command) or "").startswith("Refuse: ")


@pytest.mark.parametrize("fields", [{"instructions": "Be brief."}, {"voice": "cedar"}, {"tools": []}])
def test_fields_of_sessions_that_answer_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="listens and does not answer"):
        rtc.TranscriptionWidget(provider=rtc.Sandbox(), directory=None, **fields)
    widget = rtc.TranscriptionWidget(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(ConfigurationError, match="listens and does not answer"):
        widget.update(**fields)
    assert widget.configuration.requested["type"] == "transcription"
    assert widget.configuration.requested.keys() <= {"type", "audio", "include"}
    assert "output" not in widget.configuration.requested["audio"]
    widget.close()


@pytest.mark.parametrize(
    ("make", "type"), [(rtc.TranscriptionWidget, "realtime"), (rtc.RealtimeWidget, "transcription")]
)
def test_a_session_that_waits_for_its_call_changes_to_no_other_type(make: Any, type: str) -> None:
    widget = make(provider=rtc.Sandbox(), directory=None)
    with pytest.raises(ConfigurationError, match=r"another kind of session.*rtc\.TranscriptionWidget"):
        widget.update(type=type)
    widget.close()


async def test_a_live_session_refuses_fields_of_sessions_that_answer_too() -> None:
    async with Headless(provider=rtc.Sandbox(), directory=None) as session:
        with pytest.raises(ConfigurationError, match="listens and does not answer"):
            session.update(instructions="Be brief.")


def test_the_widget_shows_the_model_that_transcribes() -> None:
    widget = rtc.TranscriptionWidget(
        provider=rtc.Sandbox(), directory=None, transcription={"model": "gpt-live-transcribe"}
    )
    assert widget._panel_config()["model"] == "gpt-live-transcribe"
    assert repr(widget) == "TranscriptionWidget(sandbox, idle)"
    assert repr(widget.configuration) == "<Configuration: transcription, gpt-live-transcribe, version 1>"
    widget.close()


async def test_a_live_model_s_words_are_captions_before_its_turn_is_ended_by_hand() -> None:
    async with Headless(
        provider=rtc.Sandbox(), directory=None, transcription={"model": "gpt-live-transcribe"}
    ) as session:
        assert session.turn_detection is None
        early: list[str] = []
        async with session.push_to_talk():
            await session.play(rtc.Sandbox.spoken("What time is it in London? And how is the weather?"))
            await session.wait_for("conversation.item.input_audio_transcription.delta", since=0)
            early.append(session.captions)
            assert session.event_log[-1]["type"] != "input_audio_buffer.committed"
        assert early[0]
        assert session.captions.startswith(early[0])
        assert "weather" in session.captions.lower()
        turn = await session.play(rtc.Sandbox.spoken("What time is it in Paris?"))
        assert "paris" in (turn.user_transcript or "").lower()
        assert len(session.captions.splitlines()) == 2
        assert "response.create" not in set(session.events["type"])
        assert session.errors.empty


async def test_a_session_that_changes_to_a_live_model_ends_its_turns_by_hand() -> None:
    async with Headless(provider=rtc.Sandbox(), directory=None) as session:
        with pytest.raises(ProtocolError, match=r"gpt-live-transcribe finds no turns .* Right form: null"):
            await session.update(
                transcription={"model": "gpt-live-transcribe"}, turn_detection={"type": "semantic_vad"}
            )
        await session.update(transcription={"model": "gpt-live-transcribe"})
        assert session.turn_detection is None
        await session.hang_up()
        await session.connect()
        assert session.turn_detection is None
        assert session.errors.empty
