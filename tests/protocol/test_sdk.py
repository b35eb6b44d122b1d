"""What is accepted is what the SDK's types say: every field of theirs, at every depth."""

from __future__ import annotations

import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from openai import BaseModel
from openai.types.realtime import (
    RealtimeClientEvent,
    RealtimeServerEvent,
    realtime_client_event_param,
    response_create_event_with_references_param,
)

from rtc_widget import ConfigurationError, ProtocolError
from rtc_widget.protocol import CLIENT_EVENTS, SERVER_EVENTS, VOICES, _sdk, check_client_event, schema

# What the types allow and the API does not, each for a reason given in its error.
REFUSED_ON_PURPOSE = {
    "a part of the assistant's that is sound": "no sound of the assistant's",
    "a session of another model": "keeps its model",
    "parts of a message without a type": "a part of a message needs its type",
    "functions without a name": "a function needs its name",
    "conversations that are neither auto nor none": '"auto" or "none"',
}
# What a place wants of a value beyond its type.
SPECIAL: dict[str, Any] = {
    "image_url": "https://a.test/b.png",
    "language": "de",
    "languages": ["de", "en"],
    "parameters": {"type": "object", "properties": {}},
}
PLAIN: dict[Any, tuple[Any, ...]] = {
    str: ("x",),
    int: (20,),
    float: (0.5,),
    bool: (True, False),
    object: ({"type": "object"},),
    types.NoneType: (),
}
SHAPED: dict[str, dict[str, Any]] = {
    "input_text": {"text": "x"},
    "input_audio": {"audio": "AAAA"},
    "input_image": {"image_url": "https://a.test/b.png"},
    "output_text": {"text": "x"},
    "function": {"name": "price"},
    "mcp": {"server_url": "https://a.test"},
}


def members(union: Any) -> tuple[type[BaseModel], ...]:
    """Return the models of a union of events."""
    return get_args(get_args(union)[0])


def values(annotation: Any, name: str) -> Iterator[Any]:
    """Make values that an annotation takes: each option of a union, each field of a model."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if name in SPECIAL and origin is not Union:
        yield SPECIAL[name]
    elif origin is Literal:
        yield from arguments
    elif origin is list:
        yield from ([value] for value in values(arguments[0], name))
    elif origin is dict:
        yield from ({"key": value} for value in values(arguments[1], name))
    elif origin is not None:
        parts = arguments[:1] if origin is typing.Annotated else arguments
        for part in parts:
            yield from values(part, name)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from objects(annotation)
    else:
        yield from PLAIN[annotation]


def objects(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Make objects of a model: the least one, and one for each value of each of its other fields."""
    fields = model.model_fields
    least = {
        name: next(values(field.annotation, name)) for name, field in fields.items() if field.is_required()
    }
    yield least
    for name, field in fields.items():
        for value in values(field.annotation, name):
            yield {**least, name: value}


def shaped(value: Any, holder: str = "") -> Any:
    """Give parts of messages and tools what their type cannot do without."""
    if isinstance(value, list):
        return [shaped(part, holder) for part in value]
    if not isinstance(value, dict):
        return value
    extra = SHAPED.get(str(value.get("type")), {}) if holder in {"content", "tools"} else {}
    return {**extra, **{name: shaped(part, name) for name, part in value.items()}}


def test_every_field_of_the_sdk_at_every_depth_is_accepted_but_for_what_the_api_refuses() -> None:
    refusals: list[str] = []
    accepted = 0
    for model in members(RealtimeClientEvent):
        for event in objects(model):
            try:
                check_client_event(shaped(event), transport="sideband", any_voice=True)
            except ProtocolError as error:
                refusals.append(f"{error}  {event}")
            else:
                accepted += 1
    reasons = tuple(REFUSED_ON_PURPOSE.values())
    assert [text for text in refusals if not any(reason in text for reason in reasons)] == []
    assert [reason for reason in reasons if not any(reason in text for text in refusals)] == []
    assert accepted > 300


