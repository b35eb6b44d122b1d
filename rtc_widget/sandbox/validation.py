"""Client events and session configurations, checked against the openai package's types with the API's errors.

The types say which fields there are at which depth; they let unknown ones pass, which the API does not.
Ranges and either-ors, which types do not say, stand in the tables at the top.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from openai.types.realtime import ConversationItem, RealtimeClientEvent, RealtimeSessionCreateRequest
from openai.types.realtime.response_item_reference import ResponseItemReference
from pydantic import BaseModel

from rtc_widget.sandbox.voice import VOICES
from rtc_widget.sandbox.wire import ApiError, Event

__all__ = ["check_client_event", "check_session"]

_RANGES: Final[dict[str, tuple[float, float | None]]] = {
    "speed": (0.25, 1.5),
    "threshold": (0.0, 1.0),
    "silence_duration_ms": (0, None),
    "prefix_padding_ms": (0, None),
    "idle_timeout_ms": (5000, 30000),
    "max_output_tokens": (1, 4096),
    "retention_ratio": (0.0, 1.0),
    "post_instructions": (0, None),
    "strength": (0.0, 1.0),
    "audio_end_ms": (0, None),
    "content_index": (0, None),
}
_LONGEST: Final[dict[str, int]] = {"event_id": 512, "item.id": 32, "item.call_id": 32}
_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 16, 64, 512
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_JSON_NAMES: Final = {str: "string", int: "integer", float: "decimal", bool: "boolean", NoneType: "null"}
# `response.create` takes references to items beside items; the types of events do not say so.
_WIDER: Final[dict[tuple[str, str], Any]] = {
    ("RealtimeResponseCreateParams", "input"): list[ConversationItem | ResponseItemReference]
}


def check_client_event(event: Any) -> Event:
    """Refuse what the API would refuse in a client event, whatever the state of the session.

    Parameters
    ----------
    event
        The decoded JSON of a message.

    Returns
    -------
    Event
        The same event.

    Raises
    ------
    ApiError
        The first fault found.
    """
    if not isinstance(event, dict):
        raise ApiError("Invalid event: expected an object.", code="invalid_event")
    kind = event.get("type")
    if kind is None:
        raise _missing("type")
    model = _client_events().get(kind) if isinstance(kind, str) else None
    if model is None:
        raise _unsupported("type", kind, list(_client_events()))
    _check_object(model, event, "")
    if kind == "session.update":
        _check_rules(event["session"], "session")
    elif kind == "response.create":
        _check_rules(event.get("response") or {}, "response")
    return event


def check_session(session: Any) -> Event:
    """Refuse what the API would refuse in the `session` of a request.

    Raises
    ------
    ApiError
        The first fault found.
    """
    if not isinstance(session, dict):
        raise _wrong_type("session", "an object", session)
    if session.get("type") == "transcription":
        raise ApiError(
            "This sandbox holds no transcription sessions: use 'realtime'.",
            code="invalid_value",
            param="session.type",
        )
    _check_object(RealtimeSessionCreateRequest, session, "session")
    _check_rules(session, "session")
    return session


@lru_cache(maxsize=1)
def _client_events() -> dict[str, type[BaseModel]]:
    members = get_args(get_args(RealtimeClientEvent)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in members}


def _check_object(model: type[BaseModel], value: Event, path: str) -> None:
    for name in value:
        if name not in model.model_fields:
            raise ApiError(
                f"Unknown parameter: '{_join(path, name)}'.",
                code="unknown_parameter",
                param=_join(path, name),
            )
    for name, field in model.model_fields.items():
        place = _join(path, name)
        if name in value:
            annotation = _WIDER.get((model.__name__, name), field.annotation)
            _check(annotation, value[name], place)
        elif field.is_required():
            raise _missing(place)


def _check(annotation: Any, value: Any, path: str) -> None:
    members = _members(annotation)
    if Any in members or object in members or (value is None and NoneType in members):
        return
    models = [member for member in members if isinstance(member, type) and issubclass(member, BaseModel)]
    if isinstance(value, dict) and models:
        _check_object(_pick(models, value, path), value, path)
        return
    for member in members:
        origin = get_origin(member)
        if origin is list and isinstance(value, list):
            for index, element in enumerate(value):
                _check(get_args(member)[0], element, f"{path}[{index}]")
            return
        if (origin is dict and isinstance(value, dict)) or (origin is Literal and value in get_args(member)):
            return
        if _is_plain(member, value):
            _check_limits(value, path)
            return
    literals = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    if isinstance(value, str) and literals:
        raise _unsupported(path, value, literals)
    raise _wrong_type(path, _expected(members), value)


def _members(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation, unions in unions opened."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [annotation]


def _pick(models: list[type[BaseModel]], value: Event, path: str) -> type[BaseModel]:
    """Return the alternative that the tags (`type`, `role`) of an object choose."""
    for tag in ("type", "role"):
        choices = {model: _choices(model, tag) for model in models}
        fitting = [model for model in models if not choices[model] or value.get(tag) in choices[model]]
        if not fitting:
            if tag not in value:
                raise _missing(_join(path, tag))
            allowed = [choice for model in models for choice in choices[model]]
            raise _unsupported(_join(path, tag), value[tag], allowed)
        tagged = [model for model in fitting if value.get(tag) in choices[model]]
        models = tagged or fitting
    # Alternatives without tags differ by their fields.
    return max(models, key=lambda model: len(model.model_fields.keys() & value.keys()))


def _choices(model: type[BaseModel], tag: str) -> tuple[Any, ...]:
    if tag not in model.model_fields:
        return ()
    members = _members(model.model_fields[tag].annotation)
    return tuple(choice for member in members if get_origin(member) is Literal for choice in get_args(member))


def _is_plain(member: Any, value: Any) -> bool:
    if member is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if member is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return member in (str, bool) and isinstance(value, member)


def _check_limits(value: Any, path: str) -> None:
    name = path.rsplit(".", 1)[-1]
    if isinstance(value, str):
        limit = next((size for end, size in _LONGEST.items() if path == end), None)
        if limit is not None and len(value) > limit:
            raise ApiError(
                f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, "
                f"but got a string with length {len(value)} instead.",
                code="string_above_max_length",
                param=path,
            )
        if name == "voice" and value not in VOICES:
            raise _unsupported(path, value, list(VOICES))
        return
    if name not in _RANGES or isinstance(value, bool):
        return
    low, high = _RANGES[name]
    kind = "integer" if isinstance(low, int) else "decimal"
    if value < low or (high is not None and value > high):
        end, bound, sign = ("min", low, ">=") if value < low else ("max", high, "<=")
        side = "below minimum" if end == "min" else "above maximum"
        raise ApiError(
            f"Invalid '{path}': {kind} {side} value. Expected a value {sign} {bound}, "
            f"but got {value} instead.",
            code=f"{kind}_{side.split(maxsplit=1)[0]}_{end}_value",
            param=path,
        )


def _check_rules(fields: Event, path: str) -> None:
    """Check what no type says: either-ors, and the names of tools and metadata."""
    modalities = fields.get("output_modalities")
    if modalities is not None and len(set(modalities)) != 1:
        raise ApiError(
            f"Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['audio'].",
            code="invalid_value",
            param=f"{path}.output_modalities",
        )
    for index, tool in enumerate(fields.get("tools") or []):
        if tool.get("type") != "mcp" and not _TOOL_NAME.fullmatch(tool.get("name") or ""):
            place = f"{path}.tools[{index}].name"
            if not tool.get("name"):
                raise _missing(place)
            raise ApiError(
                f"Invalid '{place}': string does not match pattern. Expected a string that matches the "
                "pattern '^[a-zA-Z0-9_-]+$'.",
                code="invalid_value",
                param=place,
            )
    metadata = fields.get("metadata") or {}
    if len(metadata) > _METADATA_KEYS:
        raise ApiError(
            f"Invalid '{path}.metadata': too many properties. Expected an object with at most "
            f"{_METADATA_KEYS} properties, but got an object with {len(metadata)} properties instead.",
            code="object_above_max_properties",
            param=f"{path}.metadata",
        )
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise _wrong_type(f"{path}.metadata.{key}", "a string", value)
        if len(key) > _METADATA_KEY_LENGTH or len(value) > _METADATA_VALUE_LENGTH:
            raise ApiError(
                f"Invalid '{path}.metadata': keys have at most {_METADATA_KEY_LENGTH} characters, values "
                f"{_METADATA_VALUE_LENGTH}.",
                code="string_above_max_length",
                param=f"{path}.metadata.{key}",
            )


def _expected(members: list[Any]) -> str:
    if any(isinstance(member, type) and issubclass(member, BaseModel) for member in members):
        return "an object"
    for member in members:
        origin = get_origin(member) or member
        if origin in (list, dict):
            return "an array" if origin is list else "an object"
        if origin is Literal:
            return "one of " + ", ".join(f"'{choice}'" for choice in get_args(member))
        if origin in _JSON_NAMES and origin is not NoneType:
            name = _JSON_NAMES[origin]
            return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return "another value"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _missing(path: str) -> ApiError:
    return ApiError(f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)


def _unsupported(path: str, value: Any, choices: list[Any]) -> ApiError:
    listed = ", ".join(f"'{choice}'" for choice in dict.fromkeys(choices))
    return ApiError(
        f"Invalid value: '{value}'. Supported values are: {listed}.", code="invalid_value", param=path
    )


def _wrong_type(path: str, expected: str, value: Any) -> ApiError:
    names = {**_JSON_NAMES, list: "array", dict: "object"}
    name = names.get(type(value), type(value).__name__)
    got = "null" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return ApiError(
        f"Invalid type for '{path}': expected {expected}, but got {got} instead.",
        code="invalid_type",
        param=path,
    )
