"""What of all that passes is a secret: the fields that hold keys, and the texts that look like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "GIVEN_KEYS",
    "MASK",
    "MCP_SECRETS",
    "holds_secret",
    "keep_keys",
    "masked_value",
    "redacted",
    "url_holds_key",
]

MASK = "***"
MCP_SECRETS = ("authorization", "headers")
"""The fields of an MCP tool that hold keys."""

GIVEN_KEYS: Final[list[str]] = []
"""The keys of MCP tools that this process was given; it only grows."""

_SHORTEST: Final = 8
"""A shorter text is a word that may stand anywhere, and no key."""

_KEY_HEADER = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
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


def keep_keys(tool: Mapping[str, Any]) -> None:
    """Keep in mind the keys of an MCP tool, which the service may repeat in what it says of them."""
    authorization, headers = tool.get("authorization"), tool.get("headers")
    values = [authorization]
    if isinstance(headers, dict):
        values += [value for name, value in headers.items() if _KEY_HEADER.search(str(name))]
    for value in values:
        key = value.split()[-1] if isinstance(value, str) and value.strip() else ""
        if len(key) >= _SHORTEST and key not in GIVEN_KEYS:
            GIVEN_KEYS.append(key)


def url_holds_key(url: str) -> bool:
    """Say whether an address has a user, or a query by the name of a key, in it."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all
        return False
    named = any(_KEY_HEADER.search(name) for name in parse_qs(parts.query, keep_blank_values=True))
    return named or "@" in parts.netloc or redacted(url) != url


def redacted(text: str) -> str:
    """Return a text without what looks like a key, whosever it is, nor a key of an MCP tool."""
    for key in GIVEN_KEYS:
        text = text.replace(key, "[key]")
    for pattern in _KEYS:
        text = pattern.sub("[key]", text)
    return text
