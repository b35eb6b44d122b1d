"""Any picture a user has, as a data URL that fits into one message: PNG or JPEG, as large as may be."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._pictures import has_alpha, read_bytes, read_picture, web_url

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["image_url"]

_TAKEN = {"JPEG": "jpeg", "PNG": "png"}
_PLAIN_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_ORIENTATION = 0x0112
_QUALITIES = (90, 75, 60)
# Beyond this the service itself makes a picture smaller; a lossless try at more would only take time.
_LARGEST_SIDE_PX = 4096
_LARGEST_PNG_PIXELS = 4_000_000
_LEAST_SIDE_PX = 8
_SAFETY = 0.9


def image_url(source: Any, max_bytes: int) -> str:
    """Turn a picture into what `input_image` takes.

    Parameters
    ----------
    source
        Path, bytes, open file, PIL image, array (height × width, or × 1, 3 or 4 channels; from 0 to 255, or
        floats from 0 to 1), figure (anything with `savefig`), data URL, or http(s) URL (passed on as it is).
    max_bytes
        Longest URL. A PNG or JPEG that fits stays as it is; anything else is re-encoded, and made smaller
        only as far as it must be.

    Returns
    -------
    str
        A data URL (PNG or JPEG), or the http(s) URL.

    Raises
    ------
    ConfigurationError
        For what is no picture, with the reason; for a missing Pillow, with the pip command.
    """
    passed_on = web_url(source, max_bytes)
    if passed_on is not None:
        return passed_on
    data, what = read_bytes(source)
    roomy = data is None or len(data) > max_bytes
    picture, original = read_picture(
        source if data is None else data, what, enough_px=_LARGEST_SIDE_PX if roomy else None
    )
    if data is not None and original is not None and _may_stay(original):
        url = _url(data, _TAKEN[str(original.format)])
        if len(url) <= max_bytes:
            return url
    return _fitting(picture, max_bytes, what, lossy=original is not None and original.format == "JPEG")


def _may_stay(original: Image.Image) -> bool:
    """Say whether the bytes of a picture are what the API takes, and show it as everybody sees it."""
    return (
        original.format in _TAKEN
        and original.mode in _PLAIN_MODES
        and getattr(original, "n_frames", 1) == 1
        and original.getexif().get(_ORIENTATION, 1) == 1
    )


def _fitting(picture: Image.Image, max_bytes: int, what: str, *, lossy: bool) -> str:
    """Encode a picture so that its URL fits: without loss, else as JPEG, else smaller and smaller."""
    if max(picture.size) > _LARGEST_SIDE_PX:
        picture = _scaled(picture, _LARGEST_SIDE_PX / max(picture.size))
    if not lossy and picture.width * picture.height <= _LARGEST_PNG_PIXELS:
        url = _url(_encoded(picture, "PNG"), "png")
        if len(url) <= max_bytes:
            return url
    solid = _on_white(picture)
    while True:
        for quality in _QUALITIES:
            url = _url(_encoded(solid, "JPEG", quality=quality), "jpeg")
            if len(url) <= max_bytes:
                return url
        if max(solid.size) <= _LEAST_SIDE_PX:
            raise ConfigurationError(f"{what} cannot be made to fit into {max_bytes:,} bytes.")
        solid = _scaled(solid, min(_SAFETY, math.sqrt(max_bytes / len(url)) * _SAFETY))


def _scaled(picture: Image.Image, factor: float) -> Image.Image:
    from PIL import Image

    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _on_white(picture: Image.Image) -> Image.Image:
    """Lay a picture that one can see through on white paper: JPEG has no alpha."""
    from PIL import Image

    if not has_alpha(picture):
        return picture
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
