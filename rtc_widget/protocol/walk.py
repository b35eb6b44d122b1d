"""The strict walk: a value against its node, refusing whatever the API would not take."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType
from typing import Any

from rtc_widget._secrets import MASK, holds_secret
from rtc_widget.protocol import legacy, rules
from rtc_widget.protocol.examples import describe, example, example_of
from rtc_widget.protocol.nearest import listed, nearest
from rtc_widget.protocol.refusal import refusal, shown
from rtc_widget.protocol.schema import Node, Shape

__all__ = ["check"]

Unknown = Callable[[Shape, str, str], Exception]
"""Makes the error of an unknown field from the shape, its place and the field's name."""


def check(node: Node, value: Any, place: str, holder: Mapping[str, Any], unknown: Unknown) -> Any:
    """Check one value and everything inside it.

    Parameters
    ----------
    node
        What may stand here.
    value
        What does.
    place
        Its place with indices, as in `session.tools[0].name`.
    holder
        The object around it.
    unknown
        Makes the error of a field that a shape does not have.

    Returns
    -------
    Any
        A normalised copy: tuples as lists, numbers of any library as int and float, models of pydantic and
        enum members as their plain values.

    Raises
    ------
    ProtocolError
        At the first thing that does not fit.
    """
    value = _plain(value)
    checked = _taker(value)(node, value, place, holder, unknown)
    if node.rule is not None:
        node.rule(checked, place)
    return checked


def _taker(value: Any) -> Callable[[Node, Any, str, Mapping[str, Any], Unknown], Any]:
    taker = _TAKERS.get(type(value))
    if taker is not None:
        return taker
    if isinstance(value, Mapping):
        return _mapping
    return _list if isinstance(value, (list, tuple)) else _other


def _plain(value: Any) -> Any:
    """Take a value out of an enum member, a model of pydantic or a number of another library."""
    if type(value) in _TAKERS:
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    for kind, make in _PLAIN:
        if isinstance(value, kind):
            return make(value)
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True)
    return value


def _none(node: Node, value: None, place: str, holder: Mapping[str, Any], unknown: Unknown) -> None:
    del holder, unknown
    if node.null or node.anything:
        return value
    raise _null(node, place)


def _boolean(node: Node, value: bool, place: str, holder: Mapping[str, Any], unknown: Unknown) -> bool:
    if node.boolean or node.anything:
        return value
    return bool(_other(node, value, place, holder, unknown))


def _list(node: Node, value: Any, place: str, holder: Mapping[str, Any], unknown: Unknown) -> list[Any]:
    if node.items is not None:
        return [check(node.items, part, f"{place}[{i}]", holder, unknown) for i, part in enumerate(value)]
    if node.anything:
        return list(_json(value, place))
    return list(_other(node, value, place, holder, unknown))


def _other(node: Node, value: Any, place: str, holder: Mapping[str, Any], unknown: Unknown) -> Any:
    del holder, unknown
    raise _wrong_kind(node, value, place)


def _string(node: Node, value: str, place: str, holder: Mapping[str, Any], unknown: Unknown) -> str:
    del unknown
    if node.text or node.anything:
        limits = node.limits
        if limits is not None and value not in node.known:
            if limits.characters is not None and len(value) > limits.characters:
                cause = f"{_seen(value, place)} has {len(value)} characters, more than the API takes"
                raise refusal(place, cause, f"at most {limits.characters} characters")
            if limits.pattern is not None and limits.pattern.fullmatch(value) is None:
                raise refusal(
                    place, f"{_seen(value, place)} is not {limits.meaning}", rules.example_at(node.place)
                )
        return value
    if value in node.known:
        return value
    raise _wrong_string(node, value, place, holder)


def _number(node: Node, value: float, place: str, holder: Mapping[str, Any], unknown: Unknown) -> float:
    del holder, unknown
    if value in _NOT_FINITE or value != value:  # noqa: PLR0124 - NaN alone differs from itself
        cause = f"{value} is not a number that JSON can hold"
        raise refusal(place, cause, f"{describe(node)}, for example {example(node)}")
    if node.number is None:
        if value in node.known or node.anything:
            return value
        raise _wrong_kind(node, value, place)
    if node.number is int and isinstance(value, float):
        if not value.is_integer():
            cause = f"{value} is not a whole number"
            raise refusal(place, cause, f"{describe(node)}, for example {math.floor(value)}")
        value = int(value)
    limits = node.limits
    if limits is not None and (
        (limits.low is not None and value < limits.low) or (limits.high is not None and value > limits.high)
    ):
        raise refusal(place, f"{value} is out of range", describe(node))
    return value


def _mapping(
    node: Node, value: Mapping[Any, Any], place: str, holder: Mapping[str, Any], unknown: Unknown
) -> dict[str, Any]:
    for name in value:
        if not isinstance(name, str):
            cause = f"the key {name!r} is a {type(name).__name__}, and JSON's keys are strings"
            raise refusal(place, cause, f'"{name}"')
    if node.values is not None and not node.shapes:
        return {
            name: check(node.values, part, f"{place}.{name}", value, unknown) for name, part in value.items()
        }
    if not node.shapes:
        if node.anything:
            return dict(_json(value, place))
        raise _wrong_kind(node, value, place)
    shape = _pick(node, value, place, unknown)
    fields = shape.fields
    copy: dict[str, Any] = {}
    for name, part in value.items():
        child = fields.get(name)
        if child is None:
            raise _belongs_elsewhere(node, shape, place, name) or unknown(shape, place, name)
        # A content part's type is judged by the role of the message around it.
        around = holder if node.place.endswith("content[]") else value
        copy[name] = check(child, part, f"{place}.{name}" if place else name, around, unknown)
    for name in shape.required:
        if name not in copy:
            raise _missing(shape, place, name)
    return copy


