"""Words out of sound: moonshine's tiny English model, whose weights come with its wheel."""

from __future__ import annotations

import asyncio
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.detector import holds_voice
from rtc_widget.sandbox.priority import patient_thread
from rtc_widget.sandbox.sound import HEARD_RATE_HZ
from rtc_widget.sandbox.stretches import is_one, stretches

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LANGUAGE", "available", "recognise", "recognise_soon", "unasked", "warm_up"]

LANGUAGE: Final = "en"
"""The one language the sandbox understands."""

_PADDING_MS = 200
_SILENT_PEAK = 100
"""Below it there is nothing to recognise; the model would invent a word."""
_lock = threading.Lock()
_thread = patient_thread("recognition")
_model: Any = None


def available() -> str | None:
    """Return None when words can be recognised here, else the reason why not."""
    try:
        from moonshine_voice.utils import get_model_path
    except (ImportError, OSError) as error:
        return (
            f"moonshine-voice, which recognises the words, cannot be loaded ({error}); "
            "pip install 'rtc_widget[sandbox]' brings it where it has a wheel."
        )
    missing = [
        name
        for name in ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
        if not (Path(get_model_path("tiny-en")) / name).exists()
    ]
    if missing:
        return (
            f"moonshine-voice came without its model ({', '.join(missing)} missing): "
            "pip install --force-reinstall 'moonshine-voice==0.1.0', the last version that carries it."
        )
    return None


def recognise(pcm16k: bytes) -> str:
    """Recognise English speech, more than 20 s of it stretch by stretch.

    Parameters
    ----------
    pcm16k
        Mono, signed 16-bit, little-endian samples at 16 kHz, any number of them.

    Returns
    -------
    str
        The words, "" when there are none.

    Raises
    ------
    ConfigurationError
        The recogniser or its model is not there.
    """
    return _read(pcm16k) if is_one(pcm16k) else _joined(map(_words_in, stretches(pcm16k)))


def recognise_soon(pcm16k: bytes) -> asyncio.Future[str]:
    """Start to recognise on the recogniser's own thread; await the result for the words."""
    if is_one(pcm16k):
        return unasked(asyncio.get_running_loop().run_in_executor(_thread, recognise, pcm16k))
    return unasked(asyncio.ensure_future(_recognise_in_turn(pcm16k)))


def unasked(words: asyncio.Future[str]) -> asyncio.Future[str]:
    """Return words that may fail without a complaint: nobody asks for those of sound that is given up."""
    words.add_done_callback(lambda done: done.cancelled() or done.exception())
    return words


async def _recognise_in_turn(pcm16k: bytes) -> str:
    """Recognise a stretch at a time: what others have said meanwhile comes between."""
    loop = asyncio.get_running_loop()
    return _joined([await loop.run_in_executor(_thread, _words_in, stretch) for stretch in stretches(pcm16k)])


def _joined(words: Iterable[str]) -> str:
    return " ".join(found for found in words if found)


@lru_cache(maxsize=16)
def _words_in(stretch: bytes) -> str:
    """Recognise a part of long sound: as that grows, it is looked at again and again.

    The recogniser hears words in noise, and a part may be nothing else.
    """
    return _read(stretch) if holds_voice(stretch) else ""


def _read(pcm16k: bytes) -> str:
    padding = np.zeros(_PADDING_MS * HEARD_RATE_HZ // 1000, np.float32)
    samples = np.frombuffer(pcm16k, dtype="<i2").astype(np.float32)
    if not samples.size or np.abs(samples).max() < _SILENT_PEAK:
        return ""
    audio = np.concatenate([padding, samples / 32768, padding]).tolist()
    with _lock:
        lines = _loaded().transcribe_without_streaming(audio, HEARD_RATE_HZ).lines
    return " ".join(line.text.strip() for line in lines).strip()


def warm_up() -> None:
    """Load the model on the recogniser's thread, so that the first words do not wait for it."""

    def load() -> None:
        with _lock:
            _loaded()

    _thread.submit(load)


def _loaded() -> Any:
    global _model  # noqa: PLW0603 - one model per process, 40 MB
    if _model is None:
        reason = available()
        if reason is not None:
            raise ConfigurationError(reason)
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
        from moonshine_voice.utils import get_model_path

        # Where speech begins and ends is known already: the model gets all of the sound.
        options = {"vad_threshold": "0.0", "return_audio_data": "false"}
        _model = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY, options=options)
    return _model
