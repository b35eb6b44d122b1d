"""The audit of a token endpoint on disk: one JSON object a line, added to and never changed."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from rtc_widget.token_server.asked import Asked

__all__ = ["AuditFile"]

_LONGEST = 500


class AuditFile:
    """A file that lines are added to, from any thread.

    Parameters
    ----------
    path
        Made if need be, readable by its owner alone.

    Raises
    ------
    ConfigurationError
        When it is no path, or cannot be written: an endpoint without an audit does not start.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path).absolute()
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append("")
        except OSError as error:
            raise ConfigurationError(
                f"The audit file {self.path} cannot be written: {error.strerror}. Pass audit=… another path."
            ) from error

    async def write(self, asked: Asked) -> None:
        """Add a request; it is on its way to the disk when this returns."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "outcome": _cut(asked.outcome),
            "requester": _cut(asked.user),
            "origin": _cut(asked.origin),
            "address": _cut(asked.address),
            "model": _cut(asked.model),
            "expires_at": asked.expires_at,
            "request_id": _cut(asked.request_id),
        }
        await asyncio.to_thread(self._append, json.dumps(line, ensure_ascii=False) + "\n")

    def _append(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)


def _cut(text: str | None) -> str | None:
    """Return as much of a text as is kept: others chose how long it is."""
    return None if text is None else text[:_LONGEST]