def _pick(node: Node, value: Mapping[str, Any], place: str, unknown: Unknown) -> Shape:
    """Pick the shape that the value's type (and role) says it is."""
    if len(node.shapes) == 1:
        return node.shapes[0]
    tagged: Any = node.tagged
    for tag in node.tags:
        given = _plain(value.get(tag))
        if given is None:
            strange = next(
                (name for name in value if not any(name in one.fields for one in node.shapes)), None
            )
            if strange is not None:
                raise unknown(node.shapes[0], place, strange)
            return _guess(node, value, place, tag, tagged)
        picked = tagged.get(given) if isinstance(given, str) else None
        if picked is None:
            raise _wrong_tag(node, value, place, tag, tuple(tagged))
        if isinstance(picked, Shape):
            return picked
        tagged = picked
    raise _wrong_tag(node, value, place, node.tags[-1], tuple(tagged))


def _guess(node: Node, value: Mapping[str, Any], place: str, tag: str, tagged: Mapping[Any, Any]) -> Shape:
    """Pick by the fields when the tag is missing, or say that it must not be."""
    fitting = [shape for shape in node.shapes if set(value) <= set(shape.fields)]
    if fitting and tag not in fitting[0].required:
        return fitting[0]
    if not fitting and any(tag not in shape.required for shape in node.shapes):
        return node.shapes[0]
    meant = fitting[0].fields[tag].known[0] if len(fitting) == 1 else next(iter(tagged))
    choice = f" (one of {listed(map(shown, tagged))})" if len(tagged) > 1 else ""
    raise refusal(place, f'"{tag}" is missing', f'{{"{tag}": {shown(meant)}, …}}{choice}')


def _wrong_tag(
    node: Node, value: Mapping[str, Any], place: str, tag: str, known: tuple[Any, ...]
) -> Exception:
    wanted = Node(f"{node.place}.{tag}" if node.place else tag, known=known)
    return _wrong_string(wanted, value.get(tag), f"{place}.{tag}" if place else tag, value)


def _belongs_elsewhere(node: Node, shape: Shape, place: str, name: str) -> Exception | None:
    """Explain a field that another shape of the same union has."""
    if not place or "type" not in shape.fields or not shape.fields["type"].known:
        return None
    mine = shape.fields["type"].known[0]
    others = [
        other.fields["type"].known[0] for other in node.shapes if name in other.fields and other is not shape
    ]
    others = [other for other in dict.fromkeys(others) if other != mine]
    if not others:
        return None
    takes = listed(sorted(set(shape.fields) - {"type"}), last="and") or "nothing more"
    return refusal(
        f"{place}.{name}",
        f"{shown(mine)} has no {name}; it takes {takes}",
        f'{name} belongs to {{"type": {shown(others[0])}, …}}',
    )


def _missing(shape: Shape, place: str, name: str) -> Exception:
    at = place or str(shape.fields["type"].known[0])
    return refusal(at, f'"{name}" is missing', f'"{name}": {example(shape.fields[name])}')


def _null(node: Node, place: str) -> Exception:
    form = rules.example_at(node.place) or example(node)
    empty = rules.empty_at(node.place)
    clears = "" if empty is None else f"{empty} to clear it, "
    cause = "null is not taken here; to keep things as they are, leave the field out"
    return refusal(place, cause, f"{clears}{form} to set it")


def _seen(value: Any, place: str) -> str:
    return MASK if holds_secret(place) else shown(value)


def _wrong_kind(node: Node, value: Any, place: str) -> Exception:
    kind = "bytes" if isinstance(value, (bytes, bytearray, memoryview)) else type(value).__name__
    form = rules.example_at(node.place) or example(node)
    return refusal(place, f"{_seen(value, place)} ({kind}) is not {describe(node)}", form)


def _wrong_string(node: Node, value: Any, place: str, holder: Mapping[str, Any]) -> Exception:
    old = legacy.value_hint(place, value, holder)
    if old is not None:
        return refusal(place, f"{_seen(value, place)}: {old}")
    if not node.known:
        return _wrong_kind(node, value, place)
    meant = (
        nearest(value, [name for name in node.known if isinstance(name, str)])
        if isinstance(value, str)
        else None
    )
    did = f" Did you mean {shown(meant)}?" if meant is not None else ""
    also = f", such as {example_of(node.shapes[0])}" if node.shapes else ""
    return refusal(place, f"{_seen(value, place)} is not taken here.{did} Allowed: {describe(node)}{also}.")


def _json(value: Any, place: str) -> Any:
    """Copy what may be any JSON, or say why it is none."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        right = "only dict, list, str, int, float, bool and None inside"
        raise refusal(place, f"this cannot be written as JSON ({error})", right) from error


_NOT_FINITE = (math.inf, -math.inf)
_TAKERS: Mapping[type, Callable[[Node, Any, str, Mapping[str, Any], Unknown], Any]] = {
    NoneType: _none,
    bool: _boolean,
    dict: _mapping,
    float: _number,
    int: _number,
    list: _list,
    str: _string,
    tuple: _list,
}
_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (numbers.Integral, int),
    (numbers.Real, float),
)
