"""Why a call is over, where the service says so before it closes."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["CALL_TOO_LONG", "CALL_UNKNOWN", "ending_of"]

CALL_TOO_LONG = "the call reached its longest time (session_expired)"
CALL_UNKNOWN = "the service knows no such call, or no more (call_id_not_found)"
_ENDINGS = {"session_expired": CALL_TOO_LONG, "call_id_not_found": CALL_UNKNOWN}


class _Head(msgspec.Struct, gc=False):
    type: str = ""
    error: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode


def ending_of(text: str) -> str | None:
    """Return why a call is over, of the server event that says so; None of every other event.

    Parameters
    ----------
    text
        A server event as it came, which may be anything.
    """
    if not any(code in text for code in _ENDINGS):
        return None  # nearly every event: decoding all of them a second time would cost
    try:
        head = _decode_head(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    error = head.error if head.type == "error" and isinstance(head.error, dict) else {}
    code = error.get("code")
    return _ENDINGS.get(code) if isinstance(code, str) else None
