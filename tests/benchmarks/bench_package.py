"""What the package costs before it does anything: its import, and what a browser loads."""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
from pathlib import Path

import rtc_widget
from tests.benchmarks.figures import Figure

RUNS = 15
ROOT = Path(__file__).parents[2]


def measure() -> list[Figure]:
    """Measure `import rtc_widget` against `import pandas`, and what the page loads."""
    import_ms: dict[str, list[float]] = {"pandas": [], "rtc_widget": []}
    for _ in range(RUNS):
        for module, times in import_ms.items():
            times.append(_import_ms(module))
    ours, theirs = (statistics.median(import_ms[module]) for module in ("rtc_widget", "pandas"))
    static = Path(rtc_widget.__file__).parent / "static"
    sizes_kb = {
        name: len(gzip.compress((static / name).read_bytes(), 9)) / 1000
        for name in ("widget.js", "waves.js", "loopback.js")
    }
    shares: dict[str, int] = _shares()
    whole = sum(shares.values())
    return [
        Figure(
            "import rtc_widget / import pandas", ours / theirs, "×", 1.3, f"{ours:.0f} and {theirs:.0f} ms"
        ),
        Figure("widget.js, gzipped", sizes_kb["widget.js"], "kB", 60),
        *(
            Figure(
                f"  of it {name}", sizes_kb["widget.js"] * part / whole, "kB", detail=f"{part:,} bytes before"
            )
            for name, part in sorted(shares.items(), key=lambda share: -share[1])
        ),
        Figure("waves.js, loaded with the Timeline tab, gzipped", sizes_kb["waves.js"], "kB"),
        Figure("loopback.js, loaded to calibrate, gzipped", sizes_kb["loopback.js"], "kB"),
    ]


def _shares() -> dict[str, int]:
    """Return what each dependency weighs in the widget, in bytes before gzip."""
    command = [sys.executable, "hatch_build.py", "npm", "run", "--silent", "shares"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def _import_ms(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(1000 * (time.perf_counter() - t))"
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )
