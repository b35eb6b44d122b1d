"""What holds for every test: no account, nothing beyond this machine, nothing of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.loopback import sitecustomize as loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "RTC_SANDBOX_KEY")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
GUARD = Path(loopback.__file__).parent


def pytest_configure() -> None:
    """Set what this process and all that it starts shall see."""
    for name in (*ACCOUNT, *PROXIES):
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes long to `make soak`."""
    if config.getoption("markexpr"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


class OneBrowser(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Runs one browser at a time, with all else beside it: sound needs a core that is not full."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser:
    """Give the workers of `-n 2` their tests."""
    return OneBrowser(config, log)


@pytest.fixture(autouse=True)
def _stay_on_this_machine() -> Iterator[None]:
    """Fail the test that reached beyond this machine, even where the error was swallowed."""
    before = len(loopback.REFUSED)
    yield
    assert loopback.REFUSED[before:] == []
