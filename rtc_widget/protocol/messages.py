"""An event as the text that a data channel carries, and how large that may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLIENT_SECRET_SECONDS", "check_message_bytes", "check_secret_seconds", "encode"]

CLIENT_SECRET_SECONDS = (10, 7200)
"""Shortest and longest life of a client secret, in s."""


def encode(event: Mapping[str, Any]) -> str:
    """Write an event as compact JSON, without escapes that nobody needs.

    Half a surrogate pair, which UTF-8 cannot hold, becomes its escape.

    Raises
    ------
    ProtocolError
        For a number that JSON has not: NaN or an infinite one.
    """
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ProtocolError(f"This cannot be written as JSON: {error}. Send finite numbers.") from None
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def check_message_bytes(text: str, max_message_bytes: int, *, what: str = "this event") -> int:
    """Check that a data channel takes a message: a larger one would close the channel without a word.

    Parameters
    ----------
    text
        The event as JSON.
    max_message_bytes
        What the channel takes, in bytes; 0 is no limit.
    what
        How to call the event in the error.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    ProtocolError
        With both sizes.
    """
    size = len(text) if text.isascii() else len(text.encode())
    if max_message_bytes and size > max_message_bytes:
        raise ProtocolError(
            f"{what} has {size:,} bytes, and the data channel takes {max_message_bytes:,} in one message. "
            "Send less at once: several messages, a shorter text, a picture through `add_image()`."
        )
    return size


def check_secret_seconds(seconds: int) -> int:
    """Check the life of a client secret.

    Parameters
    ----------
    seconds
        From its minting to its end, in s.

    Returns
    -------
    int
        The same.

    Raises
    ------
    ConfigurationError
        Outside of what the API allows.
    """
    low, high = CLIENT_SECRET_SECONDS
    if isinstance(seconds, bool) or not low <= seconds <= high:
        raise ConfigurationError(
            f"A client secret cannot live for {seconds!r} s: a whole number of seconds from {low} to {high}."
        )
    return seconds
