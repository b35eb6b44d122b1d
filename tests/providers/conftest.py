"""The small service that providers are tested against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.providers.service import Service, serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    server = serve(service)
    yield service
    server.shutdown()
    server.server_close()