def fields_of(annotation: Any, place: str) -> Iterator[str]:
    """Walk the SDK's models: every place where a field may stand."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            own = f"{place}.{name}" if place else name
            yield own
            yield from fields_of(field.annotation, own)
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        yield from fields_of(arguments[0], f"{place}[]")
    elif origin is dict:
        yield from fields_of(arguments[1], f"{place}{{}}")
    else:
        for part in arguments if origin is not Literal else ():
            yield from fields_of(part, place)


@pytest.mark.parametrize("model", members(RealtimeClientEvent), ids=lambda model: model.__name__)
def test_no_field_of_the_sdks_models_is_unknown(model: type[BaseModel]) -> None:
    name = get_args(model.model_fields["type"].annotation)[0]
    known = {place for places in schema.places_of(name).values() for place in places}
    assert set(fields_of(model, "")) <= known


def test_the_names_of_events_are_the_sdks() -> None:
    def names(union: Any) -> set[str]:
        return {get_args(model.model_fields["type"].annotation)[0] for model in members(union)}

    assert names(RealtimeClientEvent) == CLIENT_EVENTS
    assert names(RealtimeServerEvent) == SERVER_EVENTS
    assert len(CLIENT_EVENTS) == 11
    assert len(SERVER_EVENTS) == 46


def test_the_voices_are_the_sdks() -> None:
    assert sorted(schema.nodes_of("session.update")["voice"][0].known) == list(VOICES)


def test_a_field_that_a_new_sdk_brings_is_accepted() -> None:
    class Reasoning(typing.TypedDict, total=False):
        effort: str
        depth: int

    node = schema._derive(Reasoning, "session.reasoning")
    assert set(node.shapes[0].fields) == {"effort", "depth"}


def outline(node: schema.Node) -> Any:
    """Reduce a node to what can be compared."""
    return {
        "takes": (node.null, node.boolean, node.number, node.text, node.known, node.anything, node.tags),
        "items": node.items and outline(node.items),
        "values": node.values and outline(node.values),
        "shapes": [
            (shape.name, shape.required, {name: outline(child) for name, child in shape.fields.items()})
            for shape in node.shapes
        ],
    }


def test_the_types_read_alone_are_the_types_of_the_whole_package() -> None:
    events, references = _sdk.client_event_types()
    assert outline(schema._derive(events, "")) == outline(
        schema._derive(realtime_client_event_param.RealtimeClientEventParam, "")
    )
    whole = response_create_event_with_references_param.ResponseCreateEventWithReferencesParam
    assert outline(schema._derive(references, "")) == outline(schema._derive(whole, ""))


def test_an_sdk_laid_out_otherwise_is_read_through_its_front_door(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(module: str) -> types.ModuleType:
        raise ImportError(module)

    monkeypatch.setattr(_sdk, "_load_alone", elsewhere)
    events, _ = _sdk.client_event_types()
    assert events is realtime_client_event_param.RealtimeClientEventParam


def test_an_sdk_without_realtime_types_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(module: str) -> types.ModuleType:
        raise ImportError(module)

    monkeypatch.setattr(_sdk, "_load_alone", nowhere)
    with pytest.raises(ConfigurationError, match=r"pip install 'openai>="):
        _sdk._load("no_such_types")


def test_a_kind_of_type_that_nothing_here_knows_is_said() -> None:
    with pytest.raises(TypeError, match="session"):
        schema._derive(complex, "session")


def test_checking_an_event_imports_neither_the_whole_sdk_nor_pydantic() -> None:
    code = (
        "import sys; from rtc_widget import protocol; before = set(sys.modules);"
        "protocol.check_client_event({'type': 'session.update', 'session': {'type': 'realtime'}});"
        "print([name for name in ('openai', 'pydantic', 'httpx') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_tags_of_every_union_tell_its_shapes_apart() -> None:
    def visit(node: schema.Node) -> Iterator[schema.Node]:
        yield node
        for shape in node.shapes:
            for child in shape.fields.values():
                yield from visit(child)
        for inner in (node.items, node.values):
            if inner is not None:
                yield from visit(inner)

    for node in visit(schema.event_schema()):
        if len(node.shapes) > 1:
            tagged = [
                shape
                for found in node.tagged.values()
                for shape in (found.values() if isinstance(found, Mapping) else [found])
            ]
            assert len(tagged) == len(node.shapes), node.place
