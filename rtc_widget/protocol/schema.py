"""What a client event may hold, as a tree of nodes derived from the SDK's types at first use."""

from __future__ import annotations

import collections.abc
import functools
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

import typing_extensions

from rtc_widget.protocol import rules
from rtc_widget.protocol._sdk import client_event_types, client_secret_type

__all__ = ["Node", "Shape", "client_secret_schema", "event_schema", "nodes_of", "places_of"]

_TAGS = ("type", "role")
_LITERALS: tuple[Any, ...] = (Literal, typing_extensions.Literal)
_UNIONS: tuple[Any, ...] = (Union, types.UnionType)
_REQUIRED: tuple[Any, ...] = (typing.Required, typing_extensions.Required)
_WRAPPERS: tuple[Any, ...] = (typing.Annotated, *_REQUIRED)
_MAPPINGS: tuple[Any, ...] = (dict, collections.abc.Mapping)
_SEQUENCES: tuple[Any, ...] = (list, collections.abc.Iterable, collections.abc.Sequence)


@dataclass(slots=True)
class Shape:
    """One object: its fields, and which of them it cannot do without."""

    name: str
    fields: dict[str, Node]
    required: tuple[str, ...]


@dataclass(slots=True)
class Node:
    """One value: everything that may stand at a place.

    Several parts filled mean a union; a `Node` with none takes nothing. `place` has `[]` for any index and
    `{}` for any key.
    """

    place: str
    null: bool = False
    boolean: bool = False
    number: type[int | float] | None = None
    text: bool = False
    known: tuple[Any, ...] = ()
    anything: bool = False
    items: Node | None = None
    values: Node | None = None
    shapes: list[Shape] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    tagged: dict[Any, Shape | dict[Any, Shape]] = field(default_factory=dict)
    limits: rules.Limits | None = None
    rule: rules.Rule | None = None


@functools.cache
def event_schema() -> Node:
    """Derive (once) the union of all client events; its `tagged` maps an event's type to its shape."""
    events, with_references = client_event_types()
    root = _derive(events, "")
    # Only the params "with references" know that response.create takes an item_reference.
    root.tagged["response.create"] = _shape(with_references, "")
    root.shapes = [_shape_of(root, name) for name in root.tagged]
    return root


@functools.cache
def client_secret_schema() -> Node:
    """Derive (once) the body of `POST /realtime/client_secrets`."""
    return _derive(client_secret_type(), "")


def _shape_of(root: Node, tag: str) -> Shape:
    shape = root.tagged[tag]
    if isinstance(shape, Shape):
        return shape
    raise TypeError(tag)


def _derive(annotation: Any, place: str) -> Node:
    node = Node(place)
    _add(node, annotation)
    _tag(node)
    if node.text and node.known and rules.is_closed(place):
        node.text = False
    node.null = node.null or rules.is_nullable(place)
    node.limits = rules.limits_at(place)
    node.rule = rules.rule_at(place)
    return node


def _add(node: Node, annotation: Any) -> None:
    """Add one annotation to what the node takes."""
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if typing_extensions.is_typeddict(annotation):
        node.shapes.append(_shape(annotation, node.place))
    elif origin in _UNIONS:
        for part in arguments:
            _add(node, part)
    elif origin in _LITERALS:
        node.known += arguments
    elif origin in _WRAPPERS:
        _add(node, arguments[0])
    elif origin in _MAPPINGS:
        node.values = _derive(arguments[1], f"{node.place}{{}}")
    elif origin in _SEQUENCES:
        node.items = _derive(arguments[0], f"{node.place}[]")
    else:
        _add_plain(node, annotation)


def _add_plain(node: Node, annotation: Any) -> None:
    if annotation in (None, type(None)):
        node.null = True
    elif annotation is bool:
        node.boolean = True
    elif annotation in (int, float):
        node.number = annotation
    elif annotation is str:
        node.text = True
    elif annotation in (object, Any):
        node.anything = True
    else:
        raise TypeError(f"{node.place}: the SDK's {annotation!r} is a kind of type that nothing here knows")


def _shape(annotation: Any, place: str) -> Shape:
    fields: dict[str, Node] = {}
    required: list[str] = []
    for name, hint in typing_extensions.get_type_hints(annotation, include_extras=True).items():
        if get_origin(hint) in _REQUIRED:
            required.append(name)
        fields[name] = _derive(hint, f"{place}.{name}" if place else name)
    return Shape(annotation.__name__, fields, tuple(required))


def _tag(node: Node) -> None:
    """Find the fields that tell the shapes of a union apart: their type, then their role."""
    if len(node.shapes) < 2:  # noqa: PLR2004 - one shape needs no telling apart
        return
    first, second = _TAGS
    groups: dict[Any, list[Shape]] = {}
    for shape in node.shapes:
        tag = shape.fields.get(first)
        if tag is None or len(tag.known) != 1:
            return
        groups.setdefault(tag.known[0], []).append(shape)
    node.tags = (first,)
    for value, shapes in groups.items():
        if len(shapes) == 1:
            node.tagged[value] = shapes[0]
            continue
        node.tags = _TAGS
        node.tagged[value] = {shape.fields[second].known[0]: shape for shape in shapes}


@functools.cache
def nodes_of(event_type: str) -> dict[str, tuple[Node, ...]]:
    """Map each field name of an event to its nodes, the outermost first."""
    found: dict[str, list[Node]] = {}
    layer = [_shape_of(event_schema(), event_type)]
    while layer:
        fields = [(name, child) for shape in layer for name, child in shape.fields.items()]
        for name, child in fields:
            found.setdefault(name, []).append(child)
        layer = [shape for _, child in fields for shape in _inner(child)]
    return {name: tuple(nodes) for name, nodes in found.items()}


def _inner(node: Node) -> list[Shape]:
    parts = [_inner(part) for part in (node.items, node.values) if part is not None]
    return [*node.shapes, *(shape for part in parts for shape in part)]


@functools.cache
def places_of(event_type: str) -> dict[str, tuple[str, ...]]:
    """Map each field name of an event to the places where it may stand.

    Returns
    -------
    dict
        For `session.update`, `"threshold"` → `("session.audio.input.turn_detection.threshold",)`.
    """
    return {
        name: tuple(dict.fromkeys(node.place for node in nodes))
        for name, nodes in nodes_of(event_type).items()
    }
