"""Sound comes in from everything that holds sound, and from nothing else without a word of why."""

from __future__ import annotations

import io
import struct
import sys
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio import Sound, load_sound
from tests.audio.signals import strength, tone, tone16

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def wav_bytes(
    samples: NDArray[Any], sample_rate_hz: int = 24_000, subtype: str = "PCM_16", **how: Any
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate_hz, subtype=subtype, format=how.pop("format", "WAV"))
    return file.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_kind_of_wav_is_read(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav_bytes(tone(440, 24_000), subtype=subtype))
    sound = load_sound(path)
    assert (sound.sample_rate_hz, sound.name) == (24_000, "tone.wav")
    assert sound.seconds == pytest.approx(1.0)
    assert strength(sound.samples, 440, 24_000) > 0.99
    assert int(np.abs(sound.samples).max()) == pytest.approx(16_384, rel=0.05)


@pytest.mark.parametrize(("kind", "share"), [("flac", 0.999), ("ogg", 0.95), ("mp3", 0.95), ("aiff", 0.999)])
def test_compressed_files_are_read(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"tone.{kind}"
    soundfile.write(path, tone(440, 44_100), 44_100)
    sound = load_sound(str(path))
    assert sound.sample_rate_hz == 44_100
    assert strength(sound.samples, 440, 44_100) > share


def test_a_plain_wav_needs_no_package_beyond_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    for subtype in ("PCM_U8", "PCM_16", "PCM_32"):
        assert load_sound(wav_bytes(tone(440, 24_000), subtype=subtype)).seconds == 1.0
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC....")
    with pytest.raises(ConfigurationError, match=r"pip install 'rtc_widget\[audio\]'"):
        load_sound(path)


def test_channels_are_mixed_into_one() -> None:
    left, right = tone16(440, 24_000), np.zeros(24_000, np.int16)
    for samples in (np.stack([left, right], axis=1), np.stack([left, right])):
        mixed = load_sound(samples, sample_rate_hz=24_000)
        np.testing.assert_allclose(mixed.samples, left / 2, atol=1)
    stereo = load_sound(wav_bytes(np.stack([left, right], axis=1)))
    np.testing.assert_allclose(stereo.samples, left / 2, atol=1)


def test_floats_and_integers_are_the_same_sound() -> None:
    floats = load_sound(tone(440, 16_000).astype(np.float64), sample_rate_hz=16_000)
    integers = load_sound(tone16(440, 16_000), sample_rate_hz=16_000)
    np.testing.assert_allclose(floats.samples, integers.samples, atol=2)


def test_a_sound_is_taken_as_it_is() -> None:
    sound = Sound.from_samples(tone16(440, 24_000), 24_000, name="mine")
    assert load_sound(sound) is sound


def test_a_wav_that_was_streamed_and_claims_four_gigabytes_is_read() -> None:
    data = bytearray(wav_bytes(tone16(440, 24_000)))
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFF_FFFF)
    assert load_sound(bytes(data)).seconds == pytest.approx(1.0)


def test_a_wav_cut_off_in_a_sample_is_read_up_to_there() -> None:
    assert load_sound(wav_bytes(tone16(440, 24_000))[:-1_001]).seconds == pytest.approx(0.979, abs=0.001)


def empty_wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 24_000, 0, "NONE", ""))
    return file.getvalue()


NAN = np.array([0.0, np.nan, 0.1])
BAD: list[tuple[object, dict[str, Any], str]] = [
    ("nowhere.wav", {}, "no file nowhere.wav"),
    (".", {}, "is a directory"),
    ("https://example.org/a.wav", {}, "web address"),
    ("a\0b.wav", {}, "cannot be read"),
    ("~nouser/x.wav", {}, "~nouser/x.wav cannot be read: there is no such home"),
    (b"", {}, "empty"),
    (b"not a sound at all, but words", {}, "not a sound file"),
    (b"RIFF\0\0\0\0WAVE", {}, "not a sound file"),
    (b"%PDF-1.7 ...", {}, "ffmpeg"),
    (empty_wav(), {}, "no samples"),
    (np.zeros(0, np.int16), {"sample_rate_hz": 24_000}, "no samples"),
    (np.zeros((2, 0)), {"sample_rate_hz": 24_000}, "no samples"),
    (Sound(b"", 24_000), {}, "no samples"),
    (Sound(b"abc", 24_000), {}, "3 bytes end within a sample"),
    (Sound(b"ab", 0), {}, "0 Hz cannot be"),
    (np.zeros(10), {}, "sample_rate_hz=24000"),
    (np.zeros(10), {"sample_rate_hz": 0}, "0 Hz cannot be"),
    (np.zeros(10), {"sample_rate_hz": 24_000.5}, "whole numbers"),
    (np.zeros(10), {"sample_rate_hz": True}, "whole numbers"),
    (np.zeros(10), {"sample_rate_hz": "24000"}, "whole numbers"),
    (NAN, {"sample_rate_hz": 24_000}, "NaN"),
    (np.array([0.0, np.inf]), {"sample_rate_hz": 24_000}, "infinite"),
    (np.array([0.0, 20_000.0]), {"sample_rate_hz": 24_000}, "Divide by 32768"),
    (np.zeros(10, np.int64), {"sample_rate_hz": 24_000}, r"astype\('int16'\)"),
    (np.zeros(10, np.complex64), {"sample_rate_hz": 24_000}, "complex64 samples"),
    (np.zeros((4, 5, 6)), {"sample_rate_hz": 24_000}, "shape"),
    (np.zeros((64, 64)), {"sample_rate_hz": 24_000}, "shape"),
    (np.float64(1.0), {"sample_rate_hz": 24_000}, "is no sound"),
    (None, {}, "NoneType is no sound"),
    ([0.0, 0.1], {"sample_rate_hz": 24_000}, "list is no sound"),
]


@pytest.mark.parametrize(("source", "how", "words"), BAD)
def test_what_is_no_sound_says_why(source: object, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_sound(source, **how)


def test_a_float_file_with_nan_in_it_says_so() -> None:
    with pytest.raises(ConfigurationError, match="NaN"):
        load_sound(wav_bytes(NAN, subtype="FLOAT"))


def test_an_empty_file_names_its_path(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    with pytest.raises(ConfigurationError, match=r"empty\.wav: empty"):
        load_sound(path)


def test_a_relative_path_is_told_where_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        load_sound("nowhere.wav")
