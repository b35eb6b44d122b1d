"""A thread that only sleeps: how long the machine let no thread of this process run."""

from __future__ import annotations

import threading
import time
from typing import Self

_NAP_S = 0.005


class Witness:
    """Notes how late it wakes; use it as a context manager around what must be on time.

    Sound is on time when it is late by no more than the machine's own stalls: on a busy one those are real,
    and no fault of the code under test.
    """

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self.stalled_ms = 0.0
        """All stalls of more than 20 ms together."""
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        before_s = time.monotonic()
        while not self._stop.is_set():
            time.sleep(_NAP_S)
            now_s = time.monotonic()
            late_ms = (now_s - before_s - _NAP_S) * 1_000
            self.worst_ms = max(self.worst_ms, late_ms)
            if late_ms > 20:
                self.stalled_ms += late_ms
            before_s = now_s
