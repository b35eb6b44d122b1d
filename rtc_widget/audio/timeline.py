"""Samples on a clock: what one side of a call sounded like, with silence where nothing came."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from rtc_widget.audio.sound import Sound

__all__ = ["Gap", "Timeline"]

_BYTES_A_SAMPLE = 2
_MS = 1_000.0


@dataclass(frozen=True)
class Gap:
    """A stretch in which no samples came.

    Parameters
    ----------
    t_kernel_ms
        Where it begins, in ms of the kernel's monotonic clock.
    gap_ms
        How long it is, in ms.
    """

    t_kernel_ms: float
    gap_ms: float


class Timeline:
    """Mono 16-bit samples by the kernel's monotonic clock; the oldest go when there are too many.

    Silence is kept as a number, so a quiet hour costs nothing.

    Parameters
    ----------
    sample_rate_hz
        Samples a second.
    keep_s
        How many seconds of sound, silence aside, are kept.
    name
        What its sounds are called.
    """

    def __init__(self, sample_rate_hz: int = 24_000, *, keep_s: float = 600.0, name: str = "sound") -> None:
        self.sample_rate_hz = sample_rate_hz
        self.gaps: deque[Gap] = deque(maxlen=1_000)
        self._name = name
        self._most_bytes = int(keep_s * sample_rate_hz) * _BYTES_A_SAMPLE
        self._bytes = 0
        self._origin_ms: float | None = None
        # Stretches in order, each with its first sample's number; an int is that many samples of silence.
        self._stretches: deque[tuple[int, bytes | int]] = deque()
        self._length = 0
        self._lock = threading.Condition()

    @property
    def t_end_ms(self) -> float | None:
        """The instant after the last sample, in ms of the kernel's clock; None when there is none."""
        return None if self._origin_ms is None else self._origin_ms + self._length / self.sample_rate_hz * _MS

    def append(self, pcm: bytes, t_kernel_ms: float) -> None:
        """Add samples whose first one belongs to `t_kernel_ms`.

        A gap before them is filled with silence; what overlaps the last samples is left out.

        Parameters
        ----------
        pcm
            Signed 16-bit little-endian samples.
        t_kernel_ms
            In ms of the kernel's monotonic clock.
        """
        with self._lock:
            self._append(pcm, t_kernel_ms)
            self._lock.notify_all()

    def wait_until(self, t_kernel_ms: float, timeout: float) -> bool:
        """Block until there are samples up to an instant; say whether there are.

        Parameters
        ----------
        t_kernel_ms
            In ms of the kernel's monotonic clock.
        timeout
            In s.
        """
        with self._lock:
            return self._lock.wait_for(lambda: (self.t_end_ms or 0.0) >= t_kernel_ms, timeout)

    def _append(self, pcm: bytes, t_kernel_ms: float) -> None:
        if self._origin_ms is None:
            self._origin_ms = t_kernel_ms
        place = round((t_kernel_ms - self._origin_ms) * self.sample_rate_hz / _MS)
        missing = place - self._length
        if missing > 0:
            self.gaps.append(
                Gap(
                    self._origin_ms + self._length / self.sample_rate_hz * _MS,
                    missing / self.sample_rate_hz * _MS,
                )
            )
            self._add(missing)
        elif missing < 0:
            pcm = pcm[-missing * _BYTES_A_SAMPLE :]
        if pcm:
            self._add(pcm if pcm.strip(b"\0") else len(pcm) // _BYTES_A_SAMPLE)

    def _add(self, stretch: bytes | int) -> None:
        if isinstance(stretch, int):
            if self._stretches and isinstance(self._stretches[-1][1], int):
                start, before = self._stretches.pop()
                self._stretches.append((start, int(before) + stretch))
            else:
                self._stretches.append((self._length, stretch))
            self._length += stretch
            return
        self._stretches.append((self._length, stretch))
        self._length += len(stretch) // _BYTES_A_SAMPLE
        self._bytes += len(stretch)
        while self._bytes > self._most_bytes:
            _, oldest = self._stretches.popleft()
            if isinstance(oldest, bytes):
                self._bytes -= len(oldest)

    def sound(self, t_from_ms: float | None = None, t_to_ms: float | None = None) -> Sound:
        """Return the sound between two instants, of the same length as they are apart.

        Parameters
        ----------
        t_from_ms, t_to_ms
            In ms of the kernel's monotonic clock; None: as far as there are samples.
        """
        with self._lock:
            stretches = list(self._stretches)
            first = self._place(t_from_ms, stretches[0][0] if stretches else 0)
            last = self._place(t_to_ms, self._length)
            if t_from_ms is not None and t_to_ms is not None:
                # Rounded once, so that two timelines give parts of one length.
                last = first + round((t_to_ms - t_from_ms) * self.sample_rate_hz / _MS)
        samples = np.zeros(max(0, last - first), np.int16)
        for start, stretch in stretches:
            if isinstance(stretch, int):
                continue
            held = np.frombuffer(stretch, "<i2")
            low, high = max(first, start), min(last, start + len(held))
            if low < high:
                samples[low - first : high - first] = held[low - start : high - start]
        return Sound.from_samples(samples, self.sample_rate_hz, name=self._name)

    def _place(self, t_kernel_ms: float | None, default: int) -> int:
        if t_kernel_ms is None or self._origin_ms is None:
            return default
        return round((t_kernel_ms - self._origin_ms) * self.sample_rate_hz / _MS)
