"""Interrupting: whatever runs and whatever plays is told to stop once, whenever it begins."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rtc_widget._talking import Talking
from rtc_widget.conversation import Conversation
from tests.log.script import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.log.script import Row


class Line:
    """A session's core, whose service answers each message with a batch of events that arrive at once.

    What comes `afterwards` does so when the first answer has been looked at.
    """

    def __init__(self, script: Script, *answers: list[Row], afterwards: Sequence[Row] = ()) -> None:
        self.conversation = Conversation()
        self.sent: list[list[str]] = []
        self._script = script
        self._answers = list(answers)
        self._afterwards = list(afterwards)
        self._n_applied = 0
        self._apply()

    async def send(self, *events: dict[str, Any]) -> None:
        self.sent.append([event["type"] for event in events])
        self._script.rows += self._answers.pop(0)

    async def until(self, condition: Callable[[], bool], *, what: str, timeout: float) -> None:
        assert timeout > 0
        self._apply()
        assert condition(), f"waits for {what} for ever"
        if self.sent:
            self._script.rows += self._afterwards
            self._afterwards = []

    def _apply(self) -> None:
        for record in list(self._script.log().records())[self._n_applied :]:
            self.conversation.apply(record)
            self._n_applied += 1


def interrupted(line: Line) -> list[list[str]]:
    speaking = SimpleNamespace(asked=frozenset, are_to_come=lambda _: False)
    session: Any = SimpleNamespace(_core=line, _speaking=speaking)
    asyncio.run(Talking._interrupt(session, 1.0))
    assert line.conversation.active_response is None
    assert not line.conversation.audio_playing
    return line.sent


def rows(write: Callable[[Script], object]) -> list[Row]:
    script = Script("later_")
    write(script)
    return script.rows


CANCELLED: dict[str, Any] = {
    "status": "cancelled",
    "details": {"type": "cancelled", "reason": "client_cancelled"},
}


@pytest.fixture
def script() -> Script:
    return Script().session()


def test_a_response_that_begins_as_the_sound_before_it_ends_is_cancelled_too(script: Script) -> None:
    first = script.created()
    script.done(first, [script.say(first, "A story.")])
    later: list[str] = []

    def cleared_and_created(more: Script) -> None:
        more.stopped(first, cleared=True)
        later.append(more.created())

    line = Line(script, rows(cleared_and_created))
    line._answers.append(rows(lambda more: more.done(later[0], **CANCELLED)))
    assert interrupted(line) == [["output_audio_buffer.clear"], ["response.cancel"]]


def test_sound_that_begins_after_its_response_was_cancelled_is_cleared(script: Script) -> None:
    first = script.created()

    def cancelled_and_heard(more: Script) -> None:
        more.done(first, **CANCELLED)
        more.server("output_audio_buffer.started", response_id=first)

    line = Line(script, rows(cancelled_and_heard), rows(lambda more: more.stopped(first, cleared=True)))
    assert interrupted(line) == [["response.cancel"], ["output_audio_buffer.clear"]]


def test_what_runs_and_plays_is_told_to_stop_in_one_message(script: Script) -> None:
    first = script.created()
    script.say(first, "A story.")

    def over(more: Script) -> None:
        more.done(first, **CANCELLED)
        more.stopped(first, cleared=True)

    assert interrupted(Line(script, rows(over))) == [["response.cancel", "output_audio_buffer.clear"]]


def test_sound_that_was_cleared_and_begins_once_more_is_cleared_once_more(script: Script) -> None:
    first = script.created()
    script.done(first, [script.say(first, "A story.")])
    cleared = rows(lambda more: more.stopped(first, cleared=True))
    again = rows(lambda more: more.server("output_audio_buffer.started", response_id=first))
    line = Line(script, cleared, cleared, afterwards=again)
    assert interrupted(line) == [["output_audio_buffer.clear"], ["output_audio_buffer.clear"]]
