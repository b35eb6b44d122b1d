"""What was sent and not answered yet, of the kind whose answer does not say whom it answers."""

from __future__ import annotations

import time
from asyncio import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtc_widget._errors import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtc_widget.log.record import Record
    from rtc_widget.protocol import Answer

__all__ = ["Sent", "Unanswered"]

_TOGETHER_S = 3.0
"""Answers to what was sent together come together: one that is later than another's by this is lost."""
_OVER = frozenset({"ended", "failed"})


@dataclass(eq=False)
class Sent:
    """A client event on its way.

    Attributes
    ----------
    answer
        Tells what may answer it.
    about
        What its sender wants to know again when the answer has come.
    """

    answer: Answer
    about: object = None
    other_came_s: float | None = None
    """When something sent before it was answered, while it was on its way."""


class Unanswered:
    """Finds whom an answer answers: the first one the first, also where nobody awaits that any more."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        self._answered: tuple[int, Sent] | None = None

    @contextmanager
    def sending(self, answer: Answer, about: object = None) -> Iterator[Sent]:
        """Send an event and await its answer in this block.

        Whoever stops waiting leaves it here, for it was sent and its answer is still to come.
        """
        sent = Sent(answer, about)
        self._sent.append(sent)
        try:
            yield sent
        except (CancelledError, WaitTimeout):
            if sent.other_came_s is not None and time.monotonic() - sent.other_came_s >= _TOGETHER_S:
                self._drop(sent)  # the answer that was lost is the other's, and its own has been taken for it
            raise
        except BaseException:
            self._drop(sent)  # it was not sent, or refused, or the call is over
            raise

    def feed(self, record: Record) -> None:
        """Take a record for the answer that it is, before anybody asks."""
        if record.direction == "local":
            if record.type == "rtc.state" and record.event.get("state") in _OVER:
                self._sent.clear()
        elif record.direction == "server" and self._sent:
            if record.type == "error":
                self._sent = [one for one in self._sent if not one.answer.is_refused_by(record.event)]
            else:
                self._take(record)

    def _take(self, record: Record) -> None:
        able = [one for one in self._sent if one.answer.is_of(record.type) and one.answer(record.event)]
        if able:
            self._answered = record.seq, able[0]
            self._drop(able[0])
            for later in able[1:]:
                later.other_came_s = time.monotonic()

    def answered_by(self, record: Record) -> Sent | None:
        """Return what the record that passes now answers; None where nothing of ours."""
        return self._answered[1] if self._answered and self._answered[0] == record.seq else None

    def _drop(self, sent: Sent) -> None:
        self._sent = [one for one in self._sent if one is not sent]
