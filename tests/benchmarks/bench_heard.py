"""How true `latency_heard_ms` is: turns that the page makes itself, and a sandbox told when to answer."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import rtc_widget as rtc
from rtc_widget.audio import Sound
from rtc_widget.audio.attribution import Answer, Input, TurnTimes
from rtc_widget.audio.calibration import RATE_HZ, Loopback
from rtc_widget.audio.latency import CallSound, measure
from rtc_widget.audio.second_clock import apart_ms
from rtc_widget.audio.segments import find_segments
from rtc_widget.audio.sides import sides_of
from tests.benchmarks.figures import Figure
from tests.browser.chrome import run_chrome
from tests.browser.jupyter import run_jupyter
from tests.browser.lab import Lab
from tests.browser.sandbox import run_sandbox, widget_cell
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rtc_widget.audio.latency import Heard
    from tests.browser.lab import Notebook

CALLS, LOADED_CALLS = 3, 1
TURNS = 15
FEWEST = 5
GAPS_MS = np.linspace(400, 1_500, TURNS)
PAUSE_MS = 700
AFTER_MS = [*range(1_000, 2_100, 100)]
BURSTS = """() => setInterval(() => {
  const begin = performance.now();
  while (performance.now() - begin < 200);
}, 700)"""
LOOPBACK = """
import asyncio, pickle
from pathlib import Path
from rtc_widget._loop import submit
plan = pickle.loads(Path({plan!r}).read_bytes())
reply = await asyncio.wrap_future(submit(w._browser.loopback(*plan, pause_ms={pause_ms})))
n = Path({reply!r}).write_bytes(pickle.dumps(reply))
"""
ANSWER = """
await w.update(instructions="Answer in one word, {after_ms} ms after the user.")
turn = await w.play({path!r})
"""
SANDBOX = """json.loads(w.turns[["latency_heard_ms", "latency_inferred_ms", "heard_quality"]]
    .to_json(orient="records"))"""


async def measure_all(folder: Path) -> list[Figure]:
    """Measure in one JupyterLab and one Chromium.

    Parameters
    ----------
    folder
        An empty folder for what all of them write.
    """
    microphone = write_speech(folder / "silence.wav", between_s=0)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(run_sandbox(folder / "sandbox.log"))
        jupyter = await stack.enter_async_context(run_jupyter(folder / "jupyter", sandbox.environment))
        chrome = await stack.enter_async_context(run_chrome())
        context = await stack.enter_async_context(chrome.context(microphone))
        lab = Lab(await context.new_page(), jupyter)
        await lab.load()
        notebook = await lab.open()
        await notebook.run(widget_cell(record=True))
        await notebook.run("found = await w.calibrate()")
        constants = await notebook.value("[found.constant_ms, found.check_constant_ms]")
        bench = _Bench(notebook, folder, constants)
        figures = []
        for number in range(CALLS):
            figures += await bench.call(f"call {number + 1}", (15, 25), (5, 10))
        timer = await lab.page.evaluate(BURSTS)
        for number in range(LOADED_CALLS):
            figures += await bench.call(f"call {number + 1} under load", (None, 35), (None, 35))
        await lab.page.evaluate("(timer) => clearInterval(timer)", timer)
        return figures + await _answering(notebook, folder)


class _Bench:
    """Loopback calls with speech for signals, heard as a recorded call is."""

    def __init__(self, notebook: Notebook, folder: Path, constants: list[float]) -> None:
        self._notebook = notebook
        self._folder = folder
        self._constants = constants
        self._user = _trimmed("A flat white please.", "ash")
        self._agent = _trimmed("One flat white.", "sage")

    async def call(
        self, name: str, goals: tuple[float | None, float], check_goals: tuple[float | None, float]
    ) -> list[Figure]:
        """Make a call of turns, and compare what is heard of them with what they were."""
        plan, reply = self._folder / "plan", self._folder / "reply"
        gaps_ms = np.random.default_rng(7).permutation(GAPS_MS).tolist()
        signals = self._user.tobytes(), self._agent.tobytes()
        plan.write_bytes(pickle.dumps((*signals, RATE_HZ, gaps_ms)))
        cell = LOOPBACK.format(plan=str(plan), reply=str(reply), pause_ms=PAUSE_MS)
        await self._notebook.run(cell, timeout=300)
        told = pickle.loads(reply.read_bytes())  # noqa: S301 - written a moment ago by the bench itself
        loopback = Loopback.of(told, gaps_ms, len(self._user) * 1_000 / RATE_HZ)
        turns = await asyncio.to_thread(self._turns, loopback)
        constant_ms, check_constant_ms = self._constants
        call = CallSound(constant_ms=constant_ms, jitter=loopback.jitter)
        figures = []
        for clock, of_clock, limits in (
            ("worklet", call, goals),
            ("second clock", replace(call, check_constant_ms=check_constant_ms), check_goals),
        ):
            heard = measure(*turns, [of_clock])
            figures += _figures(f"{name}, {clock}", heard, gaps_ms, limits)
        lost = Figure(f"{name}: samples lost", loopback.lost_frames, "", 0)
        return [*figures, lost]

    def _turns(self, loopback: Loopback) -> tuple[list[Any], list[TurnTimes]]:
        """Find the speech, and say what a log would of the turns."""
        segments = [
            segment
            for track, samples in (("user", loopback.user), ("agent", loopback.agent))
            for segment in find_segments(Sound.from_samples(samples, RATE_HZ), track)  # type: ignore[arg-type]  # one of the two
        ]
        agent_ms = len(self._agent) * 1_000 / RATE_HZ
        times = []
        for turn, (t_user_ms, gap_ms) in enumerate(zip(loopback.t_user_ms, loopback.gaps_ms, strict=True)):
            end_ms = t_user_ms + loopback.user_ms
            answer_ms = end_ms + gap_ms
            said = Input(end_ms + 250, t_user_ms + 150, f"user{turn}")
            answer = Answer(answer_ms - 20, answer_ms + agent_ms + 300, f"agent{turn}")
            times.append(TurnTimes(turn, (said,), (answer,)))
        clock = {track: [one for one in loopback.clock if one.track == track] for track in ("user", "agent")}
        checked = []
        for side in sides_of(segments, times):
            check_ms = None
            if side.t_user_ms is not None and side.t_agent_ms is not None:
                user = apart_ms(clock["user"], side.t_user_ms)
                agent = apart_ms(clock["agent"], side.t_agent_ms)
                if user is not None and agent is not None:
                    check_ms = side.t_agent_ms - side.t_user_ms - (agent - user)
            checked.append(replace(side.times, gap_check_ms=check_ms))
        return segments, checked


def _figures(
    name: str, heard: Sequence[Heard], gaps_ms: Sequence[float], goals: tuple[float | None, float]
) -> list[Figure]:
    """Say how far from the truth the turns were: those that are not flagged, and all but the first."""
    errors = [
        (one.latency_heard_ms - gap_ms, one.heard_quality)
        for one, gap_ms in zip(heard, gaps_ms, strict=True)
        if one.latency_heard_ms is not None and one.heard_quality != "first_turn"
    ]
    figures = []
    for which, chosen, limits in (
        ("", [error_ms for error_ms, quality in errors if quality == "ok"], goals),
        (" of all", [error_ms for error_ms, _ in errors], (None, None)),
    ):
        if which and len(chosen) == sum(quality == "ok" for _, quality in errors):
            continue  # none was flagged
        detail = f"{len(chosen)} of {len(heard)} turns"
        if len(chosen) < FEWEST:
            figures.append(Figure(f"{name}{which}: too few turns", len(chosen), "", None, detail))
            continue
        errors_ms = np.array(chosen)
        figures += [
            Figure(f"{name}{which}: |median|", abs(float(np.median(errors_ms))), "ms", limits[0], detail),
            Figure(f"{name}{which}: p95", float(np.percentile(np.abs(errors_ms), 95)), "ms", limits[1]),
        ]
    return figures


async def _answering(notebook: Notebook, folder: Path) -> list[Figure]:
    """Compare what was heard of the sandbox, and what its events say, with when it was told to answer."""
    path = write_speech(folder / "question.wav", QUESTIONS[1], between_s=0)
    await notebook.run("await w.connect()")
    for after_ms in AFTER_MS:
        await notebook.run(ANSWER.format(after_ms=after_ms, path=str(path)))
    await notebook.run("await w.hang_up()")
    rows = await notebook.value(SANDBOX)
    # The first turn may have waited on a buffer that was still long.
    turns = [(row, after_ms) for row, after_ms in zip(rows, AFTER_MS, strict=True)][1:]
    figures = []
    for which in ("heard", "inferred"):
        known = np.array(
            [
                row[f"latency_{which}_ms"] - after_ms
                for row, after_ms in turns
                if row[f"latency_{which}_ms"] is not None
            ]
        )
        low, high = np.percentile(known - np.median(known), [5, 95])
        detail = f"{low:+.1f} to {high:+.1f} ms around it, {len(known)} answers"
        figures.append(
            Figure(f"sandbox, latency_{which}_ms − N, median", float(np.median(known)), "ms", None, detail)
        )
    return figures


def _trimmed(text: str, voice: str) -> NDArray[np.int16]:
    """Return speech from its first loud sample to its last, at 24 kHz."""
    samples = rtc.Sandbox.spoken(text, voice=voice).resampled(RATE_HZ).samples
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 150)
    return samples[loud[0] : loud[-1] + 1]
