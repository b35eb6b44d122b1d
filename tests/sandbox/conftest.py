"""One sandbox for all tests here."""

from __future__ import annotations

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
