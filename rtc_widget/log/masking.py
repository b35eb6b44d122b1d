"""Keys of MCP servers never enter the log: what a tool's configuration holds of them is masked before."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from rtc_widget._secrets import GIVEN_KEYS, MASK, MCP_SECRETS, masked_value
from rtc_widget.log.record import decode_odd

__all__ = ["masked", "masked_copy"]

_MARK = b'"mcp"'
_decode = msgspec.json.Decoder().decode


def masked(text: bytes) -> bytes:
    """Return the text of an event, with the secrets of MCP tools in it masked; any other as it came."""
    for key in GIVEN_KEYS:
        text = text.replace(key.encode(), MASK.encode())  # the same object where there is none
    if _MARK not in text:
        return text
    value, is_strict = decode_odd(text)
    if not _mask(value):
        return text
    return msgspec.json.encode(value) if is_strict else json.dumps(value).encode()


def masked_copy(value: Any) -> Any:
    """Return a copy of a JSON value, with the secrets of MCP tools in it masked."""
    copy = _decode(msgspec.json.encode(value))
    _mask(copy)
    return copy


def _mask(value: Any) -> bool:
    """Mask in place; say whether there was anything to mask."""
    if isinstance(value, list):
        return bool(sum(map(_mask, value)))  # every one of them, not up to the first
    if not isinstance(value, dict):
        return False
    found = sum(map(_mask, value.values()))
    if value.get("type") == "mcp":
        for name in MCP_SECRETS:
            held = value.get(name)
            if held is not None and held != (shown := masked_value(held)):
                value[name] = shown
                found += 1
    return found > 0
