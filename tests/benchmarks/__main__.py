"""Measure everything in one run and print it: `make bench`; ARGS="session log" only those parts."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import (
    bench_call,
    bench_heard,
    bench_log,
    bench_package,
    bench_panel,
    bench_replay,
    bench_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.benchmarks.figures import Figure


def _call() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(bench_call.measure(Path(folder)))


def _heard() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(bench_heard.measure_all(Path(folder)))


def _replay() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(bench_replay.measure(Path(folder)))


def _panel() -> list[Figure]:
    return asyncio.run(bench_panel.measure())


def _main() -> None:
    parts = {
        "package": bench_package.measure,
        "session": bench_session.measure,
        "call": _call,
        "heard": _heard,
        "log": bench_log.measure,
        "panel": _panel,
        "replay": _replay,
    }
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for name in sys.argv[1:] or parts:
        figures: Iterable[Figure] = parts[name]()
        for figure in figures:
            print(figure, flush=True)


if __name__ == "__main__":
    _main()
