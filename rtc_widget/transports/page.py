"""A page: one instance of the widget in a browser, and how far the kernel is with what it sends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rtc_widget.log.clocks import ClockSync

if TYPE_CHECKING:
    from rtc_widget.log.clocks import ClockFit
    from rtc_widget.log.resumption import Known

__all__ = ["Page"]


@dataclass(eq=False)
class Page:
    """One instance of the widget in one page, as far as the kernel knows it."""

    id: str
    received: int = 0
    durable: int = 0
    calling: bool = False
    call: int | None = None
    """Number of its last call in the session."""
    rtc_call_id: str | None = None
    seen_at_s: float = 0.0
    clock: ClockSync = field(default_factory=ClockSync)
    fit: ClockFit | None = None
    logged: int = 0
    """Length of the log when its last records had been appended."""
    gone: bool = False
    lost: bool = False
    """Whether its call was given up because it answered no more."""
    undurable: deque[tuple[int, int]] = field(default_factory=deque)
    unanswered: int = 0
    """Messages with records since its last acknowledgement."""
    acknowledged: tuple[int, int] = (0, 0)
    """What that said: received, durable."""
    owed: bool = False
    """Whether an acknowledgement is on its way."""
    heard: bool = False
    """Whether it has said anything to this kernel."""
    outlived: int | None = None
    """Of a page that outlived its kernel: how many records the log had when this one took it up."""
    known: Known | None = None
