"""What holds for every test: no account, nothing beyond this machine, nothing of the user's own."""

from __future__ import annotations

import os
from functools import cache
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
IN_A_BROWSER = "in a browser"
WITHOUT_ONE = "spoken without a browser"
COMPUTES = "computes"
_LISTENER = (BY_EAR, IN_A_BROWSER, WITHOUT_ONE, COMPUTES)
_TALKER = (BY_EAR, WITHOUT_ONE, IN_A_BROWSER, COMPUTES)
_COMPUTER = (COMPUTES, WITHOUT_ONE, IN_A_BROWSER, BY_EAR)
ASIDE = 10
"""How far the worker that computes steps back (as `nice` counts) from sound that is due."""
HEARD = tuple(
    f"{BROWSER}test_{name}"
    for name in (
        "agents_sdk.py",
        "notebooks.py::test_the_notebook_runs_from_top_to_bottom[02",
        "recording.py",
        "saved_page.py",
        "talk.py",
    )
)
SPOKEN = tuple(
    f"tests/{name}"
    for name in (
        "experiments/test_ask_again",
        "foreign/",
        "mcp/",
        "sandbox/",
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


def pytest_configure(config: pytest.Config) -> None:
    """Set what this process and all that it starts shall see."""
    for name in (*ACCOUNT, *PROXIES):
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    if _is_last(worker.get("workerid"), worker.get("workercount", 0)):
        os.nice(ASIDE)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes long to `make soak`."""
    if config.getoption("markexpr"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


class OneEar(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Lets the last worker compute and the others talk, one of them all that is judged by ear.

    Sound has to be there in time: so one worker less talks than there are, what only computes gets the time
    that they leave, and no other browser runs beside the one that is listened to.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BY_EAR if nodeid.startswith(HEARD) else nodeid

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(self._following(node), last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        following = _kind(self._following(node)) if self.workqueue else None
        others = [other for other in self.nodes if other is not node]
        if self._computes(node) and following not in {COMPUTES, None}:
            if not node.shutting_down:
                node.shutdown()
        elif following != IN_A_BROWSER or not any(map(self._listens, others)):
            super()._reschedule(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        for other in self.nodes:
            self._reschedule(other)

    def _following(self, node: Any) -> str:
        order = _COMPUTER if self._computes(node) else _LISTENER if self._has_listened(node) else _TALKER
        following: str = min(self.workqueue, key=lambda scope: order.index(_kind(scope)))
        return following

    def _computes(self, node: Any) -> bool:
        return _is_last(node.gateway.id, self.numnodes)

    def _has_listened(self, node: Any) -> bool:
        return BY_EAR in self.assigned_work[node]

    def _listens(self, node: Any) -> bool:
        return not all(self.assigned_work[node].get(BY_EAR, {}).values())


def _is_last(worker: str | None, n_workers: int) -> bool:
    return n_workers > 1 and worker == f"gw{n_workers - 1}"


@cache
def _kind(scope: str) -> str:
    if scope == BY_EAR:
        return BY_EAR
    if scope.startswith(BROWSER):
        return IN_A_BROWSER
    return WITHOUT_ONE if scope.startswith(SPOKEN) else COMPUTES


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneEar:
    """Give the workers of `-n 3` their tests."""
    return OneEar(config, log)


@pytest.fixture(autouse=True)
def _stay_on_this_machine() -> Iterator[None]:
    """Fail the test that reached beyond this machine, even where the error was swallowed."""
    before = len(loopback.REFUSED)
    yield
    assert loopback.REFUSED[before:] == []
