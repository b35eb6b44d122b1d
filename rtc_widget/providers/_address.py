"""Where an API is: its address checked, and the WebSocket beside it."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from rtc_widget._errors import ConfigurationError

__all__ = ["checked_base_url", "sideband_url"]

_SCHEMES = {"http": "ws", "https": "wss"}


def checked_base_url(base_url: object) -> str:
    """Check where an API is, and return that without a slash at its end.

    Raises
    ------
    ConfigurationError
        For what is no http(s) address, or one that holds a password. The message never shows it: it may be
        the key, given in the wrong place.
    """
    if not isinstance(base_url, str):
        raise ConfigurationError(
            f'base_url is a text such as "https://example.com/v1", not a {type(base_url).__name__}.'
        )
    if not base_url.strip().isprintable() or " " in base_url.strip():
        raise ConfigurationError(
            "base_url is no address: it holds a space or a character that does not show. "
            "Right form: https://example.com/v1."
        )
    try:
        parts = urlsplit(base_url.strip())
        _ = parts.port
    except ValueError:
        raise ConfigurationError("base_url is no address. Right form: https://example.com/v1.") from None
    if "@" in parts.netloc:
        raise ConfigurationError(
            "base_url holds a user or password: leave it out, and pass the key as key=…."
        )
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ConfigurationError("base_url is no http(s) address. Right form: https://example.com/v1.")
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "base_url ends with the path of the API: leave out what begins with ? or #. "
            "Right form: https://example.com/v1."
        )
    return base_url.strip().rstrip("/")


def sideband_url(base_url: str, rtc_call_id: str) -> str:
    """Return the WebSocket that joins a call."""
    scheme, place, path, _, _ = urlsplit(base_url)
    return urlunsplit((_SCHEMES[scheme], place, f"{path}/realtime", f"call_id={rtc_call_id}", ""))
