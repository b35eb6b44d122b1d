"""`kill -9` of the kernel: what it had received before the last 250 ms is on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import pytest

from rtc_widget.log.reading import read_file
from tests.log import writer

ROOT = Path(__file__).parents[2]


def _stalled_s(steps_s: list[float]) -> float:
    """Return how long the machine let nothing happen in about the last second: no fault of the journal."""
    gaps_s = [late_s - early_s for early_s, late_s in pairwise(steps_s[-500:])]
    return sum(gap_s for gap_s in gaps_s if gap_s > 0.02)


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
    steps = [(int(n), float(at_s)) for n, at_s in map(bytes.split, lines)]
    before_s = killed_at - 0.25 - _stalled_s([at_s for _, at_s in steps] + [killed_at])
    received = max((n for n, at_s in steps if at_s < before_s), default=0)
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
