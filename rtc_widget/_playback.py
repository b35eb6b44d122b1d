"""Which responses are still to be heard: the agent's audio goes on after `response.done`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtc_widget.log.record import Record

__all__ = ["Playback"]

_NEVER_STARTED_S = 3.0


@dataclass
class _Sound:
    started: bool = False
    ended: bool = False
    done_at_s: float | None = None


class Playback:
    """Follows the audio of each response from its first part to `output_audio_buffer.stopped`."""

    def __init__(self) -> None:
        self._sounds: dict[str, _Sound] = {}

    def apply(self, record: Record) -> None:
        """Take a record, in log order."""
        if record.direction == "local":
            if record.type == "rtc.state" and record.event.get("state") in {"ended", "failed"}:
                self._sounds.clear()
            return
        kind = record.type
        if kind == "response.content_part.added":
            event = record.event
            part = event.get("part")
            if isinstance(part, dict) and part.get("type") == "audio":
                self._sounds.setdefault(str(event.get("response_id")), _Sound())
        elif kind.startswith("output_audio_buffer."):
            sound = self._sounds.setdefault(str(record.event.get("response_id")), _Sound())
            if kind.endswith(".started"):
                sound.started = True
            else:
                sound.ended = True
        elif kind == "response.done":
            response = record.event.get("response")
            sound_or_none = self._sounds.get(str(response.get("id"))) if isinstance(response, dict) else None
            if sound_or_none is not None:
                sound_or_none.done_at_s = time.monotonic()

    def rest_s(self) -> float | bool:
        """Return True when all has been heard, False while something plays, or the s to look again in."""
        now_s = time.monotonic()
        verdict: float | bool = True
        for sound in list(self._sounds.values()):
            if sound.ended:
                continue
            if sound.started or sound.done_at_s is None:
                return False
            left_s = sound.done_at_s + _NEVER_STARTED_S - now_s
            if left_s > 0:
                verdict = left_s if verdict is True else max(float(verdict), left_s)
        return verdict
