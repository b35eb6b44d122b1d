"""A sound shows itself, plays in a notebook, and goes into files."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio import Sound, load_sound
from tests.audio.signals import strength, tone16

if TYPE_CHECKING:
    from pathlib import Path


def sound_of(seconds: float, sample_rate_hz: int = 24_000) -> Sound:
    return Sound.from_samples(tone16(440, sample_rate_hz, seconds), sample_rate_hz, name="<a> tone")


@pytest.mark.parametrize(("kind", "share"), [("wav", 0.999), ("flac", 0.999), ("ogg", 0.95), ("mp3", 0.95)])
def test_it_is_read_back_from_the_file_it_was_written_to(tmp_path: Path, kind: str, share: float) -> None:
    written = sound_of(1.0).save(tmp_path / f"a.{kind}")
    back = load_sound(written)
    assert back.sample_rate_hz == 24_000
    assert strength(back.samples, 440, 24_000) > share


def test_wav_and_flac_lose_no_sample(tmp_path: Path) -> None:
    sound = sound_of(0.5)
    for kind in ("wav", "flac"):
        assert load_sound(sound.save(tmp_path / f"a.{kind}")).pcm == sound.pcm


@pytest.mark.parametrize(
    ("name", "words"), [("a.m4a", "end it in"), ("no/where/a.wav", "No such file"), ("a/b.flac", "folder")]
)
def test_a_file_that_cannot_be_written_says_why(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        sound_of(0.1).save(tmp_path / name)


@pytest.mark.parametrize("kind", ["ogg", "mp3", "flac"])
def test_minutes_are_written_as_well_as_seconds(tmp_path: Path, kind: str) -> None:
    code = (
        "import sys, numpy; from rtc_widget.audio import Sound\n"
        "Sound.from_samples(numpy.zeros(24_000 * 150, numpy.int16), 24_000).save(sys.argv[1])"
    )  # elsewhere: where it is not, the process goes down
    subprocess.run([sys.executable, "-c", code, tmp_path / f"a.{kind}"], check=True)
    assert load_sound(tmp_path / f"a.{kind}").seconds == pytest.approx(150, abs=0.1)


@pytest.mark.parametrize(("kind", "rate_hz"), [("mp3", 96_000), ("flac", 768_000), ("ogg", 384_000)])
def test_a_rate_that_a_format_has_not_is_told_and_overwrites_nothing(
    tmp_path: Path, kind: str, rate_hz: int
) -> None:
    place = tmp_path / f"a.{kind}"
    place.write_text("mine", "utf-8")
    with pytest.raises(ConfigurationError, match=r"resampled\(48000\)"):
        sound_of(0.1, rate_hz).save(place)
    assert place.read_text("utf-8") == "mine"


@pytest.mark.parametrize("samples", [np.zeros(4), np.zeros((4, 2), np.int16), np.array([100_000])])
def test_samples_of_another_type_or_shape_are_refused(samples: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"load_sound\(samples"):
        Sound.from_samples(samples, 24_000)


def test_without_soundfile_only_wav_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    sound_of(0.1).save(tmp_path / "a.wav")
    with pytest.raises(ConfigurationError, match=r"pip install 'rtc_widget\[audio\]'"):
        sound_of(0.1).save(tmp_path / "a.flac")


def test_a_cell_shows_a_player_of_no_more_than_24_khz() -> None:
    shown = sound_of(0.25, 48_000)._repr_html_()
    assert 'title="&lt;a&gt; tone, 0.2 s"' in shown
    found = re.search(r"base64,([^\"]+)", shown)
    assert found is not None
    with wave.open(io.BytesIO(base64.b64decode(found[1]))) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getnframes()) == (24_000, 1, 6_000)


def test_a_very_long_sound_is_not_put_into_the_notebook() -> None:
    shown = Sound(bytes(2 * 8_000 * 601), 8_000)._repr_html_()
    assert "too long" in shown
    assert len(shown) < 200


def test_a_cut_is_as_long_as_asked() -> None:
    sound = sound_of(1.0)
    assert sound.cut(0.25, 0.75).seconds == pytest.approx(0.5)
    assert sound.cut(0.9).seconds == pytest.approx(0.1)
    assert sound.cut(-1, 5).pcm == sound.pcm


def test_another_rate_is_the_same_sound() -> None:
    other = sound_of(1.0).resampled(48_000)
    assert (other.sample_rate_hz, other.seconds) == (48_000, 1.0)
    assert strength(other.samples, 440, 48_000) > 0.999
    assert other.resampled(48_000) is other


ODD = [pd.Series([1, 2]), np.array([1.0, 2.0]), pd.NA, "1", [1], float("nan"), float("inf"), True]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_bound_that_is_no_number_of_seconds_is_refused(odd: Any) -> None:
    for cut in ({"start_s": odd}, {"end_s": odd}):
        with pytest.raises(ConfigurationError, match=rf"{next(iter(cut))} is a number of seconds"):
            sound_of(0.1).cut(**cut)


@pytest.mark.parametrize("odd", [0, -5, 10**12, 8000.5, *ODD], ids=repr)
def test_a_rate_that_cannot_be_is_refused(odd: Any) -> None:
    with pytest.raises(ConfigurationError, match="sample rate"):
        sound_of(0.1).resampled(odd)


@pytest.mark.parametrize("odd", [None, 5, b"a.wav", "a\0b.wav", *ODD[:3]], ids=repr)
def test_a_sound_is_written_to_nothing_that_is_no_path(odd: Any) -> None:
    with pytest.raises(ConfigurationError, match="no path"):
        sound_of(0.1).save(odd)


def test_the_repr_holds_no_samples() -> None:
    assert repr(sound_of(1.5)) == "<Sound '<a> tone': 1.50 s at 24000 Hz>"


def test_samples_are_16_bit() -> None:
    assert sound_of(0.1).samples.dtype == np.int16
