"""The ears hear turns, and their numbers mean what they mean in the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget.sandbox.ears import Ears, recognise
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, resample, silence
from rtc_widget.sandbox.voice import synthesise

if TYPE_CHECKING:
    from rtc_widget.sandbox.ears import Heard

SERVER_VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
FRAME_BYTES = HEARD_RATE_HZ * 20 // 1000 * 2


class Notes:
    """A listener that keeps what it is told, and when."""

    def __init__(self) -> None:
        self.started_ms: list[int] = []
        self.stopped: list[Heard] = []

    def speech_started(self, start_ms: int) -> None:
        self.started_ms.append(start_ms)

    def speech_stopped(self, heard: Heard) -> None:
        self.stopped.append(heard)


def spoken(text: str) -> bytes:
    return resample(*synthesise(text, voice="cedar"), HEARD_RATE_HZ)


def quiet(milliseconds: float) -> bytes:
    return silence(milliseconds, HEARD_RATE_HZ)


def listen(settings: dict[str, Any] | None, *sounds: bytes) -> tuple[Ears, Notes]:
    notes = Notes()
    ears = Ears(notes)
    ears.configure(settings)
    sound = b"".join(sounds)
    for start in range(0, len(sound), FRAME_BYTES):
        ears.hear(sound[start : start + FRAME_BYTES])
    return ears, notes


async def test_a_turn_begins_with_its_padding_and_ends_with_its_silence() -> None:
    speech = spoken("How many people live in Paris?")
    _, notes = listen(SERVER_VAD, quiet(1000), speech, quiet(1000))
    assert notes.started_ms == [pytest.approx(1000 - 300, abs=150)]
    heard = notes.stopped[0]
    assert heard.start_ms == notes.started_ms[0]
    assert heard.end_ms == pytest.approx(1000 + len(speech) / 32 + 500, abs=250)
    assert len(heard.pcm) / 32 == pytest.approx(heard.duration_ms, abs=2)
    assert "people live in paris" in (await heard.words).lower()


async def test_a_longer_padding_begins_earlier_but_never_before_the_last_turn() -> None:
    speech = spoken("Hello there.")
    sounds = (quiet(1000), speech, quiet(700), speech, quiet(1000))
    _, notes = listen({**SERVER_VAD, "prefix_padding_ms": 900}, *sounds)
    assert notes.started_ms[0] == pytest.approx(1000 - 900, abs=150)
    assert notes.started_ms[1] == notes.stopped[0].end_ms


@pytest.mark.parametrize(("silence_ms", "turns"), [(250, 2), (1200, 1)])
async def test_silence_decides_whether_a_pause_ends_the_turn(silence_ms: int, turns: int) -> None:
    sounds = (quiet(300), spoken("Good morning."), quiet(700), spoken("How are you today?"), quiet(1500))
    _, notes = listen({**SERVER_VAD, "silence_duration_ms": silence_ms}, *sounds)
    assert len(notes.stopped) == turns


async def test_speech_that_comes_at_once_makes_the_turns_that_it_makes_in_pieces() -> None:
    questions = (spoken("How many people live in Paris?"), spoken("What is your name?"))
    sounds = (quiet(300), questions[0], quiet(4000), questions[1], quiet(1500))
    _, pieces = listen(SERVER_VAD, *sounds)
    notes = Notes()
    ears = Ears(notes)
    ears.configure(SERVER_VAD)
    ears.hear(b"".join(sounds))
    assert len(notes.stopped) == 2
    assert notes.started_ms == pieces.started_ms
    ends_ms = [heard.end_ms for heard in pieces.stopped]
    assert [heard.end_ms for heard in notes.stopped] == pytest.approx(ends_ms, abs=40)
    assert "people live in paris" in (await notes.stopped[0].words).lower()
    assert "name" in (await notes.stopped[1].words).lower()


async def test_a_higher_threshold_does_not_hear_what_a_lower_one_hears() -> None:
    def chances(threshold: float) -> int:
        notes = Notes()
        ears = Ears(notes, lambda _: 0.6)
        ears.configure({**SERVER_VAD, "threshold": threshold})
        ears.hear(spoken("Hello."))
        return len(notes.started_ms)

    assert chances(0.5) == 1
    assert chances(0.7) == 0


async def test_a_threshold_of_zero_takes_all_sound_for_speech() -> None:
    ears, notes = listen({**SERVER_VAD, "threshold": 0.0}, quiet(3000))
    assert notes.started_ms == [0]
    assert notes.stopped == []
    assert ears.is_hearing_speech


async def test_a_click_is_no_speech() -> None:
    chances = iter([0.9, *[0.0] * 50])
    notes = Notes()
    ears = Ears(notes, lambda _: next(chances))
    ears.configure(SERVER_VAD)
    ears.hear(bytes(512 * 2 * 40))
    assert notes.started_ms == []


@pytest.mark.parametrize(("eagerness", "silence_ms"), [("high", 300), ("medium", 600), ("low", 1200)])
async def test_eagerness_is_how_long_silence_is_waited_for(eagerness: str, silence_ms: int) -> None:
    speech = spoken("How many people live in Paris?")
    settings = {"type": "semantic_vad", "eagerness": eagerness}
    _, notes = listen(settings, speech, quiet(2500))
    assert notes.stopped[0].end_ms == pytest.approx(len(speech) / 32 + silence_ms, abs=250)


async def test_an_unfinished_sentence_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def understand(_: bytes) -> asyncio.Future[str]:
        words: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        words.set_result("I would like a coffee and")
        return words

    monkeypatch.setattr("rtc_widget.sandbox.ears.recognise_soon", understand)
    speech = spoken("I would like a coffee and")
    _, notes = listen({"type": "semantic_vad", "eagerness": "high"}, speech, quiet(1500))
    assert notes.stopped == []
    _, notes = listen({"type": "semantic_vad", "eagerness": "high"}, speech, quiet(2500))
    assert len(notes.stopped) == 1


async def test_without_detection_the_buffer_is_committed_by_hand() -> None:
    ears, notes = listen(None, quiet(300), spoken("What is your name?"))
    assert notes.started_ms == []
    heard = ears.commit()
    assert heard is not None
    assert heard.start_ms == 0
    assert "your name" in (await heard.words).lower()
    assert ears.commit() is None


async def test_without_detection_the_beginning_of_minutes_is_kept_for_the_commit() -> None:
    ears, _ = listen(None, spoken("What is your name?"), quiet(300_000))
    heard = ears.commit()
    assert heard is not None
    assert heard.start_ms == 0
    assert heard.duration_ms > 300_000
    assert "your name" in (await heard.words).lower()


async def test_clearing_forgets_the_sound() -> None:
    ears, _ = listen(None, spoken("What is your name?"))
    ears.clear()
    assert ears.buffered_ms == 0
    ears.hear(quiet(150))
    heard = ears.commit()
    assert heard is not None
    assert heard.duration_ms == 150
    assert await heard.words == ""


async def test_words_are_ready_when_the_silence_is_over() -> None:
    notes = Notes()
    ears = Ears(notes)
    ears.configure(SERVER_VAD)
    ears.hear(spoken("How many people live in Paris?"))
    ears.hear(quiet(300))
    guess = ears._guess
    assert guess is not None
    await asyncio.wait({guess[1]})
    ears.hear(quiet(400))
    assert notes.stopped[0].words.done()


def test_silence_has_no_words() -> None:
    assert recognise(b"") == ""
    assert recognise(quiet(1000)) == ""
