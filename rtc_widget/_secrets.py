"""What of all that passes is a secret: the places that hold keys, and the texts that look like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote_plus, urlsplit

from rtc_widget._known_keys import LASTING, hidden, keep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rtc_widget._known_keys import _Newest

__all__ = [
    "MASK",
    "MCP_SECRETS",
    "holds_secret",
    "keep_address",
    "keep_headers",
    "keep_key",
    "keep_tool",
    "masked_address",
    "masked_value",
    "redacted",
    "url_holds_key",
]

MASK = "***"
MCP_SECRETS = ("authorization", "headers")
"""The fields of an MCP tool that hold keys; its `server_url` may have some in it."""

_KEY_HEADER = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_WORDS: Final = re.compile(r"[a-z._/*+-]+|[\d._:-]+")
"""A media type, a date: under a name that tells of no key they are none, and may stand anywhere."""

_SCHEME = re.compile(r"(?:Basic|Bearer|Token)\s+", re.IGNORECASE)
_BETWEEN_PARTS = re.compile(r"[\s;,]+")
_IN_ADDRESS = re.compile(r"(//)[^/?#\s]+(?=@)|([?&#](?:[^=&#\s]*=)?)[^&#\s]+")
_SECRET_PLACE = re.compile(rf"\btools\[\d*\]\.({'|'.join((*MCP_SECRETS, 'server_url'))})\b")
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


def masked_address(text: str) -> str:
    """Return an address, or a text with some, without its user and the values of its query."""
    return _IN_ADDRESS.sub(rf"\1\2{MASK}", text)


def keep_key(value: str, where: _Newest = LASTING) -> None:
    """Keep a key in mind, whole and by its parts, which somebody may repeat in what they say of it."""
    for text in _whole_and_parts(value):
        keep(text, where)


def keep_headers(headers: Mapping[Any, Any]) -> None:
    """Keep in mind what headers hold, but words under a name that tells of no key."""
    for name, value in headers.items():
        if isinstance(value, str):
            for text in _whole_and_parts(value):
                _keep_named(str(name), text)


def keep_tool(tool: Mapping[str, Any]) -> None:
    """Keep in mind the keys of an MCP tool, which the service may repeat in what it says of them."""
    authorization, headers, url = (tool.get(name) for name in (*MCP_SECRETS, "server_url"))
    if isinstance(authorization, str):
        keep_key(authorization)
    if isinstance(headers, dict):
        keep_headers(headers)
    if isinstance(url, str):
        keep_address(url)


def keep_address(url: str) -> None:
    """Keep in mind what an address holds of a user, and the values of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    pairs = [("", user), ("password", password)]
    for pair in f"{parts.query}&{parts.fragment}".split("&"):
        name, is_named, value = pair.partition("=")
        pairs.append((name, value) if is_named else ("", name))
    for name, value in pairs:
        for text in {value, unquote_plus(value)}:
            _keep_named(name, text)


def _keep_named(name: str, text: str) -> None:
    if _KEY_HEADER.search(name) or _WORDS.fullmatch(text) is None:
        keep(text)


def _whole_and_parts(value: str) -> Iterator[str]:
    """Go through a header's value without its scheme, its parts, and what they are named."""
    whole = _SCHEME.sub("", value.strip(), count=1)
    yield whole
    for part in _BETWEEN_PARTS.split(whole):
        yield part
        yield part.partition("=")[2].strip('"')


def url_holds_key(url: str) -> bool:
    """Say whether an address has a user, or a query by the name of a key, in it."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all
        return False
    named = any(_KEY_HEADER.search(name) for name in parse_qs(parts.query, keep_blank_values=True))
    return named or "@" in parts.netloc or redacted(url) != url


def redacted(text: str) -> str:
    """Return a text without what looks like a key, whosever it is, nor a key that is known."""
    text = hidden(text, "[key]")
    for pattern in _KEYS:
        text = pattern.sub("[key]", text)
    return text
