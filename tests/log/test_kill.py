"""`kill -9` of the kernel: what it had received before the last 250 ms is on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from rtc_widget.log.reading import read_file
from tests.log import writer

ROOT = Path(__file__).parents[2]


def _kill_after(seconds: float, path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, writer.__file__, str(path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    ) as kernel:
        assert kernel.stdout is not None
        lines = [kernel.stdout.readline()]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            lines.append(kernel.stdout.readline())
        kernel.send_signal(signal.SIGKILL)
        killed_at = time.monotonic()
        lines += kernel.stdout.readlines()
    received = 0
    for line in lines:
        n, at = line.split()
        if float(at) < killed_at - 0.25:
            received = int(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loaded = read_file(path)
    assert received > 0
    assert len(loaded.log) >= received
    assert [event["n"] for event in loaded.log] == list(range(len(loaded.log)))


@pytest.mark.parametrize("round", range(3))
def test_a_killed_kernel_loses_at_most_its_last_250_ms(tmp_path: Path, round: int) -> None:
    _kill_after(0.6 + 0.17 * round, tmp_path / "events.jsonl")


@pytest.mark.soak
@pytest.mark.parametrize("round", range(20))
def test_twenty_killed_kernels_lose_at_most_their_last_250_ms(tmp_path: Path, round: int) -> None:
    _kill_after(0.5 + 0.13 * round, tmp_path / "events.jsonl")
