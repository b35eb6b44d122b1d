"""Ids and marks that we make; the service's own look the same, and no two of them ever are."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

__all__ = ["MARK", "mark_of", "new_event_id", "new_item_id", "new_mark", "without_mark"]

MARK = "rtc_mark"
"""Key of our mark in the metadata of a response."""

_RANDOM_BYTES = 10


def new_item_id() -> str:
    """Make the id of an item: `item_` and 20 random characters (the API takes 32 in all)."""
    return f"item_{secrets.token_hex(_RANDOM_BYTES)}"


def new_event_id() -> str:
    """Make the id of a client event, which the service's `error` gives back."""
    return f"event_{secrets.token_hex(_RANDOM_BYTES)}"


def new_mark() -> str:
    """Make the mark by which a response of ours is known again."""
    return f"mark_{secrets.token_hex(_RANDOM_BYTES)}"


def mark_of(response: Mapping[str, Any]) -> str | None:
    """Read our mark out of a response (as in `response.created`); None for one that is not ours."""
    metadata = response.get("metadata")
    mark = metadata.get(MARK) if isinstance(metadata, Mapping) else None
    return mark if isinstance(mark, str) else None


def without_mark(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Take our mark out of metadata again; None where there is nothing else."""
    return {name: value for name, value in (metadata or {}).items() if name != MARK} or None
