"""The words in which the API refuses what is missing, unknown or of the wrong type."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final

from rtc_widget.sandbox.wire import ApiError

__all__ = ["JSON_NAMES", "join", "missing", "unsupported", "wrong_type"]

JSON_NAMES: Final = {str: "string", int: "integer", float: "decimal", bool: "boolean", NoneType: "null"}
"""What JSON calls Python's types."""


def join(path: str, name: str) -> str:
    """Return the place of a field."""
    return f"{path}.{name}" if path else name


def missing(path: str) -> ApiError:
    """Return the refusal of what lacks a field."""
    return ApiError(f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)


def unsupported(path: str, value: Any, choices: list[Any]) -> ApiError:
    """Return the refusal of a value that is none of the choices."""
    listed = ", ".join(f"'{choice}'" for choice in dict.fromkeys(choices))
    return ApiError(
        f"Invalid value: '{value}'. Supported values are: {listed}.", code="invalid_value", param=path
    )


def wrong_type(path: str, expected: str, value: Any) -> ApiError:
    """Return the refusal of a value of another type; `expected` with its article."""
    names = {**JSON_NAMES, list: "array", dict: "object"}
    name = names.get(type(value), type(value).__name__)
    got = "null" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return ApiError(
        f"Invalid type for '{path}': expected {expected}, but got {got} instead.",
        code="invalid_type",
        param=path,
    )
