"""Variant: one named configuration of a session, in a plain file that git can read."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    import os

__all__ = ["Variant"]

_NAME = re.compile(r"\w[\w .-]{0,79}")
_FENCE = "---"


class Variant:
    """One named configuration: some fields of a session, the instructions among them.

    Its file, `variants/<name>.md`, holds the fields between two lines of `---`, one `name: value` a line with
    the value as JSON (which is YAML too), and the instructions below as they are. Saving again replaces the
    file; what it was before is git's to know.

    Parameters
    ----------
    name
        Letters, digits, `_`, `-`, `.` and spaces; the name of its file.
    fields
        Flat or nested, as of a session: instructions, voice, turn_detection, …

    Attributes
    ----------
    fields : dict
        As they were given.

    Raises
    ------
    ConfigurationError, ProtocolError
        For a name that no file can have, and for a field or value that no session takes.
    """

    def __init__(self, name: str, **fields: Any) -> None:
        if _NAME.fullmatch(str(name)) is None or name.endswith((" ", ".")):
            raise ConfigurationError(
                f"{name!r} is no name of a variant: up to 80 letters, digits, _, -, . and spaces."
            )
        protocol.session_fields(**fields)
        self.name = name
        self.fields: dict[str, Any] = json.loads(json.dumps(fields))
        if "instructions" in self.fields:
            self.fields["instructions"] = _lines(self.fields["instructions"])

    @property
    def instructions(self) -> str | None:
        """The instructions; None where the variant leaves them alone."""
        return self.fields.get("instructions")

    @property
    def hash(self) -> str:
        """Of all fields (8 hex digits of SHA-256 over canonical JSON); the name does not count."""
        canonical = json.dumps(self.fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    def replace(self, name: str | None = None, **fields: Any) -> Variant:
        """Return a copy with other fields, and another name where one is given."""
        return Variant(self.name if name is None else name, **{**self.fields, **fields})

    def diff(self, other: Variant) -> str:
        """Return what changes from this variant to another, line by line; "" when nothing does."""
        lines = difflib.unified_diff(
            self._text().splitlines(), other._text().splitlines(), self.name, other.name, lineterm=""
        )
        return "\n".join(lines)

    def as_python(self) -> str:
        """Return the call that makes this variant."""
        given = "".join(f",\n    {name}={value!r}" for name, value in self.fields.items())
        return f"rtc.Variant(\n    {self.name!r}{given},\n)"

    # -- its file ---------------------------------------------------------------------------------

    def save(self, directory: str | os.PathLike[str] = "variants") -> Path:
        """Write `<directory>/<name>.md`, the folder too where it is missing.

        Returns
        -------
        Path
            The file.
        """
        path = Path(directory) / f"{self.name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._text(), encoding="utf-8", newline="\n")
        return path

    @classmethod
    def load(cls, name: str | os.PathLike[str], directory: str | os.PathLike[str] = "variants") -> Variant:
        """Read a variant by its name, or from the path of its file.

        Raises
        ------
        ConfigurationError
            When there is no such file (lists those there are), or a line of it cannot be read.
        """
        given = Path(name)
        path = given if given.suffix == ".md" else Path(directory) / f"{name}.md"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            there = ", ".join(sorted(file.stem for file in path.parent.glob("*.md"))) or "none"
            raise ConfigurationError(f"There is no variant {path}. Variants there: {there}.") from None
        return cls(path.stem, **_fields_of(text, path))

    def _text(self) -> str:
        heads = [
            f"{name}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in self.fields.items()
            if name != "instructions"
        ]
        body = [] if self.instructions is None else [self.instructions]
        return "\n".join([_FENCE, *heads, _FENCE, *body]) + "\n"

    def __eq__(self, other: object) -> bool:
        """Compare by fields, whatever the names."""
        return isinstance(other, Variant) and self.fields == other.fields

    def __hash__(self) -> int:
        """Go with `__eq__`."""
        return int(self.hash, 16)

    def __repr__(self) -> str:
        """Name the variant, its hash and its fields."""
        return f"Variant({self.name!r} @{self.hash}: {', '.join(self.fields) or 'no fields'})"


def _lines(text: str) -> str:
    """Lines end as git keeps them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fields_of(text: str, path: Path) -> dict[str, Any]:
    lines = _lines(text).split("\n")
    if lines[0] != _FENCE or _FENCE not in lines[1:]:
        raise ConfigurationError(
            f"{path} begins with no fields: a line of ---, the fields, a line of ---, then the instructions."
        )
    end = lines.index(_FENCE, 1)
    fields: dict[str, Any] = {}
    for number, line in enumerate(lines[1:end], 2):
        name, colon, value = line.partition(":")
        try:
            fields[name.strip()] = json.loads(value) if colon else json.loads("")
        except ValueError:
            raise ConfigurationError(
                f'{path}, line {number}: {line!r} is no field. Right form: voice: "marin" (as JSON).'
            ) from None
    body = "\n".join(lines[end + 1 :])
    if body:
        fields["instructions"] = body.removesuffix("\n")
    return fields
