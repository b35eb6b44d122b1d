"""The sandbox's voice: espeak-ng, loaded as a library, writing sound into memory.

Every voice of the API is an espeak voice of its own with its own pitch, in each language the sandbox speaks.
No server is needed: `synthesise` makes spoken files for tests and notebooks too.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from dataclasses import dataclass
from typing import Any, Final

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.priority import patient_thread
from rtc_widget.sandbox.sound import SPOKEN_RATE_HZ, resample

__all__ = ["DEFAULT_VOICE", "LANGUAGES", "VOICES", "Tone", "speak", "synthesise"]


@dataclass(frozen=True)
class Tone:
    """How one voice of the API sounds here.

    Attributes
    ----------
    variant
        The espeak-ng variant that colours the voice.
    pitch
        0 to 99, 50 being the variant's own.
    words_per_minute
        Pace at `speed` 1.
    """

    variant: str
    pitch: int
    words_per_minute: int


# Picked from all variants by how well the sandbox's own ears understand them.
VOICES: Final[dict[str, Tone]] = {
    "alloy": Tone("Henrique", 35, 150),
    "ash": Tone("edward", 35, 165),
    "ballad": Tone("klatt3", 35, 150),
    "coral": Tone("f2", 50, 165),
    "echo": Tone("m4", 50, 140),
    "sage": Tone("steph", 50, 165),
    "shimmer": Tone("f3", 50, 165),
    "verse": Tone("Annie", 50, 165),
    "marin": Tone("rob", 35, 165),
    "cedar": Tone("Gene", 50, 165),
}
DEFAULT_VOICE: Final = "marin"
LANGUAGES: Final[dict[str, str]] = {"en": "en-us", "fr": "fr", "es": "es", "de": "de"}
"""The languages the sandbox speaks, and espeak-ng's name for each."""

_SLOWEST, _FASTEST = 80, 450
_SYNCHRONOUS_TO_MEMORY = 2
_UTF8 = 1
_RATE, _PITCH = 1, 3

# espeak-ng keeps its state in globals: one call at a time, whoever makes it.
_lock = threading.Lock()
_thread = patient_thread("voice")


def synthesise(
    text: str, *, voice: str = DEFAULT_VOICE, language: str = "en", speed: float = 1.0
) -> tuple[bytes, int]:
    """Speak a text into memory.

    Parameters
    ----------
    text
        What to say.
    voice
        A voice of the API ("marin", "cedar", …); any other, a custom one say, sounds like `DEFAULT_VOICE`.
    language
        "en", "fr", "es" or "de"; a text in another language is read as English.
    speed
        Multiple of the voice's own pace, as in the API's `audio.output.speed`.

    Returns
    -------
    tuple[bytes, int]
        Mono, signed 16-bit, little-endian samples, and their rate in Hz (22050).

    Raises
    ------
    ConfigurationError
        espeak-ng is not installed or cannot be loaded.
    """
    tone = VOICES.get(voice, VOICES[DEFAULT_VOICE])
    name = f"{LANGUAGES.get(language, LANGUAGES['en'])}+{tone.variant}"
    pace = min(max(round(tone.words_per_minute * speed), _SLOWEST), _FASTEST)
    with _lock:
        engine = _Engine.loaded()
        return engine.say(text, name, tone.pitch, pace), engine.sample_rate_hz


async def speak(text: str, *, voice: str, language: str, speed: float) -> bytes:
    """Do what `synthesise` does, off the event loop, and return samples at 48 kHz."""

    def work() -> bytes:
        return resample(*synthesise(text, voice=voice, language=language, speed=speed), SPOKEN_RATE_HZ)

    return await asyncio.get_running_loop().run_in_executor(_thread, work)


class _Engine:
    """The one espeak-ng of this process."""

    _instance: _Engine | None = None

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError as error:
            raise ConfigurationError(
                "The sandbox's voice is not installed: pip install 'rtc_widget[sandbox]'."
            ) from error
        try:
            self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (OSError, RuntimeError) as error:
            raise ConfigurationError(
                f"espeak-ng, the sandbox's voice, cannot be loaded ({error}): "
                "pip install --force-reinstall espeakng-loader."
            ) from error
        self.sample_rate_hz = int(
            self._library.espeak_Initialize(_SYNCHRONOUS_TO_MEMORY, 0, data.encode(), 0)
        )
        if self.sample_rate_hz <= 0:
            raise ConfigurationError(
                f"espeak-ng finds no voices in {data}: pip install --force-reinstall espeakng-loader."
            )
        self._sound = bytearray()
        callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        # The library keeps the pointer only: the reference held here is what keeps it alive.
        self._callback = callback_type(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    @classmethod
    def loaded(cls) -> _Engine:
        """Return the engine, loading it the first time."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def say(self, text: str, name: str, pitch: int, pace: int) -> bytes:
        self._sound.clear()
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ConfigurationError(
                f"espeak-ng has no voice {name!r}: pip install --force-reinstall espeakng-loader."
            )
        self._library.espeak_SetParameter(_RATE, pace, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        raw = text.encode(errors="replace")
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        return bytes(self._sound)

    def _take(self, samples: Any, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._sound.extend(ctypes.string_at(samples, count * 2))
        return 0
