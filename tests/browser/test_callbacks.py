"""What a callback prints stands under the cell that registered it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.lab import PANEL
from tests.browser.sandbox import WRITTEN, widget_cell

if TYPE_CHECKING:
    from tests.browser.lab import Lab


async def test_text_shows_under_the_cell_that_registered_the_callback(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(**WRITTEN))
    registered = await notebook.run(
        "stop = w.on('response.done', lambda event: print('done', event['type']))"
    )
    assert registered.text == ""
    await notebook.run("await w.connect()")
    said = await notebook.run("turn = await w.say('Print it.')")
    await notebook.element.get_by_text("done response.done").wait_for()
    assert (await notebook.outputs(registered.index)).text == "done response.done\n"
    assert said.text == ""
    await notebook.run("stop()")
    await notebook.run("turn = await w.say('And no more.')")
    assert (await notebook.outputs(registered.index)).text == "done response.done\n"


async def test_a_callback_that_raises_is_an_error_of_the_session_and_stops_nothing(lab: Lab) -> None:
    notebook = await lab.open()
    await notebook.run(widget_cell(**WRITTEN))
    await notebook.run("w.on('response.created', lambda event: 1 / 0)")
    await notebook.run("await w.connect()")
    await notebook.run("turn = await w.say('Go on.')")
    assert await notebook.value("turn.transcript") == "You said: Go on."
    assert await notebook.value("w.errors[['source', 'code', 'message']].values.tolist()") == [
        ["callback", "ZeroDivisionError", "division by zero"]
    ]
    await notebook.element.locator(PANEL).get_by_text("division by zero").wait_for()
