"""The two sides of a turn as they were heard: gap, overlap, yield, and how much of the answer was played."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtc_widget.audio.attribution import Answer, attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.audio.attribution import TurnTimes
    from rtc_widget.audio.segments import Segment

__all__ = ["Sides", "sides_of"]


@dataclass(slots=True)
class Sides:
    """What was heard in one turn.

    Attributes
    ----------
    times
        What the log knows of it.
    user
        Speech of its inputs, in order.
    agent
        All sound of its answers that were heard, each in order.
    over
        All of the user's speech in the session, in order: the next input is spoken over this turn's answer.
    t_next_input_ms
        When `speech_started` came for the next spoken input, in ms.
    """

    times: TurnTimes
    over: list[Segment]
    user: list[Segment] = field(default_factory=list)
    agent: dict[Answer, list[Segment]] = field(default_factory=dict)
    t_next_input_ms: float | None = None

    @property
    def agent_speech(self) -> list[Segment]:
        """The speech in its answers."""
        return [segment for sound in self.agent.values() for segment in _speech(sound)]

    @property
    def t_agent_ms(self) -> float | None:
        """The agent's first sample of speech, in ms."""
        return min((segment.t_start_ms for segment in self.agent_speech), default=None)

    @property
    def t_user_ms(self) -> float | None:
        """The last sample of the user's speech, of what began before the agent's; in ms."""
        agent = self.t_agent_ms
        ends = [segment.t_end_ms for segment in self.user if agent is not None and segment.t_start_ms < agent]
        return max(ends, default=None)

    @property
    def gap_ms(self) -> float | None:
        """From the one to the other; negative when the agent began first."""
        agent, user = self.t_agent_ms, self.t_user_ms
        return None if agent is None or user is None else agent - user

    @property
    def overlap_ms(self) -> float | None:
        """How long both were speech; None when the turn has no spoken answer."""
        if not self.times.answers:
            return None
        return sum(_common_ms(theirs, ours) for theirs in self.agent_speech for ours in self.over)

    @property
    def yield_ms(self) -> float | None:
        """Onset of the user who interrupted to the agent's silence; None when nobody did."""
        if self.times.interrupted is False:
            return None
        for sound in reversed(self.agent.values()):
            speech = _speech(sound)
            if not speech:
                continue
            begin, silent = speech[0].t_start_ms, speech[-1].t_end_ms
            onsets = [
                segment.t_start_ms
                for segment in self.over
                if begin < segment.t_start_ms < silent
                # Where nobody says that an answer was cut, the user must be heard to speak as it ends.
                and (self.times.interrupted or segment.t_end_ms >= silent)
            ]
            if onsets:
                return silent - self._cutting(onsets)
        return None

    def _cutting(self, onsets: list[float]) -> float:
        """Return the onset that the server heard as an interruption: earlier ones ("mhm") cut nothing."""
        told = [onset for onset in onsets if self.t_next_input_ms is None or onset <= self.t_next_input_ms]
        return told[-1] if told and self.t_next_input_ms is not None else onsets[0]

    @property
    def heard_ms(self) -> float | None:
        """First to last sample of each answer, summed; 0 when none was heard, None when none is spoken."""
        if not self.times.answers:
            return None
        return sum((sound[-1].t_end_ms - sound[0].t_start_ms for sound in self.agent.values()), 0.0)


def sides_of(segments: Sequence[Segment], turns: Sequence[TurnTimes]) -> list[Sides]:
    """Sort the segments of both tracks into turns; one `Sides` for each turn, in order."""
    ordered = sorted(segments, key=lambda segment: segment.t_start_ms)
    user = [segment for segment in _speech(ordered) if segment.track == "user"]
    sides = {times.turn: Sides(times, user) for times in turns}
    for segment, place in zip(ordered, attribute(ordered, turns), strict=True):
        if place.turn is None or place.part is None:
            continue
        side = sides[place.turn]
        if isinstance(place.part, Answer):
            side.agent.setdefault(place.part, []).append(segment)
        elif segment.kind == "speech":
            side.user.append(segment)
    t_next_ms: float | None = None
    for side in reversed(sides.values()):
        side.t_next_input_ms = t_next_ms
        if side.times.inputs:
            t_next_ms = side.times.inputs[0].t_start_ms
    return list(sides.values())


def _speech(segments: Iterable[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.kind == "speech"]


def _common_ms(one: Segment, other: Segment) -> float:
    return max(0.0, min(one.t_end_ms, other.t_end_ms) - max(one.t_start_ms, other.t_start_ms))
