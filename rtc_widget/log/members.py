"""The members of a JSON object as they are written, for texts that a strict decoder refuses."""

from __future__ import annotations

import json


def members(text: str) -> dict[str, str]:
    """Return the members of a JSON object as they are written; the last of two of a name.

    Raises
    ------
    ValueError
        The text is no JSON object.
    """
    decoder = json.JSONDecoder()
    found = {}
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("a line holds a JSON object")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":" or not isinstance(key, str):
            raise ValueError("a JSON object has names and values")
        start = _skip(text, at + 1)
        _, at = decoder.raw_decode(text, start)
        found[key] = text[start:at]
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError("a JSON object ends")
    if text[at + 1 :].strip():
        raise ValueError("a line holds one JSON object")
    return found


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in {" ", "\t", "\r", "\n"}:
        at += 1
    return at
