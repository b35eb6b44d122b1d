"""A kernel that is busy for long delays events; it loses none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.sandbox import widget_cell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenLab

SLEEP = """
import json, time
began = time.time()
time.sleep(30)
print(json.dumps([began * 1000, time.time() * 1000]))
"""
LOGGED = "[[r.direction, r.text] for r in w.event_log.records() if r.direction != 'local']"


async def test_each_event_that_crossed_the_wire_while_a_cell_slept_is_logged_once_and_in_order(
    open_lab: OpenLab, spoken_questions: Path
) -> None:
    async with open_lab(microphone=spoken_questions) as lab:
        notebook = await lab.open()
        await notebook.run(widget_cell())
        await notebook.run("await w.connect()")
        began_ms, ended_ms = await notebook.printed(SLEEP)
        meanwhile = [text for _, t_ms, text in await lab.wire() if began_ms < t_ms < ended_ms]
        assert sum("response.done" in text for text in meanwhile) >= 2
        assert len(meanwhile) > 50
        await notebook.run("await w.hang_up()")
        wire = [[direction, text] for direction, _, text in await lab.wire()]
        assert await notebook.value(LOGGED) == wire
        assert await notebook.value("w.turns.turn.tolist()") == [0, 1, 2]
