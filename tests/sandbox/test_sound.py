"""Sound: rates change without changing the sound, images tell what they are, and the mouth keeps count."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from rtc_widget.sandbox.call import _Voice
from rtc_widget.sandbox.images import describe
from rtc_widget.sandbox.mouth import Mouth
from rtc_widget.sandbox.sound import duration_ms, resample, silence
from rtc_widget.sandbox.wire import ApiError, obfuscation


def tone(rate_hz: int, seconds: float = 0.5, hz: float = 440.0) -> bytes:
    times = np.arange(int(rate_hz * seconds)) / rate_hz
    return (np.sin(2 * np.pi * hz * times) * 10_000).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(22_050, 48_000), (22_050, 16_000), (48_000, 16_000), (24_000, 16_000)]
)
def test_a_tone_is_the_same_at_another_rate(from_hz: int, to_hz: int) -> None:
    changed = np.frombuffer(resample(tone(from_hz), from_hz, to_hz), "<i2").astype(float)
    wanted = np.frombuffer(tone(to_hz), "<i2").astype(float)
    assert abs(len(changed) - len(wanted)) <= 1
    middle = slice(300, min(len(changed), len(wanted)) - 300)
    assert np.abs(changed[middle] - wanted[middle]).max() < 20


def test_what_a_lower_rate_cannot_hold_is_filtered_out() -> None:
    changed = np.frombuffer(resample(tone(48_000, hz=12_000), 48_000, 16_000), "<i2")
    assert np.abs(changed[200:-200]).max() < 100


def test_a_rate_that_stays_changes_nothing() -> None:
    assert resample(b"\1\0\2\0", 16_000, 16_000) == b"\1\0\2\0"
    assert resample(b"", 16_000, 48_000) == b""
    assert duration_ms(silence(20, 48_000), 48_000) == 20


class Notes:
    """What a mouth tells."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.mouth = Mouth(
            lambda name: self.kinds.append(f"+{name}"), lambda name: self.kinds.append(f"-{name}")
        )


def test_the_mouth_starts_with_the_first_sound_and_stops_with_the_last() -> None:
    notes = Notes()
    mouth = notes.mouth
    assert mouth.take(8) == bytes(8)
    mouth.say("r1", "i1", b"abcdef")
    assert notes.kinds == []
    assert mouth.take(4) == b"abcd"
    assert notes.kinds == ["+r1"]
    mouth.finish("r1")
    assert notes.kinds == ["+r1"]
    assert mouth.take(4) == b"ef\0\0"
    assert notes.kinds == ["+r1", "-r1"]
    assert not mouth.is_busy


def test_what_is_due_later_waits_to_the_sample() -> None:
    notes = Notes()
    mouth = notes.mouth
    mouth.say("r1", "i1", b"abcdefgh", due_s=10 + 2 / 48_000)
    assert mouth.take(8, 9.9) == bytes(8)
    assert notes.kinds == []
    assert mouth.take(8, 10.0) == b"\0\0\0\0abcd"
    assert notes.kinds == ["+r1"]
    mouth.say("r1", "i1", b"ij")
    assert mouth.take(8, 10.1) == b"efghij\0\0"


def test_a_response_that_is_still_being_made_keeps_its_place() -> None:
    notes = Notes()
    mouth = notes.mouth
    mouth.say("r1", "i1", b"ab")
    mouth.say("r2", "i2", b"zz")
    mouth.finish("r2")
    assert mouth.take(4) == b"ab\0\0"
    mouth.say("r1", "i1", b"cd")
    mouth.finish("r1")
    assert mouth.take(6) == b"cdzz\0\0"
    assert notes.kinds == ["+r1", "-r1", "+r2", "-r2"]


def test_clearing_tells_what_was_really_sent() -> None:
    notes = Notes()
    mouth = notes.mouth
    mouth.say("r1", "i1", silence(100, 48_000))
    mouth.take(len(silence(40, 48_000)))
    (cut,) = mouth.clear()
    assert (cut.item_id, cut.sent_ms) == ("i1", 40)
    assert mouth.take(4) == bytes(4)
    assert notes.kinds == ["+r1"]


def test_what_was_not_made_of_an_item_is_not_said() -> None:
    notes = Notes()
    mouth = notes.mouth
    for _ in range(3):
        mouth.say("r1", "i1", b"x" * 48_000)
    mouth.take(24_000)
    mouth.shorten("i1", 750)
    mouth.finish("r1")
    assert mouth.take(96_000) == b"x" * (72_000 - 24_000) + bytes(48_000)
    assert notes.kinds == ["+r1", "-r1"]


def test_what_is_out_already_is_not_taken_back() -> None:
    notes = Notes()
    mouth = notes.mouth
    mouth.say("r1", "i1", b"x" * 48_000)
    mouth.take(40_000)
    mouth.shorten("i1", 100)
    mouth.finish("r1")
    assert not mouth.is_busy
    assert notes.kinds == ["+r1", "-r1"]


class Clock:
    """A loop whose time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def get_running_loop(self) -> Clock:
        return self

    def time(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("rtc_widget.sandbox.call.asyncio", clock)
    return clock


async def test_the_voice_keeps_the_time_of_the_clock(clock: Clock) -> None:
    voice = _Voice(Notes().mouth)
    places = [(await voice.recv()).pts for _ in range(500)]
    assert places == list(range(0, 500 * 960, 960))
    assert clock.now_s == pytest.approx(100 + 499 * 0.02)


async def test_a_late_voice_catches_up(clock: Clock) -> None:
    voice = _Voice(Notes().mouth)
    await voice.recv()
    clock.now_s += 0.2
    for _ in range(10):
        await voice.recv()
    assert clock.slept_s == []
    await voice.recv()
    assert clock.now_s == pytest.approx(100 + 11 * 0.02)


async def test_a_voice_that_is_far_too_late_does_not_hurry(clock: Clock) -> None:
    voice = _Voice(Notes().mouth)
    await voice.recv()
    clock.now_s += 5
    await voice.recv()
    for _ in range(10):
        await voice.recv()
    assert clock.slept_s == [pytest.approx(0.02)] * 10
    voice.stop()
    with pytest.raises(MediaStreamError):
        await voice.recv()


def test_obfuscation_hides_the_length_of_a_delta() -> None:
    assert {
        (len(delta) + len(obfuscation(delta))) % 16 for delta in ("a", "hello", " Marcelo", "x" * 17)
    } == {0}


def test_images_tell_their_format_and_size() -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
    jpeg = (
        b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab" + b"\xff\xc2" + struct.pack(">HBHH", 11, 8, 30, 20)
    )
    assert describe(url("png", png), "x") == "a PNG image, 640 by 480 pixels"
    assert describe(url("jpeg", jpeg), "x") == "a JPEG image, 20 by 30 pixels"
    assert "address" in describe("https://example.com/a.png", "x")


@pytest.mark.parametrize(
    "raw", [b"", b"%PDF-1.4", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xda\0\2"]
)
def test_what_is_no_image_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        describe(url("png", raw), "item.content[0].image_url")
    assert caught.value.param == "item.content[0].image_url"


def url(kind: str, raw: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"
