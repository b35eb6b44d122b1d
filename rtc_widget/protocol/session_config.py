"""A session's configuration as a value: the default one, changes merged into it, what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.protocol.fields import session_fields
from rtc_widget.protocol.models import DEFAULT_MODEL, DEFAULT_TRANSCRIPTION_MODEL, DEFAULT_VOICE, is_live

__all__ = [
    "default_session",
    "default_transcription",
    "merge_session",
    "of_its_type",
    "session_diff",
    "transcription_changes",
]

_OF_TRANSCRIPTION = frozenset({"audio", "include", "type"})
_ABSENT = object()
_OF_THE_SERVICE = frozenset({"client_secret", "expires_at", "id", "object"})


def default_session(**flat: Any) -> dict[str, Any]:
    """Return what a session is made with when nobody says otherwise; input transcription is on.

    Parameters
    ----------
    flat
        Fields over the defaults, as for `session_fields`.

    Returns
    -------
    dict
        In the API's nested form, with its `type`.

    Raises
    ------
    ConfigurationError, ProtocolError
        As `session_fields` does.
    """
    defaults = {
        "type": "realtime",
        "model": DEFAULT_MODEL,
        "audio": {
            "input": {"transcription": {"model": DEFAULT_TRANSCRIPTION_MODEL}},
            "output": {"voice": DEFAULT_VOICE},
        },
    }
    return of_its_type(merge_session(defaults, session_fields(**flat)), "realtime") if flat else defaults


def of_its_type(session: dict[str, Any], type: str) -> dict[str, Any]:
    """Return a session or changes of one, unless given another type than its class makes.

    Raises
    ------
    ConfigurationError
        For another type.
    """
    if session.get("type", type) != type:
        raise ConfigurationError(
            f"type={session['type']!r} is another kind of session. Right form: rtc.RealtimeWidget(…) for a "
            "conversation, rtc.TranscriptionWidget(…) for captions."
        )
    return session


def default_transcription(**flat: Any) -> dict[str, Any]:
    """Return what a transcription session is made with when nobody says otherwise.

    Parameters
    ----------
    flat
        Fields over the defaults, as for `session_fields`, of those that such a session has.

    Returns
    -------
    dict
        In the API's nested form, with its `type`.

    Raises
    ------
    ConfigurationError
        For a field of sessions that answer.
    ProtocolError
        As `session_fields` does.
    """
    given = session_fields(**flat) if flat else {}
    defaults = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"model": DEFAULT_TRANSCRIPTION_MODEL}}},
    }
    return of_its_type(merge_session(defaults, transcription_changes(given)), "transcription")


def transcription_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of a transcription session with what a live model makes of them: turns end by hand.

    Parameters
    ----------
    changes
        In the API's nested form.

    Returns
    -------
    dict
        The same; with `turn_detection` null where they name a live model and say nothing of it.

    Raises
    ------
    ConfigurationError
        For a field of sessions that answer.
    """
    audio = changes.get("audio")
    foreign = [name for name in changes if name not in _OF_TRANSCRIPTION]
    foreign += ["audio.output"] if isinstance(audio, Mapping) and "output" in audio else []
    if foreign:
        raise ConfigurationError(
            f"A transcription session has no {', '.join(foreign)}: it listens and does not answer. "
            "It takes transcription, turn_detection, noise_reduction and include."
        )
    sound = (changes.get("audio") or {}).get("input") or {}
    live = is_live((sound.get("transcription") or {}).get("model")) and "turn_detection" not in sound
    return merge_session(changes, {"audio": {"input": {"turn_detection": None}}}) if live else dict(changes)


def merge_session(effective: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge changes into a session as the service does: sparsely.

    Parameters
    ----------
    effective
        The session before.
    changes
        What is given changes; objects are merged field by field, unless their `type` changes, and lists are
        replaced whole.

    Returns
    -------
    dict
        The session after; neither argument is touched.
    """
    merged = {name: _copy(value) for name, value in effective.items()}
    for name, value in changes.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, Mapping) and _same_type(before, value):
            merged[name] = merge_session(before, value)
        else:
            merged[name] = _copy(value)
    return merged


def _same_type(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return "type" not in after or before.get("type") in (None, after["type"])


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, (list, tuple)) else value


def session_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Say what differs between two sessions.

    Parameters
    ----------
    old, new
        In the API's nested form. What only the service sets (`id`, `object`, `expires_at`) is left out.

    Returns
    -------
    dict
        From the place (`audio.output.voice`) to `[old, new]`; None stands for null and for not there. Lists
        are compared whole.
    """
    found: dict[str, list[Any]] = {}
    for name in _differing(old, new):
        if name not in _OF_THE_SERVICE:
            _compare(name, old.get(name, _ABSENT), new.get(name, _ABSENT), found)
    return found


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    changed = [name for name, value in old.items() if new.get(name, _ABSENT) != value]
    return changed + [name for name in new if name not in old]


def _compare(place: str, before: Any, after: Any, found: dict[str, list[Any]]) -> None:
    old, new = _parts(before), _parts(after)
    if old is not None and new is not None and (old or new):
        for name in _differing(old, new):
            _compare(f"{place}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT), found)
        return
    values = [None if side is _ABSENT else side for side in (before, after)]
    if values[0] != values[1]:
        found[place] = values


def _parts(side: Any) -> Mapping[str, Any] | None:
    """Return what can be compared part by part; None of what is one value."""
    if side is _ABSENT:
        return {}
    return side if isinstance(side, Mapping) else None
