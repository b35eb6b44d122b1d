"""Calibrating a browser: what its recordings add to a latency, from turns that the page makes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.jitter import JitterSample, jitter_buffer_ms
from rtc_widget.audio.second_clock import ClockReading, apart_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["RATE_HZ", "Calibration", "Error", "Loopback", "calibrate", "errors_ms", "signal"]

RATE_HZ = 24_000
_MS = RATE_HZ / 1_000
_SIGNAL_S = 0.3
_SWEEP_HZ = (400.0, 3_200.0)
_LEVEL = 0.3
_EARLY_MS, _LATE_MS = 50.0, 1_500.0
_ALIKE = 0.6
_MOST_JITTER_MS = 80.0
_LEAST_TURNS = 3
_OUTLIER_MS = 20.0


@dataclass(frozen=True)
class Loopback:
    """What a page sent to itself, and recorded as it records a call; times in ms since the recorder began.

    Attributes
    ----------
    user, agent
        Both tracks: int16 at 24 kHz, shape (n,).
    gaps_ms
        How long after the user's last sample the agent's first one was sent, turn by turn.
    t_user_ms
        When the user's first sample was played in each turn.
    user_ms
        Length of the user's signal.
    jitter
        Samples of the jitter buffer, in order of time.
    clock
        Readings of the second clock, in order of time; none where the browser has none.
    lost_frames
        Samples that the recorder missed since the first turn began.
    """

    user: NDArray[np.int16]
    agent: NDArray[np.int16]
    gaps_ms: tuple[float, ...]
    t_user_ms: tuple[float, ...]
    user_ms: float
    jitter: tuple[JitterSample, ...]
    clock: tuple[ClockReading, ...]
    lost_frames: int

    @classmethod
    def of(cls, reply: dict[str, Any], gaps_ms: Sequence[float], user_ms: float) -> Loopback:
        """Read a page's reply to the command `loopback`."""
        user, agent = (np.frombuffer(buffer, "<i2") for buffer in reply["buffers"])
        begin_ms = float(reply["t_browser_ms"])
        return cls(
            user,
            agent,
            tuple(gaps_ms),
            tuple(frame / _MS for frame in reply["user_frames"]),
            user_ms,
            tuple(JitterSample(t_ms - begin_ms, *counters) for t_ms, *counters in reply["jitter"]),
            tuple(sorted(ClockReading(frame / _MS, track, apart) for track, frame, apart in reply["clock"])),
            int(reply["lost_frames"]),
        )


@dataclass(frozen=True)
class Calibration:
    """What a browser adds to a latency, beyond its jitter buffer.

    Attributes
    ----------
    constant_ms
        The mean over the turns, outliers left out.
    spread_ms
        How far from it 95 % of the turns were.
    check_constant_ms, check_spread_ms
        The same by the second clock, which keeps from call to call; None where the browser has none.
    n_turns
        How many turns it was measured on.
    """

    constant_ms: float
    spread_ms: float
    check_constant_ms: float | None
    check_spread_ms: float | None
    n_turns: int


def signal() -> NDArray[np.int16]:
    """Return a sound that is found again to a fraction of a ms: 0.3 s of a rising tone, at 24 kHz."""
    t_s = np.arange(round(_SIGNAL_S * RATE_HZ)) / RATE_HZ
    low, high = _SWEEP_HZ
    sweep = np.sin(2 * np.pi * (low * t_s + (high - low) * t_s**2 / (2 * _SIGNAL_S)))
    return np.rint(sweep * np.hanning(len(t_s)) ** 0.25 * _LEVEL * 32_767).astype(np.int16)


