"""Trial: one run of a variant on a scenario, and what is left of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rtc_widget._errors import RecordingError, WaitTimeout
from rtc_widget._turn import Turn
from rtc_widget.experiments.scenario import Play
from rtc_widget.log.recording import Recording, load

if TYPE_CHECKING:
    from rtc_widget.experiments.run import Outcome
    from rtc_widget.experiments.scenario import Scenario, Step

__all__ = ["Trial"]

_UNHEARD = {("rtc.play", "ended"), ("rtc.error", WaitTimeout.__name__)}
_HEARD = {("input_audio_buffer.speech_started", None), ("input_audio_buffer.committed", None)}
_OF_STEPS = {"rtc.step"} | {name for name, _ in _UNHEARD | _HEARD}


class Trial:
    """One run of a variant on a scenario.

    Attributes
    ----------
    variant, scenario : str
        Their names.
    repeat : int
        Which repeat, from 0.
    steps : tuple
        The scenario's.
    session_id, path : str or None
        The session, and the folder it lies in; None where the trial failed before there was one.
    duration_ms : float or None
        How long it took, connecting and hanging up among it; of one that was cut off, until its log ends.
        None where it was not begun.
    turn_numbers : list of list of int
        Of each step that was taken to its end, the column `turn` of what it made.
    error : str or None
        Why it was not finished; None when it was.
    """

    def __init__(self, outcome: Outcome, scenario: Scenario) -> None:
        self.variant = outcome.variant
        self.scenario = outcome.scenario
        self.repeat = outcome.repeat
        self.steps: tuple[Step, ...] = scenario.steps
        self.session_id = outcome.session_id
        self.path = None if outcome.path is None else Path(outcome.path)
        self.duration_ms = outcome.duration_ms
        self.error = outcome.error
        self.turn_numbers: list[list[int]] = outcome.turns

    @cached_property
    def recording(self) -> Recording:
        """The session, loaded when asked for.

        Raises
        ------
        RecordingError
            There is none: the trial failed before it began.
        """
        if self.path is None or not self.path.exists():
            raise RecordingError(f"{self!r} left no session: {self.error}")
        return load(self.path)

    def forget(self) -> None:
        """Let go of the session in memory; it is loaded anew when asked for."""
        self.__dict__.pop("recording", None)

    @property
    def status(self) -> str:
        """Whether it was finished: completed or failed."""
        return "completed" if self.error is None else "failed"

    @property
    def turns(self) -> list[Turn]:
        """All its turns, in order; those of a step that was not finished, too."""
        return [Turn(self.recording, index) for index in range(len(self.recording.turns))]

    @property
    def n_steps(self) -> int:
        """How many steps were taken to their end."""
        return len(self.turn_numbers)

    @property
    def unheard_step(self) -> int | None:
        """Number of the step that failed because nothing of what it played was heard; else None."""
        step = self.n_steps
        if self.error is None or step >= len(self.steps) or not isinstance(self.steps[step], Play):
            return None
        came: set[tuple[str, str | None]] = set()
        for record in self.recording.event_log.records(types=_OF_STEPS):
            if record.type == "rtc.step":
                came.clear()
            else:
                came.add((record.type, record.event.get("phase") or record.event.get("code")))
        return step if came >= _UNHEARD and came.isdisjoint(_HEARD) else None

    def turns_of(self, step: int) -> list[Turn]:
        """Return the turns that a step made: one, or more where a pause split what was played.

        Parameters
        ----------
        step : int
            Its number, from 0; of one that was not finished there are none.

        Raises
        ------
        RecordingError
            The trial left no session.
        """
        made = self.turn_numbers[step] if step < len(self.turn_numbers) else []
        return [Turn(self.recording, index) for index in made]

    def __repr__(self) -> str:
        """Say which one it is, and how it ended."""
        return f"<Trial: {self.variant} on {self.scenario}, repeat {self.repeat}: {self.status}>"
