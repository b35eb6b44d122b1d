"""A sandbox in its own process, as a kernel starts it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Service:
    """A running sandbox.

    Attributes
    ----------
    base_url
        Its address.
    log
        Its stderr.
    pid
        Its process.
    key
        Its standard key.
    """

    base_url: str
    log: Path
    pid: int
    key: str = field(repr=False)

    @property
    def authorization(self) -> dict[str, str]:
        """The header that lets its owner in."""
        return {"Authorization": f"Bearer {self.key}"}


@contextmanager
def running(log: Path, *arguments: str) -> Iterator[Service]:
    """Run a sandbox while the block lasts; its stderr goes to `log`."""
    key = f"sk-canary-{secrets.token_hex(16)}"
    command = [sys.executable, "-m", "rtc_widget.sandbox", "--port", "0", "--exit-with-stdin", *arguments]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            env={**os.environ, "RTC_SANDBOX_KEY": key},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, log.read_text()
            first = json.loads(line)
            assert first["key"] == key
            yield Service(first["base_url"], log, process.pid, key)
        finally:
            process.stdin.close()
            assert process.wait(15) == 0
    assert key not in log.read_text()
