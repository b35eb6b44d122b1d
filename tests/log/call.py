"""A recorded call of any length, written at once: every turn has its events and its sound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from rtc_widget.log.event_log import EventLog
from rtc_widget.log.saving import save_recording
from rtc_widget.log.tracks import RATE_HZ
from tests.log.script import Script

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TURN_S = 5.0
"""From one turn to the next: the user sounds for 0.9 s, and 2 s after its begin the agent does, for 1.5 s."""
ANSWER_S = 2.0
STARTED = "output_audio_buffer.started"
_STEP_MS = 15.0
_AFTER_START_MS = 250.0
_STATS = {f"inbound-rtp{number}": {"packetsReceived": number, "jitter": 0.01} for number in range(20)}


def write_call(
    folder: Path, n_turns: int, *, asked: str = "A flat white.", answer: str = "One flat white, coming up."
) -> Path:
    """Write a recording of so many turns.

    The agent's sound begins at the very sample that belongs to `t_ms` of its STARTED event.
    """
    rows: list[tuple[float, str, dict[str, Any]]] = []
    script = Script()
    script.note("rtc.session", provider="sandbox", model="gpt-realtime")
    script.note("rtc.state", state="live", call=1, transport="peer")
    script.session()
    take(rows, script, 0.0)
    for turn in range(n_turns):
        begin_ms = 1_000.0 * (1 + turn * TURN_S)
        script.spoken_turn(asked, f"{answer} ({turn + 1})")
        take(rows, script, begin_ms)
        rows += [
            (begin_ms + 1_000.0 * second + 700.0, "local", {"type": "rtc.stats", "report": _STATS})
            for second in range(int(TURN_S))
        ]
    end_ms = 1_000.0 * (1 + n_turns * TURN_S)
    script.note("rtc.state", state="ended", call=1, reason="hung up")
    take(rows, script, end_ms)
    log = EventLog()
    for t_ms, direction, event in sorted(rows, key=lambda row: row[0]):
        log.append(direction, json.dumps(event), t_kernel_ms=5_000 + t_ms)  # type: ignore[arg-type]  # rows say str
    save_recording(_Saved(log), folder)
    for track, begin_s, lasts_s in (("user", 0.0, 0.9), ("agent", ANSWER_S, 1.5)):
        samples = _sound(n_turns, begin_s, lasts_s, end_ms / 1_000)
        soundfile.write(folder / f"{track}.flac", samples, RATE_HZ, subtype="PCM_16")
    return folder


def take(rows: list[tuple[float, str, dict[str, Any]]], script: Script, begin_ms: float) -> None:
    """Take what a script has written, and give each record its time."""
    t_ms = begin_ms
    for direction, event in script.rows:
        if event["type"] == STARTED:
            t_ms = begin_ms + 1_000.0 * ANSWER_S
        rows.append((t_ms, direction, event))
        t_ms += _AFTER_START_MS if event["type"] == STARTED else _STEP_MS
    script.rows.clear()


def _sound(n_turns: int, begin_s: float, lasts_s: float, whole_s: float) -> NDArray[np.int16]:
    samples = np.zeros(round(whole_s * RATE_HZ), np.int16)
    times = np.arange(round(lasts_s * RATE_HZ)) / RATE_HZ
    tone = (9_000 * np.sign(np.sin(2 * np.pi * 440 * times))).astype(np.int16)
    for turn in range(n_turns):
        first = round((1 + turn * TURN_S + begin_s) * RATE_HZ)
        samples[first : first + len(tone)] = tone[: len(samples) - first]
    return samples


class _Saved:
    def __init__(self, log: EventLog) -> None:
        self.event_log = log
