"""Transcription sessions: the service listens and writes down what it hears, and answers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError
from rtc_widget._parts import SessionParts
from rtc_widget.widget import RealtimeWidget

if TYPE_CHECKING:
    from rtc_widget.transports import messages

__all__ = ["Transcribing", "TranscriptionWidget"]


class Transcribing(SessionParts):
    """What differs in a session that only writes down; it comes before the session among a class's bases."""

    _session_type = "transcription"

    @property
    def captions(self) -> str:
        """What was said so far, an utterance a line; the last one as far as it is known."""
        known = self._core.conversation.all_items  # what is not committed yet has no place
        heard = (item for item in known if item.role == "user" and not item.deleted)
        return "\n".join(text for item in heard if (text := (item.transcript or "").strip()))

    def _end_of_turn(self) -> list[dict[str, Any]]:
        return [protocol.dialect.commit_input()]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise ConfigurationError(
            "A transcription session listens and does not answer: play() into it or speak, and read "
            "`transcripts`. For a conversation make an rtc.RealtimeWidget()."
        )

    say = respond = tool = add_mcp = add_message = add_image = edit = ask_again = _refuse


class TranscriptionWidget(Transcribing, RealtimeWidget):
    """Live captions in a cell: what the microphone hears, written down as it is said.

    The panel shows the words as they come; `transcripts` is the frame of every piece, `captions` the text.
    A live model (gpt-live-transcribe, gpt-realtime-whisper) writes while it listens and finds no turns: hold
    the button, or `push_to_talk`, to say where one begins and ends; `play` ends its own.

    Parameters
    ----------
    provider, signaling, sideband, directory, record
        As of `RealtimeWidget`.
    fields
        Of a transcription session: transcription (model, language, prompt, …), turn_detection,
        noise_reduction, include.

    Raises
    ------
    ConfigurationError
        For a field that such a session does not have: instructions, voice, tools, …
    """

    def _panel_config(self) -> messages.PanelConfig:
        transcription = self._configuration.field("transcription") or {}
        shown = super()._panel_config()
        return {**shown, "model": str(transcription.get("model", "")), "voice": "", "answers": False}
