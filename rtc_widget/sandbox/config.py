"""The configuration of a session: the default one, and the sparse merge of an update into it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from rtc_widget.sandbox.combinations import check_transcription, transcribes_with
from rtc_widget.sandbox.transcription import is_live
from rtc_widget.sandbox.wire import ApiError, Event

__all__ = ["MODEL", "merged", "new_session", "shown"]

MODEL: Final = "sandbox"
"""What the sandbox calls itself, whatever model was asked for."""

_INSTRUCTIONS: Final = (
    "You are the sandbox of rtc_widget: no model, a few fixed rules with a voice. Repeat what you hear."
)
_FORMAT: Final[Event] = {"type": "audio/pcm", "rate": 24000}
_TURN_DETECTION: Final[dict[str, Event]] = {
    "server_vad": {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    },
    "semantic_vad": {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    },
}
_TRANSCRIPTION: Final[Event] = {"model": None, "language": None, "prompt": None}
# What `null` brings back, where it does not mean "off".
_CLEARED: Final[Event] = {
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "truncation": "auto",
    "output_modalities": ["audio"],
}


def new_session(session_id: str, expires_at: int, asked: Event) -> Event:
    """Return the effective configuration of a new session.

    Parameters
    ----------
    session_id
        `sess_…`
    expires_at
        When the session ends, in seconds since the epoch.
    asked
        The checked `session` of the request that began it.

    Returns
    -------
    Event
        The session object, as in `session.created`.
    """
    if asked["type"] == "transcription":
        return merged(_transcription(session_id, expires_at), asked)
    effective: Event = {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": MODEL,
        "output_modalities": ["audio"],
        "instructions": _INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": _input(),
            "output": {"format": dict(_FORMAT), "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }
    return merged(effective, asked)


def _transcription(session_id: str, expires_at: int) -> Event:
    """Return the configuration of a session that transcribes, and never answers."""
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {"input": _input()},
        "include": None,
    }


def _input() -> Event:
    return {
        "format": dict(_FORMAT),
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(_TURN_DETECTION["server_vad"]),
    }


def merged(effective: Event, update: Event, *, has_spoken: bool = False) -> Event:
    """Return the configuration with the fields of an update in it, as `session.update` does it.

    Parameters
    ----------
    effective
        The configuration so far; it stays as it is.
    update
        A checked `session`: absent fields stay, null clears.
    has_spoken
        Whether the session has produced audio: from then on its voice is fixed.

    Returns
    -------
    Event
        A new configuration.

    Raises
    ------
    ApiError
        The voice can no longer change, or the model that transcribes finds no turns or does not take a field.
    """
    result = deepcopy(effective)
    for name, value in update.items():
        if name in ("type", "model"):
            continue
        if name == "audio":
            _merge_input(result["audio"]["input"], (value or {}).get("input") or {})
            if "output" in result["audio"]:
                output = (value or {}).get("output") or {}
                _merge_output(result["audio"]["output"], output, has_spoken=has_spoken)
        elif name == "tools":
            result["tools"] = [complete_tool(tool) for tool in value or []]
        else:
            result[name] = deepcopy(_CLEARED.get(name) if value is None else value)
    if result["type"] == "transcription" and is_live(result["audio"]["input"]["transcription"]):
        _end_turns_by_hand(result["audio"]["input"], (update.get("audio") or {}).get("input") or {})
    return result


def _end_turns_by_hand(audio: Event, update: Event) -> None:
    """Turn off what a live model of transcription does without."""
    if update.get("turn_detection") is not None:
        raise ApiError(
            "Turn detection is not supported for this transcription model",
            code="invalid_value",
            param="session.audio.input.turn_detection",
        )
    audio["turn_detection"] = None


def shown(config: Event) -> Event:
    """Return a configuration as events and answers show it: without the keys to MCP servers."""
    if not config.get("tools"):
        return config
    secret = ("authorization", "headers")
    tools = [{key: tool[key] for key in tool if key not in secret} for tool in config["tools"]]
    return {**config, "tools": tools}


def complete_tool(tool: Event) -> Event:
    """Return a tool with its fields in the order in which the service repeats them."""
    if tool.get("type") == "mcp":
        return {"require_approval": "always", **deepcopy(tool)}
    ordered: Event = {
        key: deepcopy(tool[key]) for key in ("type", "name", "description", "parameters") if key in tool
    }
    return {"type": "function", **ordered, **{key: deepcopy(tool[key]) for key in tool if key not in ordered}}


def check_voice(voice: Any, current: Any, param: str, *, has_spoken: bool) -> None:
    """Refuse another voice once the session has spoken; `param` is its place in the event.

    Raises
    ------
    ApiError
        It has, and the voice differs.
    """
    if has_spoken and voice is not None and voice != current:
        raise ApiError(
            "Cannot update a conversation's voice if assistant audio is present.",
            code="cannot_update_voice",
            param=param,
        )


def _merge_input(audio: Event, update: Event) -> None:
    for name, value in update.items():
        if name == "format":
            audio[name] = _format(value)
        elif value is None:
            audio[name] = None
        elif name == "turn_detection":
            before = audio[name] or {}
            kept = before if before.get("type") == value["type"] else _TURN_DETECTION[value["type"]]
            defaults = _TURN_DETECTION[value["type"]]
            given = {key: defaults.get(key) if entry is None else entry for key, entry in value.items()}
            audio[name] = {**kept, **given}
        elif name == "transcription":
            audio[name] = _transcription_of(audio[name] or {}, value)
        elif name == "noise_reduction":
            audio[name] = {**(audio[name] or {}), **value}
        else:
            audio[name] = deepcopy(value)


def _transcription_of(before: Event, update: Event) -> Event:
    """Return the settings of the transcription; another model keeps of them what it takes itself."""
    model = update.get("model", before.get("model"))
    kept = {name: value for name, value in before.items() if transcribes_with(model, name)}
    settings = {**_TRANSCRIPTION, **kept, **update}
    check_transcription(settings, "session.audio.input.transcription")
    return settings


def _merge_output(audio: Event, update: Event, *, has_spoken: bool) -> None:
    check_voice(update.get("voice"), audio["voice"], "session.audio.output.voice", has_spoken=has_spoken)
    for name, value in update.items():
        if name == "format":
            audio[name] = _format(value)
        elif value is not None:
            audio[name] = deepcopy(value)
        elif name == "speed":
            audio[name] = 1.0


def _format(value: Event | None) -> Event:
    """Return a format in full: the rate of samples is known."""
    kind = (value or {}).get("type") or _FORMAT["type"]
    return dict(_FORMAT) if kind == _FORMAT["type"] else {"type": kind}
