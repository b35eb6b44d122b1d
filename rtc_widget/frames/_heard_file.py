"""What was heard, kept beside the recording: listening takes a second a minute, reading it again none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtc_widget._version import __version__
from rtc_widget.audio.segments import Segment  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Heard", "read_heard", "write_heard"]

_NAME = "heard.json"


class Heard(msgspec.Struct, frozen=True):
    """What listening to the first samples of a recording gave.

    Attributes
    ----------
    version
        Of what listened: another release may hear otherwise.
    n_frames
        How many samples of each track it heard.
    segments
        Stretches of sound on both tracks, in order of time.
    slips
        Begin and end, in ms, of what the microphone lost.
    """

    n_frames: int
    segments: list[Segment]
    slips: tuple[tuple[float, float], ...]
    version: str = __version__


def read_heard(folder: Path, n_frames: int) -> Heard | None:
    """Return what this release heard in these samples; None where it has not heard them yet."""
    try:
        heard = msgspec.json.decode((folder / _NAME).read_bytes(), type=Heard)
    except (OSError, msgspec.MsgspecError):
        return None
    return heard if (heard.version, heard.n_frames) == (__version__, n_frames) else None


def write_heard(heard: Heard, folder: Path) -> None:
    """Keep it beside the tracks.

    Raises
    ------
    OSError
        It cannot be written.
    """
    (folder / _NAME).write_bytes(msgspec.json.encode(heard))
