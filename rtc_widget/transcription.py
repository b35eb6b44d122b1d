"""Transcription sessions: the service listens and writes down what it hears, and answers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError
from rtc_widget._parts import SessionParts
from rtc_widget.widget import RealtimeWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.transports import messages

__all__ = ["Transcribing", "TranscriptionWidget"]


def _refused(name: str, why: str) -> Callable[..., NoReturn]:
    """Return what stands in the place of a command that such a session has not."""

    def refuse(self: Transcribing, *_: Any, **__: Any) -> NoReturn:  # noqa: ARG001 - as every command
        raise ConfigurationError(
            "A transcription session listens and does not answer: play() into it or speak, and read "
            "`transcripts`. For a conversation make an rtc.RealtimeWidget()."
        )

    refuse.__name__, refuse.__qualname__ = name, f"Transcribing.{name}"
    refuse.__doc__ = f"""Refuse: {why}

        Raises
        ------
        ConfigurationError
            In any case: a transcription session listens and does not answer.
        """
    return refuse


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

    say = _refused("say", "nothing answers what is typed. Speak or `play()`, and read `captions`.")
    respond = _refused("respond", "nothing answers. What was heard is in `captions` and `transcripts`.")
    tool = _refused("tool", "there is no model that could call a function.")
    add_mcp = _refused("add_mcp", "there is no model that could call a server's tools.")
    add_message = _refused("add_message", "there is no conversation to add it to.")
    add_image = _refused("add_image", "there is no conversation to add it to.")
    edit = _refused("edit", "what was heard stays as it was written down.")
    ask_again = _refused("ask_again", "there are no answers to compare.")


class TranscriptionWidget(Transcribing, RealtimeWidget):
    """Live captions in a cell: what the microphone hears, written down as it is said.

    The panel shows the words as they come; `transcripts` is the frame of every piece, `captions` the text.
    A live model (gpt-live-transcribe, gpt-realtime-whisper) writes while it listens and finds no turns: hold
    the button, or `push_to_talk`, to say where one begins and ends; `play` ends its own.

    Parameters
    ----------
    provider, signaling, sideband, directory, record
        As of `RealtimeWidget`.
    variant
        As of `RealtimeWidget`; it holds only what a transcription session has.
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
