"""The models of the Realtime API: what they can, and the day they shut down."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_MODEL",
    "DEFAULT_TRANSCRIPTION_MODEL",
    "DEFAULT_VOICE",
    "MODELS",
    "TRANSCRIPTION_MODELS",
    "VOICES",
    "Model",
    "ShutdownWarning",
    "is_live",
    "shutdown_of",
    "warn_if_shutting_down",
    "warn_of_shutdowns",
]

DEFAULT_MODEL = "gpt-realtime-2.1"
DEFAULT_VOICE = "marin"
DEFAULT_TRANSCRIPTION_MODEL = "gpt-transcribe"

VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
"""The built-in voices; a custom one is `{"id": "voice_…"}`."""


class ShutdownWarning(UserWarning):
    """A model, or a part of the API, that the service has announced to shut down."""


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model.

    Attributes
    ----------
    name
        As in `session.model`.
    context_tokens
        Size of its context, None where nobody says.
    reasons
        Whether it takes `reasoning` and `parallel_tool_calls`.
    is_live
        Whether it writes down speech while it is spoken. In a transcription session such a model finds no
        turns: `input_audio_buffer.commit` ends them ("Realtime transcription", OpenAI's guide).
    shuts_down_on
        The day it is announced to shut down.
    successor
        What to use then.
    """

    name: str
    context_tokens: int | None = None
    reasons: bool = False
    is_live: bool = False
    shuts_down_on: dt.date | None = None
    successor: str | None = None


_REALTIME_ENDS = dt.date(2027, 1, 20)
_TRANSCRIPTION_ENDS = dt.date(2027, 2, 26)
_PROMPTS_END = dt.date(2026, 11, 30)


def _table(*models: Model) -> dict[str, Model]:
    return {model.name: model for model in models}


MODELS: Mapping[str, Model] = _table(
    Model("gpt-realtime-2.1", 128_000, reasons=True),
    Model("gpt-realtime-2.1-mini", 128_000, reasons=True),
    Model("gpt-realtime-2", 128_000, reasons=True),
    Model("gpt-realtime-1.5", 32_000),
    *(
        Model(name, 32_000, shuts_down_on=_REALTIME_ENDS, successor="gpt-realtime-2.1")
        for name in ("gpt-realtime", "gpt-realtime-2025-08-28")
    ),
    *(
        Model(name, 32_000, shuts_down_on=_REALTIME_ENDS, successor="gpt-realtime-2.1-mini")
        for name in ("gpt-realtime-mini", "gpt-realtime-mini-2025-10-06", "gpt-realtime-mini-2025-12-15")
    ),
)
"""Models of realtime sessions, by name. Others (deployments, gateways) are taken as they are."""

TRANSCRIPTION_MODELS: Mapping[str, Model] = _table(
    Model("gpt-transcribe"),
    Model("gpt-live-transcribe", is_live=True),
    Model("gpt-realtime-whisper", is_live=True),
    *(
        Model(name, shuts_down_on=_TRANSCRIPTION_ENDS, successor="gpt-transcribe")
        for name in (
            "whisper-1",
            "gpt-4o-transcribe",
            "gpt-4o-transcribe-diarize",
            "gpt-4o-mini-transcribe",
            "gpt-4o-mini-transcribe-2025-12-15",
        )
    ),
)
"""Models that write down what the user says, by name."""


def is_live(model: object) -> bool:
    """Say whether a transcription model writes while it listens; False for one that nobody knows."""
    known = TRANSCRIPTION_MODELS.get(model) if isinstance(model, str) else None
    return known is not None and known.is_live


def shutdown_of(model: str) -> dt.date | None:
    """Look up the announced day of a model's end; None when none is announced."""
    known = MODELS.get(model) or TRANSCRIPTION_MODELS.get(model)
    return known.shuts_down_on if known is not None else None


def warn_if_shutting_down(model: str | None, *, stacklevel: int = 2) -> None:
    """Warn of a model whose end is announced, with the day and its successor.

    Parameters
    ----------
    model
        A model of sessions or of transcription; None and unknown ones pass in silence.
    stacklevel
        As of `warnings.warn`: 2 is the caller.

    Warns
    -----
    ShutdownWarning
    """
    known = MODELS.get(model or "") or TRANSCRIPTION_MODELS.get(model or "")
    if known is None or known.shuts_down_on is None:
        return
    over = known.shuts_down_on <= dt.datetime.now(dt.UTC).date()
    ends = "was shut down on" if over else "shuts down on"
    warnings.warn(
        f"{model} {ends} {known.shuts_down_on.isoformat()}; use {known.successor}.",
        ShutdownWarning,
        stacklevel=stacklevel,
    )


def warn_of_shutdowns(session: Mapping[str, Any], *, stacklevel: int = 2) -> None:
    """Warn of everything in a session whose end is announced: its model, its transcription, a stored prompt.

    Parameters
    ----------
    session
        A session, or the changes of one, in the API's nested form.
    stacklevel
        As of `warnings.warn`: 2 is the caller.

    Warns
    -----
    ShutdownWarning
    """
    transcription = ((session.get("audio") or {}).get("input") or {}).get("transcription") or {}
    for model in (session.get("model"), transcription.get("model")):
        if isinstance(model, str):
            warn_if_shutting_down(model, stacklevel=stacklevel + 1)
    if session.get("prompt"):
        warnings.warn(
            f"Stored prompts shut down on {_PROMPTS_END.isoformat()}; write the prompt into instructions.",
            ShutdownWarning,
            stacklevel=stacklevel,
        )
