"""Texts of others, made fit to be kept: half a character is what no file in UTF-8 holds."""

from __future__ import annotations

from typing import Any

__all__ = ["all_whole", "said_by", "whole"]


def whole(text: str) -> str:
    """Return a text that UTF-8 can hold: half a character becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def all_whole(value: Any) -> Any:
    """Return a JSON value with all of its texts whole."""
    if isinstance(value, dict):
        return {whole(str(name)): all_whole(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [all_whole(one) for one in value]
    return whole(value) if isinstance(value, str) else value


def said_by(error: BaseException) -> str:
    """Return what an error says; "" where it cannot be said, and fails itself."""
    try:
        return whole(str(error))
    except Exception:  # noqa: BLE001 - of somebody's own class
        return ""
