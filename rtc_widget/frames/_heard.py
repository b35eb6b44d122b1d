"""What was heard: the log's turns and calls put to the measures of `rtc_widget.audio.latency`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rtc_widget.audio.second_clock import ClockReading, apart_ms
from rtc_widget.frames._call_sounds import call_sounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.audio import latency
    from rtc_widget.audio.attribution import Answer, Input, TurnTimes
    from rtc_widget.audio.segments import Segment
    from rtc_widget.audio.sides import Sides
    from rtc_widget.conversation import Response, TurnState
    from rtc_widget.frames._frame import Source

__all__ = ["QUALITIES", "Placed", "TurnHeard", "heard_of", "placed_segments"]

_OUT_OF_BAND = -1
"""The number of what is in no turn: responses out of band are heard too, and are nobody's answer."""
QUALITIES = ("ok", "first_turn", "jitter", "slip", "uncalibrated")


class Placed(NamedTuple):
    """A stretch of sound, and whose it is; a row of `segments`."""

    segment: Segment
    item_id: str | None
    turn: int | None


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """What the recording says of one turn.

    Attributes
    ----------
    columns
        The heard columns.
    user_ms, agent_ms
        First and last instant of what was said on either side; None where nothing was.
    """

    columns: latency.Heard
    user_ms: tuple[float, float] | None
    agent_ms: tuple[float, float] | None


def placed_segments(source: Source) -> list[Placed]:
    """Return the session's stretches of sound in order of time, each with its item and its turn."""
    if not source.sound:
        return []
    from rtc_widget.audio.attribution import attribute, parted

    times = _turn_times(source)
    sound = parted(source.sound, times)
    pairs = zip(sound, attribute(sound, times), strict=True)
    return [
        Placed(segment, place.item_id, None if place.turn == _OUT_OF_BAND else place.turn)
        for segment, place in pairs
    ]


def heard_of(source: Source) -> dict[int, TurnHeard]:
    """Measure each turn on the recording; turns without sound are left out."""
    if not source.sound:
        return {}
    from rtc_widget.audio.attribution import parted
    from rtc_widget.audio.latency import measure
    from rtc_widget.audio.sides import sides_of

    calls = call_sounds(source)
    times = _turn_times(source)
    sound = parted(source.sound, times)
    times = _checked(source, sound, times, calls)
    found = {}
    for heard, side in zip(measure(sound, times, calls), sides_of(sound, times), strict=True):
        agent = [segment for sound in side.agent.values() for segment in sound]
        if side.user or agent:
            columns = _of_a_peer(heard, calls, agent[0].t_start_ms if agent else None)
            columns = _as_recorded(columns, source, side)
            found[heard.turn] = TurnHeard(columns, _span(side.user), _span(agent))
    return found


def _as_recorded(columns: latency.Heard, source: Source, side: Sides) -> latency.Heard:
    """Leave out what is nothing only because no track holds the time of the answer."""
    begin_ms = max((answer.t_start_ms for answer in side.times.answers), default=0.0)
    lacks = {track for track, end_ms in source.sound_ends_ms.items() if end_ms <= begin_ms}
    if "agent" in lacks and not side.agent:
        return replace(columns, heard_ms=None, overlap_ms=None)
    return replace(columns, overlap_ms=None) if lacks else columns


def _checked(
    source: Source, sound: Sequence[Segment], times: list[TurnTimes], calls: list[latency.CallSound]
) -> list[TurnTimes]:
    """Return the turns, each with the gap by the second clock where a page had one."""
    from rtc_widget.audio.sides import sides_of

    readings = [one for one in source.kept.get("segments", []) if isinstance(one, ClockReading)]
    if not readings:
        return times
    of_call = {
        call: {
            track: sorted(
                one for one in readings if one.track == track and call.t_start_ms <= one.t_ms < call.t_end_ms
            )
            for track in ("user", "agent")
        }
        for call in calls
    }
    found = []
    for side in sides_of(sound, times):
        user_ms, agent_ms = side.t_user_ms, side.t_agent_ms
        check_ms = None
        call = next((call for call in calls if call.t_start_ms <= (agent_ms or 0.0) < call.t_end_ms), None)
        if user_ms is not None and agent_ms is not None and call is not None:
            user, agent = (
                apart_ms(of_call[call]["user"], user_ms),
                apart_ms(of_call[call]["agent"], agent_ms),
            )
            if user is not None and agent is not None:
                check_ms = agent_ms - user_ms - (agent - user)
        found.append(replace(side.times, gap_check_ms=check_ms))
    return found


def _of_a_peer(heard: latency.Heard, calls: Iterable[latency.CallSound], t_ms: float | None) -> latency.Heard:
    """Trust the first turn of a call whose sound was taken before any jitter buffer grew long."""
    if heard.heard_quality != "first_turn" or t_ms is None:
        return heard
    call = next((call for call in calls if call.t_start_ms <= t_ms < call.t_end_ms), None)
    if call is None or call.jitter is not None:
        return heard
    begin_ms = t_ms - (heard.gap_ms or 0.0)
    slipped = any(start_ms < t_ms and end_ms > begin_ms for start_ms, end_ms in call.slips)
    return replace(heard, heard_quality="slip" if slipped else "ok")


def _turn_times(source: Source) -> list[TurnTimes]:
    from rtc_widget.audio.attribution import TurnTimes

    turns = source.conversation.turns
    turn_of = {response_id: turn.index for turn in turns for response_id in turn.response_ids}
    answers: dict[int, list[Answer]] = {}
    for response in source.conversation.responses.values():
        turn = turn_of.get(response.response_id, _OUT_OF_BAND)
        if response.t_first_audio_ms is not None:
            answers.setdefault(turn, []).append(_answer(response, response.t_first_audio_ms))
    aside = TurnTimes(_OUT_OF_BAND, answers=tuple(answers.get(_OUT_OF_BAND, ())))
    return [aside] * bool(aside.answers) + [
        TurnTimes(
            turn.index,
            inputs=tuple(_inputs(turn)),
            answers=tuple(answers.get(turn.index, ())),
            interrupted=turn.interrupted,
        )
        for turn in turns
    ]


def _inputs(turn: TurnState) -> list[Input]:
    from rtc_widget.audio.attribution import Input

    found = []
    for item in turn.users:
        ends = [item.t_committed_ms, item.t_speech_stopped_ms, item.t_added_ms]
        end_ms = next((value for value in ends if value is not None), None)
        if item.spoken and end_ms is not None:
            found.append(Input(end_ms, item.t_speech_started_ms, item.item_id))
    return found


def _answer(response: Response, t_start_ms: float) -> Answer:
    from rtc_widget.audio.attribution import Answer

    messages = [item.item_id for item in response.items if item.type in {None, "message"}]
    return Answer(t_start_ms, response.t_audio_stopped_ms, messages[0] if messages else None)


def _span(segments: Sequence[Segment]) -> tuple[float, float] | None:
    return (segments[0].t_start_ms, segments[-1].t_end_ms) if segments else None
