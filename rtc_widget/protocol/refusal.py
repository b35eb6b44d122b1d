"""How a client event is refused: the place, the cause, the right form."""

from __future__ import annotations

import json
from typing import Any

from rtc_widget._errors import ProtocolError
from rtc_widget._secrets import redacted

__all__ = ["refusal", "shown"]

_LONGEST_SHOWN = 60


def refusal(place: str, cause: str, right: str | None = None) -> ProtocolError:
    """Make the error of one wrong thing.

    Parameters
    ----------
    place
        Where it stands in the event, as in `session.audio.output.speed`.
    cause
        What is wrong with it, a sentence without its full stop, or sentences with theirs.
    right
        What to write instead, if the cause does not say it.

    Returns
    -------
    ProtocolError
        To be raised.
    """
    end = "" if cause.endswith((".", "?", "!")) else "."
    form = f" Right form: {right}." if right is not None else ""
    return ProtocolError(f"{place}: {cause}{end}{form}")


def shown(value: Any) -> str:
    """Show a value as JSON (as Python where it is none), without keys, cut to what fits in a sentence."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = _told(value)
    text = redacted(text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _told(value: Any) -> str:
    """Show a value as Python does, on one line; by its kind where it goes too deep for that."""
    try:
        return " ".join(repr(value).split())
    except RecursionError:
        return f"a {type(value).__name__} nested too deeply to show"
