"""Sound in events is read and written as ITU-T G.711 has it, in pieces of any length."""

from __future__ import annotations

import av
import numpy as np
import pytest

from rtc_widget.sandbox.formats import Appended, decoded, encoded
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, SPOKEN_RATE_HZ, resample
from rtc_widget.sandbox.voice import synthesise

CODECS = {"audio/pcmu": "pcm_mulaw", "audio/pcma": "pcm_alaw"}


@pytest.mark.parametrize("kind", CODECS)
def test_every_code_means_what_ffmpeg_says(kind: str) -> None:
    codes = bytes(range(256))
    codec = av.CodecContext.create(CODECS[kind], "r")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate = 8000
    codec.layout = "mono"
    (frame,) = codec.decode(av.Packet(codes))
    theirs = frame.to_ndarray().astype("<i2").tobytes()
    assert decoded(codes, kind) == resample(theirs, 8000, HEARD_RATE_HZ)


@pytest.mark.parametrize("kind", ["audio/pcm", *CODECS])
def test_speech_is_the_same_after_both_ways(kind: str) -> None:
    pcm = resample(*synthesise("A flat white, please."), SPOKEN_RATE_HZ)
    there = np.frombuffer(resample(pcm, SPOKEN_RATE_HZ, HEARD_RATE_HZ), "<i2").astype(float)
    back = np.frombuffer(decoded(encoded(pcm, kind), kind), "<i2").astype(float)
    length = min(len(there), len(back))
    assert abs(len(there) - len(back)) <= 2
    assert np.corrcoef(there[:length], back[:length])[0, 1] > 0.95


@pytest.mark.parametrize("kind", ["audio/pcm", *CODECS])
def test_pieces_make_the_sound_that_the_whole_makes(kind: str) -> None:
    raw = encoded(resample(*synthesise("Hello."), SPOKEN_RATE_HZ), kind)
    appended = Appended()
    pieces = [appended.take(raw[start : start + 333], kind) for start in range(0, len(raw), 333)]
    assert b"".join(pieces) + appended.flush() == decoded(raw, kind)
