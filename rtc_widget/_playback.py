"""Which responses are still to be heard: the agent's audio goes on after `response.done`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtc_widget.log.record import Record

__all__ = ["TAIL_S", "Playback"]

TAIL_S = 0.5
"""The end of what was sent is heard that much later at most: the network's and the jitter buffer's delay."""

_NEVER_STARTED_S = 3.0
_CUT_TOLD_S = 0.5  # where an answer was cut, the next event says: it may come with a page's next batch


@dataclass
class _Sound:
    started: bool = False
    ended: bool = False
    done_at_s: float | None = None


class Playback:
    """Follows the audio of each response from its first part to `output_audio_buffer.stopped`."""

    def __init__(self) -> None:
        self._sounds: dict[str, _Sound] = {}
        self.t_sent_ms: float | None = None
        """The `t_ms` at which the end of the last answer was sent; None while one sounds, or after a cut."""
        self._sent_s = -math.inf
        self._cut_s = -math.inf

    def apply(self, record: Record) -> None:
        """Take a record, in log order."""
        if record.direction == "local":
            if record.type == "rtc.state" and record.event.get("state") in {"ended", "failed"}:
                self._sounds.clear()
                self.t_sent_ms, self._cut_s = None, -math.inf
            return
        kind = record.type
        if kind == "response.content_part.added":
            event = record.event
            part = event.get("part")
            if isinstance(part, dict) and part.get("type") == "audio":
                self._sounds.setdefault(str(event.get("response_id")), _Sound())
        elif kind.startswith("output_audio_buffer."):
            self._take_sound(kind, record)
        elif kind == "conversation.item.truncated":
            self._cut_s = -math.inf
        elif kind == "response.done":
            response = record.event.get("response")
            sound_or_none = self._sounds.get(str(response.get("id"))) if isinstance(response, dict) else None
            if sound_or_none is not None:
                sound_or_none.done_at_s = time.monotonic()

    def _take_sound(self, kind: str, record: Record) -> None:
        sound = self._sounds.setdefault(str(record.event.get("response_id")), _Sound())
        if kind.endswith(".started"):
            sound.started = True
            self.t_sent_ms = None
            return
        sound.ended = True
        self._sent_s = time.monotonic()
        self.t_sent_ms = record.t_ms if kind.endswith(".stopped") else None
        if sound.started and kind.endswith(".cleared"):
            self._cut_s = self._sent_s

    def tail_s(self, late_s: float = 0.0) -> float:
        """Return how many s the end of the last answer may still be on its way; 0.0 when it cannot be.

        Parameters
        ----------
        late_s
            How much longer than to the ear the way is.
        """
        return 0.0 if self.t_sent_ms is None else max(0.0, self._sent_s + TAIL_S + late_s - time.monotonic())

    def rest_s(self) -> float | bool:
        """Return True when all is heard and its cut told, False while it plays, or the s to look again in."""
        now_s = time.monotonic()
        left_s = self._cut_s + _CUT_TOLD_S - now_s
        verdict: float | bool = left_s if left_s > 0 else True
        for sound in list(self._sounds.values()):
            if sound.ended:
                continue
            if sound.started or sound.done_at_s is None:
                return False
            left_s = sound.done_at_s + _NEVER_STARTED_S - now_s
            if left_s > 0:
                verdict = left_s if verdict is True else max(float(verdict), left_s)
        return verdict
