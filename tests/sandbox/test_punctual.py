"""Answers come as long after the user's last word as the instructions say, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtc_widget.audio.segments import find_segments
from rtc_widget.audio.sound import Sound
from rtc_widget.sandbox.ears import Heard
from rtc_widget.sandbox.punctual import Arrivals, due_s
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, SPOKEN_RATE_HZ, duration_ms, resample, silence
from rtc_widget.sandbox.wire import ApiError
from tests.sandbox.client import call, spoken
from tests.sandbox.events import of_type
from tests.sandbox.inside import inside
from tests.sandbox.socket_client import socket
from tests.sandbox.test_sound import Clock

if TYPE_CHECKING:
    from tests.sandbox.service import Service

QUESTION = "A flat white please."
PATIENT = {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 500}}}}


def trimmed(text: str, rate_hz: int) -> bytes:
    """Return speech from its first loud sample to its last."""
    samples = np.frombuffer(resample(spoken(text), SPOKEN_RATE_HZ, rate_hz), "<i2")
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 150)
    return samples[loud[0] : loud[-1] + 1].tobytes()


async def heard(came_s: float, silent_ms: float = 300.0) -> Heard:
    """Return a turn that ends with silence."""
    pcm = silence(200, HEARD_RATE_HZ) + trimmed(QUESTION, HEARD_RATE_HZ) + silence(silent_ms, HEARD_RATE_HZ)
    words: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return Heard(pcm, 0, round(duration_ms(pcm, HEARD_RATE_HZ)), words, came_s)


async def test_silence_on_both_sides_is_reckoned_with() -> None:
    now_s = asyncio.get_running_loop().time()
    answer = silence(120, SPOKEN_RATE_HZ) + trimmed("One flat white.", SPOKEN_RATE_HZ)
    due = await due_s(await heard(now_s), answer, 1_500)
    assert due - now_s == pytest.approx(1.5 - 0.3 - 0.12, abs=0.006)


async def test_an_answer_that_comes_too_late_is_refused_and_says_by_how_much() -> None:
    now_s = asyncio.get_running_loop().time()
    with pytest.raises(ApiError, match=r"400 ms after .* took (4[1-9]|[5-9]\d)\d ms") as refused:
        await due_s(await heard(now_s - 0.1), trimmed("One flat white.", SPOKEN_RATE_HZ), 400)
    assert refused.value.code == "answered_too_late"


def test_sound_that_comes_in_bursts_came_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("rtc_widget.sandbox.punctual.asyncio", clock)
    arrivals = Arrivals()
    for piece in range(1, 501):
        # Two pieces at a time: one of them 20 ms late.
        clock.now_s = 100 + 0.04 * ((piece + 1) // 2)
        arrivals.note(20.0 * piece)
    assert arrivals.came_s(10_000) == pytest.approx(110.01)
    assert arrivals.came_s(9_990) == pytest.approx(110.0)


async def test_a_call_answers_when_it_is_told_to(service: Service) -> None:
    asked = {"instructions": "Answer in one word, 2000 ms after the user.", **PATIENT}
    async with call(service, asked) as client:
        await asyncio.sleep(0.5)
        begun_s = asyncio.get_running_loop().time()
        client.microphone.play(trimmed(QUESTION, SPOKEN_RATE_HZ))
        events = await client.turn(since=1)
        ended_s = client.microphone.spoken_until_s
        heard_s = [when_s for when_s, _ in client.heard if when_s >= begun_s]
        sound = Sound(client.heard_since(begun_s), HEARD_RATE_HZ)
    # Which word it is, is for its ears to say, and for other tests.
    assert len(of_type(events, "response.output_audio_transcript.done")[0]["transcript"].split()) == 1
    onset_ms = find_segments(sound, "agent")[0].t_start_ms
    onset_s = heard_s[int(onset_ms / sound.seconds / 1_000 * len(heard_s))]
    # It takes half a second where nobody waits; a busy machine makes either side late.
    assert onset_s - ended_s > 1.5


async def test_a_call_that_cannot_answer_so_soon_says_so(service: Service) -> None:
    asked = {"instructions": "Answer 300 ms after the user.", **PATIENT}
    async with call(service, asked) as client:
        client.microphone.play(trimmed(QUESTION, SPOKEN_RATE_HZ))
        done = (await client.wait_for("response.done"))["response"]
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["code"] == "answered_too_late"
    assert "silence_duration_ms" in done["status_details"]["error"]["message"]


async def test_what_is_typed_is_answered_at_once() -> None:
    async with inside(instructions="Answer 9000 ms after the user.") as talk:
        assert await talk.ask("Good morning.") == "You said: Good morning."


async def test_over_a_websocket_nobody_knows_when_the_answer_is_heard(service: Service) -> None:
    async with socket(service, "model=gpt-realtime-2.1") as talk:
        asked = {"type": "realtime", "instructions": "Answer 1500 ms after the user.", **PATIENT}
        await talk.send("session.update", session=asked)
        await talk.append(trimmed(QUESTION, 24_000) + silence(800, 24_000))
        done = (await talk.wait_for("response.done"))["response"]
    assert done["status_details"]["error"]["code"] == "not_in_a_call"
