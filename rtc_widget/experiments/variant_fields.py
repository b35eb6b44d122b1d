"""The fields of a variant: checked, flat, in one order, and written as canonical JSON and as Python."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError
from rtc_widget._secrets import MCP_SECRETS, url_holds_key

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_python", "canonical", "checked", "json_of", "shown"]

_LONGEST_SHOWN = 40
_NO_FIELDS = {
    "any_voice": "any_voice= is no field of a session.",
    "name": "A variant's name is its file's, and no field.",
}


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields flat where there is a flat keyword, the instructions first.

    Parameters
    ----------
    fields
        Flat or nested, as of `session_fields`.

    Raises
    ------
    ConfigurationError, ProtocolError
        As `session_fields` does; and for the secret of an MCP server, and half a character.
    """
    for name, cause in _NO_FIELDS.items():
        if name in fields:
            raise ConfigurationError(cause)
    nested = protocol.session_fields(**fields)
    flat = _flat(nested)
    if "instructions" in flat:
        flat["instructions"] = flat["instructions"].replace("\r\n", "\n").replace("\r", "\n")
    _refuse_secrets(flat.get("tools") or ())
    try:
        canonical(flat).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ConfigurationError(f"{half!r} is half a character: no file and no service takes it.") from None
    return dict(sorted(flat.items(), key=lambda field: (field[0] != "instructions", field[0])))


def _flat(nested: dict[str, Any]) -> dict[str, Any]:
    flat = {name: copy.deepcopy(value) for name, value in nested.items()}
    for name, place in protocol.SESSION_PLACES.items():
        holder: Any = flat
        for step in place[:-1]:
            holder = holder.get(step) or {}
        if place[-1] in holder:
            flat[name] = holder.pop(place[-1])
    audio = {name: value for name, value in flat.pop("audio", {}).items() if value}
    return flat | ({"audio": audio} if audio else {})


def _refuse_secrets(tools: Any) -> None:
    for number, tool in enumerate(tools):
        in_url = ["server_url"] * url_holds_key(str(tool.get("server_url") or ""))
        for secret in [*filter(tool.get, MCP_SECRETS), *in_url]:
            raise ConfigurationError(
                f"tools[{number}].{secret} may hold a secret, and others read a variant's file. "
                "Leave it out here, and give it to the session: update(tools=[…])."
            )


def canonical(fields: Mapping[str, Any]) -> str:
    """Return fields as JSON that is the same for the same fields: sorted, and 1.0 written as 1."""
    return json.dumps(_plain(fields), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_python(call: str, name: str, fields: Mapping[str, Any]) -> str:
    """Return the code that calls something with a name and these fields; long texts a line a line."""
    arguments = [_literal(name), *(f"{field}={_argument(value)}" for field, value in fields.items())]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{call}(\n{lines})"


def _argument(value: Any) -> str:
    lines = value.splitlines(keepends=True) if isinstance(value, str) else []
    if len(lines) < 2:  # noqa: PLR2004 - one line needs no brackets
        return _literal(value)
    parts = "".join(f"        {_literal(line)}\n" for line in lines)
    return f"(\n{parts}    )"


def _literal(value: Any) -> str:
    """Write JSON as Python, strings in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json_of(value) if isinstance(value, str) else repr(value)


def json_of(value: Any) -> str:
    """Return a value as JSON that people can read."""
    return json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """Return a value as Python, cut to what fits on a line."""
    text = _literal(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
