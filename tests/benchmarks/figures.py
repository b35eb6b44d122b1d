"""A figure: what was measured, against what was hoped for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    goal
        The most it should be; None for a number that is for information.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        """Say it in one line of a table."""
        value = f"{self.value:.3g}" if self.unit == "×" else f"{self.value:.1f}"
        goal = ""
        if self.goal is not None:
            goal = f"goal ≤ {self.goal:g}  {'ok  ' if self.value <= self.goal else 'MISS'}"
        return f"{self.name:<52} {value:>9} {self.unit:<3} {goal:<18} {self.detail}".rstrip()
