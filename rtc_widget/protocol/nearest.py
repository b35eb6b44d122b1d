"""The nearest right name to a wrong one, and how an error says so."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listed", "nearest", "plain", "similarity"]

_NEAR = 0.68
_PREFIX_CHARACTERS = 4
_LONGEST = 200
"""A longer text is no name, and to compare it would take seconds."""
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def plain(name: str) -> str:
    """Bring a name to lower_snake_case, so that `turnDetection` and `turn-detection` are the same."""
    return _SEPARATORS.sub("_", _CAPITAL.sub("_", name).lower()).strip("_")


def similarity(wrong: str, right: str) -> float:
    """Say how near two names are.

    Returns
    -------
    float
        0 (nothing in common) to 1 (the same but for case and separators). It is at least 0.8 where one is a
        run of the other's words (`threshold`, `vad_threshold`) or its beginning (`lang`, `language`), and 0
        for a text that is too long for a name.
    """
    if max(len(wrong), len(right)) > _LONGEST:
        return 0.0
    a, b = plain(wrong), plain(right)
    if a == b:
        return 1.0
    ratio = SequenceMatcher(None, a, b, autojunk=False).ratio()
    run = bool(a and b) and (f"_{a}_" in f"_{b}_" or f"_{b}_" in f"_{a}_")
    begins = len(a) >= _PREFIX_CHARACTERS and b.startswith(a)
    return max(ratio, 0.8) if run or begins else ratio


def nearest(wrong: str, names: Iterable[str], *, at_least: float = _NEAR) -> str | None:
    """Find the name most like a wrong one.

    Parameters
    ----------
    wrong
        What was written.
    names
        What could have been meant.
    at_least
        Least `similarity` that counts as near.

    Returns
    -------
    str or None
        The nearest name; None when none is near.
    """
    scored = [(similarity(wrong, name), name) for name in names if name != wrong]
    best = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
    return best[1] if best[0] >= at_least else None


def listed(names: Iterable[object], *, last: str = "or") -> str:
    """Join names for a sentence: `a`, `a or b`, `a, b or c`."""
    words = [str(name) for name in names]
    if len(words) < 2:  # noqa: PLR2004 - one word needs no joining
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
