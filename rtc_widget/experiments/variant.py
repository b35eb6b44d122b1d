"""Variant: one named configuration of a session, in a plain file that git can read."""

from __future__ import annotations

import copy
import hashlib
import html
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from rtc_widget._arguments import checked_variant
from rtc_widget._errors import ConfigurationError, ProtocolError
from rtc_widget.experiments import variant_file, variant_store
from rtc_widget.experiments.variant_diff import compare
from rtc_widget.experiments.variant_fields import as_python, canonical, checked, json_of, shown

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from rtc_widget.experiments.variant_diff import VariantDiff

__all__ = ["Variant"]


class Variant:
    r"""One named configuration: some fields of a session, the instructions among them. It never changes.

    Its file, `variants/<name>.md`, holds the fields between two lines of `---`, one `name: value` a line,
    and the instructions below as they are. Two variants are equal when their fields are, whatever their
    names.

    Parameters
    ----------
    name
        The name of its file: up to 80 characters, but no `/ \ : @` and the like.
    instructions
        What the model is told to be; None leaves the session's alone, "" clears them. Their lines end in
        line feeds: carriage returns are taken out, since git gives them to some readers of the file and not
        to others.
    voice
        The voice that speaks; None leaves the session's alone.
    fields
        Further fields of a session, flat or nested: turn_detection, transcription, speed, tools, model, …

    Raises
    ------
    ConfigurationError
        For a name that no file can have, an unknown field, or the secret of an MCP server: others read the
        file.
    ProtocolError
        For an old name, or a value that no session takes.
    """

    _name: str
    _fields: dict[str, Any]
    _canonical: str
    _hash: str

    def __init__(
        self,
        name: str,
        *,
        instructions: str | None = None,
        voice: str | Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        given = {"instructions": instructions, "voice": voice}
        self._hold(name, {field: value for field, value in given.items() if value is not None} | fields)

    @classmethod
    def _of(cls, name: str, fields: Mapping[str, Any]) -> Self:
        variant = cls.__new__(cls)
        cls._hold(variant, name, fields)
        return variant

    def _hold(self, name: str, fields: Mapping[str, Any]) -> None:
        of_session = checked(fields)
        text = canonical(of_session)
        vars(self).update(
            _name=variant_store.checked_name(name),
            _fields=of_session,
            _canonical=text,
            _hash=hashlib.sha256(text.encode()).hexdigest()[:8],
        )

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields, flat where there is a flat keyword: what `update(**fields)` takes. A copy."""
        return copy.deepcopy(self._fields)

    @property
    def instructions(self) -> str | None:
        """Its instructions; None where it leaves the session's alone."""
        return self._fields.get("instructions")

    @property
    def voice(self) -> str | dict[str, Any] | None:
        """Its voice; None where it leaves the session's alone."""
        return copy.deepcopy(self._fields.get("voice"))

    @property
    def hash(self) -> str:
        """8 hex digits of SHA-256 over all fields as canonical JSON; the name does not count."""
        return self._hash

    @property
    def label(self) -> str:
        """Name and hash, `calm@3f2a91bc`: this version of it, as `load` takes it."""
        return f"{self._name}@{self._hash}"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse to change what others hold and have measured."""
        raise AttributeError(f"A variant never changes: {self._name}.replace({name}=…) makes another.")

    # -- others made of it ------------------------------------------------------------------------

    def replace(self, name: str | None = None, **fields: Any) -> Variant:
        """Return a copy with other fields.

        Parameters
        ----------
        name
            Another name, where it shall have one.
        fields
            Each replaces the field of that name whole; the others stay.
        """
        kind = {"type": self._fields["type"]} if "type" in self._fields else {}
        changes = checked({**kind, **fields})
        return Variant._of(self._name if name is None else name, {**self._fields, **changes})

    def without(self, *names: str) -> Variant:
        """Return a copy without some fields, which leaves them to the session.

        Parameters
        ----------
        names
            Of the fields, one after the other.

        Raises
        ------
        ConfigurationError
            For a field that it does not have.
        """
        given: tuple[object, ...] = names
        for name in given:
            if not isinstance(name, str):
                raise ConfigurationError(
                    f'without() takes names one after the other, without("voice", "speed"), not {name!r}.'
                )
            if name not in self._fields:
                there = ", ".join(self._fields) or "none"
                raise ConfigurationError(f"{self._name} has no field {name}. Its fields: {there}.")
        return Variant._of(
            self._name, {name: value for name, value in self._fields.items() if name not in names}
        )

    def diff(self, other: Variant) -> VariantDiff:
        """Return what changes from this variant to another: fields, and instructions line by line.

        Parameters
        ----------
        other
            The one it becomes.

        Returns
        -------
        VariantDiff
            Shows itself in a cell; false when nothing differs.

        Raises
        ------
        ConfigurationError
            For what is no variant.
        """
        other = checked_variant(other)
        return compare(self.label, self._fields, other.label, other._fields)

    def as_python(self) -> str:
        """Return the code that makes this variant, its instructions a line a line."""
        return as_python("rtc.Variant", self._name, self._fields)

    # -- its file ---------------------------------------------------------------------------------

    def save(self, directory: str | os.PathLike[str] = "variants") -> Path:
        """Write `<directory>/<name>.md`, and its folder where that is missing.

        What the file held before is not lost, without git either: where it differs, it is put aside as
        `<directory>/versions/<name>@<hash>.md`, and `load("<name>@<hash>")` brings it back. A file that says
        the same already stays as it is, comments and all.

        Parameters
        ----------
        directory
            Where variants lie.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ConfigurationError
            When it cannot be written, or there is a file that cannot be read: that is not overwritten.
        """
        path = variant_store.path_of(self._name, directory)
        if path.exists():
            before = self._before(path)
            if before == self:
                return path
            variant_store.keep(path, before.label)
        variant_store.put(path, variant_file.write(self._fields))
        return path

    @staticmethod
    def _before(path: Path) -> Variant:
        try:
            return Variant.load(path)
        except (ConfigurationError, ProtocolError) as error:
            raise ConfigurationError(
                f"{error} So it is not overwritten: repair that file, or move it away, and save again."
            ) from None

    @classmethod
    def load(cls, name: str | os.PathLike[str], directory: str | os.PathLike[str] = "variants") -> Variant:
        """Read a variant.

        Parameters
        ----------
        name
            Its name ("calm"), one version of it by the begin of its hash ("calm@3f2a"), or the path of a
            file.
        directory
            Where variants lie.

        Raises
        ------
        ConfigurationError
            When there is no such file or version (names those there are), or a line of it cannot be read.
        ProtocolError
            When a line of it holds what no session takes.
        """
        if isinstance(name, str) and "@" in name and not name.endswith(".md"):
            return cls._version(name, directory)
        path = variant_store.path_of(name, directory)
        text = variant_store.read(path)
        try:
            return cls._of(variant_store.name_of(path), text.fields)
        except (ConfigurationError, ProtocolError) as error:
            for field, value in text.fields.items():
                try:
                    checked({field: value})
                except (ConfigurationError, ProtocolError) as cause:
                    _refuse(cause, f"{path}, line {text.lines[field]}")
            _refuse(error, str(path))

    @classmethod
    def versions(cls, name: str, directory: str | os.PathLike[str] = "variants") -> list[Variant]:
        """Return all there is of a variant: what `save` put aside, oldest first, and last what it is now.

        How old one is, its file's time says: git gives all files the time they were checked out.

        Parameters
        ----------
        name
            Its name, without a hash.
        directory
            Where variants lie.

        Raises
        ------
        ConfigurationError, ProtocolError
            For a name that no file can have, and as of `load`.
        """
        now = variant_store.path_of(variant_store.checked_name(name), directory)
        current = [cls.load(now)] if now.exists() else []
        kept = [cls.load(path) for path in variant_store.earlier(now.stem, directory)]
        return [variant for variant in kept if variant not in current] + current

    @classmethod
    def _version(cls, label: str, directory: str | os.PathLike[str]) -> Variant:
        name, _, begin = label.partition("@")
        there = cls.versions(name, directory)
        found = [variant for variant in there if begin and variant.hash.startswith(begin.lower())]
        if len(found) == 1:
            return found[0]
        cause = "There are several versions" if found else "There is no version"
        listed = ", ".join(variant.label for variant in there) or "none"
        raise ConfigurationError(f"{cause} {label} in {Path(directory)}. Versions there: {listed}.")

    # -- as a value -------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Compare by fields, whatever the names."""
        return isinstance(other, Variant) and self._canonical == other._canonical

    def __hash__(self) -> int:
        """Go with `__eq__`."""
        return hash(self._canonical)

    def __repr__(self) -> str:
        """Name the variant, its version and its fields, on one line."""
        fields = "".join(f", {name}={shown(value)}" for name, value in self._fields.items())
        return f"Variant({self.label!r}{fields})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td><code>{html.escape(json_of(value))}</code></td></tr>"
            for name, value in self._fields.items()
            if name != "instructions"
        )
        text = html.escape(self.instructions or "")
        return (
            f"<p><b>{html.escape(self._name)}</b> <code>@{self._hash}</code></p><table>{rows}</table>"
            f'<pre style="white-space: pre-wrap">{text}</pre>'
        )


def _refuse(error: Exception, where: str) -> NoReturn:
    raise type(error)(f"{where}: {error}") from None
