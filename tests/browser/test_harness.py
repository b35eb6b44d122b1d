"""The harness itself: what the tests beside this one stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import CellError

if TYPE_CHECKING:
    from tests.browser.lab import Lab

WIDGET = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default {
      render({ model, el }) {
        const button = document.createElement("button");
        button.className = "counter-of-tests";
        const show = () => { button.textContent = `count ${model.get("value")}`; };
        button.onclick = () => { model.set("value", model.get("value") + 1); model.save_changes(); };
        model.on("change:value", show);
        show();
        el.append(button);
      }
    };
    """
    value = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter
'''


async def test_a_widget_shows_and_talks_to_its_kernel(lab: Lab) -> None:
    notebook = await lab.open(WIDGET)
    await notebook.run_all()
    button = notebook.element.locator(".counter-of-tests")
    await button.click()
    await button.get_by_text("count 1").wait_for()
    assert await notebook.value("counter.value") == 1
    await lab.theme("dark")
    await lab.screenshot("harness")
    await notebook.close()
    await notebook.reopen()
    await button.get_by_text("count 1").wait_for()
    await lab.reload()
    await notebook.reopen()
    await button.get_by_text("count 1").wait_for()
    with pytest.raises(CellError, match="division by zero"):
        await notebook.run("1/0")
    assert (await notebook.run("1/0", raises="ZeroDivisionError")).error
    assert lab.page_errors == []
