"""Pictures of every kind are made to fit into a message, or refused with the reason."""

from __future__ import annotations

import base64
import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rtc_widget import ConfigurationError, _pictures
from rtc_widget._images import image_url
from rtc_widget.protocol import check_client_event, check_message_bytes, dialect, encode

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 60_000
RNG = np.random.default_rng(7)


def file(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Make a picture with as much in it as a photograph: soft shapes and a little noise."""
    small = Image.fromarray(RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    soft = width * height < 20_000_000
    picture = small.resize((width, height), Image.Resampling.BICUBIC if soft else Image.Resampling.NEAREST)
    ImageDraw.Draw(picture).ellipse((width // 4, height // 4, width // 2, height // 2), fill="red")
    return picture if mode == "RGB" else picture.convert(mode)


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


def see_through(width: int, height: int) -> Image.Image:
    picture = photo(width, height, "RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((width, height)))
    return picture


def turned() -> bytes:
    """Make a photograph whose camera was held sideways."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return file(photo(300, 200), "JPEG", exif=exif)


def animated() -> bytes:
    frames = [photo(120, 90, "P") for _ in range(3)]
    return file(frames[0], "GIF", save_all=True, append_images=frames[1:])


def grey_16() -> Image.Image:
    return Image.fromarray(np.linspace(0, 65535, 200 * 300).astype(np.uint16).reshape(200, 300))


SENT: dict[str, Any] = {
    "1 pixel PNG": lambda: file(Image.new("RGB", (1, 1), "red"), "PNG"),
    "1 pixel JPEG": lambda: file(Image.new("L", (1, 1)), "JPEG"),
    "1 bit": lambda: file(Image.new("1", (64, 64)), "PNG"),
    "a palette": lambda: file(photo(200, 150, "P"), "PNG"),
    "a palette with alpha": lambda: file(photo(64, 64, "P"), "PNG", transparency=0),
    "grey": lambda: file(photo(300, 200, "L"), "PNG"),
    "16-bit grey": lambda: file(grey_16(), "PNG"),
    "32-bit grey TIFF": lambda: file(photo(90, 60, "L").convert("I"), "TIFF"),
    "float TIFF": lambda: file(photo(90, 60, "F"), "TIFF"),
    "alpha": lambda: file(see_through(200, 150), "PNG"),
    "large with alpha": lambda: file(see_through(1500, 1000), "PNG"),
    "grey with alpha": lambda: file(photo(80, 60, "LA"), "PNG"),
    "CMYK JPEG": lambda: file(photo(400, 300, "CMYK"), "JPEG"),
    "CMYK TIFF": lambda: file(photo(400, 300, "CMYK"), "TIFF"),
    "YCbCr": lambda: photo(100, 80, "YCbCr"),
    "a small photograph": lambda: file(photo(640, 480), "JPEG"),
    "a 12-megapixel photograph": lambda: file(photo(4000, 3000), "JPEG", quality=95),
    "40 megapixels": lambda: file(photo(8000, 5000), "JPEG"),
    "40 megapixels of one colour": lambda: file(Image.new("RGB", (8000, 5000), "navy"), "PNG"),
    "noise": lambda: file(noise(800, 600), "PNG"),
    "a long strip": lambda: file(photo(9000, 2), "PNG"),
    "a camera held sideways": turned,
    "an animation": animated,
    "BMP": lambda: file(photo(300, 200), "BMP"),
    "WebP": lambda: file(photo(300, 200), "WEBP"),
    "AVIF": lambda: file(photo(64, 64), "AVIF"),
    "a PIL image": lambda: photo(300, 200),
    "an array": lambda: np.asarray(photo(300, 200)),
}


def opened(url: str) -> Image.Image:
    head, _, text = url.partition(",")
    picture = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    picture.load()
    assert head == f"data:image/{str(picture.format).lower()};base64"
    assert picture.format in {"PNG", "JPEG"}
    return picture


@pytest.mark.parametrize("what", SENT)
def test_a_picture_is_sent_within_the_limit(what: str) -> None:
    url = image_url(SENT[what](), LIMIT_BYTES)
    assert len(url) <= LIMIT_BYTES
    picture = opened(url)
    assert picture.mode in {"1", "L", "LA", "P", "RGB", "RGBA"}
    event, _ = dialect.add_image(url)
    assert check_client_event(event) == event
    check_message_bytes(encode(event), LIMIT_BYTES + 1000)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


REFUSED: dict[str, tuple[Any, str]] = {
    "a truncated PNG": (lambda: file(noise(200, 200), "PNG")[:9000], "broken, perhaps cut off"),
    "a truncated JPEG": (lambda: file(noise(200, 200), "JPEG")[:9000], "broken, perhaps cut off"),
    "a JPEG cut in its header": (lambda: file(photo(99, 99), "JPEG")[:20], "no picture that can be read"),
    "no bytes": (lambda: b"", "empty"),
    "words": (lambda: b"this is a text", "its format is unknown"),
    "an SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing; save it as PNG"),
    "a ZIP": (lambda: b"PK\x03\x04rest", "a ZIP file"),
    "a web page": (lambda: b"<!DOCTYPE html><html>", "a web page"),
    "a broken data URL": (lambda: "data:image/png;base64,AAA!", "base64 of this data URL is broken"),
    "a data URL in percent": (lambda: "data:image/svg+xml,%3Csvg%3E", "not of the form"),
    "too many pixels": (lambda: file(Image.new("1", (10_001, 10_000)), "PNG"), "at most 100,000,000"),
    "a bomb": (lambda: file(Image.new("1", (20_000, 20_000)), "PNG"), "too large"),
    "an image of no size": (lambda: Image.new("RGB", (0, 5)), "0 × 5 pixels"),
    "a number": (lambda: 7, "A int is no picture"),
    "an open text": (lambda: io.StringIO("x"), "binary mode"),
    "a URL longer than a message": (lambda: "https://a.test/" + "x" * LIMIT_BYTES, "60,015 characters"),
    "an array of one line": (lambda: np.zeros(5), "height × width"),
    "an array with its channels first": (lambda: np.zeros((3, 5, 6)), "transpose(1, 2, 0)"),
    "an array with five channels": (lambda: np.zeros((6, 7, 5)), "3 or 4 channels"),
    "an array of no size": (lambda: np.zeros((0, 5)), "at least 1"),
    "an array of words": (lambda: np.array([["a"]]), "is no picture"),
    "an array out of range": (lambda: np.array([[-1.0, 300.0]]), "from -1 to 300"),
    "an array with holes": (lambda: np.array([[np.nan, 0.5]]), "is no picture"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_picture_is_refused_with_the_reason(what: str) -> None:
    make, reason = REFUSED[what]
    with pytest.raises(ConfigurationError) as refused:
        image_url(make(), LIMIT_BYTES)
    assert reason in str(refused.value)


def test_files_that_are_none_are_refused_with_the_reason(tmp_path: Path) -> None:
    pdf = write(tmp_path, "menu.png", b"%PDF-1.7 and more")
    for source, reason in (
        (pdf, "menu.png is no picture that can be read: it is a PDF; save a page of it as PNG"),
        (str(pdf), "it is a PDF"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "There is no file"),
        (write(tmp_path, "empty.png", b""), "is empty"),
        ("x" * 5000, "cannot be read"),
        ("menu\0.png", "cannot be read"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            image_url(source, LIMIT_BYTES)
        assert reason in str(refused.value)
        assert len(str(refused.value)) < 600


def test_paths_bytes_files_and_data_urls_are_the_same_picture(tmp_path: Path) -> None:
    data = file(photo(120, 90), "PNG")
    path = write(tmp_path, "menu.png", data)
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    for source in (path, str(path), data, bytearray(data), io.BytesIO(data), url):
        assert image_url(source, LIMIT_BYTES) == url


def test_a_png_or_jpeg_that_fits_stays_as_it_is_byte_for_byte() -> None:
    for data in (file(photo(300, 200), "PNG"), file(photo(300, 200), "JPEG", quality=55)):
        assert base64.b64decode(image_url(data, LIMIT_BYTES * 10).partition(",")[2]) == data


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
def test_web_addresses_are_passed_on(scheme: str) -> None:
    assert image_url(f"{scheme}://a.test/menu.png", LIMIT_BYTES) == f"{scheme}://a.test/menu.png"


class Figure:
    """As matplotlib's."""

    def savefig(self, target: io.BytesIO, *, format: str) -> None:
        photo(200, 100).save(target, format)


class Axes:
    """As matplotlib's."""

    def get_figure(self) -> Figure:
        return Figure()


@pytest.mark.parametrize("drawn", [Figure(), Axes()])
def test_figures_are_drawn(drawn: Any) -> None:
    assert opened(image_url(drawn, LIMIT_BYTES)).size == (200, 100)


@pytest.mark.parametrize(
    ("array", "corner"),
    [
        (np.full((4, 5), 255, np.uint8), 255),
        (np.full((4, 5, 1), 128, np.uint8), 128),
        (np.full((4, 5), True), 255),
        (np.full((4, 5), 1.0), 255),
        (np.full((4, 5), 200.0), 200),
        (np.full((4, 5), 100, np.int64), 100),
        (np.full((4, 5), 65535, np.uint16), 255),
        ([[0, 255], [255, 0]], 0),
    ],
    ids=str,
)
def test_arrays_of_bytes_and_of_shares_are_pictures(array: Any, corner: int) -> None:
    assert opened(image_url(array, LIMIT_BYTES)).getpixel((0, 0)) == corner


def test_colours_of_arrays_are_kept() -> None:
    array = np.zeros((4, 5, 4))
    array[..., 0] = 1.0
    array[..., 3] = 0.5
    assert opened(image_url(array, LIMIT_BYTES)).getpixel((0, 0)) == (255, 0, 0, 128)


def test_a_camera_held_sideways_gives_an_upright_picture() -> None:
    assert opened(image_url(turned(), LIMIT_BYTES)).size == (200, 300)


def test_16_bit_grey_keeps_its_shades() -> None:
    picture = opened(image_url(file(grey_16(), "PNG"), LIMIT_BYTES))
    assert picture.getextrema() == (0, 255)
    assert picture.getpixel((0, 100)) == pytest.approx(128, abs=2)


def test_cmyk_keeps_its_colours() -> None:
    red = Image.new("CMYK", (20, 20), (0, 255, 255, 0))
    pixel = opened(image_url(file(red, "TIFF"), LIMIT_BYTES)).getpixel((5, 5))
    assert pixel == pytest.approx((255, 0, 0), abs=4)


def test_what_one_sees_through_lies_on_white_once_it_is_a_jpeg() -> None:
    picture = see_through(1500, 1000)
    picture.putalpha(0)
    picture.paste(noise(1500, 900).convert("RGBA"), (0, 100))
    shrunk = opened(image_url(picture, LIMIT_BYTES))
    assert shrunk.format == "JPEG"
    assert shrunk.getpixel((shrunk.width // 2, 2)) == pytest.approx((255, 255, 255), abs=12)


def test_a_picture_is_made_no_smaller_than_it_must_be() -> None:
    large = image_url(noise(1200, 900), LIMIT_BYTES)
    assert LIMIT_BYTES * 0.5 < len(large) <= LIMIT_BYTES
    assert opened(image_url(photo(1200, 900), LIMIT_BYTES * 4)).size == (1200, 900)


def test_a_limit_that_no_picture_fits_is_said() -> None:
    with pytest.raises(ConfigurationError, match="cannot be made to fit into 100 bytes"):
        image_url(noise(50, 50), 100)


def test_without_pillow_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file(photo(20, 20), "PNG")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'rtc_widget\[images\]'"):
        image_url(data, LIMIT_BYTES)


def test_there_are_thirty_pictures_and_more() -> None:
    assert len(SENT) + len(REFUSED) > 30
    assert _pictures.MAX_PIXELS > 40_000_000
