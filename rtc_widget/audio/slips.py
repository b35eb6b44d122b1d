"""Slips of a recording: a few ms of a microphone that were lost, and left exact zeros in its noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtc_widget.audio.energy import runs

if TYPE_CHECKING:
    from rtc_widget.audio.sound import Sound

__all__ = ["find_slips"]

_SHORTEST_MS = 2.5
_LONGEST_MS = 100.0
_AROUND_MS = 20.0
_NOISY_MS = 3_000.0
_FEW = 0.2
_MS = 1_000.0


def find_slips(sound: Sound, *, t_offset_ms: float = 0.0) -> list[tuple[float, float]]:
    """Find where a microphone that is never quite silent is silent for a moment.

    Chromium loses 10 ms of both tracks now and then. A latency across such a slip is wrong by as much.

    Parameters
    ----------
    sound
        The user's track as recorded. A microphone without noise (muted, or cleaned) shows no slips: nor is
        one looked for within 3 s of silence that is longer.
    t_offset_ms
        The instant of its first sample, in ms.

    Returns
    -------
    list of tuple
        Begin and end of each run of 2.5 to 100 ms of exact zeros with noise on both sides, in ms.
    """
    silent = sound.samples == 0
    per_ms = sound.sample_rate_hz / _MS
    around = round(_AROUND_MS * per_ms)
    zeros = np.concatenate([[0], np.cumsum(silent)])
    found = []
    pauses = [(first, stop) for first, stop in runs(silent) if stop - first > _LONGEST_MS * per_ms]
    noisy = _NOISY_MS * per_ms
    for first, stop in runs(silent):
        if any(begin - noisy < stop and first < end + noisy for begin, end in pauses):
            continue
        if not _SHORTEST_MS * per_ms <= stop - first <= _LONGEST_MS * per_ms:
            continue
        if first < around or stop + around > len(silent):
            continue
        before, after = zeros[first] - zeros[first - around], zeros[stop + around] - zeros[stop]
        if max(before, after) < _FEW * around:
            found.append((t_offset_ms + first / per_ms, t_offset_ms + stop / per_ms))
    return found
