"""The text of a variant's file: fields between two lines of `---`, instructions below.

A field is a line, `name: value`, its value JSON. That is YAML too: git, editors and people know it, a diff
shows a line a field, and no YAML parser is needed to read it. Files written by hand may hold bare words
(`voice: cedar`), comments and empty lines. The empty line above the instructions and the line feed after
them are layout.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VariantText", "read", "write"]

_FENCE = "---"
_FIELD = re.compile(r"([A-Za-z_]\w*)[ \t]*:(?:[ \t]+(.*))?")
_WORD = re.compile(r"([A-Za-z][\w.-]*)(?:[ \t]+#.*)?")
_COMMENT = re.compile(r"(?:[ \t]+#.*)?")
_QUOTED = re.compile(r"'([^']*)'")
# What a dialect of YAML, or a reader, takes for something else than a word.
_NO_WORDS = frozenset({"false", "n", "no", "none", "null", "off", "on", "true", "y", "yes"})
_LAST_SHORT = "\uffff"


class VariantText(NamedTuple):
    """What a file says.

    Attributes
    ----------
    fields
        Flat fields of a session, unchecked.
    lines
        The line that each stands on, from 1; of the instructions, their first.
    """

    fields: dict[str, Any]
    lines: dict[str, int]


def write(fields: Mapping[str, Any]) -> str:
    """Return the text of a file.

    Parameters
    ----------
    fields
        Flat fields, JSON all through; lines of the instructions end in line feeds alone.
    """
    text = fields.get("instructions", "")
    # Blank instructions could not be seen below, nor told from none at all: they become a field.
    below = bool(text.strip())
    names = [name for name in sorted(fields) if not (below and name == "instructions")]
    heads = [f"{name}: {_json(fields[name])}" for name in names]
    return "\n".join([_FENCE, *heads, _FENCE, *(["", text] if below else []), ""])


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # YAML breaks lines at some of what cannot be seen. Beyond \uffff it does not, and has no short escape.
    return "".join(
        char if char.isprintable() or char > _LAST_SHORT else f"\\u{ord(char):04x}" for char in text
    )


def read(text: str, where: str) -> VariantText:
    """Read the text of a file.

    Parameters
    ----------
    text
        All of it; lines may end in any way.
    where
        What errors call it: its path.

    Raises
    ------
    ConfigurationError
        For a line that cannot be read; names it, and the right form.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        raise _wrong(where, 1, "a variant begins with a line of ---, its fields, and a second line of ---")
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise _wrong(where, len(lines), "the fields never end: put a line of --- between them and the text")
    found = VariantText({}, {})
    for number, line in enumerate(lines[1:end], 2):
        if line.strip() and not line.lstrip().startswith("#"):
            _read_field(line, number, where, found)
    body = lines[end + 1 :]
    first = next((number for number, line in enumerate(body, end + 2) if line.strip()), None)
    if first is not None:
        if "instructions" in found.fields:
            raise _wrong(
                where, found.lines["instructions"], f"instructions stand here and on line {first} again"
            )
        found.lines["instructions"] = first
        found.fields["instructions"] = _without_layout(body)
    return found


def _without_layout(body: list[str]) -> str:
    first = 1 if body[0] == "" else 0
    stop = len(body) - 1 if body[-1] == "" else len(body)
    return "\n".join(body[first:stop])


def _read_field(line: str, number: int, where: str, found: VariantText) -> None:
    if line[0] in " \t-":
        raise _wrong(
            where, number, f"{line.strip()!r} belongs to the line above: a value is JSON on one line"
        )
    parts = _FIELD.fullmatch(line.rstrip())
    if parts is None:
        raise _wrong(where, number, f'{line!r} is no field. Right form: voice: "marin"')
    name = parts[1]
    if name in found.fields:
        raise _wrong(where, number, f"{name} stands twice, here and on line {found.lines[name]}")
    found.fields[name] = _value(name, (parts[2] or "").strip(), number, where)
    found.lines[name] = number


def _value(name: str, text: str, number: int, where: str) -> Any:
    try:
        decoded, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        decoded, end = None, -1
    if end >= 0 and _COMMENT.fullmatch(text, end):
        return decoded
    word = _WORD.fullmatch(text)
    if word is not None and word[1].lower() not in _NO_WORDS:
        return word[1]
    cause = f"{text!r} is no value" if text else f"{name} has no value"
    raise _wrong(where, number, f"{cause}. Right form: {_right_form(name, text)}")


def _right_form(name: str, text: str) -> str:
    if name == "instructions":
        return "the text of the instructions below the second line of ---"
    word, quoted = _WORD.fullmatch(text), _QUOTED.fullmatch(text)
    if word is not None:
        return f'{name}: "{word[1]}" for the word; else true, false, null'
    if quoted is not None:
        return f"{name}: {json.dumps(quoted[1], ensure_ascii=False)}"
    return f'{name}: and JSON on the same line, such as "cedar", 1.2, null, {{"type": "semantic_vad"}}'


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _wrong(where: str, number: int, cause: str) -> ConfigurationError:
    return ConfigurationError(f"{where}, line {number}: {cause}.")