def calibrate(loopback: Loopback, played: NDArray[np.int16]) -> Calibration:
    """Measure the constant of a browser.

    Parameters
    ----------
    loopback
        With the same signal on both sides.
    played
        That signal, int16 at 24 kHz.

    Raises
    ------
    ConfigurationError
        Too few of its turns can be used.
    """
    errors = [error for error in errors_ms(loopback, played) if error is not None]
    calm = [error for error in errors if error.jitter_ms <= _MOST_JITTER_MS]
    found = calm if len(calm) >= _LEAST_TURNS else errors
    if len(found) < _LEAST_TURNS:
        raise ConfigurationError(
            f"Only {len(found)} of {len(loopback.gaps_ms)} turns of the calibration were heard well enough. "
            "Close what else is busy on this machine, and calibrate again."
        )
    checked = [error.check_ms for error in found if error.check_ms is not None]
    constant_ms, spread_ms = _middle([error.error_ms for error in found])
    if len(checked) < len(found):
        return Calibration(constant_ms, spread_ms, None, None, len(found))
    check_constant_ms, check_spread_ms = _middle(checked)
    return Calibration(constant_ms, spread_ms, check_constant_ms, check_spread_ms, len(found))


def _middle(values: list[float]) -> tuple[float, float]:
    # What is left of the sender's pace comes in steps of 10 ms: a median falls on one, a mean between.
    middle = median(values)
    constant = fmean(value for value in values if abs(value - middle) <= _OUTLIER_MS)
    return round(constant, 1), round(float(np.percentile(np.abs(np.array(values) - constant), 95)), 1)


class Error(NamedTuple):
    """What a recorded gap is too long by once the jitter buffer is taken off, by both clocks; in ms."""

    error_ms: float
    check_ms: float | None
    jitter_ms: float


def errors_ms(loopback: Loopback, played: NDArray[np.int16]) -> list[Error | None]:
    """Return the error of each turn; None where it was not heard well.

    The first turn counts as little as in any call: it may have waited on a buffer that is still long.
    """
    found: list[Error | None] = []
    user_clock, agent_clock = (
        [reading for reading in loopback.clock if reading.track == track] for track in ("user", "agent")
    )
    for t_user_ms, gap_ms in zip(loopback.t_user_ms, loopback.gaps_ms, strict=True):
        t_end_ms = t_user_ms + loopback.user_ms
        user_ms = _place_ms(loopback.user, played, t_user_ms)
        agent_ms = _place_ms(loopback.agent, played, t_end_ms + gap_ms)
        jitter_ms = None if agent_ms is None else jitter_buffer_ms(loopback.jitter, agent_ms)
        if user_ms is None or agent_ms is None or jitter_ms is None:
            found.append(None)
            continue
        error_ms = agent_ms - user_ms - loopback.user_ms - gap_ms - jitter_ms
        user, agent = apart_ms(user_clock, t_end_ms), apart_ms(agent_clock, agent_ms)
        check_ms = None if user is None or agent is None else error_ms - (agent - user)
        found.append(Error(error_ms, check_ms, jitter_ms))
    return [None, *found[1:]]


def _place_ms(track: NDArray[np.int16], played: NDArray[np.int16], near_ms: float) -> float | None:
    """Return where a signal begins on a track, by cross-correlation; None where it is not, or not whole."""
    first = max(0, round((near_ms - _EARLY_MS) * _MS))
    part = track[first : round((near_ms + _LATE_MS) * _MS) + len(played)].astype(np.float64)
    if len(part) <= len(played):
        return None
    size = 1 << (len(part) + len(played)).bit_length()
    spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(played.astype(np.float64), size))
    score = np.fft.irfft(spectrum, size)[: len(part) - len(played) + 1]
    at = int(np.argmax(score))
    energy = np.sqrt(
        np.sum(np.square(part[at : at + len(played)])) * np.sum(np.square(played, dtype=np.float64))
    )
    if not energy or score[at] / energy < _ALIKE:
        return None
    shift = 0.0
    if 0 < at < len(score) - 1:
        before, peak, after = score[at - 1 : at + 2]
        shift = 0.5 * (before - after) / (before - 2 * peak + after)
    return float((first + at + shift) / _MS)
