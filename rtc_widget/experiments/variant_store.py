"""Where variants lie: `variants/<name>.md`, and what such a file was before under `variants/versions/`."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rtc_widget._arguments import expanded
from rtc_widget._errors import ConfigurationError
from rtc_widget.experiments import variant_file
from rtc_widget.protocol.nearest import nearest

if TYPE_CHECKING:
    from rtc_widget.experiments.variant_file import VariantText

__all__ = ["checked_name", "earlier", "keep", "name_of", "path_of", "put", "read"]

_ENDING = ".md"
_VERSIONS = "versions"
_LONGEST = 80
_LONGEST_BYTES = 200
_FORBIDDEN = frozenset('<>:"/\\|?*@')
_PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))
# Windows opens a device for a file of such a name.
_DEVICES = frozenset({"aux", "con", "nul", "prn", *_PORTS})


def checked_name(name: object) -> str:
    """Return a variant's name as files have it.

    Raises
    ------
    ConfigurationError
        For a name that no file can have everywhere.
    """
    if not isinstance(name, str):
        _refuse_name(name, "it is a string")
    name = unicodedata.normalize("NFC", name)
    if not name or len(name) > _LONGEST or len(name.encode("utf-8", "replace")) > _LONGEST_BYTES:
        _refuse_name(name, f"it has 1 to {_LONGEST} characters")
    if not _FORBIDDEN.isdisjoint(name) or not name.isprintable():
        _refuse_name(name, f"it is the name of a file, without {' '.join(sorted(_FORBIDDEN))}")
    if not (name[0].isalnum() or name[0] == "_") or name[-1] in " .":
        _refuse_name(name, "it begins with a letter, a digit or _, and ends in no space or dot")
    if name.lower().endswith(_ENDING):
        _refuse_name(name, f"the ending {_ENDING} is its file's")
    if name.split(".")[0].lower() in _DEVICES:
        _refuse_name(name, "Windows keeps it for a device")
    return name


def _refuse_name(name: object, rule: str) -> NoReturn:
    raise ConfigurationError(f'{name!r} is no name of a variant: {rule}. Right form: "calm".')


def path_of(name: str | os.PathLike[str], directory: str | os.PathLike[str]) -> Path:
    """Return the file of a variant that is given by its name or by its path."""
    given: object = name
    if not isinstance(given, str | os.PathLike):
        _refuse_name(name, "it is a text")
    text = os.fspath(name)
    if isinstance(name, os.PathLike) or text.endswith(_ENDING) or "/" in text or os.sep in text:
        path = expanded(text)
        return path if path.suffix == _ENDING else path.with_name(f"{path.name}{_ENDING}")
    return expanded(directory) / f"{checked_name(text)}{_ENDING}"


def name_of(path: Path) -> str:
    """Return the name of the variant in a file; of an earlier version, without its hash."""
    return path.stem.partition("@")[0] if path.parent.name == _VERSIONS else path.stem


def read(path: Path) -> VariantText:
    """Read a file.

    Raises
    ------
    ConfigurationError
        When it is not there (names those that are), or cannot be read.
    """
    try:
        return variant_file.read(_decoded(path), str(path))
    except FileNotFoundError:
        there = sorted(file.stem for file in path.parent.glob(f"*{_ENDING}"))
        meant = nearest(path.stem, there)
        did = f" Did you mean {meant!r}?" if meant else ""
        raise ConfigurationError(
            f"There is no variant {path}.{did} Variants there: {', '.join(there) or 'none'}. "
            f'A new one: rtc.Variant("{path.stem}", instructions="…").save().'
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line}: this is not UTF-8. Save the file as UTF-8.") from None


def keep(path: Path, label: str) -> None:
    """Put what a file holds aside as `versions/<label>.md`, byte for byte, before it is written anew."""
    kept = path.parent / _VERSIONS / f"{label}{_ENDING}"
    if not kept.exists():
        _write(kept, path.read_bytes())


def put(path: Path, text: str) -> None:
    """Write a file, whole or not at all, and its folder where that is missing.

    Raises
    ------
    ConfigurationError
        When it cannot be written.
    """
    _write(path, text.encode())


def earlier(name: str, directory: str | os.PathLike[str]) -> list[Path]:
    """Return what was put aside of a variant, oldest first."""
    folder = expanded(directory) / _VERSIONS
    kept = [path for path in folder.glob(f"*{_ENDING}") if path.stem.startswith(f"{name}@")]
    return sorted(kept, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as aside:
            whole = Path(aside) / path.name
            whole.write_bytes(content)
            whole.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.") from None
