"""One page of JupyterLab for one test after the other, cleared between them."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tests.browser.lab import Lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.chrome import Chrome
    from tests.browser.jupyter import Jupyter


class Desk:
    """The page of those who need no browser of their own: loading it costs more than most of their tests.

    Parameters
    ----------
    chrome
        Where it is opened.
    jupyter
        What it shows.
    microphone
        Where the file of its microphone shall be: Chromium reads it whenever the microphone opens.
    """

    def __init__(self, chrome: Chrome, jupyter: Jupyter, microphone: Path) -> None:
        self._chrome = chrome
        self._jupyter = jupyter
        self._microphone = microphone
        self._lab: Lab | None = None
        self._context = AsyncExitStack()

    async def take(self, sound: Path) -> Lab:
        """Return the page with nothing open and nothing seen, and with this sound for its microphone."""
        shutil.copyfile(sound, self._microphone)
        if self._lab is None or self._lab.page.is_closed():
            await self.leave()
            context = await self._context.enter_async_context(self._chrome.context(self._microphone))
            self._lab = Lab(await context.new_page(), self._jupyter)
            await self._lab.load()
        return self._lab

    async def clear(self) -> None:
        """Close what is open on it, and the page itself where anything of that stays."""
        cleared = False
        try:
            cleared = self._lab is not None and await self._lab.clear()
        finally:
            if not cleared:
                await self.leave()

    async def leave(self) -> None:
        """Close the page."""
        self._lab = None
        await self._context.aclose()
        self._context = AsyncExitStack()
