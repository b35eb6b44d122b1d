"""Text and JSON cut into the pieces in which they are spoken and sent."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["clauses", "deltas", "json_deltas"]

_LONGEST_CLAUSE: Final = 160


def clauses(text: str) -> list[str]:
    """Cut a text into sentences, long ones at their commas: the first is spoken while the next are made."""
    found: list[str] = []
    for sentence in re.findall(r".+?(?:[.!?…]+(?=\s|$)|$)", text.strip(), re.DOTALL):
        parts = [sentence]
        if len(sentence) > _LONGEST_CLAUSE:
            parts = re.findall(r".{40,}?(?:[,;:](?=\s)|$)|.+$", sentence, re.DOTALL)
        found += [part.strip() for part in parts if part.strip()]
    return found


def deltas(text: str) -> list[str]:
    """Cut a text into words and marks, each with the space before it."""
    return re.findall(r"\s*[^\W_]+(?:['’][^\W_]+)?|\s*[\W_]", text)


def json_deltas(text: str) -> list[str]:
    """Cut JSON text into about the pieces in which a model writes it."""
    return re.findall(r"\s+|\w+|[^\w\s]+", text)
