"""Watching a call's quality: a note when it becomes bad, and one when it is good again."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rtc_widget.frames._derived import Totals, derive, totals_of

if TYPE_CHECKING:
    from rtc_widget._core import Core
    from rtc_widget.log.record import Record

__all__ = ["Quality"]

_THRESHOLDS = {
    "loss": ("loss_ratio", 0.05),
    "round_trip": ("round_trip_ms", 400.0),
    "concealment": ("concealed_ratio", 0.03),
}
_WINDOW = 5
_CALM = 3


class Quality:
    """Notes `rtc.quality` {what, value, threshold, phase: "bad" | "good"} from a session's `rtc.stats`.

    A value counts over the last five getStats; it is good again after three in a row below its threshold.

    Parameters
    ----------
    core
        The session's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._last: deque[tuple[float, Totals]] = deque(maxlen=_WINDOW)
        self._bad: set[str] = set()
        self._call: object = None
        self._calm: dict[str, int] = {}
        core.watchers.append(self._on_record)

    def _on_record(self, record: Record) -> None:
        if record.direction != "local":
            return
        if record.type == "rtc.state":
            call = record.event.get("call")
            if record.event.get("state") == "live" and call != self._call:  # another microphone says so again
                self._call = call
                self._last.clear()
                self._bad.clear()
            return
        stats = record.event.get("stats") if record.type == "rtc.stats" else None
        if not isinstance(stats, list):
            return
        now_ms, now = record.t_ms or 0.0, totals_of(stats)
        if self._last:
            before_ms, before = self._last[0]
            self._judge(derive(before, now, (now_ms - before_ms) / 1_000))
        self._last.append((now_ms, now))

    def _judge(self, values: dict[str, float]) -> None:
        for what, (metric, threshold) in _THRESHOLDS.items():
            value = values.get(metric)
            if value is None:
                continue
            if value > threshold:
                self._calm[what] = 0
                if what not in self._bad:
                    self._bad.add(what)
                    self._note(what, value, threshold, "bad")
            elif what in self._bad:
                self._calm[what] += 1
                if self._calm[what] == _CALM:
                    self._bad.discard(what)
                    self._note(what, value, threshold, "good")

    def _note(self, what: str, value: float, threshold: float, phase: str) -> None:
        self._core.log.note("rtc.quality", what=what, value=round(value, 4), threshold=threshold, phase=phase)
