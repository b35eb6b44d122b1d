"""What a log that goes on says of the page that held its call, and which of its records are here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rtc_widget.log.event_log import EventLog

__all__ = ["CALLING", "Held", "Known", "died_with_its_kernel", "held_by"]

CALLING = frozenset({"microphone", "connecting", "live"})


class Held(NamedTuple):
    """A page that may hold a call whose kernel is gone."""

    page: str
    calling: bool
    call: int | None
    rtc_call_id: str | None


def held_by(log: EventLog) -> Held | None:
    """Return the page that held the last call of a log; None where no page did."""
    found = None
    for record in log.records(types={"rtc.state"}):
        note = record.event
        if record.direction == "local" and isinstance(note.get("page"), str):
            calling = note.get("state") in CALLING
            found = Held(note["page"], calling, note.get("call"), record.rtc_call_id if calling else None)
    return found


def died_with_its_kernel(log: EventLog) -> dict[str, Any] | None:
    """Return the note of a call that a log says is up, though no page held it; None where none is."""
    last: dict[str, Any] = {}
    for record in log.records(types={"rtc.state"}):
        if record.direction == "local":
            last = record.event
            if isinstance(last.get("page"), str):
                return None
    return last if last.get("state") in CALLING else None


class Known:
    """The browser's records that a log has from the kernel before, so that none is logged twice.

    Parameters
    ----------
    log
        The log.
    length
        How many records it had from that kernel.
    since_ms
        By the browser's clock: what is older is of no interest.
    """

    def __init__(self, log: EventLog, length: int, *, since_ms: float) -> None:
        self._left: Counter[tuple[str, float | None, str]] = Counter(
            (record.direction, record.t_browser_ms, record.text)
            for record in log.records(0, length)
            if record.t_browser_ms is not None and record.t_browser_ms >= since_ms
        )

    def has(self, direction: str, text: str, t_browser_ms: float | None) -> bool:
        """Say whether the log has this record; each of its own counts once."""
        key = direction, t_browser_ms, text
        if self._left[key] <= 0:
            return False
        self._left[key] -= 1
        return True
