"""Reading a picture from whatever holds it: a file, bytes, an array, a figure; or saying why it is none."""

from __future__ import annotations

import base64
import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["MAX_PIXELS", "has_alpha", "read_bytes", "read_picture", "web_url"]

MAX_PIXELS = 100_000_000
"""Largest picture that is read, in pixels: beyond that a small file may fill the memory."""

_WEB = re.compile(r"https?://\S+$", re.IGNORECASE)
_DATA = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_SIGNS = {
    b"%PDF": "it is a PDF; save a page of it as PNG",
    b"PK\x03\x04": "it is a ZIP file, or a document of an office program",
    b"<svg": "it is an SVG drawing; save it as PNG",
    b"<?xml": "it is an XML file, perhaps an SVG drawing; save it as PNG",
    b"<!DOCTYPE": "it is a web page",
    b"<html": "it is a web page",
}
_SIGN_BYTES = 64
_LONGEST_SHOWN = 200
_CHANNELS = (1, 3, 4)
_WHITE = 255
_WHITE_16 = 65535


def web_url(source: Any, max_bytes: int) -> str | None:
    """Return a picture's http(s) URL, None for what is none.

    Raises
    ------
    ConfigurationError
        For a URL that is longer than a message.
    """
    if not isinstance(source, str) or _WEB.match(source) is None:
        return None
    if len(source) > max_bytes:
        raise ConfigurationError(
            f"This URL has {len(source):,} characters, and a message takes {max_bytes:,} bytes."
        )
    return source


def read_bytes(source: Any) -> tuple[bytes | None, str]:
    """Read the file behind a path, a data URL, a figure or an open file.

    Returns
    -------
    data : bytes or None
        None for what is an image or an array already.
    what
        How to call it in errors.

    Raises
    ------
    ConfigurationError
        When there is nothing to read.
    """
    figure = source.get_figure() if callable(getattr(source, "get_figure", None)) else source
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, what = bytes(source), "These bytes"
    elif isinstance(source, str) and source[:5].lower() == "data:":
        data, what = _from_data_url(source), "This data URL"
    elif isinstance(source, str) or hasattr(source, "__fspath__"):
        data, what = _from_file(expanded(source)), str(source)
    elif callable(getattr(figure, "savefig", None)):
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        data, what = drawn.getvalue(), "This figure"
    elif callable(getattr(source, "read", None)):
        data, what = source.read(), "This file"
    else:
        return None, "This picture"
    if not isinstance(data, bytes):
        raise ConfigurationError(f"{what} gives text. Open it in binary mode: open(…, 'rb').")
    if not data:
        raise ConfigurationError(f"{what} is empty: there is no picture in it.")
    return data, what


def _from_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError as error:
        raise ConfigurationError(f"{path} is a folder. Give the path of a picture in it.") from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path} (seen from {Path.cwd()}).") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{str(path)[:_LONGEST_SHOWN]} cannot be read: {reason}.") from error


def _from_data_url(url: str) -> bytes:
    match = _DATA.match(url)
    if match is None:
        raise ConfigurationError('This data URL is not of the form "data:image/png;base64,…".')
    try:
        return base64.b64decode(url[match.end() :], validate=True)
    except ValueError as error:
        raise ConfigurationError(f"The base64 of this data URL is broken: {error}.") from error


