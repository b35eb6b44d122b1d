"""What holds for every test: no account, nothing beyond this machine, nothing of the user's own."""

from __future__ import annotations

import os
import sys
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
BROWSER = "tests/browser/"
BY_EAR = "by ear"
COMPUTES = 1
LAST = 3
HEARD = tuple(
    f"{BROWSER}test_{name}"
    for name in (
        "agents_sdk.py",
        "notebooks.py::test_the_notebook_runs_from_top_to_bottom[02",
        "notebooks.py::test_the_notebook_runs_from_top_to_bottom[05",
        "recording.py",
        "saved_page.py",
        "talk.py",
    )
)
SPOKEN = tuple(
    f"tests/{name}"
    for name in (
        "experiments/test_ask_again",
        "experiments/test_experiment",
        "foreign/",
        "mcp/",
        "sandbox/",
        "test_attached",
        "test_commands",
        "test_headless",
        "test_panel_sound",
        "test_recorded_session",
        "test_replay",
        "test_session",
        "test_sideband",
        "test_sip",
        "test_transcription",
        "transports/",
    )
)
CORES = os.sched_getaffinity(0) if sys.platform == "linux" else set()
BESIDE = set(sorted(CORES)[1:]) or CORES
TALKERS = max(len(CORES), 2)


def pytest_configure() -> None:
    """Set what this process and all that it starts shall see."""
    for name in (*ACCOUNT, *PROXIES):
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes long to `make soak`; and let no name differ from one worker to the next."""
    nameless = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if nameless:
        raise pytest.UsageError(f"the names of these tests hold an address, give them ids: {nameless}")
    if config.getoption("markexpr"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a core to what is spoken and heard, where other tests only compute."""
    if sys.platform == "linux" and "PYTEST_XDIST_WORKER" in os.environ:
        os.sched_setaffinity(0, CORES if item.nodeid.startswith((BROWSER, *SPOKEN)) else BESIDE)


class OneEar(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Lets one worker run the browser tests that judge sound, and the others all that needs no browser.

    Sound needs a core that is not full: those that only compute come first, on the cores left to them, then
    those that mostly wait for words to be spoken; the other browser tests come last. What is spoken never
    keeps more workers busy than there are cores.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BY_EAR if nodeid.startswith(HEARD) else nodeid

    def _assign_work_unit(self, node: Any) -> None:
        following = min(self.workqueue, key=_late)
        self.workqueue.move_to_end(following, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        following = min(map(_late, self.workqueue), default=COMPUTES)
        others = [other for other in self.nodes if other is not node]
        waits = following == LAST and any(map(self._listens, others))
        full = not self._talks(node) and sum(map(self._talks, others)) >= TALKERS
        if not (waits or (full and following != COMPUTES)):
            super()._reschedule(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        for other in self.nodes:
            self._reschedule(other)

    def _listens(self, node: Any) -> bool:
        return not all(self.assigned_work[node].get(BY_EAR, {}).values())

    def _talks(self, node: Any) -> bool:
        work = self.assigned_work[node].items()
        return any(_late(scope) != COMPUTES and not all(tests.values()) for scope, tests in work)


def _late(scope: str) -> int:
    if scope == BY_EAR:
        return 0
    return LAST if scope.startswith(BROWSER) else 2 if scope.startswith(SPOKEN) else COMPUTES


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneEar:
    """Give the workers of `-n 3` their tests."""
    return OneEar(config, log)


@pytest.fixture(autouse=True)
def _stay_on_this_machine() -> Iterator[None]:
    """Fail the test that reached beyond this machine, even where the error was swallowed."""
    before = len(loopback.REFUSED)
    yield
    assert loopback.REFUSED[before:] == []
