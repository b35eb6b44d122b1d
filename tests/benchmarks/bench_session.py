"""How quickly a headless session connects, takes a change, and answers a tool call."""

from __future__ import annotations

import asyncio
import statistics
import time

import rtc_widget as rtc
from tests.benchmarks.figures import Figure

RUNS = 20


def measure() -> list[Figure]:
    """Measure against the sandbox; its start and the first call, which warms it, do not count."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    session = rtc.HeadlessSession(provider=rtc.Sandbox(), directory=None)

    @session.tool
    async def weather() -> str:
        """Look up the weather."""
        return "foggy"

    connect_ms = [await _connected_ms(session) for _ in range(RUNS + 1)][1:]
    await session.connect()
    update_ms = []
    for n in range(RUNS):
        began_s = time.perf_counter()
        await session.update(instructions=f"Your name is N{n}.")
        update_ms.append((time.perf_counter() - began_s) * 1000)
    for _ in range(RUNS // 2):
        await session.say("What is the weather?")
    calls = session.tool_calls
    own_ms = calls["t_sent_ms"] - calls["t_arguments_done_ms"] - calls["run_ms"]
    await session.hang_up()
    session.close()
    return [
        Figure("HeadlessSession connects, median", statistics.median(connect_ms), "ms", 150),
        Figure("update → session.updated in Python, median", statistics.median(update_ms), "ms", 15),
        Figure("tool: arguments done → output sent, less its own time", float(own_ms.median()), "ms", 10),
    ]


async def _connected_ms(session: rtc.HeadlessSession) -> float:
    began_s = time.perf_counter()
    await session.connect()
    elapsed_ms = (time.perf_counter() - began_s) * 1000
    await session.hang_up()
    return elapsed_ms
