"""The heard columns of a turn: what the recorded sound of both sides says about latency and overlap.

The same ideas elsewhere: `latency_heard_ms` is pipecat's user-bot latency (UserBotLatencyObserver),
LiveKit's end-to-end latency and the latency of smooth turn-taking in Full-Duplex-Bench, but from sample to
sample of one recording and not between events; `yield_ms` is the yield of τ-voice (arXiv 2603.13686).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from rtc_widget._errors import ConfigurationError
from rtc_widget.audio.jitter import jitter_buffer_ms
from rtc_widget.audio.sides import sides_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.audio.attribution import TurnTimes
    from rtc_widget.audio.jitter import JitterSample
    from rtc_widget.audio.segments import Segment
    from rtc_widget.audio.sides import Sides

__all__ = ["CallSound", "Heard", "HeardQuality", "call_constant_ms", "measure"]

HeardQuality = Literal["ok", "first_turn", "jitter", "slip", "uncalibrated"]

_MOST_JITTER_MS = 80.0
_CLOCKS_APART_MS = 5.0
_LEAST_CHECKS = 3


@dataclass(frozen=True, slots=True)
class CallSound:
    """What is known of how one call was recorded.

    Attributes
    ----------
    t_start_ms, t_end_ms
        Begin and end of the call, in ms since the session's first record.
    constant_ms
        What this call's gaps are too long by once the jitter buffer is taken off (`call_constant_ms`); None:
        never calibrated.
    check_constant_ms
        The same of the gaps by the second clock (`TurnTimes.gap_check_ms`), which is the better one: where
        this is known, that gap counts. None: the second clock is a check on the first.
    jitter
        Samples of the jitter buffer, in order of time. None: the agent's track was not recorded behind one,
        and nothing has to be taken off.
    slips
        Begin and end of each stretch in which samples were lost (`find_slips`, and gaps the recorder
        filled), in ms.
    output_latency_ms
        What the output device adds, in ms (`AudioContext.outputLatency`); None: unknown.
    """

    t_start_ms: float = -math.inf
    t_end_ms: float = math.inf
    constant_ms: float | None = None
    check_constant_ms: float | None = None
    jitter: tuple[JitterSample, ...] | None = ()
    slips: tuple[tuple[float, float], ...] = ()
    output_latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """The heard columns of one turn. What could not be measured is None.

    Attributes
    ----------
    turn
        Its number.
    latency_heard_ms
        Last sample of the user's speech to the first of the agent's: `gap_ms`, or the second clock's where
        that is calibrated, less `jitter_buffer_ms` less the call's constant, as far as these are known.
        Below 0 when the agent began before the user had ended.
    heard_quality
        What to think of it. "first_turn": the first answer heard in a call can have waited on 500 to 800 ms
        of jitter buffer. "jitter": more than 80 ms of it. "slip": samples were lost between the two, or a
        second clock disagrees with this one by 5 ms more than it does in the call's other turns.
        "uncalibrated": the call's constant (10 to 35 ms in Chromium) or the jitter buffer is unknown, and
        still in it. Else "ok". The first that applies, in this order; None where there is no latency.
    at_the_ear_ms
        `latency_heard_ms` and the device's output latency. Browsers report about half of what devices take.
    overlap_ms
        How long the user, in this or the next input, and the agent's answer were speech at the same time.
    yield_ms
        The onset of the user who interrupted this turn's answer to the agent's silence, as it is on the
        recording. None when the answer came to its own end.
    heard_ms
        How much of the answers was played: first to last sample of each, pauses included.
    gap_ms
        The gap as it is on the recording.
    jitter_buffer_ms
        The jitter buffer's delay when the answer began. An ear waits for it, too.
    """

    turn: int
    latency_heard_ms: float | None = None
    heard_quality: HeardQuality | None = None
    at_the_ear_ms: float | None = None
    overlap_ms: float | None = None
    yield_ms: float | None = None
    heard_ms: float | None = None
    gap_ms: float | None = None
    jitter_buffer_ms: float | None = None


def measure(
    segments: Sequence[Segment], turns: Sequence[TurnTimes], calls: Sequence[CallSound] = ()
) -> list[Heard]:
    """Measure every turn on the sound of both tracks.

    Parameters
    ----------
    segments
        Of both tracks, in ms since the session's first record.
    turns
        What the log knows of the turns, in order.
    calls
        The session's calls. Without them nothing is corrected, and every latency is "uncalibrated".

    Returns
    -------
    list of Heard
        One for each turn, in the order given.
    """
    sides = sides_of(segments, turns)
    found: dict[int, Heard] = {}
    for call in [*calls, None]:
        group = [side for side in sides if _call_of(side, calls) is call]
        clock_ms = _clock_ms(group)
        spoken = [side for side in group if side.t_agent_ms is not None]
        first = min(spoken, key=lambda side: side.t_agent_ms or 0.0, default=None)
        for side in group:
            found[side.times.turn] = _heard(side, call or CallSound(), clock_ms, is_first=side is first)
    return [found[turn.turn] for turn in turns]


def call_constant_ms(heard: Iterable[Heard], true_ms: Iterable[float]) -> float:
    """Return the constant of a call, from turns whose latency is known beforehand.

    A loopback gives such turns, or a sandbox that answers after a set time.

    Parameters
    ----------
    heard
        Those turns, as `measure` heard them; the first turn, and turns with too much jitter or a slip, do
        not count.
    true_ms
        What their latencies were made to be, in ms.

    Returns
    -------
    float
        For `CallSound.constant_ms`: the median over the turns.

    Raises
    ------
    ConfigurationError
        No turn can be used.
    """
    usable = [
        one.gap_ms - one.jitter_buffer_ms - true
        for one, true in zip(heard, true_ms, strict=True)
        if one.gap_ms is not None
        and one.jitter_buffer_ms is not None
        and one.heard_quality in {"ok", "uncalibrated"}
    ]
    if not usable:
        raise ConfigurationError(
            "There is no turn to calibrate by: each was not heard, the first of its call, or spoilt by "
            "jitter or a slip. Play more turns, with the call's stats on."
        )
    return median(usable)


def _call_of(side: Sides, calls: Sequence[CallSound]) -> CallSound | None:
    t_ms = side.t_agent_ms
    return next((c for c in calls if t_ms is not None and c.t_start_ms <= t_ms < c.t_end_ms), None)


def _clock_ms(group: Iterable[Sides]) -> float | None:
    """Return how far apart the two clocks of a call are; None where too few turns tell."""
    pairs = [(side.gap_ms, side.times.gap_check_ms) for side in group]
    apart = [gap - check for gap, check in pairs if gap is not None and check is not None]
    return median(apart) if len(apart) >= _LEAST_CHECKS else None


def _heard(side: Sides, call: CallSound, clock_ms: float | None, *, is_first: bool) -> Heard:
    t_agent_ms = side.t_agent_ms
    heard = Heard(
        side.times.turn,
        overlap_ms=side.overlap_ms,
        yield_ms=side.yield_ms,
        heard_ms=side.heard_ms,
    )
    if t_agent_ms is None:
        return heard
    jitter_ms = 0.0 if call.jitter is None else jitter_buffer_ms(call.jitter, t_agent_ms)
    quality: HeardQuality = "ok"
    if is_first:
        quality = "first_turn"
    elif (jitter_ms or 0.0) > _MOST_JITTER_MS:
        quality = "jitter"
    elif _slipped(side, call, clock_ms):
        quality = "slip"
    elif call.constant_ms is None or jitter_ms is None:
        quality = "uncalibrated"
    heard = replace(heard, jitter_buffer_ms=jitter_ms)
    if side.gap_ms is None:
        return heard
    if call.check_constant_ms is not None and side.times.gap_check_ms is not None:
        latency_ms = side.times.gap_check_ms - call.check_constant_ms - (jitter_ms or 0.0)
    else:
        latency_ms = side.gap_ms - (call.constant_ms or 0.0) - (jitter_ms or 0.0)
    at_the_ear_ms = None if call.output_latency_ms is None else latency_ms + call.output_latency_ms
    return replace(
        heard,
        gap_ms=side.gap_ms,
        latency_heard_ms=latency_ms,
        heard_quality=quality,
        at_the_ear_ms=at_the_ear_ms,
    )


def _slipped(side: Sides, call: CallSound, clock_ms: float | None) -> bool:
    user, agent = side.t_user_ms, side.t_agent_ms
    if user is None or agent is None:
        return False
    low, high = min(user, agent), max(user, agent)
    if any(start < high and end > low for start, end in call.slips):
        return True
    if call.check_constant_ms is not None:
        return False  # what the first clock lost, the second one has
    check = side.times.gap_check_ms
    return (
        clock_ms is not None and check is not None and abs(agent - user - check - clock_ms) > _CLOCKS_APART_MS
    )
