"""A notebook lab for realtime voice: one object in a cell is a live call, and every event of it is data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rtc_widget import frames, sip
from rtc_widget._errors import (
    ConfigurationError,
    ConnectionFailed,
    ProtocolError,
    RecordingError,
    RtcWidgetError,
    SecretError,
    ServerError,
    WaitTimeout,
)
from rtc_widget._version import __version__

if TYPE_CHECKING:
    from rtc_widget._resume import resume
    from rtc_widget._turn import Turn
    from rtc_widget.attached import attach
    from rtc_widget.experiments.experiment import Experiment
    from rtc_widget.experiments.results import Results
    from rtc_widget.experiments.scenario import Play, Say, Scenario
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.experiments.word_errors import word_error_rate
    from rtc_widget.headless import HeadlessSession
    from rtc_widget.log.recording import Recording, load, load_many, sql
    from rtc_widget.providers import AzureOpenAI, Compatible, OpenAI, Provider, Sandbox, SecretPolicy
    from rtc_widget.replay import side_by_side
    from rtc_widget.session import Session
    from rtc_widget.token_server.app import token_app
    from rtc_widget.transcription import TranscriptionWidget
    from rtc_widget.widget import RealtimeWidget

__all__ = [
    "AzureOpenAI",
    "Compatible",
    "ConfigurationError",
    "ConnectionFailed",
    "Experiment",
    "HeadlessSession",
    "OpenAI",
    "Play",
    "ProtocolError",
    "Provider",
    "RealtimeWidget",
    "Recording",
    "RecordingError",
    "Results",
    "RtcWidgetError",
    "Sandbox",
    "Say",
    "Scenario",
    "SecretError",
    "SecretPolicy",
    "ServerError",
    "Session",
    "TranscriptionWidget",
    "Turn",
    "Variant",
    "WaitTimeout",
    "__version__",
    "attach",
    "frames",
    "load",
    "load_many",
    "resume",
    "side_by_side",
    "sip",
    "sql",
    "token_app",
    "word_error_rate",
]

# Imported on first use: what stands behind these takes longer to import than pandas.
_HOMES = {
    "AzureOpenAI": "providers",
    "Compatible": "providers",
    "Experiment": "experiments.experiment",
    "HeadlessSession": "headless",
    "OpenAI": "providers",
    "Play": "experiments.scenario",
    "Provider": "providers",
    "RealtimeWidget": "widget",
    "Recording": "log.recording",
    "Results": "experiments.results",
    "Sandbox": "providers",
    "Say": "experiments.scenario",
    "Scenario": "experiments.scenario",
    "SecretPolicy": "providers",
    "Session": "session",
    "TranscriptionWidget": "transcription",
    "Turn": "_turn",
    "Variant": "experiments.variant",
    "attach": "attached",
    "load": "log.recording",
    "load_many": "log.recording",
    "resume": "_resume",
    "side_by_side": "replay",
    "sql": "log.recording",
    "token_app": "token_server.app",
    "word_error_rate": "experiments.word_errors",
}


if not TYPE_CHECKING:  # a type checker would take any misspelt name for one of these

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
