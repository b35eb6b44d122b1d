"""What the panel asks of a recording that it replays: the log, the sound, the picture."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtc_widget._panel import module
from rtc_widget._panel_sound import PEAKS_PER_S, PanelSound
from rtc_widget.frames.sessions import voice_of
from rtc_widget.log import pages

if TYPE_CHECKING:
    from rtc_widget._panel import Handler
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.recording import Recording
    from rtc_widget.transports import messages

__all__ = ["RecordedPanel", "duration_ms"]


class RecordedPanel:
    """Answers the panel's requests from a recording.

    Parameters
    ----------
    recording
        Whose panel it is.
    shift_ms
        How much later everything shows than it was recorded, in ms: what puts two calls on one axis.
    span_ms
        How long the axis is, in ms; None: as long as the recording.
    aligned_ms
        A place on the axis that is marked, in ms.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        shift_ms: float = 0.0,
        span_ms: float | None = None,
        aligned_ms: float | None = None,
    ) -> None:
        self.recording = recording
        self._shift_ms = shift_ms
        self._span_ms = span_ms
        self._aligned_ms = aligned_ms
        self._sound = PanelSound(recording)
        self._listened = False
        self._handlers: dict[str, Handler] = {
            "find": self._find,
            "module": module,
            "sound": self._hear,
            "tail": self._tail,
            "timeline": self._timeline,
            "turns": self._sound.turns,
        }

    def handler(self, method: str) -> Handler | None:
        """Return what answers a request; None for one that no recording answers."""
        return self._handlers.get(method)

    def config(self) -> messages.PanelConfig:
        """Return what the panel shows of the recording."""
        recording = self.recording
        session, log = recording.conversation.session, recording.event_log
        told, configured = (_last(log, name) for name in ("rtc.session", "rtc.config"))
        costs = recording.usage["cost_usd"]
        audio_in = (session.get("audio") or {}).get("input") or {}
        # Not from the frame of sessions, which listens to the whole recording first.
        return {
            "provider": str(told.get("provider") or ""),
            "sandbox": told.get("provider") == "sandbox",
            "model": str(session.get("model") or told.get("model") or ""),
            "voice": voice_of(session) or "",
            "signaling": "kernel",
            "microphone": "none",
            "prompt_version": int(configured.get("version") or 0),
            "variant": configured.get("variant"),
            "transcription": audio_in.get("transcription") is not None,
            "answers": session.get("type") != "transcription",
            "calls_url": "",
            "loopback": False,
            "record": recording.audio is not None,
            "cost_usd": None if costs.empty or costs.isna().any() else float(costs.sum()),
            "elapsed_ms": None,
            "replay": {
                "name": log.session_id if recording.path is None else recording.path.name,
                "duration_ms": self._span_ms or duration_ms(recording),
                "aligned_ms": self._aligned_ms,
            },
        }

    async def _find(self, params: dict[str, Any]) -> dict[str, Any]:
        query = str(params.get("query") or "")
        return {"seqs": await asyncio.to_thread(pages.find, self.recording.event_log, query)}

    async def _tail(self, params: dict[str, Any]) -> dict[str, Any]:
        found = pages.tail(self.recording.event_log, params)
        return found | {"records": [self._later(row) for row in found["records"]]}

    def _later(self, row: pages.Row) -> pages.Row:
        seq, direction, t_ms, text = row
        return seq, direction, None if t_ms is None else t_ms + self._shift_ms, text

    async def _hear(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = dict(params)
        for name in ("start_ms", "end_ms"):
            if name in asked:
                asked[name] = float(asked[name]) - self._shift_ms
        return await self._sound.sound(asked)

    async def _timeline(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the picture; at first without what is heard of the turns, which takes a while to find."""
        listen = self._listened or bool(params.get("whole")) or self.recording.audio is None
        drawn = await asyncio.to_thread(self._sound.draw, listen=listen)
        self._listened = listen
        drawn["listening"] = not listen
        since = int(params.get("since") or 0)
        drawn = later(drawn, self._shift_ms)
        drawn["duration_ms"] = self._span_ms or drawn["duration_ms"]
        if "buffers" in drawn:
            silent = bytes(round(self._shift_ms / 1000 * PEAKS_PER_S))
            drawn["buffers"] = [(silent + track)[since:] for track in drawn["buffers"]]
            drawn["since"] = since
        return drawn


def _last(log: EventLog, name: str) -> dict[str, Any]:
    notes = [record.event for record in log.records(types={name})]
    return notes[-1] if notes else {}


def duration_ms(recording: Recording) -> float:
    """Return how long a recording is, in ms: to its last record or its last sample."""
    log = recording.event_log
    last_ms = (log.record(-1).t_ms or 0.0) if len(log) else 0.0
    return max(last_ms, 0.0 if recording.audio is None else recording.audio.duration_ms)


def later(drawn: dict[str, Any], shift_ms: float) -> dict[str, Any]:
    """Return a picture with all that it shows moved along its axis."""

    def moved(part: dict[str, Any]) -> dict[str, Any]:
        times = {name for name, value in part.items() if name.startswith("t_") and value is not None}
        return {name: value + shift_ms if name in times else value for name, value in part.items()}

    return drawn | {kind: [moved(part) for part in drawn[kind]] for kind in ("stretches", "turns", "notes")}
