"""What differs between two variants: fields by their places, instructions line by line."""

from __future__ import annotations

import difflib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["VariantDiff", "compare"]

_LONGEST = 60
_CONTEXT = 2
_NOT_SET = "(not set)"
_SAME = "no difference"
_ABSENT = object()
_TRAILING = re.compile(r"[ \t]+$")
# Translucent: they lie on light and dark pages alike, and the signs say the same without them.
_TAGS = {"- ": ("del", "rgba(220, 60, 60, 0.18)"), "+ ": ("ins", "rgba(40, 160, 80, 0.18)")}


@dataclass(frozen=True, repr=False)
class VariantDiff:
    """What differs. It is true when something does, and shows itself in a cell and in print.

    Attributes
    ----------
    before, after
        The two variants, as `name@hash`.
    lines
        A field that differs holds both values, `voice: "cedar" → "marin"`. Of the instructions and of long
        values the lines follow: what goes begins with "- ", what comes with "+ ", what stands around it with
        two spaces. Spaces at the end of a changed line are shown as "·".
    """

    before: str
    after: str
    lines: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.lines)

    def __repr__(self) -> str:
        """Return it as text."""
        return "\n".join([f"{self.before} → {self.after}", *(self.lines or (_SAME,))])

    def _repr_html_(self) -> str:
        title = html.escape(f"{self.before} → {self.after}")
        body = "\n".join(map(_line_html, self.lines or (_SAME,)))
        return f'<pre style="white-space: pre-wrap"><b>{title}</b>\n{body}</pre>'


def _line_html(line: str) -> str:
    text = html.escape(line)
    if line[:2] not in _TAGS:
        return text
    tag, colour = _TAGS[line[:2]]
    return f'<{tag} style="background: {colour}; text-decoration: none">{text}</{tag}>'


def compare(before: str, old: Mapping[str, Any], after: str, new: Mapping[str, Any]) -> VariantDiff:
    """Compare two variants.

    Parameters
    ----------
    before, after
        What to call them.
    old, new
        Their flat fields.
    """
    lines: list[str] = []
    for name in sorted({*old, *new} - {"instructions"}):
        lines += _field(name, old.get(name, _ABSENT), new.get(name, _ABSENT))
    if old.get("instructions") != new.get("instructions"):
        lines += _text("instructions", old.get("instructions"), new.get("instructions"))
    return VariantDiff(before, after, tuple(lines))


def _field(place: str, old: Any, new: Any) -> list[str]:
    if old is not _ABSENT and new is not _ABSENT and old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            line
            for name in sorted({*old, *new})
            for line in _field(f"{place}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))
        ]
    shown = [_NOT_SET if side is _ABSENT else _json(side) for side in (old, new)]
    if max(map(len, shown)) <= _LONGEST:
        return [f"{place}: {shown[0]} → {shown[1]}"]
    return _text(place, *(None if side is _ABSENT else _json(side, indent=1) for side in (old, new)))


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent)


def _text(place: str, old: str | None, new: str | None) -> list[str]:
    found = [f"{place}:"]
    if old is None or new is None:
        found = [f"{place}: {_NOT_SET} → set" if old is None else f"{place}: set → {_NOT_SET}"]
    before, after = ([] if side is None else side.split("\n") for side in (old, new))
    groups = difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT)
    for number, group in enumerate(groups):
        found += ["  …"] if number else []
        for kind, old_first, old_stop, new_first, new_stop in group:
            if kind == "equal":
                found += [f"  {line}" for line in before[old_first:old_stop]]
            else:
                found += [f"- {_visible(line)}" for line in before[old_first:old_stop]]
                found += [f"+ {_visible(line)}" for line in after[new_first:new_stop]]
    return found


def _visible(line: str) -> str:
    return _TRAILING.sub(lambda found: "·" * len(found[0]), line)
