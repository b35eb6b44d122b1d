"""The voice speaks without a server, each voice of the API in its own way."""

from __future__ import annotations

import threading

import jiwer
import pytest

from rtc_widget.sandbox.ears import recognise
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, duration_ms, resample
from rtc_widget.sandbox.voice import DEFAULT_VOICE, LANGUAGES, VOICES, synthesise

SENTENCE = "How many people live in Paris?"


def test_every_voice_is_one_of_its_own() -> None:
    assert len({(tone.variant, tone.pitch) for tone in VOICES.values()}) == len(VOICES)


def test_every_language_has_its_own_sounds() -> None:
    lengths = {round(duration_ms(*synthesise("Bonjour Paris.", language=lang))) for lang in LANGUAGES}
    assert len(lengths) == len(LANGUAGES)


@pytest.mark.parametrize("voice", VOICES)
def test_the_ears_understand_every_voice(voice: str) -> None:
    words = recognise(resample(*synthesise(SENTENCE, voice=voice), HEARD_RATE_HZ))
    plain = words.lower().replace("?", "").replace(".", "").replace(",", "")
    assert jiwer.wer("how many people live in paris", plain) <= 0.2


def test_speed_changes_the_length() -> None:
    lengths = [duration_ms(*synthesise(SENTENCE, speed=speed)) for speed in (0.7, 1.0, 1.5)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[2] * 1.5


def test_an_unknown_voice_is_the_default_one() -> None:
    unknown, default = (
        duration_ms(*synthesise(SENTENCE, voice=voice)) for voice in ("voice_1", DEFAULT_VOICE)
    )
    assert unknown == pytest.approx(default, rel=0.01)


def test_two_threads_may_speak_at_once() -> None:
    alone = {voice: duration_ms(*synthesise(SENTENCE, voice=voice)) for voice in ("ash", "coral")}
    together: dict[str, float] = {}

    def speak(voice: str) -> None:
        for _ in range(5):
            together[voice] = duration_ms(*synthesise(SENTENCE, voice=voice))

    threads = [threading.Thread(target=speak, args=(voice,)) for voice in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {voice: pytest.approx(length, rel=0.01) for voice, length in alone.items()}
