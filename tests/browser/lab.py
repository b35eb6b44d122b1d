"""JupyterLab as a person uses it: open a notebook, run cells, read what stands under them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from playwright.async_api import TimeoutError as PlaywrightTimeoutError
from playwright.async_api import ViewportSize

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Locator, Page

    from tests.browser.jupyter import Jupyter

HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"
CELL_S = 120
PANEL = "section.rtcw"
PILL = ".rtcw-pill"
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
CLEAR_MS = 3000
CLEARED = f"""() => tap.liveCalls() === 0 && tap.liveMicrophones() === 0
    && document.querySelector("{PANEL}, {PILL}, .jp-Dialog, .jp-NotebookPanel") === null"""


class CellError(Exception):
    """A cell raised.

    Parameters
    ----------
    output
        The notebook's `error` output.
    """

    def __init__(self, output: dict[str, Any]) -> None:
        super().__init__(f"{output['ename']}: {output['evalue']}")
        self.name: str = output["ename"]
        self.message: str = output["evalue"]
        self.traceback: str = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output["traceback"]))


@dataclass
class Cell:
    """A cell that ran, and its outputs as the notebook holds them."""

    index: int
    outputs: list[dict[str, Any]]

    @property
    def error(self) -> CellError | None:
        """What it raised."""
        return next((CellError(one) for one in self.outputs if one["output_type"] == "error"), None)

    @property
    def text(self) -> str:
        """What it printed, and the plain text of what it showed, in order."""
        return "".join(_plain(one) for one in self.outputs)


class Notebook:
    """One open notebook.

    Attributes
    ----------
    path
        In the server's root folder.
    """

    def __init__(self, lab: Lab, path: str) -> None:
        self.lab = lab
        self.path = path

    async def run(self, cell: str | int, *, raises: str = "", timeout: float = CELL_S) -> Cell:
        """Run a cell and wait for its end.

        Parameters
        ----------
        cell
            The place of a cell in the notebook, or the source of a new one at the end.
        raises
            The name of the exception that the cell shall end with; it is in `Cell.error`.
        timeout
            Seconds.

        Raises
        ------
        CellError
            What the cell raised, where it shall not.
        """
        index = cell if isinstance(cell, int) else await self.add(cell)
        ran = Cell(index, await asyncio.wait_for(self._do("run", index), timeout))
        if ran.error and ran.error.name != raises:
            ran.error.add_note(ran.error.traceback)
            raise ran.error
        assert ran.error or not raises, f"no {raises}, but: {ran.text}"
        return ran

    async def run_all(self, *, timeout: float = CELL_S) -> list[Cell]:
        """Run every code cell from top to bottom; raise what one of them raises."""
        sources: list[tuple[str, str]] = await self._do("sources")
        return [
            await self.run(index, timeout=timeout)
            for index, (kind, _) in enumerate(sources)
            if kind == "code"
        ]

    async def value(self, expression: str, *, timeout: float = CELL_S) -> Any:
        """Return what an expression is in the kernel, by way of JSON; it may `await`."""
        return await self.printed(f"import json\nprint(json.dumps({expression}))", timeout=timeout)

    async def printed(self, source: str, *, timeout: float = CELL_S) -> Any:
        """Run a new cell, and return the JSON that it prints."""
        return json.loads((await self.run(source, timeout=timeout)).text)

    async def add(self, source: str) -> int:
        """Add a code cell at the end, and return its place."""
        return cast("int", await self._do("add", source))

    async def clear(self, index: int) -> None:
        """Clear what stands under a cell."""
        await self._do("clear", index)

    async def fold(self, index: int, *, folded: bool) -> None:
        """Collapse what stands under a cell, or show it again."""
        await self._do("fold", index, folded)

    async def scroll_to(self, index: int) -> None:
        """Scroll to a cell."""
        await self._do("scrollTo", index)

    async def outputs(self, index: int) -> Cell:
        """Read what stands under a cell now."""
        return Cell(index, await self._do("outputs", index))

    @property
    def element(self) -> Locator:
        """The element of the notebook in front."""
        return self.lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    async def save(self) -> str:
        """Save it, and return the file's text."""
        await self._do("save")
        return await asyncio.to_thread((self.lab.jupyter.folder / self.path).read_text, "utf-8")

    async def close(self) -> None:
        """Save it and close its tab; its kernel goes on."""
        await self._do("close")

    async def reopen(self) -> None:
        """Open its tab again, after `close` or a reload of the page."""
        await self._do("open")

    async def _do(self, name: str, *arguments: object) -> Any:
        return await self.lab.page.evaluate(
            "([name, ...rest]) => lab[name](...rest)", [name, self.path, *arguments]
        )


