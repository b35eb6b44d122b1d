"""Text and JSON cut into the pieces in which they are spoken and sent."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Clauses", "breaths", "clauses", "deltas", "json_deltas"]

_LONGEST_CLAUSE: Final = 160
_LONGEST_BREATH: Final = 200
_SENTENCE: Final = re.compile(r"\s*(.+?[.!?…]+)(?=\s)", re.DOTALL)
_BEGINNING: Final = re.compile(r"\s*(.{20,}?[,;:])(?=\s)", re.DOTALL)


def clauses(text: str) -> list[str]:
    """Cut a text into sentences, long ones at their commas: the first is spoken while the next are made."""
    found: list[str] = []
    for sentence in re.findall(r".+?(?:[.!?…]+(?=\s|$)|$)", text.strip(), re.DOTALL):
        parts = [sentence]
        if len(sentence) > _LONGEST_CLAUSE:
            parts = re.findall(r".{40,}?(?:[,;:](?=\s)|$)|.+$", sentence, re.DOTALL)
        found += [part.strip() for part in parts if part.strip()]
    return found


def breaths(clause: str) -> list[str]:
    """Cut a clause into what is spoken in one go: before a space, where it has one."""
    # A clause without marks may be as long as the whole answer, and what is being spoken cannot be stopped.
    return re.findall(rf".{{1,{_LONGEST_BREATH}}}(?=\s|$)|.{{{_LONGEST_BREATH}}}", clause, re.DOTALL)


class Clauses:
    """Cuts a text that is still being written: what can be spoken already, and what has to wait."""

    def __init__(self) -> None:
        self._text = ""
        self._is_first = True

    def feed(self, text: str) -> list[str]:
        """Return what some more text completes: the first clause up to a comma, then whole sentences."""
        self._text += text
        found: list[str] = []
        while True:
            match = _SENTENCE.match(self._text)
            if match is None and (self._is_first or len(self._text) > _LONGEST_CLAUSE):
                match = _BEGINNING.match(self._text)
            if match is None:
                return found
            self._text = self._text[match.end() :]
            self._is_first = False
            found.append(match[1])

    def flush(self) -> list[str]:
        """Return what waits: the text has ended."""
        rest, self._text = self._text.strip(), ""
        return [rest] if rest else []


def deltas(text: str) -> list[str]:
    """Cut a text into words and marks, each with the space before it."""
    return re.findall(r"\s*[^\W_]+(?:['’][^\W_]+)?|\s*[\W_]", text)


def json_deltas(text: str) -> list[str]:
    """Cut JSON text into about the pieces in which a model writes it."""
    return re.findall(r"\s+|\w+|[^\w\s]+", text)
