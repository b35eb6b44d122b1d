"""Speech for the tests: sentences into sound files, and recorded sound back into words."""

from __future__ import annotations

import io
import re
import wave
from typing import TYPE_CHECKING

import av
import jiwer
import numpy as np

from rtc_widget.sandbox.recognition import recognise
from rtc_widget.sandbox.sound import HEARD_RATE_HZ, SPOKEN_RATE_HZ, resample, silence
from rtc_widget.sandbox.voice import synthesise

if TYPE_CHECKING:
    from pathlib import Path

# Sentences that the sandbox's ears understand in the voices used here.
QUESTIONS = (
    "What time is it in London?",
    "When does the next train leave for London?",
    "How many people live in Paris?",
)
BLOCK_MS = 20
PAUSE_MS = 600
QUIET_DB = -45.0


def write_speech(
    path: Path, *sentences: str, before_s: float = 0.3, between_s: float = 1.0, voice: str = "cedar"
) -> Path:
    """Write sentences into a WAV file of 48 kHz, with silence before, between and after.

    Parameters
    ----------
    path
        Where to.
    sentences
        One utterance each.
    before_s, between_s
        Silence in s; the last utterance is followed by `between_s` as well.
    voice
        A voice of the API.
    """
    sound = [silence(before_s * 1000, SPOKEN_RATE_HZ)]
    for sentence in sentences:
        pcm, rate_hz = synthesise(sentence, voice=voice)
        sound += [resample(pcm, rate_hz, SPOKEN_RATE_HZ), silence(between_s * 1000, SPOKEN_RATE_HZ)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPOKEN_RATE_HZ)
        file.writeframes(b"".join(sound))
    return path


def recognise_recording(webm: bytes) -> str:
    """Return the English words in a recording, utterance after utterance."""
    return " ".join(recognise(part) for part in _utterances(_decode(webm))).strip()


def word_error_rate(said: str, heard: str) -> float:
    """Return the share of words that differ, letter case and punctuation apart."""
    return jiwer.wer(_plain(said), _plain(heard))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower().replace("’", "'")))


def _decode(webm: bytes) -> bytes:
    """Return mono s16 samples at 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=HEARD_RATE_HZ)
    with av.open(io.BytesIO(webm), mode="r") as container:
        frames = [one for frame in container.decode(audio=0) for one in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


def _utterances(pcm: bytes) -> list[bytes]:
    """Cut the sound at its pauses."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768
    size = HEARD_RATE_HZ * BLOCK_MS // 1000
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    level_db = 10 * np.log10(np.mean(blocks**2, axis=1) + 1e-12)
    loud = np.flatnonzero(level_db > QUIET_DB)
    if not loud.size:
        return []
    cuts = np.flatnonzero(np.diff(loud) > PAUSE_MS // BLOCK_MS) + 1
    return [pcm[part[0] * size * 2 : (part[-1] + 1) * size * 2] for part in np.split(loud, cuts)]
