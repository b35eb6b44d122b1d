"""Measure everything in one run, and print it: `make bench`."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
from pathlib import Path

from tests.benchmarks import bench_call, bench_package


def _main() -> None:
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    for figure in bench_package.measure():
        print(figure, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for figure in asyncio.run(bench_call.measure(Path(folder))):
            print(figure, flush=True)


if __name__ == "__main__":
    _main()
