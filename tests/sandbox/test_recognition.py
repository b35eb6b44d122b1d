"""Words are found in sound of any length, and nobody waits for somebody else's long speech."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from itertools import cycle, islice
from typing import TYPE_CHECKING

import jiwer
import numpy as np

from rtc_widget.sandbox import recognition
from rtc_widget.sandbox.recognition import recognise, recognise_soon
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, resample, silence
from rtc_widget.sandbox.voice import synthesise

if TYPE_CHECKING:
    import pytest

SENTENCES = (
    "A ship left the harbour in the early morning.",
    "The captain looked at the sky and saw a white cloud.",
    "He said that the wind would turn.",
    "In the evening the wind came from the north.",
    "Nobody on the ship was afraid.",
    "The lamp was burning and the soup was hot.",
    "I would like to order two large coffees with milk.",
    "Please bring a slice of apple cake as well.",
    "My table is the one next to the window.",
    "Tomorrow we will travel to the city by train.",
    "The meeting begins at nine in the morning.",
    "She told me that the price had gone up again.",
    "We have seen three films about the history of music.",
    "The garden is full of red and yellow flowers.",
    "His brother works in a hospital near the river.",
)


@cache
def spoken(text: str) -> bytes:
    return resample(*synthesise(text, voice="cedar"), HEARD_RATE_HZ)


def story(n_sentences: int) -> bytes:
    """Return some sentences with a pause after each: about 3 s a sentence."""
    pause = silence(600, HEARD_RATE_HZ)
    return b"".join(spoken(text) + pause for text in islice(cycle(SENTENCES), n_sentences))


def noise(seconds: float) -> bytes:
    samples = np.random.default_rng(3).normal(0, 300, round(seconds * HEARD_RATE_HZ))
    return samples.astype("<i2").tobytes()


def plain(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower())


def test_the_words_of_a_long_speech_are_found() -> None:
    words = recognise(story(24))
    assert jiwer.wer(plain(" ".join(islice(cycle(SENTENCES), 24))), plain(words)) < 0.3


async def test_a_short_question_does_not_wait_for_all_of_a_long_speech() -> None:
    long = recognise_soon(story(9))
    short = recognise_soon(spoken("How many people live in Paris?"))
    assert "people live in paris" in (await short).lower()
    assert not long.done()
    assert await long == recognise(story(9))


async def test_a_long_speech_that_goes_on_is_given_up() -> None:
    long = recognise_soon(story(9))
    await asyncio.sleep(0)
    long.cancel()
    assert "people live in paris" in (await recognise_soon(spoken("How many people live in Paris?"))).lower()
    assert long.cancelled()


def test_there_are_no_words_in_the_noise_around_a_question() -> None:
    assert recognise(noise(30)) == ""
    pause = silence(400, HEARD_RATE_HZ)
    words = recognise(noise(19) + pause + spoken("How many people live in Paris?") + pause + noise(19))
    assert plain(words) == "how many people live in paris"


def test_of_speech_that_goes_on_only_what_is_new_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def count(pcm: bytes) -> str:
        read.append(pcm)
        return "word"

    monkeypatch.setattr(recognition, "_read", count)
    recognition._words_in.cache_clear()
    recognise(story(14))
    assert len(read) >= 3
    before = len(read)
    assert recognise(story(15)) == "word word word"
    assert len(read) == before + 1
    recognition._words_in.cache_clear()
