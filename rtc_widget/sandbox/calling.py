"""Which functions an input asks for, and the arguments its words give them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from rtc_widget.sandbox.numbers import number_of
from rtc_widget.sandbox.prompt import CallTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rtc_widget.sandbox.wire import Event

__all__ = ["calls_for"]

_COMMON: Final = frozenset({
    "a", "about", "all", "an", "and", "any", "are", "as", "at", "be", "by", "call", "can", "could", "do",
    "does", "for", "from", "function", "get", "give", "gives", "have", "how", "i", "if", "in", "into",
    "is", "it", "its", "let", "look", "me", "my", "of", "on", "or", "our", "out", "please", "return",
    "returns", "set", "show", "some", "tell", "than", "that", "the", "their", "them", "then", "there",
    "these", "this", "to", "tool", "up", "us", "use", "used", "user", "want", "was", "what", "when",
    "where", "which", "who", "will", "with", "would", "you", "your",
})  # fmt: skip
_WORDS_OF_A_DESCRIPTION: Final = 2
_PLACE = re.compile(r"\b(?:in|for|at|to|of|from|about|near|on)\s+((?:the\s+)?[\w'’-]+(?:\s+[A-Z][\w'’-]*)*)")
_NO = re.compile(r"\b(?:no|not|without|don't|never)\b", re.IGNORECASE)


def calls_for(text: str, tools: Sequence[Event], choice: Any, *, parallel: bool = True) -> list[CallTool]:
    """Return the calls an input asks for.

    Parameters
    ----------
    text
        What the user said.
    tools
        The functions declared, and what MCP servers offer.
    choice
        The effective `tool_choice`.
    parallel
        Whether several may be called at once.

    Returns
    -------
    list[CallTool]
        Best match first; empty when nothing matches and nothing is required.
    """
    functions = list(tools)
    if choice == "none" or not functions:
        return []
    if isinstance(choice, dict):
        wanted = ("server_label", "name") if choice.get("type") == "mcp" else ("name",)
        asked = [key for key in wanted if choice.get(key) is not None]
        functions = [tool for tool in functions if all(tool.get(key) == choice[key] for key in asked)]
        return [_call(tool, text) for tool in functions[:1]]
    scores = {tool["name"]: _score(tool, text) for tool in functions}
    matching = sorted((t for t in functions if scores[t["name"]]), key=lambda t: -scores[t["name"]])
    if not matching and choice == "required":
        matching = functions[:1]
    return [_call(tool, text) for tool in (matching if parallel else matching[:1])]


def _call(tool: Event, text: str) -> CallTool:
    return CallTool(tool["name"], _arguments(tool, text), tool.get("server_label", ""))


def _score(tool: Event, text: str) -> float:
    """Return how well an input fits a function: its name counts most, then two words of its description."""
    heard = _stems(text)
    name = _stems(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool["name"]).replace("_", " ").replace("-", " "))
    in_name = len(heard & name)
    in_description = len(heard & _stems(tool.get("description") or ""))
    enough = in_name > 0 or in_description >= _WORDS_OF_A_DESCRIPTION
    return in_name * 10 + in_description if enough else 0


def _stems(text: str) -> frozenset[str]:
    words = re.findall(r"[a-zA-Zà-ÿ]{2,}", text.lower())
    return frozenset(_stem(word) for word in words if word not in _COMMON)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "s", "ed", "er"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:  # noqa: PLR2004 - a stem of four letters
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e")


def _arguments(tool: Event, text: str) -> str:
    schema = tool.get("parameters") or {}
    properties: dict[str, Any] = schema.get("properties") or {}
    required = schema.get("required") or []
    taken: set[str] = set()
    values: dict[str, Any] = {}
    # What can only be one of a few words or a number takes its words first; free text gets what is left.
    for name, wanted in sorted(properties.items(), key=lambda entry: _is_free_text(entry[1])):
        value = _value(name, _resolved(wanted, schema), text, taken, tool)
        if value is None and name in required:
            value = _fallback(_resolved(wanted, schema), text)
        if value is not None:
            values[name] = value
    return json.dumps({name: values[name] for name in properties if name in values}, ensure_ascii=False)


def _resolved(wanted: Event, schema: Event) -> Event:
    """Return the schema of a value: references followed, the first real alternative taken."""
    if "$ref" in wanted:
        found: Event = schema.get("$defs", {}).get(wanted["$ref"].rsplit("/", 1)[-1], {})
        return found
    for alternative in wanted.get("anyOf") or wanted.get("oneOf") or []:
        if alternative.get("type") != "null":
            return _resolved(alternative, schema)
    return wanted


def _is_free_text(wanted: Event) -> bool:
    return wanted.get("type") == "string" and "enum" not in wanted


def _value(name: str, wanted: Event, text: str, taken: set[str], tool: Event) -> Any:
    if "enum" in wanted:
        return next((choice for choice in wanted["enum"] if _mentions(text, str(choice), taken)), None)
    match wanted.get("type"):
        case "integer" | "number" as kind:
            return _number(text, taken, whole=kind == "integer")
        case "boolean" if _stems(name.replace("_", " ")) & _stems(text):
            return not _NO.search(text)
        case "string":
            return _free_text(text, taken, tool)
        case "array":
            element = _value(name, wanted.get("items") or {"type": "string"}, text, taken, tool)
            return None if element is None else [element]
    return None


def _number(text: str, taken: set[str], *, whole: bool) -> float | None:
    """Return the first number of a text that no other argument has taken."""
    for word in re.findall(r"\d+(?:\.\d+)?|[a-z]+", text.lower()):
        number = number_of(word)
        if number is not None and word not in taken:
            taken.add(word)
            return int(number) if whole or number.is_integer() else number
    return None


def _mentions(text: str, choice: str, taken: set[str]) -> bool:
    if not re.search(rf"\b{re.escape(choice)}\b", text, re.IGNORECASE):
        return False
    taken.update(choice.lower().split())
    return True


def _free_text(text: str, taken: set[str], tool: Event) -> str | None:
    """Return the words after a preposition, else what the function's name and other arguments leave over."""
    named = _stems(tool["name"].replace("_", " "))
    words = re.finditer(r"[\w'’-]+", text)
    mention = next((word.start() for word in words if _stem(word[0].lower()) in named), 0)
    for start in (mention, 0):
        for place in _PLACE.finditer(text, start):
            found = re.sub(r"^the\s+", "", place[1])
            if found.lower() not in taken | _COMMON and number_of(found) is None:
                taken.update(found.lower().split())
                return found
    known = taken | _COMMON
    left = _runs(re.findall(r"[\w'’-]+", text), known, named)
    if not left:
        return None
    best = max(left, key=len)
    taken.update(word.lower() for word in best)
    return " ".join(best)


def _runs(words: Iterable[str], known: set[str] | frozenset[str], named: frozenset[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in words:
        if word.lower() in known or _stem(word.lower()) in named:
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


def _fallback(wanted: Event, text: str) -> Any:
    """Return something for an argument that must be there and that the input does not give."""
    if "enum" in wanted:
        return wanted["enum"][0]
    defaults = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return wanted.get("default", defaults.get(str(wanted.get("type")), text.strip() or "unknown"))
