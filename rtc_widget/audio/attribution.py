"""Which turn, and which item, a stretch of recorded sound belongs to, by the log's times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rtc_widget.audio.segments import Segment

__all__ = ["Answer", "Input", "Place", "TurnTimes", "attribute", "parted"]

_EARLY_USER_MS = 1_000.0
_EARLY_AGENT_MS = 300.0
_LATE_AGENT_MS = 1_000.0


@dataclass(frozen=True, slots=True)
class Input:
    """A spoken input of the user, as the log tells it; in ms since the session's first record.

    Attributes
    ----------
    t_end_ms
        `committed` came, or `speech_stopped` where that is all there is.
    t_start_ms
        `speech_started` came; None where nobody says (push to talk).
    item_id
        The item it became.
    """

    t_end_ms: float
    t_start_ms: float | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The audio of one response, as the log tells it; in ms since the session's first record.

    Attributes
    ----------
    t_start_ms
        `output_audio_buffer.started` came, or where that is hidden, `response.created`.
    t_end_ms
        `output_audio_buffer.stopped` or `.cleared` came; None while it plays, or where that is hidden.
    item_id
        The item that was spoken.
    """

    t_start_ms: float
    t_end_ms: float | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """What the log knows of one turn.

    Attributes
    ----------
    turn
        Its number, the column `turn`.
    inputs
        Its spoken inputs in order; none where the input was typed.
    answers
        The audio that answered, in order; none where the answer was written.
    interrupted
        Whether an answer was cut short; None where nobody knows.
    gap_check_ms
        The gap from the user's last sample to the agent's first by a second, independent clock
        (`MediaStreamTrackProcessor`), where there is one.
    """

    turn: int
    inputs: tuple[Input, ...] = ()
    answers: tuple[Answer, ...] = ()
    interrupted: bool | None = None
    gap_check_ms: float | None = None

    @property
    def t_begin_ms(self) -> float | None:
        """The first the log tells of it."""
        starts = [part.t_end_ms if part.t_start_ms is None else part.t_start_ms for part in self.inputs]
        return min([*starts, *(answer.t_start_ms for answer in self.answers)], default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment belongs.

    Attributes
    ----------
    turn
        The number of its turn; None before the first one.
    part
        The input or the answer it is heard in; None between them (a cough, a word that became no turn).
    """

    turn: int | None = None
    part: Input | Answer | None = None

    @property
    def item_id(self) -> str | None:
        """The item it is heard in."""
        return None if self.part is None else self.part.item_id


def attribute(segments: Iterable[Segment], turns: Sequence[TurnTimes]) -> list[Place]:
    """Say where each segment belongs.

    An event comes after the sound it tells of: `speech_started` up to 1 s after the user's first sample.
    What the user says after an input was committed belongs to the next one, and so does what is said before
    that where it is the next one's `speech_started` that tells of it. `output_audio_buffer.started`
    comes before the agent is heard, or, when the data channel is slower than the sound, up to 300 ms after.

    Parameters
    ----------
    segments
        On the same timeline as the turns: ms since the session's first record.
    turns
        Turns of the log, in order.

    Returns
    -------
    list of Place
        One for each segment.
    """
    inputs = sorted(
        ((part.t_end_ms, Place(turn.turn, part)) for turn in turns for part in turn.inputs),
        key=lambda pair: pair[0],
    )
    answers = sorted(
        ((part.t_start_ms, Place(turn.turn, part)) for turn in turns for part in turn.answers),
        key=lambda pair: pair[0],
    )
    begins = sorted((turn.t_begin_ms, turn.turn) for turn in turns if turn.t_begin_ms is not None)
    return [
        (_of_user(segment, inputs) if segment.track == "user" else _of_agent(segment, answers))
        or _between(segment, begins)
        for segment in segments
    ]


def parted(segments: Iterable[Segment], turns: Sequence[TurnTimes]) -> list[Segment]:
    """Cut the agent's sound where an answer followed another so soon that both are one stretch.

    Parameters
    ----------
    segments
        In order of time.
    turns
        Turns of the log, in order.

    Returns
    -------
    list of Segment
        In order of time; a cut is where the later answer's sound was told to begin.
    """
    answers = sorted((part for turn in turns for part in turn.answers), key=lambda part: part.t_start_ms)
    borders = [
        (before.t_end_ms, after.t_start_ms)
        for before, after in pairwise(answers)
        if before.t_end_ms is not None and before.t_end_ms <= after.t_start_ms
    ]
    return [part for segment in segments for part in _cut(segment, borders)]


def _cut(segment: Segment, borders: Iterable[tuple[float, float]]) -> Iterator[Segment]:
    for end_ms, border_ms in borders if segment.track == "agent" else ():
        if segment.t_start_ms < end_ms and border_ms < segment.t_end_ms:
            yield replace(segment, t_end_ms=border_ms)
            segment = replace(segment, t_start_ms=border_ms)
    yield segment


def _of_user(segment: Segment, inputs: list[tuple[float, Place]]) -> Place | None:
    at = bisect_left(inputs, segment.t_start_ms, key=lambda pair: pair[0])
    if at == len(inputs):
        return None
    following = inputs[at + 1][1].part if at + 1 < len(inputs) else None
    begun_ms = following.t_start_ms if following is not None else None
    if begun_ms is not None and segment.t_end_ms > max(begun_ms, inputs[at][0]):
        at += 1  # speech went on before the way there and back was over on which the last one was committed
    place = inputs[at][1]
    start = place.part.t_start_ms if place.part is not None else None
    return place if start is None or segment.t_end_ms >= start - _EARLY_USER_MS else None


def _of_agent(segment: Segment, answers: list[tuple[float, Place]]) -> Place | None:
    at = bisect_right(answers, segment.t_start_ms + _EARLY_AGENT_MS, key=lambda pair: pair[0])
    if at == 0:
        return None
    place = answers[at - 1][1]
    end = place.part.t_end_ms if place.part is not None else None
    return place if end is None or segment.t_start_ms <= end + _LATE_AGENT_MS else None


def _between(segment: Segment, begins: list[tuple[float, int]]) -> Place:
    at = bisect_right(begins, segment.t_start_ms, key=lambda pair: pair[0])
    return Place(begins[at - 1][1]) if at else Place()
