"""What the openai package says a server event is: every event of the sandbox has to pass."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Event = dict[str, Any]

# Fields that real traffic has and the package's types do not.
KNOWN_EXTRAS = {"obfuscation", "session.id", "session.object", "session.expires_at", "content_part.content"}


def check(event: Event) -> Event:
    """Return an event that is as the package says; every field of it is known at every depth."""
    model = _models()[event["type"]]
    parsed = model.model_validate(event)
    extras = {place for place in _extras(parsed, "") if place not in KNOWN_EXTRAS}
    assert not extras, f"{event['type']} has fields the API does not know: {sorted(extras)}"
    return event


def all_types() -> set[str]:
    """Return the types of all events that the package knows of."""
    return set(_models())


def types(events: Sequence[Event]) -> list[str]:
    """Return the types of events, of each kind of delta the first one only."""
    seen: list[str] = []
    for event in events:
        if not (event["type"].endswith(".delta") and event["type"] in seen):
            seen.append(event["type"])
    return seen


def of_type(events: Sequence[Event], type: str) -> list[Event]:
    """Return the events of one type."""
    return [event for event in events if event["type"] == type]


@cache
def _models() -> dict[str, type[BaseModel]]:
    members = get_args(get_args(RealtimeServerEvent)[0])
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


def _extras(model: BaseModel, path: str) -> Iterator[str]:
    for name in model.model_extra or {}:
        yield f"{path}.{name}".lstrip(".")
    for name in type(model).model_fields:
        value = getattr(model, name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel):
                yield from _extras(one, f"{path}.{name}".lstrip("."))