def read_picture(
    source: Any, what: str, *, enough_px: int | None = None
) -> tuple[Image.Image, Image.Image | None]:
    """Read a picture's pixels.

    Parameters
    ----------
    source
        The bytes of a file, a PIL image or an array.
    what
        How to call it in errors.
    enough_px
        A side that is large enough: a JPEG may be read at a fraction of its size, which is much faster.

    Returns
    -------
    picture : PIL.Image.Image
        Upright, of mode L, RGB or RGBA.
    original : PIL.Image.Image or None
        As the file has it; None for what came from no file.

    Raises
    ------
    ConfigurationError
        For what is no picture, is broken or too large; for a missing Pillow, with the pip command.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigurationError("Pictures need Pillow: pip install 'rtc_widget[images]'.") from error

    if isinstance(source, bytes):
        original = _opened(source, what)
        if enough_px is not None and max(original.size) > enough_px:
            original.draft(original.mode, (enough_px, enough_px))
        return _loaded(original, what), original
    if isinstance(source, Image.Image):
        _check_size(source, what)
        return _loaded(source, what), None
    return _from_array(source), None


def _opened(data: bytes, what: str) -> Image.Image:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Pillow's own limit of pixels; ours is checked below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise ConfigurationError(f"{what} is too large: {MAX_PIXELS:,} pixels is the most.") from error
    except Exception as error:  # a broken header may raise anything
        start = data[:_SIGN_BYTES].lstrip()
        nature = next(
            (said for sign, said in _SIGNS.items() if start.startswith(sign)), "its format is unknown"
        )
        raise ConfigurationError(f"{what} is no picture that can be read: {nature}.") from error
    _check_size(picture, what)
    return picture


def _check_size(picture: Image.Image, what: str) -> None:
    width, height = picture.size
    if not 0 < width * height <= MAX_PIXELS:
        raise ConfigurationError(
            f"{what} has {width:,} × {height:,} pixels; at least 1 and at most {MAX_PIXELS:,} are read."
        )


def _loaded(picture: Image.Image, what: str) -> Image.Image:
    """Read the pixels, as they are to be seen, in 8 bits of grey or colour, with alpha or without."""
    from PIL import ImageOps

    try:
        picture.load()
        return _in_8_bits(ImageOps.exif_transpose(picture))
    except Exception as error:  # a broken file may raise anything
        raise ConfigurationError(f"{what} is broken, perhaps cut off: {error}.") from error


def has_alpha(picture: Image.Image) -> bool:
    """Say whether one can see through a picture somewhere."""
    return picture.mode in {"LA", "PA", "La", "RGBA", "RGBa"} or "transparency" in picture.info


def _in_8_bits(picture: Image.Image) -> Image.Image:
    if picture.mode in {"L", "RGB", "RGBA"} and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith(("I", "F")):
        return _grey(picture)
    grey = picture.mode == "1"
    return picture.convert("RGBA" if has_alpha(picture) else "L" if grey else "RGB")


def _grey(picture: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey to 8 bits; converting alone would clip most of it to white."""
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
    white = next((top for top in (1, _WHITE, _WHITE_16) if values.max() <= top), values.max())
    if picture.mode.startswith("I"):
        white = max(white, _WHITE)
    low = min(values.min(), 0)
    return Image.fromarray(((values - low) / (white - low) * _WHITE).round().astype(np.uint8))


def _from_array(source: Any) -> Image.Image:
    """Make a picture of an array, or say what is wrong with it."""
    import numpy as np
    from PIL import Image

    if not hasattr(source, "__array__") and not isinstance(source, (list, tuple)):
        raise ConfigurationError(
            f"A {type(source).__name__} is no picture. Right form: a path, bytes, a PIL image, an array, "
            "a figure or an http(s) URL."
        )
    array = np.asarray(source)
    if array.ndim == 3 and array.shape[-1] == 1:  # noqa: PLR2004 - height, width, channels
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[-1] not in _CHANNELS):  # noqa: PLR2004
        first = array.ndim == 3 and array.shape[0] in _CHANNELS  # noqa: PLR2004
        way = " Right form: array.transpose(1, 2, 0)." if first else ""
        raise ConfigurationError(
            f"An array of shape {array.shape} is no picture: height × width, or × 1, 3 or 4 channels.{way}"
        )
    if not 0 < array.shape[0] * array.shape[1] <= MAX_PIXELS:
        raise ConfigurationError(
            f"An array of shape {array.shape} is no picture: at least 1 and at most {MAX_PIXELS:,} pixels."
        )
    return Image.fromarray(np.ascontiguousarray(_eight_bits(array)))


def _eight_bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(_WHITE)
    if array.dtype.kind not in "iuf":
        raise ConfigurationError(
            f"An array of {array.dtype} is no picture: numbers from 0 to 255, or 0 to 1."
        )
    low, high = float(array.min()), float(array.max())
    if array.dtype == np.uint16 and high > _WHITE:
        return (array / (_WHITE_16 / _WHITE)).round().astype(np.uint8)
    # NaN is in no range, so it is refused here too.
    if not (low >= 0 and high <= _WHITE):
        raise ConfigurationError(
            f"An array with values from {low:g} to {high:g} is no picture: 0 to 255, or floats from 0 to 1."
        )
    scale = _WHITE if array.dtype.kind == "f" and high <= 1 else 1
    return (array * scale).round().astype(np.uint8)
