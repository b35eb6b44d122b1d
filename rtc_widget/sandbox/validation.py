"""Client events and session configurations, checked against the openai package's types with the API's errors.

The types say which fields there are at which depth; they let unknown ones pass, which the API does not.
Ranges and either-ors, which types do not say, stand in the tables at the top.
"""

from __future__ import annotations

from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from openai.types.realtime import (
    ConversationItem,
    RealtimeClientEvent,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
)
from openai.types.realtime.response_item_reference import ResponseItemReference
from pydantic import BaseModel

from rtc_widget.sandbox.combinations import check_combinations
from rtc_widget.sandbox.faults import JSON_NAMES, join, missing, unsupported, wrong_type
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
    "strength": (0.0, None),
    "audio_end_ms": (0, None),
    "content_index": (0, None),
}
# The types ask for it, clients leave it out, and the service gives one.
_GIVEN_BY_THE_SERVER: Final = {("RealtimeMcpApprovalResponse", "id")}
_LONGEST: Final[dict[str, int]] = {"event_id": 512, "item.id": 32, "item.call_id": 32}
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
        raise missing("type")
    model = _client_events().get(kind) if isinstance(kind, str) else None
    if model is None:
        raise unsupported("type", kind, list(_client_events()))
    _check_object(model, event, "")
    if kind == "session.update":
        check_combinations(event["session"], "session")
    elif kind == "response.create":
        check_combinations(event.get("response") or {}, "response")
    return event


def check_session(session: Any) -> Event:
    """Refuse what the API would refuse in the `session` of a request.

    Raises
    ------
    ApiError
        The first fault found.
    """
    if not isinstance(session, dict):
        raise wrong_type("session", "an object", session)
    models: list[type[BaseModel]] = [RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest]
    _check_object(_pick(models, session, "session"), session, "session")
    check_combinations(session, "session")
    return session


@lru_cache(maxsize=1)
def _client_events() -> dict[str, type[BaseModel]]:
    members = get_args(get_args(RealtimeClientEvent)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in members}


def _check_object(model: type[BaseModel], value: Event, path: str) -> None:
    for name in value:
        if name not in model.model_fields:
            raise ApiError(
                f"Unknown parameter: '{join(path, name)}'.",
                code="unknown_parameter",
                param=join(path, name),
            )
    for name, field in model.model_fields.items():
        place = join(path, name)
        if name in value:
            annotation = _WIDER.get((model.__name__, name), field.annotation)
            _check(annotation, value[name], place)
        elif field.is_required() and (model.__name__, name) not in _GIVEN_BY_THE_SERVER:
            raise missing(place)


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
    if isinstance(value, (str, *map(type, literals))) and literals and not isinstance(value, bool):
        raise unsupported(path, value, literals)
    raise wrong_type(path, _expected(members), value)


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
                raise missing(join(path, tag))
            allowed = [choice for model in models for choice in choices[model]]
            raise unsupported(join(path, tag), value[tag], allowed)
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
            raise unsupported(path, value, list(VOICES))
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


def _expected(members: list[Any]) -> str:
    if any(isinstance(member, type) and issubclass(member, BaseModel) for member in members):
        return "an object"
    for member in members:
        origin = get_origin(member) or member
        if origin in (list, dict):
            return "an array" if origin is list else "an object"
        if origin is Literal:
            return "one of " + ", ".join(f"'{choice}'" for choice in get_args(member))
        if origin in JSON_NAMES and origin is not NoneType:
            name = JSON_NAMES[origin]
            return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return "another value"
