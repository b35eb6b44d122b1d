"""Whether a client event is one that the API takes, asked before it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rtc_widget._errors import ProtocolError
from rtc_widget.protocol.depth import check_depth
from rtc_widget.protocol.models import MODELS, is_live
from rtc_widget.protocol.nearest import listed, nearest
from rtc_widget.protocol.refusal import refusal, shown
from rtc_widget.protocol.schema import Shape, client_secret_schema, event_schema, nodes_of
from rtc_widget.protocol.unknown import no_mapping, no_such_event, unknown_field
from rtc_widget.protocol.walk import check

__all__ = ["check_client_event", "check_client_secret_request", "check_fields", "preload"]

_WEBRTC = frozenset({"browser", "peer"})


def preload() -> None:
    """Derive the schema now (some 0.1 s), so that the first command need not wait for it."""
    event_schema()


def check_client_event(
    event: Mapping[str, Any],
    *,
    session: Mapping[str, Any] | None = None,
    has_spoken: bool = False,
    transport: str = "browser",
    any_voice: bool = False,
) -> dict[str, Any]:
    """Check a client event against the SDK's own types and what they leave unsaid.

    Parameters
    ----------
    event
        The event.
    session
        The effective session, where one is known: `model`, `type` and (once spoken) `voice` are held
        against it.
    has_spoken
        Whether the model has produced audio in this session, which fixes its voice.
    transport
        "browser" or "peer" (WebRTC: sound travels on the media track), or "sideband".
    any_voice
        Take voices that OpenAI does not have, for other services.

    Returns
    -------
    dict
        A normalised copy. A `model` that is the session's own already is left out of it.

    Raises
    ------
    ProtocolError
        For anything that the API would not take; says where, why, and the right form.
    """
    if not isinstance(event, Mapping):
        raise no_mapping(event)
    for field, value in event.items():
        check_depth(value, str(field))
    name = _event_type(event, transport)
    copy: dict[str, Any] = check(event_schema(), event, "", {}, unknown_field(name))
    if "session" in copy:
        _against_session(copy["session"], session or {})
        _configuration(copy["session"], "session", session or {}, has_spoken=has_spoken, any_voice=any_voice)
    elif "response" in copy:
        _configuration(
            copy["response"], "response", session or {}, has_spoken=has_spoken, any_voice=any_voice
        )
    return copy


def check_fields(place: str, value: Mapping[str, Any], *, any_voice: bool = False) -> dict[str, Any]:
    """Check a whole session (`place` "session") or the params of a response ("response").

    Parameters
    ----------
    place
        "session" or "response".
    value
        In the API's nested form; a session with its `type`, and its `model` if it likes.
    any_voice
        Take voices that OpenAI does not have.

    Returns
    -------
    dict
        A normalised copy.

    Raises
    ------
    ProtocolError
        For anything that the API would not take.
    """
    name = "session.update" if place == "session" else "response.create"
    shape = event_schema().tagged[name]
    if not isinstance(shape, Shape):
        raise TypeError(name)
    copy: dict[str, Any] = check(shape.fields[place], value, place, {}, unknown_field(name))
    _configuration(copy, place, copy if place == "session" else {}, has_spoken=False, any_voice=any_voice)
    return copy


def check_client_secret_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Check the body of `POST /realtime/client_secrets`.

    Returns
    -------
    dict
        A normalised copy.

    Raises
    ------
    ProtocolError
        For anything that the API would not take.
    """
    copy = check(client_secret_schema(), body, "", {}, unknown_field("session.update"))
    return dict(copy)


def _event_type(event: Mapping[str, Any], transport: str) -> str:
    """Return an event's type, if it is one that may leave, or say which was meant."""
    known = event_schema().tagged
    name = event.get("type")
    if not isinstance(name, str) or name not in known:
        raise no_such_event(event, tuple(known))
    if name == "input_audio_buffer.append" and transport in _WEBRTC:
        raise ProtocolError(
            '"input_audio_buffer.append" is for WebSocket connections; over WebRTC the sound travels on the '
            "media track. Right form: `play(…)` a file or an array, which takes the microphone's place there."
        )
    return name


def _against_session(changes: dict[str, Any], now: Mapping[str, Any]) -> None:
    """Hold a session.update against the session that it changes."""
    if "model" in changes:
        if changes["model"] != now.get("model"):
            raise refusal(
                "session.model",
                "a session keeps its model to its end",
                f"a new session, `RealtimeWidget(model={json.dumps(changes['model'])})`, then `connect()`",
            )
        del changes["model"]
    kind = now.get("type")
    if kind is not None and changes["type"] != kind:
        raise refusal("session.type", f'this session is of type "{kind}", and stays so', f'"type": "{kind}"')
    tracing = now.get("tracing")
    if tracing is not None and changes.get("tracing", tracing) not in (None, tracing):
        raise refusal(
            "session.tracing",
            "once tracing is on, it cannot be changed",
            "leave it out, or null to turn it off",
        )


def _configuration(
    changes: Mapping[str, Any], place: str, session: Mapping[str, Any], *, has_spoken: bool, any_voice: bool
) -> None:
    """Check what one field of a session or a response makes of another."""
    current = ((session.get("audio") or {}).get("output") or {}).get("voice")
    voice = ((changes.get("audio") or {}).get("output") or {}).get("voice")
    if voice is not None:
        own = f"{place}.audio.output.voice"
        if has_spoken and voice != current:
            raise _fixed_voice(own, current)
        if isinstance(voice, str) and not any_voice and voice not in (voices := _voices()):
            raise _no_such_voice(own, voice, voices)
    _reasoning(changes, place, session)
    if changes.get("type") == "transcription":
        _live_without_vad(changes, session)


def _fixed_voice(place: str, current: object) -> ProtocolError:
    stays = f"leave it out (the voice stays {shown(current)})" if current else "leave it out"
    return refusal(
        place,
        "the model has spoken, and keeps its voice to the end of the session",
        f"{stays}, or begin a new session with this voice",
    )


def _voices() -> tuple[str, ...]:
    """Return the voices that the SDK knows; its types let any other string pass."""
    return nodes_of("session.update")["voice"][0].known


def _no_such_voice(place: str, voice: str, voices: tuple[str, ...]) -> ProtocolError:
    if voice.startswith("voice_"):
        return refusal(place, "a custom voice is given as an object", f'{{"id": "{voice}"}}')
    meant = nearest(voice, voices)
    did = f' Did you mean "{meant}"?' if meant else ""
    return refusal(
        place,
        f'there is no voice {shown(voice)}.{did} Voices: {listed(sorted(voices))}, or {{"id": "voice_…"}}.',
    )


def _reasoning(changes: Mapping[str, Any], place: str, session: Mapping[str, Any]) -> None:
    model = MODELS.get(str(session.get("model")))
    if model is None or model.reasons:
        return
    for name in ("reasoning", "parallel_tool_calls"):
        if changes.get(name):
            able = listed(sorted(other.name for other in MODELS.values() if other.reasons))
            raise refusal(
                f"{place}.{name}", f"{model.name} does not reason", f"leave it out, or a session of {able}"
            )


def _live_without_vad(changes: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    sound = (changes.get("audio") or {}).get("input") or {}
    before = (now.get("audio") or {}).get("input") or {}
    model = (sound.get("transcription") or before.get("transcription") or {}).get("model")
    if is_live(model) and sound.get("turn_detection") is not None:
        raise refusal(
            "session.audio.input.turn_detection",
            f"{model} finds no turns in a transcription session: input_audio_buffer.commit ends them",
            "null",
        )
