"""Server events that arrive by two paths: known again by their ids, and logged once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtc_widget.log.record import Head

__all__ = ["Twice"]

_KEPT = 50_000
"""Ids that are remembered: far more than one path can lag behind the other."""


class Twice:
    """The ids of the newest server events, and where they are in the log.

    Both paths bring the events in the order of the wire. Whatever came by either is therefore a beginning of
    the same row, and taking the first of each pair keeps that order.
    """

    def __init__(self) -> None:
        self._seqs: dict[str, int] = {}

    def seq_of(self, head: Head) -> int | None:
        """Return where the event is already, None for one that is new."""
        return None if head.event_id is None else self._seqs.get(head.event_id)

    def add(self, head: Head, seq: int) -> None:
        """Remember an event."""
        if head.event_id is not None:
            self._seqs[head.event_id] = seq
            if len(self._seqs) > _KEPT:
                del self._seqs[next(iter(self._seqs))]
