"""A docstring split into what a function does and what its parameters are."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["read_docstring"]

_PARAMETERS = ("args", "arguments", "parameters")
_OTHERS = ("example", "examples", "note", "notes", "raises", "returns", "see also", "warns", "yields")
_UNDERLINE = re.compile(r"^(-{3,}|={3,})$")
_FIELD = re.compile(r"^:(?:param\s+(?:[^:]*\s)?(?P<name>\w+)|\w[^:]*):\s*(?P<said>.*)$")
_NUMPY_ENTRY = re.compile(r"^(?P<name>\*{0,2}\w+(\s*,\s*\*{0,2}\w+)*)(?P<said>)(\s*,.*|\s*:.*)?$")
_GOOGLE_ENTRY = re.compile(r"^\*{0,2}(?P<name>\w+)\s*(\([^)]*\))?\s*:\s*(?P<said>.*)$")


def read_docstring(text: str, names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Split a docstring.

    Parameters
    ----------
    text
        In NumPy's, Google's or Sphinx's form, or plain with lines as `drink: what to prepare`.
    names
        The function's parameters.

    Returns
    -------
    does : str
        What stands before the first section.
    about : dict
        From a parameter to what is said of it; those of which nothing is said are not in it.
    """
    does, sections = _sections(text.splitlines())
    entries: list[tuple[str, str]] = []
    for title, lines in sections:
        if title.endswith(_PARAMETERS):
            found = _entries(lines, _NUMPY_ENTRY if title.startswith("numpy") else _GOOGLE_ENTRY)
            entries += [(name.strip(" *"), said) for several, said in found for name in several.split(",")]
    fields = [(match["name"], said) for match, said in _fields(does) if match["name"]]
    if fields or any(_FIELD.match(line) for line in does):
        does = does[: next(i for i, line in enumerate(does) if _FIELD.match(line))]
    plain = [(match["name"], match["said"]) for line in does if (match := _named(line, names))]
    does = [line for line in does if not _named(line, names)]
    about = {name: " ".join(said.split()) for name, said in [*plain, *fields, *entries] if name in names}
    return "\n".join(does).strip(), {name: said for name, said in about.items() if said}


def _named(line: str, names: Sequence[str]) -> re.Match[str] | None:
    match = re.match(r"^\s*(?:[-*]\s+)?(?P<name>\w+)\s*:\s+(?P<said>.+)$", line)
    return match if match and match["name"] in names else None


def _sections(lines: list[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Find the sections: their lower-case titles (`numpy` before an underlined one) and their lines."""
    starts: list[tuple[int, int, str]] = []
    for i, line in enumerate(lines):
        title = line.strip().lower()
        below = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if _UNDERLINE.match(below) and title:
            starts.append((i, i + 2, f"numpy {title}"))
        elif title.endswith(":") and title[:-1] in (*_PARAMETERS, *_OTHERS):
            starts.append((i, i + 1, title[:-1]))
    starts.append((len(lines), len(lines), ""))
    found = [(title, lines[body:end]) for (_, body, title), (end, _, _) in itertools.pairwise(starts)]
    return lines[: starts[0][0]], found


def _entries(lines: list[str], pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Read a section: an entry begins where its first line does, deeper lines go on with it."""
    found: list[tuple[str, str]] = []
    filled = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    for line in filled:
        match = pattern.match(line.strip()) if line[margin : margin + 1].strip() else None
        if match:
            found.append((match["name"], match["said"]))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def _fields(lines: list[str]) -> Iterable[tuple[re.Match[str], str]]:
    """Read Sphinx's fields, each with the lines that go on with it."""
    current: re.Match[str] | None = None
    said = ""
    for line in [*lines, ":end:"]:
        match = _FIELD.match(line)
        if match is None:
            said = f"{said} {line.strip()}"
            continue
        if current is not None:
            yield current, said
        current, said = match, match["said"]
