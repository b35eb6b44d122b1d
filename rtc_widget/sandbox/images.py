"""What an image is: its format and size, read from its first bytes."""

from __future__ import annotations

import base64
import re
import struct
from typing import Final

from rtc_widget.sandbox.wire import ApiError

__all__ = ["describe"]

_DATA_URL = re.compile(r"data:image/(png|jpe?g);base64,(.*)", re.DOTALL)
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN_MARKER: Final = 0xDA


def describe(url: str, param: str) -> str:
    """Say what an image is.

    Parameters
    ----------
    url
        A data URL of a PNG or JPEG, or an http(s) address, which is not fetched.
    param
        Where it stands, for the error.

    Returns
    -------
    str
        "a PNG image, 640 by 480 pixels"

    Raises
    ------
    ApiError
        It is neither.
    """
    if url.startswith(("http://", "https://")):
        return "an image by its address, which I did not open"
    match = _DATA_URL.fullmatch(url)
    size = _size(match[2]) if match else None
    if match is None or size is None:
        raise ApiError(
            "Invalid image: expected a base64-encoded data URI of a PNG or JPEG image "
            "('data:image/png;base64,…').",
            code="invalid_value",
            param=param,
        )
    kind = "a PNG" if match[1] == "png" else "a JPEG"
    return f"{kind} image, {size[0]} by {size[1]} pixels"


def _size(encoded: str) -> tuple[int, int] | None:
    """Return width and height in pixels, None when the bytes are no PNG or JPEG."""
    try:
        raw = base64.b64decode(encoded, validate=True)
        if raw.startswith(_PNG):
            width, height = struct.unpack(">II", raw[16:24])
            return width, height
        return _jpeg_size(raw) if raw.startswith(_JPEG) else None
    except (ValueError, struct.error, IndexError):
        return None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    place = 2
    while raw[place] == 0xFF:  # noqa: PLR2004 - every marker of a JPEG begins with this byte
        marker = raw[place + 1]
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">HH", raw[place + 5 : place + 9])
            return width, height
        if marker == _SCAN_MARKER:
            break
        place += 2 + int(struct.unpack(">H", raw[place + 2 : place + 4])[0])
    return None
