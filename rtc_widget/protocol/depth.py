"""How deep a value may be nested, asked before anything goes through it step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtc_widget.protocol.refusal import refusal

__all__ = ["check_depth"]

_DEEPEST = 100
"""Deeper than any schema of a tool, and far from where Python stops."""


def check_depth(value: Any, place: str) -> None:
    """Refuse what holds itself, or is nested deeper than anything a service reads.

    Parameters
    ----------
    value
        Any value.
    place
        Its place, for the error.

    Raises
    ------
    ProtocolError
        With the place.
    """
    waiting = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, Mapping):
            inside = list(part.values())
        elif isinstance(part, list | tuple):
            inside = list(part)
        else:
            continue
        if depth > _DEEPEST:
            raise refusal(
                place,
                f"this holds itself, or is nested more than {_DEEPEST} levels deep",
                "dicts and lists that end",
            )
        waiting += [(below, depth + 1) for below in inside]
