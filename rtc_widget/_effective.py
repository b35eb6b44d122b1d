"""An effective session, as the service tells it, read back into the fields that ask for it."""

from __future__ import annotations

from typing import Any

from rtc_widget._configuration import FieldProperties
from rtc_widget.protocol import SESSION_PLACES

__all__ = ["fields_of"]

_FIELDS = tuple(
    name
    for name, value in vars(FieldProperties).items()
    if isinstance(value, property) and name != "tool_choice"  # tools are given again
)
_MAY_BE_OFF = frozenset({"noise_reduction", "transcription", "turn_detection"})


def fields_of(session: Any) -> dict[str, Any]:
    """Return the fields of an effective session as they may be asked for again."""
    found = {}
    for name in _FIELDS:
        value: Any = session
        for step in SESSION_PLACES.get(name, (name,)):
            value = value.get(step, ...) if isinstance(value, dict) else ...
        value = _without_nulls(value)
        if value is not ... and (value is not None or name in _MAY_BE_OFF):
            found[name] = value
    return found


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(part) for name, part in value.items() if part is not None}
