"""The friendly flat keywords, and their true places in a session or a response."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from rtc_widget._errors import ConfigurationError, ProtocolError
from rtc_widget.protocol import legacy
from rtc_widget.protocol.checks import check_fields
from rtc_widget.protocol.depth import check_depth
from rtc_widget.protocol.models import warn_of_shutdowns
from rtc_widget.protocol.nearest import listed, nearest, plain
from rtc_widget.protocol.schema import Shape, event_schema, nodes_of, places_of

__all__ = ["RESPONSE_PLACES", "SESSION_PLACES", "response_fields", "session_fields"]

SESSION_PLACES: Mapping[str, tuple[str, ...]] = {
    "input_format": ("audio", "input", "format"),
    "noise_reduction": ("audio", "input", "noise_reduction"),
    "output_format": ("audio", "output", "format"),
    "speed": ("audio", "output", "speed"),
    "transcription": ("audio", "input", "transcription"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "voice": ("audio", "output", "voice"),
}
"""Flat keywords of a session and where they are sent; its other keywords stand where they are called."""

RESPONSE_PLACES: Mapping[str, tuple[str, ...]] = {
    "output_format": ("audio", "output", "format"),
    "voice": ("audio", "output", "voice"),
}
"""The same for a response."""

_LANGUAGE = (
    "language= could mean two things. What is heard: "
    'transcription={"model": "gpt-transcribe", "language": "de"}. '
    'What is spoken: instructions="Always speak German.".'
)


def session_fields(*, any_voice: bool = False, **flat: Any) -> dict[str, Any]:
    """Turn flat keywords into the API's nested session, checked.

    Parameters
    ----------
    any_voice
        Take voices that OpenAI does not have, for other services.
    flat
        Flat (`voice="cedar"`, `turn_detection=None`) or nested (`audio={…}`). None turns a thing off where
        the API has that: `transcription`, `turn_detection`, `noise_reduction`, `tracing`.

    Returns
    -------
    dict
        What was given, at its true place; `type` only if it was given.

    Raises
    ------
    ConfigurationError
        For an unknown keyword, an ambiguous one, or the same thing given flat and nested.
    ProtocolError
        For an old name, and for a value that no session takes.

    Warns
    -----
    ShutdownWarning
        For what the service has announced to shut down.
    """
    kind = flat.get("type", "realtime")
    nested = _nest(flat, SESSION_PLACES, _session_keywords(), "session.update")
    checked = check_fields("session", {"type": kind, **nested}, any_voice=any_voice)
    warn_of_shutdowns(checked, stacklevel=3)
    if "type" not in flat:
        del checked["type"]
    return checked


def response_fields(*, any_voice: bool = False, **flat: Any) -> dict[str, Any]:
    """Turn flat keywords into the API's nested response, checked.

    Parameters
    ----------
    any_voice
        Take voices that OpenAI does not have, for other services.
    flat
        `instructions`, `conversation`, `metadata`, `input`, `output_modalities`, `voice`, `tools`, …. In
        `input` an item id, or anything with an `item_id`, stands for a reference to that item.

    Returns
    -------
    dict
        What was given, at its true place.

    Raises
    ------
    ConfigurationError
        For an unknown keyword, an ambiguous one, or the same thing given flat and nested.
    ProtocolError
        For an old name, and for a value that no response takes.
    """
    if isinstance(flat.get("input"), (list, tuple)):
        flat["input"] = [_reference(item) for item in flat["input"]]
    keywords = _shape("response.create", "response").fields
    for name in flat:
        if name not in keywords and name not in RESPONSE_PLACES and name in _session_keywords():
            raise ConfigurationError(
                f"{name}= belongs to the session, not to one response: `update({name}=…)`."
            )
    nested = _nest(flat, RESPONSE_PLACES, tuple(keywords), "response.create")
    return check_fields("response", nested, any_voice=any_voice)


def _shape(event_type: str, field: str) -> Shape:
    shape = event_schema().tagged[event_type]
    if not isinstance(shape, Shape):
        raise TypeError(event_type)
    return shape.fields[field].shapes[0]


def _session_keywords() -> tuple[str, ...]:
    return (*_shape("session.update", "session").fields, *SESSION_PLACES)


def _reference(item: Any) -> Any:
    item_id = item if isinstance(item, str) else getattr(item, "item_id", None)
    if not isinstance(item_id, str):
        return item
    if not item_id.startswith("item_"):
        raise ConfigurationError(
            f"input= holds items, and {item!r} is none. Right form: an item id (item_…), or "
            '{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "…"}]}.'
        )
    return {"type": "item_reference", "id": item_id}


def _nest(
    flat: Mapping[str, Any], places: Mapping[str, tuple[str, ...]], keywords: tuple[str, ...], event_type: str
) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        check_depth(value, f"{name}=")
        if name in places:
            continue
        if name not in keywords:
            raise _unknown_keyword(name, (*keywords, *places), places, event_type)
        nested[name] = (
            [_definition(tool) for tool in value] if name == "tools" and _is_list(value) else _copy(value)
        )
    for name, place in places.items():
        if name in flat:
            _put(nested, place, name, flat[name])
    return nested


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _definition(tool: Any) -> Any:
    define = getattr(tool, "definition", None)
    return define() if callable(define) else tool


def _copy(value: Any) -> Any:
    """Copy nested dicts, since flat keywords are put into them."""
    return {name: _copy(part) for name, part in value.items()} if isinstance(value, Mapping) else value


def _put(nested: dict[str, Any], place: tuple[str, ...], name: str, value: Any) -> None:
    holder = nested
    for step in place[:-1]:
        inner = holder.setdefault(step, {})
        if not isinstance(inner, dict):
            return  # not an object: the strict walk says so
        holder = inner
    if place[-1] in holder:
        raise ConfigurationError(
            f"{name}= and {'.'.join(place)} are the same thing, and both are given. Right form: one of them."
        )
    holder[place[-1]] = value


def _unknown_keyword(
    name: str, keywords: tuple[str, ...], places: Mapping[str, tuple[str, ...]], event_type: str
) -> Exception:
    if name == "language":
        return ConfigurationError(_LANGUAGE)
    old = legacy.keyword_hint(name)
    if old is not None:
        return ProtocolError(f"{name}=: {old}")
    same = next((keyword for keyword in keywords if plain(keyword) == plain(name)), None)
    if same is not None:
        return ConfigurationError(f"{name}= is no keyword here. Did you mean {same}=?")
    inside = places_of(event_type).get(plain(name))
    if inside is not None:
        return ConfigurationError(
            f"{name}= is no keyword of its own. Right form: {_inside(inside[0], places)}."
        )
    near = nearest(name, keywords)
    if near is not None:
        return ConfigurationError(f"{name}= is no keyword here. Did you mean {near}=?")
    offered = listed(sorted(dict.fromkeys(f"{keyword}=" for keyword in keywords)), last="and")
    return ConfigurationError(f"{name}= is no keyword here. There are {offered}.")


def _inside(place: str, places: Mapping[str, tuple[str, ...]]) -> str:
    """Write the keyword that holds a deeper field, as in `turn_detection={"type": …, "threshold": …}`."""
    if "." not in place:
        return f"the fields of the {place} by themselves, as in **{place}"
    steps = place.replace("[]", "").replace("{}", "").split(".")[1:]
    for keyword, way in places.items():
        if tuple(steps[: len(way)]) == way:
            steps = [keyword, *steps[len(way) :]]
            break
    text = "…"
    for holder, step in reversed(list(itertools.pairwise(steps))):
        text = f'{{{_kind(holder, step)}"{step}": {text}}}'
    return f"{steps[0]}={text}"


def _kind(holder: str, name: str) -> str:
    """Write the type that an object needs to have a field, as in `"type": "semantic_vad", `."""
    for node in nodes_of("session.update").get(holder, ()):
        for shape in node.shapes:
            if name in shape.fields and name != "type" and "type" in shape.required:
                return f'"type": "{shape.fields["type"].known[0]}", '
    return ""
