"""Browser clock against kernel clock: the offset between them, with its error."""

from __future__ import annotations

import time
from dataclasses import dataclass


def kernel_ms() -> float:
    """Return the kernel's monotonic clock, in ms: the clock of every `t_kernel_ms`."""
    return time.monotonic_ns() / 1e6


@dataclass(frozen=True, slots=True)
class ClockFit:
    """What is known of the browser's clock.

    Attributes
    ----------
    offset_ms : float
        Browser clock minus kernel clock now: `kernel = browser - offset_ms`.
    error_ms : float
        The true offset is within this of `offset_ms`: half the round trip it was taken from.
    n : int
        Pings so far.
    drift_ppm : float or None
        How fast the browser's clock gains on the kernel's, parts per million; None while the pings
        span too little time to tell.
    """

    offset_ms: float
    error_ms: float
    n: int
    drift_ppm: float | None = None

    def to_kernel_ms(self, t_browser_ms: float) -> float:
        """Place a browser time on the kernel's clock."""
        return t_browser_ms - self.offset_ms


@dataclass(frozen=True, slots=True)
class _Ping:
    at_ms: float
    offset_ms: float
    error_ms: float


class ClockSync:
    """Follows the offset from pings over the relay: the smallest round trip wins (as in NTP's filter).

    Parameters
    ----------
    window_ms : float
        How long a ping counts, so that a drifting clock is followed.
    """

    def __init__(self, window_ms: float = 120_000.0) -> None:
        self.window_ms = window_ms
        self._n = 0
        self._recent: list[_Ping] = []
        self._anchor: _Ping | None = None

    def add(self, sent_kernel_ms: float, browser_ms: float, received_kernel_ms: float) -> ClockFit:
        """Take in one ping.

        Parameters
        ----------
        sent_kernel_ms, received_kernel_ms : float
            When the ping left and its answer came, by the kernel's clock.
        browser_ms : float
            What the browser's clock said in between.

        Returns
        -------
        ClockFit
            The best estimate now.

        Raises
        ------
        ValueError
            The answer came before the question.
        """
        if received_kernel_ms < sent_kernel_ms:
            raise ValueError("a ping is answered after it was sent")
        middle = (sent_kernel_ms + received_kernel_ms) / 2
        ping = _Ping(middle, browser_ms - middle, (received_kernel_ms - sent_kernel_ms) / 2)
        self._n += 1
        self._recent = [p for p in self._recent if p.at_ms >= middle - self.window_ms]
        self._recent.append(ping)
        best = min(self._recent, key=lambda p: p.error_ms)
        if self._anchor is None or middle - self._anchor.at_ms < self.window_ms / 4:
            self._anchor = min((p for p in (self._anchor, ping) if p), key=lambda p: p.error_ms)
        return ClockFit(round(best.offset_ms, 3), round(best.error_ms, 3), self._n, self._drift(best))

    def _drift(self, best: _Ping) -> float | None:
        anchor = self._anchor
        if anchor is None or best.at_ms - anchor.at_ms < self.window_ms / 4:
            return None
        return round((best.offset_ms - anchor.offset_ms) / (best.at_ms - anchor.at_ms) * 1e6, 3)
