"""Chromium with a file for a microphone, and no way out of this machine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from playwright.async_api import async_playwright

from tests.browser.chromium import NONE_FOUND, find_chromium
from tests.browser.jupyter import PLAIN_HOST
from tests.browser.lab import VIEWPORT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Playwright

Microphone = Path | Literal["none", "denied"]
"""A WAV file that is played once, from the moment the microphone opens; no device; permission denied."""

FLAGS = (
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # Whatever is not this machine has no address.
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1,EXCLUDE localhost",
)


class Chrome:
    """A Chromium for each microphone in use: it stays open behind its use until another one is asked for."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browsers: dict[Microphone, Browser] = {}

    async def close(self) -> None:
        """Close them."""
        while self._browsers:
            await self._browsers.popitem()[1].close()

    @asynccontextmanager
    async def context(self, microphone: Microphone) -> AsyncIterator[BrowserContext]:
        """Open a browser context: cookies and storage of its own."""
        browser = await self._with(microphone)
        context = await browser.new_context(viewport=VIEWPORT)
        try:
            yield context
        finally:
            await context.close()

    async def _with(self, microphone: Microphone) -> Browser:
        browser = self._browsers.get(microphone)
        if browser is None:
            await self._close_what_is_not_in_use()
            path = find_chromium()
            if path is None:
                raise RuntimeError(NONE_FOUND)
            browser = self._browsers[microphone] = await self._playwright.chromium.launch(
                executable_path=path, args=[*FLAGS, *_media_flags(microphone)], chromium_sandbox=False
            )
        return browser

    async def _close_what_is_not_in_use(self) -> None:
        for microphone in [one for one, browser in self._browsers.items() if not browser.contexts]:
            await self._browsers.pop(microphone).close()


@asynccontextmanager
async def run_chrome() -> AsyncIterator[Chrome]:
    """Give a Chromium while the block lasts."""
    async with async_playwright() as playwright:
        chrome = Chrome(playwright)
        try:
            yield chrome
        finally:
            await chrome.close()


def _media_flags(microphone: Microphone) -> list[str]:
    if microphone == "none":
        return ["--use-fake-ui-for-media-stream", "--disable-audio-input"]
    if microphone == "denied":
        return ["--use-fake-ui-for-media-stream=deny", "--use-fake-device-for-media-stream"]
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
