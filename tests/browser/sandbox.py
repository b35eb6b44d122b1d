"""A sandbox of our own for all browser tests: one process, warm when the first test speaks."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

START_S = 60
URL_VARIABLE = "RTC_TEST_SANDBOX_URL"
KEY_VARIABLE = "RTC_SANDBOX_KEY"
BARISTA_TOOLS = """
@w.tool
def price(drink: str = "flat white", size: str = "s") -> float:
    "Price in euro."
    return 3.2

@w.tool(needs_approval=True)
def place_order(drink: str = "flat white") -> str:
    "Place an order with the kitchen."
    return f"One {drink}, number 42."
"""
WRITTEN: dict[str, Any] = {"output_modalities": ["text"]}
"""Fields of a widget whose answers are read: nobody has to wait until they are spoken."""


@dataclass
class SandboxProcess:
    """A running sandbox.

    Attributes
    ----------
    key
        Its standard key: no file, message or output of a test may hold it.
    log
        Its stderr.
    """

    base_url: str
    log: Path
    key: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel needs to find it."""
        return {URL_VARIABLE: self.base_url, KEY_VARIABLE: self.key}


@asynccontextmanager
async def run_sandbox(log: Path) -> AsyncIterator[SandboxProcess]:
    """Run a sandbox while the block lasts; its stderr goes to `log`."""
    key = f"sk-canary-{secrets.token_hex(16)}"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rtc_widget.sandbox", "--port", "0", "--exit-with-stdin"),
            env={**os.environ, KEY_VARIABLE: key},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        assert line, f"the sandbox did not start: see {log}"
        yield SandboxProcess(json.loads(line)["base_url"], log, key)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def widget_cell(name: str = "w", *, key: str = "", **fields: object) -> str:
    """Return a cell that makes a widget on this sandbox, and shows it.

    Parameters
    ----------
    name
        Of its variable.
    key
        Another standard key than the right one.
    fields
        Its arguments.
    """
    provider = f'rtc.Sandbox(os.environ["{URL_VARIABLE}"]{f", key={key!r}" if key else ""})'
    arguments = "".join(f", {field}={value!r}" for field, value in fields.items())
    return "\n".join(
        [
            "import os",
            "import rtc_widget as rtc",
            f"{name} = rtc.RealtimeWidget(provider={provider}{arguments})",
            name,
        ]
    )
