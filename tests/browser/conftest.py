"""One JupyterLab, one page for those who need no other, and a fresh notebook and kernel for every test."""

from __future__ import annotations

import wave
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chrome import Chrome, Microphone, run_chrome
from tests.browser.desk import Desk
from tests.browser.jupyter import Jupyter, run_jupyter
from tests.browser.lab import HERE, Lab
from tests.browser.sandbox import SandboxProcess, run_sandbox
from tests.browser.speech import QUESTIONS, write_speech

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager


# Others talk at the same time: what takes a full machine long is late, not missing.
expect.set_options(timeout=50_000)


class OpenLab(Protocol):
    """Open a page of JupyterLab: the one that is kept where a sound is its microphone, else a new one."""

    def __call__(
        self, microphone: Microphone | None = None, base_url: str | None = None
    ) -> AbstractAsyncContextManager[Lab]:
        """Return the page's context manager."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and run it on the one loop that the browser lives on."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxProcess]:
    """Run one sandbox for all tests here."""
    async with run_sandbox(tmp_path_factory.mktemp("sandbox") / "stderr.log") as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jupyter(
    tmp_path_factory: pytest.TempPathFactory, sandbox: SandboxProcess
) -> AsyncIterator[Jupyter]:
    """Run one JupyterLab for all tests here; its kernels find the sandbox in their environment."""
    async with run_jupyter(tmp_path_factory.mktemp("jupyter"), sandbox.environment) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome() -> AsyncIterator[Chrome]:
    """Run Chromium for all tests here."""
    async with run_chrome() as browser:
        yield browser


@pytest.fixture(scope="session")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the microphone of a quiet room."""
    path = tmp_path_factory.mktemp("microphone") / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000))
    return path


@pytest.fixture(scope="session")
def spoken_questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Say the questions into a file that becomes the microphone, with time to be answered between them."""
    path = tmp_path_factory.mktemp("microphone") / "questions.wav"
    return write_speech(path, *QUESTIONS, before_s=4, between_s=5.5)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(
    chrome: Chrome, jupyter: Jupyter, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    """Keep a page."""
    desk = Desk(chrome, jupyter, tmp_path_factory.mktemp("microphone") / "desk.wav")
    yield desk
    await desk.leave()


@pytest.fixture(scope="session")
def open_lab(jupyter: Jupyter, chrome: Chrome, desk: Desk, silence: Path) -> OpenLab:
    """Return what opens a page where nothing is open, the one that is kept if it has a sound to hear."""

    @asynccontextmanager
    async def open_page(
        microphone: Microphone | None = None, base_url: str | None = None
    ) -> AsyncIterator[Lab]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(jupyter.end_kernels)
            if isinstance(microphone, Path) and base_url is None:
                lab = await desk.take(microphone)
                stack.push_async_callback(desk.clear)
            else:
                context = await stack.enter_async_context(chrome.context(microphone or silence))
                lab = Lab(await context.new_page(), jupyter)
                await lab.load(base_url)
            yield lab

    return open_page


@pytest_asyncio.fixture(loop_scope="session")
async def lab(open_lab: OpenLab, silence: Path) -> AsyncIterator[Lab]:
    """Give the page that is kept, with a silent microphone."""
    async with open_lab(silence) as page:
        yield page
