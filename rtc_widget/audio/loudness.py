"""How long a sound is loud: from its first loud stretch to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtc_widget.audio.sound import Sound

__all__ = ["loud_ms"]

_FRAME_MS = 10
_BELOW_LOUDEST = 0.05
_QUIETEST = 30.0


def loud_ms(sound: Sound) -> float | None:
    """Return the ms from the first loud 10 ms of a sound to the end of the last.

    Loud is what has at least 5 % of the amplitude (RMS) of its loudest 10 ms. None where nothing is, and for
    a stream, whose samples are not there yet.
    """
    import numpy as np

    if not isinstance(sound.pcm, bytes):
        return None
    frame = sound.sample_rate_hz * _FRAME_MS // 1000
    samples = np.frombuffer(sound.pcm, "<i2")
    frames = samples[: samples.size // frame * frame].reshape(-1, frame).astype(np.float32)
    if not frames.size:
        return None
    level = np.sqrt((frames * frames).mean(axis=1))
    loud = np.flatnonzero(level >= max(_QUIETEST, float(level.max()) * _BELOW_LOUDEST))
    return None if not loud.size else float((loud[-1] + 1 - loud[0]) * _FRAME_MS)
