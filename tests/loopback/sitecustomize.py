"""Refuse every socket that leaves this machine: in pytest, and in every Python that a test starts.

Python imports a module of this name by itself where PYTHONPATH leads to one:
`tests/conftest.py` sees to both.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import sys
from typing import Any

REFUSED: list[str] = []
"""What was refused in this process, in order; a test that left something here fails."""

_LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


class OutsideAddressError(PermissionError):
    """A test reached for an address beyond this machine."""


def install() -> None:
    """Watch connects, datagrams and look-ups of names, below every library: CPython's audit events.

    TCP goes to loopback only; datagrams also to this machine's own addresses, because a browser's ICE
    candidates hold those.
    """
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOK_UPS:
        host = arguments[0]
        if isinstance(host, bytes):
            host = host.decode()
        if host and host != "localhost" and not _is_address(host):
            _refuse(f"look up {host}")
    elif event in _SENDS:
        connection, address = arguments[0], arguments[1]
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return
        host = str(address[0])
        if host in ("", "localhost") or not _is_address(host) or _is_loopback(host):
            return  # a name was looked up by the event above, or will be
        if connection.type == socket.SOCK_DGRAM and _is_own(host):
            return
        _refuse(f"reach {host} port {address[1]}")


def _refuse(what: str) -> None:
    REFUSED.append(what)
    message = f"Tests stay on 127.0.0.1, and this one tried to {what}."
    raise OutsideAddressError(message)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


@functools.cache
def _is_own(host: str) -> bool:
    """Tell whether the address is one of this machine's: only those can be bound."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_multicast or address.is_unspecified:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


install()

# Started by a worker of pytest, this is imported before anybody asks for it: it is the same one then.
sys.modules.setdefault("tests.loopback.sitecustomize", sys.modules[__name__])
