"""What never was, or is no more, and what to write instead: old and invented names with their right form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["endpoint_hint", "event_hint", "field_hint", "keyword_hint", "value_hint"]

_EDIT = (
    'there is no such event: an item cannot be changed. Delete it ("conversation.item.delete") and create '
    'the new one at its place ("conversation.item.create" with "previous_item_id"); `edit()` does both.'
)
_MEDIA_TRACK = (
    'Write "input_audio_buffer.append", which is for WebSocket connections only: over WebRTC the sound '
    "travels on the media track, so `play()` a file or array instead."
)
_CLOSE = "there is no such event: a call ends by hanging up, `hang_up()`."
_NO_CLEAR = (
    'there is no such event: delete the items one by one ("conversation.item.delete", `delete()`), '
    "or begin a new session."
)
_STOP = (
    'there is no such event. Write "response.cancel" then "output_audio_buffer.clear"; '
    "`interrupt()` does both."
)
_TRANSCRIPTION_SESSION = (
    'this is an event of the beta. Write "session.update" with "session": {"type": "transcription", …}.'
)

_EVENTS = {
    "input_audio.buffer.append": f"there is no such event. {_MEDIA_TRACK}",
    "input_audio.append": f"there is no such event. {_MEDIA_TRACK}",
    "audio.append": f"there is no such event. {_MEDIA_TRACK}",
    "input_audio.buffer.commit": 'there is no such event. Write "input_audio_buffer.commit".',
    "input_audio.commit": 'there is no such event. Write "input_audio_buffer.commit".',
    "input_audio.buffer.clear": 'there is no such event. Write "input_audio_buffer.clear".',
    "input_audio.clear": 'there is no such event. Write "input_audio_buffer.clear".',
    "output_audio.clear": 'there is no such event. Write "output_audio_buffer.clear".',
    "output_audio.buffer.clear": 'there is no such event. Write "output_audio_buffer.clear".',
    "output_audio_buffer.stop": 'there is no such event. Write "output_audio_buffer.clear".',
    "conversation.item.edit": _EDIT,
    "conversation.item.update": _EDIT,
    "conversation.item.modify": _EDIT,
    "conversation.item.replace": _EDIT,
    "conversation.item.completed": 'there is no such event. Write "conversation.item.done".',
    "conversation.item.add": 'there is no such event. Write "conversation.item.create".',
    "conversation.item.append": 'there is no such event. Write "conversation.item.create".',
    "conversation.item.insert": "there is no such event. "
    'Write "conversation.item.create" with "previous_item_id".',
    "conversation.item.remove": 'there is no such event. Write "conversation.item.delete".',
    "conversation.item.get": 'there is no such event. Write "conversation.item.retrieve".',
    "conversation.create": "there is no such event: a session has its one conversation from the start. "
    'To put something into it write "conversation.item.create".',
    "conversation.message.create": 'there is no such event. Write "conversation.item.create".',
    "conversation.clear": _NO_CLEAR,
    "conversation.reset": _NO_CLEAR,
    "response.stop": _STOP,
    "response.interrupt": _STOP,
    "response.abort": _STOP,
    "response.start": 'there is no such event. Write "response.create".',
    "response.completed": 'there is no such event. Write "response.done"; response.status has the outcome.',
    "session.create": "there is no such event: a session begins with its call, `connect()`; change it with "
    '"session.update".',
    "session.close": _CLOSE,
    "session.end": _CLOSE,
    "session.config": 'there is no such event. Write "session.update".',
    "session.configure": 'there is no such event. Write "session.update".',
    "session.language": "there is no such thing. The language that is heard goes to "
    "session.audio.input.transcription.language; the one that is spoken into session.instructions.",
    "transcription_session.update": _TRANSCRIPTION_SESSION,
    "transcription_session.created": _TRANSCRIPTION_SESSION,
    "transcription_session.updated": _TRANSCRIPTION_SESSION,
    "input_audio_buffer.timeout": 'there is no such event. Write "input_audio_buffer.timeout_triggered".',
    "speech_started": 'the whole name is "input_audio_buffer.speech_started".',
    "speech_stopped": 'the whole name is "input_audio_buffer.speech_stopped".',
}
_BETA_OUTPUT = re.compile(r"response\.(text|audio|audio_transcript)\.(delta|done)$")


def event_hint(name: str) -> str | None:
    """Say what to write for an event that never was, or is no more.

    Parameters
    ----------
    name
        The event's type.

    Returns
    -------
    str or None
        A sentence with the right form; None for a name that is not in the table.
    """
    beta = _BETA_OUTPUT.match(name)
    if beta:
        return f'this is a name of the beta. Write "response.output_{beta[1]}.{beta[2]}".'
    return _EVENTS.get(name)


_LANGUAGE = (
    "which language, heard or spoken? Heard: audio.input.transcription "
    '{"model": "gpt-transcribe", "language": "de"}. Spoken: instructions ("Always speak German.").'
)
_GONE = "the Realtime API has {name} no more. Leave it out; instructions steer how the model answers"
_SHAPE = {
    "modalities": ("output_modalities", '["audio"] or ["text"]'),
    "input_audio_format": ("audio.input.format", '{"type": "audio/pcm", "rate": 24000}'),
    "output_audio_format": ("audio.output.format", '{"type": "audio/pcm", "rate": 24000}'),
    "input_audio_transcription": ("audio.input.transcription", '{"model": "gpt-transcribe"}'),
    "input_audio_noise_reduction": ("audio.input.noise_reduction", '{"type": "near_field"}'),
    "turn_detection": ("audio.input.turn_detection", '{"type": "server_vad"} or {"type": "semantic_vad"}'),
    "max_response_output_tokens": ("max_output_tokens", '1 to 4096, or "inf"'),
    "max_tokens": ("max_output_tokens", '1 to 4096, or "inf"'),
    "max_completion_tokens": ("max_output_tokens", '1 to 4096, or "inf"'),
    "system": ("instructions", "a string"),
    "system_prompt": ("instructions", "a string"),
    "system_message": ("instructions", "a string"),
    "functions": ("tools", 'a list of {"type": "function", "name": …, "parameters": …}'),
    "function_call": ("tool_choice", '"auto", "none", "required" or {"type": "function", "name": …}'),
    "reasoning_effort": ("reasoning", '{"effort": "low"}'),
}
_KEYWORDS = {"audio.input.format": "input_format", "audio.output.format": "output_format"}
_NOT_IN_RESPONSE = frozenset(
    {"turn_detection", "input_audio_format", "input_audio_transcription", "input_audio_noise_reduction"}
)
_SAMPLING = frozenset({"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"})
_READ_ONLY = frozenset({"id", "object", "expires_at", "client_secret"})


def field_hint(place: str, name: str) -> str | None:
    """Say what to write for a field that never was, or is no more.

    Parameters
    ----------
    place
        Where it stands: `session`, `response`, `item`, ….
    name
        The field.

    Returns
    -------
    str or None
        A sentence with the right form; None for a name that is not in the table.
    """
    if place in {"session", "response"}:
        return _configuration_hint(place, name)
    if name in {"tool_call_id", "function_call_id"} and place.startswith(("item", "response.input")):
        return f"it is {place}.call_id here (the call_… of the function call that is answered)."
    if name == "function" and ".tools[" in place:
        return (
            f"that is the form of Chat Completions. Here the fields stand in the tool itself: {place} is "
            '{"type": "function", "name": …, "description": …, "parameters": {…}}.'
        )
    if name == "function" and place.endswith(".tool_choice"):
        return f'that is the form of Chat Completions. Here {place} is {{"type": "function", "name": …}}.'
    if name == "image" and ".content[" in place:
        return f'an image goes into {place}.image_url, as "data:image/png;base64,…".'
    return None


def _configuration_hint(place: str, name: str) -> str | None:
    if name in _SAMPLING:
        return f"{_GONE.format(name=name)} ({place}.instructions), max_output_tokens how long."
    if name == "language":
        return _LANGUAGE
    if place == "session" and name in _READ_ONLY:
        return (
            "the service sets it. Leave it out; session.update takes what can be changed, "
            'for example {"type": "realtime", "instructions": "…"}.'
        )
    if name not in _SHAPE:
        return None
    right, form = _SHAPE[name]
    if place == "response" and name in _NOT_IN_RESPONSE:
        return f"that belongs to the session, not to one response: session.{right}."
    return f"it is {place}.{right} now: {form}."


def keyword_hint(name: str) -> str | None:
    """Say what to write for an old name given as a keyword, as in `update(modalities=…)`.

    Returns
    -------
    str or None
        A sentence with the right form; None for a keyword that is not in the table.
    """
    if name in _SAMPLING:
        return f"{_GONE.format(name=name)} (instructions=…), max_output_tokens=… how long."
    if name not in _SHAPE:
        return None
    right, form = _SHAPE[name]
    keyword = _KEYWORDS.get(right) or right.rsplit(".", 1)[-1]
    return f"it is {keyword}= now: {form}."


_TOOL_OUTPUT = (
    'a tool\'s output is an item of its own: {"type": "function_call_output", "call_id": …, "output": "…"}.'
)
_FORMATS = {
    "pcm16": '{"type": "audio/pcm", "rate": 24000}',
    "g711_ulaw": '{"type": "audio/pcmu"}',
    "g711_alaw": '{"type": "audio/pcma"}',
}
_ROLES = {
    "developer": 'instructions in mid-conversation have the role "system".',
    "function": _TOOL_OUTPUT,
    "tool": _TOOL_OUTPUT,
}
_REFERENCE = (
    'only response.create takes references, in "response": {"input": [{"type": "item_reference", "id": …}]}.'
)
_CONTENT = {
    ("user", "text"): "input_text",
    ("system", "text"): "input_text",
    ("user", "audio"): "input_audio",
    ("user", "image"): "input_image",
    ("user", "image_url"): "input_image",
    ("user", "output_text"): "input_text",
    ("system", "output_text"): "input_text",
    ("assistant", "text"): "output_text",
    ("assistant", "audio"): "output_text",
    ("assistant", "input_text"): "output_text",
}


def value_hint(place: str, value: Any, holder: Mapping[str, Any]) -> str | None:
    """Say what to write for a value that never was, or is no more.

    Parameters
    ----------
    place
        Where it stands.
    value
        What was given.
    holder
        The object that it was given in, or, for a content part's type, the message around it.

    Returns
    -------
    str or None
        A sentence with the right form; None for a value that is not in the table.
    """
    if not isinstance(value, str):
        return None
    if place.endswith(".format") and value in _FORMATS:
        return f"a format is an object now: {_FORMATS[value]}."
    if place.endswith("].type") and ".content[" in place:
        right = _CONTENT.get((str(holder.get("role")), value))
        return right and f'in a message of role "{holder.get("role")}" it is "{right}".'
    if place.endswith(".role"):
        return _ROLES.get(value)
    return _REFERENCE if value == "item_reference" and place == "item.type" else None


def endpoint_hint(path: str) -> str | None:
    """Say which HTTP endpoint took the place of an old one.

    Parameters
    ----------
    path
        Path of a URL, with its query.

    Returns
    -------
    str or None
        A sentence with the right form; None for a path that is not in the table.
    """
    bare, _, query = path.partition("?")
    bare = bare.rstrip("/")
    if bare.endswith(("/realtime/sessions", "/realtime/transcription_sessions")):
        return "is an endpoint of the beta. Mint with POST /v1/realtime/client_secrets."
    if bare.endswith("/realtime") and "model=" in query:
        return "is an endpoint of the beta. Post the offer to /v1/realtime/calls."
    return None
