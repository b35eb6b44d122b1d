"""What may stand at a node, said in words and shown as a right form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_widget.protocol import rules
from rtc_widget.protocol.nearest import listed
from rtc_widget.protocol.refusal import shown

if TYPE_CHECKING:
    from rtc_widget.protocol.schema import Node, Shape

__all__ = ["describe", "example", "example_of"]


def describe(node: Node) -> str:
    """Say in words what may stand at a node, as in `a number from 0.25 to 1.5`."""
    words: list[str] = []
    if node.number is not None:
        kind = "a whole number" if node.number is int else "a number"
        span = node.limits.words() if node.limits is not None else ""
        words.append(f"{kind} {span}".strip())
    if node.text:
        words.append("a string")
    else:
        words.extend(map(shown, node.known))
    parts = (
        (node.boolean, "true or false"),
        (node.items is not None, "a list"),
        (bool(node.shapes) or node.values is not None, "an object"),
        (node.anything, "any JSON"),
        (node.null, "null"),
    )
    return listed([*words, *(word for taken, word in parts if taken)])


def example(node: Node) -> str:
    """Make a right form of a node, as JSON with `…` for what is the caller's."""
    special = rules.example_at(node.place)
    if special is not None:
        return special
    if node.known:
        return shown(node.known[0])
    if node.shapes:
        return example_of(node.shapes[0])
    if node.items is not None:
        return f"[{example(node.items)}]"
    return _plain_example(node)


def example_of(shape: Shape) -> str:
    """Make a right form of an object: what it cannot do without."""
    names = shape.required or tuple(shape.fields)[:1]
    # The type first, as everybody writes it.
    ordered = sorted(names, key=lambda name: name != "type")
    inner = ", ".join(f'"{name}": {example(shape.fields[name])}' for name in ordered)
    return f"{{{inner}}}"


def _plain_example(node: Node) -> str:
    if node.number is not None:
        limits = node.limits or rules.Limits()
        usual = (limits.low or 0) if limits.usual is None else limits.usual
        return f"{usual:.0f}" if node.number is int else f"{usual:.1f}"
    if node.boolean:
        return "true"
    return "{…}" if node.values is not None or node.anything else '"…"'
