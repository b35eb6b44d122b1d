"""The notebooks run from top to bottom, as a new user runs them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.lab import Lab

NOTEBOOKS = sorted(Path(__file__).parents[2].joinpath("notebooks").glob("*.ipynb"))
HOLDS_AFTERWARDS = {
    "01_talk": [
        "'train' in before.transcript",
        "after.transcript.startswith('Ahoy there')",
        "w.turns.turn.tolist() == [0, 1, 2]",
        "w.errors.empty",
    ],
    "02_tune_a_prompt": [
        "len(answers) == 9 and answers.frame.error.isna().all()",
        "chosen.name == 'warm' and after.transcript.startswith('Thank you for calling')",
        "w.turns.variant[after.index] == 'warm'",
        # What a busy machine tears is not measured.
        'len(known) == 3 and known[["heard_off_by", "inferred_off_by"]].notna().sum().min() >= 2',
        "w.turns.latency_heard_ms.isna().sum() <= 1",
    ],
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_the_notebook_runs_from_top_to_bottom(lab: Lab, path: Path) -> None:
    shutil.copy(path, lab.jupyter.folder)
    notebook = await lab.open(path=path.name)
    await notebook.run_all(timeout=120)
    await lab.screenshot(path.stem)
    for expression in HOLDS_AFTERWARDS.get(path.stem, []):
        assert await notebook.value(f"bool({expression})"), expression
    assert await lab.live_microphones() == 0
    assert lab.page_errors == []
