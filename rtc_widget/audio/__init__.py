"""Sound: files in and out, resampling, and the two sides of a call on one clock."""

from __future__ import annotations

from rtc_widget.audio.files import load_sound
from rtc_widget.audio.sound import Sound

__all__ = ["Sound", "load_sound"]


def __dir__() -> list[str]:
    return __all__