class Lab:
    """A page with JupyterLab in it, watched by `tap.js`.

    Attributes
    ----------
    requests
        Every address the page asked for.
    page_errors
        Exceptions of the page that nothing caught.
    """

    def __init__(self, page: Page, jupyter: Jupyter) -> None:
        self.page = page
        self.jupyter = jupyter
        self.requests: list[str] = []
        self.page_errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.page_errors.append(f"{error}\n{error.stack}"))

    async def load(self, base_url: str | None = None) -> None:
        """Load JupyterLab, with nothing open."""
        for script in ("tap.js", "lab.js"):
            await self.page.add_init_script(path=HERE / script)
        # A workspace of its own: a second page of one and the same is sent on to another address.
        place = f"{base_url or self.jupyter.url}/lab/workspaces/{secrets.token_hex(4)}"
        await self.page.goto(f"{place}?token={self.jupyter.token}&reset")
        await self._restored()

    async def reload(self) -> None:
        """Reload the page, as F5 does."""
        await self.page.reload()
        await self._restored()

    async def _restored(self) -> None:
        await self.page.wait_for_function("() => window.jupyterapp !== undefined")
        await self.page.evaluate("() => window.jupyterapp.restored.then(() => undefined)")
        await self._uncovered()

    async def _uncovered(self) -> None:
        """Wait until JupyterLab has taken its splash away."""
        await self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    async def open(self, *cells: str, path: str = "") -> Notebook:
        """Open a new notebook of these cells, or the one at `path`, and wait for its kernel."""
        notebook = Notebook(self, path or f"{secrets.token_hex(4)}.ipynb")
        if not path:
            self.jupyter.write_notebook(notebook.path, list(cells))
        await notebook.reopen()
        return notebook

    async def another(self) -> Lab:
        """Open one more page of the same browser on the same JupyterLab."""
        lab = Lab(await self.page.context.new_page(), self.jupyter)
        await lab.load()
        return lab

    async def clear(self) -> bool:
        """Close all that is open, and forget what was seen; return whether the page is as it was loaded."""
        errors = len(self.page_errors)
        others = [page for page in self.page.context.pages if page is not self.page]
        for page in others:
            await page.close()
        await self.page.evaluate("() => lab.leave()")
        try:
            await self.page.wait_for_function(CLEARED, timeout=CLEAR_MS)
        except PlaywrightTimeoutError:
            return False
        if len(self.page_errors) > errors:
            return False
        await self.page.set_viewport_size(VIEWPORT)
        await self.theme("light")
        await self.page.evaluate("() => tap.clear()")
        self.requests.clear()
        self.page_errors.clear()
        return True

    @asynccontextmanager
    async def holding(self, key: str) -> AsyncIterator[None]:
        """Hold a key down; it is let go in any case: the page is another test's next."""
        await self.page.keyboard.down(key)
        try:
            yield
        finally:
            await self.page.keyboard.up(key)

    async def theme(self, name: Literal["light", "dark"]) -> None:
        """Switch JupyterLab's theme, and wait until it is on."""
        theme = f"JupyterLab {name.capitalize()}"
        await self.page.evaluate("(theme) => lab.theme(theme)", theme)
        await self.page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
        await self._uncovered()

    async def until(self, measure: str, condition: str) -> None:
        """Wait until what a function of the page measures, `level`, meets a condition."""
        await self.page.wait_for_function(
            f"async () => {{ const level = await ({measure})(); return {condition}; }}", polling=100
        )

    async def screenshot(self, name: str, element: Locator | None = None) -> Path:
        """Take a picture of the page, or of one element, into `screenshots/`."""
        path = SCREENSHOTS / f"{name}.png"
        await (element or self.page).screenshot(path=path)
        return path

    async def wire(self, call: int = -1) -> list[tuple[str, float, str]]:
        """Return what crossed a call's data channel: direction, page time in ms, text."""
        return [tuple(row) for row in await self.page.evaluate("(call) => tap.wire(call)", call)]

    async def record_agent(self) -> None:
        """Record the agent's track, of the calls to come."""
        await self.page.evaluate("() => { tap.records = true; }")

    async def agent_audio(self, call: int = -1) -> bytes:
        """End the recording of the agent's track, which `record_agent` began, and return it as WebM."""
        recordings: list[str] = await self.page.evaluate("(call) => tap.audio(call)", call)
        return base64.b64decode(recordings[0])

    async def live_microphones(self) -> int:
        """Count the microphone tracks that this page holds open."""
        return cast("int", await self.page.evaluate("() => tap.liveMicrophones()"))

    async def live_calls(self) -> int:
        """Count the peer connections of this page that are not over."""
        return cast("int", await self.page.evaluate("() => tap.liveCalls()"))


def _plain(output: dict[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            text = output["text"]
        case "error":
            return ""
        case _:
            text = output["data"].get("text/plain", "")
    return "".join(text) if isinstance(text, list) else cast("str", text)
