"""Who asked for which client secret, and what became of it; never the secret."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Audit", "AuditRow"]


class AuditRow(NamedTuple):
    """One request for a client secret."""

    time: datetime
    model: str | None
    expiry: datetime | None
    request_id: str | None
    requester: str
    outcome: str


class Audit:
    """The requests of one provider, oldest first; safe from any thread."""

    def __init__(self) -> None:
        self._rows: list[AuditRow] = []
        self._lock = threading.Lock()

    def add(
        self,
        *,
        model: str | None,
        requester: str,
        outcome: str,
        expires_at: float | None = None,
        request_id: str | None = None,
    ) -> None:
        """Add a request and its outcome; `expires_at` in s since the epoch."""
        expiry = None if expires_at is None else as_time(expires_at)
        row = AuditRow(datetime.now(UTC), model, expiry, request_id, requester, outcome)
        with self._lock:
            self._rows.append(row)

    def frame(self) -> pd.DataFrame:
        """Return a row a request: time, model, expiry, request_id, requester, outcome."""
        import pandas as pd

        with self._lock:
            rows = list(self._rows)
        frame = pd.DataFrame(rows, columns=list(AuditRow._fields))
        moments = dict.fromkeys(("time", "expiry"), "datetime64[us, UTC]")
        texts = dict.fromkeys(("model", "request_id", "requester", "outcome"), "string")
        return frame.astype({**moments, **texts})


def as_time(seconds: float) -> datetime | None:
    """Return a moment of a service, None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
