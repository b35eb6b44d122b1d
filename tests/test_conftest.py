"""The limits that hold while tests run."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.loopback import sitecustomize as loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDE = "192.0.2.1"  # TEST-NET-1: routed nowhere


@pytest.fixture
def refused() -> Iterator[list[str]]:
    """Hold what this test had refused, and forget it afterwards: it was meant."""
    before = len(loopback.REFUSED)
    try:
        yield loopback.REFUSED
    finally:
        del loopback.REFUSED[before:]


def test_no_key_is_in_the_environment() -> None:
    assert "OPENAI_API_KEY" not in os.environ


def test_connecting_beyond_this_machine_is_refused(refused: list[str]) -> None:
    with (
        socket.socket() as stream,
        pytest.raises(loopback.OutsideAddressError, match=r"Tests stay on 127\.0\.0\.1"),
    ):
        stream.connect((OUTSIDE, 443))
    assert refused[-1] == "reach 192.0.2.1 port 443"


async def test_asyncio_is_refused_too(refused: list[str]) -> None:
    with pytest.raises(loopback.OutsideAddressError):
        await asyncio.open_connection(OUTSIDE, 443)
    assert refused


def test_datagrams_and_names_are_refused(refused: list[str]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(loopback.OutsideAddressError):
            datagrams.sendto(b"stun?", (OUTSIDE, 3478))
        datagrams.sendto(b"home", ("127.0.0.1", 9))
    with pytest.raises(loopback.OutsideAddressError, match=r"look up stun\.example"):
        socket.getaddrinfo("stun.example", 3478)
    assert len(refused) == 2


def test_a_python_that_a_test_starts_is_refused_too() -> None:
    code = f"import socket; socket.socket().connect(('{OUTSIDE}', 443))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Tests stay on 127.0.0.1" in ended.stderr
