"""Keys never enter the log: those that are known are masked wherever they stand, others by their place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rtc_widget._known_keys import hidden_in_event
from rtc_widget._secrets import MASK, MCP_SECRETS, masked_address, masked_value
from rtc_widget.log.record import decode_odd

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.record import ArrivedHead

__all__ = ["masked", "masked_copy"]

T = TypeVar("T")
_MARKS = (b'"mcp"', b'"client_secret"')
_OF_MCP: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(MCP_SECRETS, masked_value),
    "server_url": lambda url: masked_address(url) if isinstance(url, str) else url,
}


def masked(text: bytes, head: ArrivedHead) -> bytes:
    """Return the text of an event, with the secrets in it masked; any other as it came."""
    text = hidden_in_event(text, MASK)
    if not head.client_secret and not _may_hold_one(text):
        return text
    value, is_strict = decode_odd(text)
    if not _mask(value):
        return text
    return msgspec.json.encode(value) if is_strict else json.dumps(value).encode()


def _may_hold_one(text: bytes) -> bool:
    """Whether an object within the event may be of an MCP server, or be a client secret."""
    return text.find(b"{", 1) > 0 and (_MARKS[0] in text or _MARKS[1] in text)  # most hold no object


def masked_copy(value: T) -> T:
    """Return a copy of a value, with the secrets in it masked by their place."""
    copied = copy.deepcopy(value)
    _mask(copied)
    return copied


def _mask(value: Any) -> bool:
    """Mask in place; say whether there was anything to mask."""
    if isinstance(value, list):
        return bool(sum(map(_mask, value)))  # every one of them, not up to the first
    if not isinstance(value, dict):
        return False
    found = sum(map(_mask, value.values()))
    if value.get("type") == "mcp":
        for name, show in _OF_MCP.items():
            held = value.get(name)
            if held is not None and held != (shown := show(held)):
                value[name] = shown
                found += 1
    holder, name = value.get("client_secret"), "value"
    if isinstance(holder, str):
        holder, name = value, "client_secret"
    if isinstance(holder, dict) and isinstance(holder.get(name), str) and holder[name] != MASK:
        holder[name] = MASK
        found += 1
    return found > 0
