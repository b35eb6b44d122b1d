"""What of all that passes is a secret: the fields that hold keys, and the texts that look like one."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["MASK", "MCP_SECRETS", "holds_secret", "masked_value", "redacted"]

MASK = "***"
MCP_SECRETS = ("authorization", "headers")
"""The fields of an MCP tool that hold keys."""

_SECRET_PLACE = re.compile(rf"\btools\[\d*\]\.({'|'.join(MCP_SECRETS)})\b")
_KEYS = (
    re.compile(r"(?<![A-Za-z0-9])(?:sk-|ek_)[\w-]{4,}"),
    re.compile(r"(?<=\bBearer )[^\s\"',;]{4,}", re.IGNORECASE),
)


def holds_secret(place: str) -> bool:
    """Say whether a place in an event, as in `session.tools[0].headers`, is one for keys."""
    return _SECRET_PLACE.search(place) is not None


def masked_value(value: Any) -> Any:
    """Return what may be shown of a field that holds keys: the names in it, and that there is one."""
    return dict.fromkeys(value, MASK) if isinstance(value, dict) else MASK


def redacted(text: str) -> str:
    """Return a text without what looks like a key, whosever it is."""
    for pattern in _KEYS:
        text = pattern.sub("[key]", text)
    return text
