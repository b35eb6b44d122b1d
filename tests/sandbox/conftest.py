"""One sandbox for all tests here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.service import Service, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one sandbox."""
    with running(tmp_path_factory.mktemp("sandbox") / "stderr.log") as started:
        yield started


@pytest.fixture(autouse=True)
def _levels_of_loggers() -> Iterator[None]:
    """Take back what the sandbox's command sets for its whole process, which here is that of other tests."""

    def loggers() -> list[logging.Logger]:
        return [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]

    before = {logger: logger.level for logger in loggers()}
    yield
    for logger in loggers():
        logger.setLevel(before.get(logger, logging.NOTSET))
