"""Older kernels: which deliver the page's messages while a cell awaits, and what is said where none does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.lab import PANEL
from tests.browser.sandbox import widget_cell

if TYPE_CHECKING:
    from tests.browser.lab import Lab, Notebook

pytestmark = pytest.mark.soak

KERNELS = Path(sys.prefix) / "kernels"  # `make soak` installs them there


async def notebook_on(lab: Lab, version: str) -> Notebook:
    lab.jupyter.add_kernel(f"ipykernel-{version}", KERNELS / version)
    await lab.reload()  # it has read the list of kernels once
    path = f"on-{version}.ipynb"
    lab.jupyter.write_notebook(path, [], kernel=f"ipykernel-{version}")
    notebook = await lab.open(path=path)
    await notebook.run("import ipykernel")
    assert (await notebook.value("ipykernel.__version__")).startswith(version)
    await notebook.run(widget_cell())
    await notebook.element.locator(PANEL).get_by_role("button", name="Connect").click()
    await expect(notebook.element.get_by_role("button", name="Hang up")).to_be_visible()
    return notebook


async def test_on_ipykernel_7_3_jupyterlab_delivers_while_a_cell_awaits(lab: Lab) -> None:
    notebook = await notebook_on(lab, "7.3")
    await notebook.run("turn = await w.say('Are you there?')")
    assert await notebook.value("turn.transcript") == "You said: Are you there?"


async def test_on_ipykernel_6_31_an_awaited_command_names_the_kernel_and_no_event_is_lost(lab: Lab) -> None:
    notebook = await notebook_on(lab, "6.31")
    failed = await notebook.run("turn = await w.say('Are you there?', timeout=5)", raises="WaitTimeout")
    assert failed.error is not None
    assert "ipykernel 6.31" in failed.error.message
    assert "ipykernel>=7.4" in failed.error.message
    # Not awaited, a command runs between the cells.
    await notebook.run("handle = w.say('And now?')")
    await expect(notebook.element.locator(PANEL).get_by_text("You said: And now?")).to_be_visible(
        timeout=30_000
    )
    await notebook.run("import time; time.sleep(1)")
    logged = await notebook.value("[r.text for r in w.event_log.records() if r.direction != 'local']")
    assert [text for _, _, text in await lab.wire()][: len(logged)] == logged
    assert any("And now?" in text for text in logged)
