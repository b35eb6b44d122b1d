"""Transcription sessions against the real sandbox: words come as they are said, and nothing answers."""

from __future__ import annotations

from typing import Any

import pytest

import rtc_widget as rtc
from rtc_widget import ConfigurationError
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


@pytest.mark.parametrize("fields", [{"instructions": "Be brief."}, {"voice": "cedar"}, {"tools": []}])
def test_fields_of_sessions_that_answer_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="listens and does not answer"):
        rtc.TranscriptionWidget(provider=rtc.Sandbox(), directory=None, **fields)


def test_the_widget_shows_the_model_that_transcribes() -> None:
    widget = rtc.TranscriptionWidget(
        provider=rtc.Sandbox(), directory=None, transcription={"model": "gpt-live-transcribe"}
    )
    assert widget._panel_config()["model"] == "gpt-live-transcribe"
    assert repr(widget) == "TranscriptionWidget(sandbox, idle)"
    widget.close()
