"""The sandbox's brain: rules that look at the input and at the instructions, and say what happens next.

It is deterministic: the same prompt has the same actions.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.calling import calls_for
from rtc_widget.sandbox.numbers import counted, number_of
from rtc_widget.sandbox.prompt import Action, CallTool, Fail, Prompt, Said, Say, Wait
from rtc_widget.sandbox.voice import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

__all__ = ["DEFAULT_RULES", "RuleBrain"]

_POLITE: Final = frozenset({"please", "thank", "thanks", "could", "would"})
DEFAULT_RULES: Final = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True)
class _Style:
    words: int | None = None
    begin: str = ""
    language: str = "en"
    speed: float = 1.0
    after_ms: float | None = None

    def say(self, text: str, word: str | None = None) -> Say:
        if self.words == 1:
            text = f"{_one_word(word or text)}."
        if self.begin:
            gap = "" if self.begin.endswith((".", "!", "?", ",", ":")) else "."
            text = f"{self.begin}{gap} {text}"
        return Say(text, self.language, self.speed, self.after_ms)


@dataclass
class RuleBrain:
    """The brain made of rules.

    Parameters
    ----------
    path
        A file of rules; the one that comes with the sandbox documents the form.

    Raises
    ------
    ConfigurationError
        The file is not there, or holds something else.
    """

    path: Path = DEFAULT_RULES
    _styles: list[dict[str, Any]] = field(init=False, default_factory=list)
    _answers: list[dict[str, Any]] = field(init=False, default_factory=list)
    _phrases: dict[str, dict[str, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read the rules."""
        try:
            rules = tomllib.loads(self.path.read_text(encoding="utf-8"))
            defaults = tomllib.loads(DEFAULT_RULES.read_text(encoding="utf-8"))
            self._styles = [_compiled(rule) for rule in rules.get("style", [])]
            self._answers = [_compiled(rule) for rule in rules.get("answer", [])]
        except (OSError, tomllib.TOMLDecodeError, re.error, AttributeError, TypeError) as error:
            raise ConfigurationError(f"The rules in {self.path} cannot be used: {error}") from error
        self._phrases = {**defaults["phrases"], **rules.get("phrases", {})}
        self._answers.append(_compiled({"say": defaults["answer"][-1]["say"]}))

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Action, None]:
        """Return what the rules make of a prompt."""
        for action in self.decide(prompt):
            yield action

    async def close(self) -> None:
        """Do nothing: rules hold nothing."""

    def decide(self, prompt: Prompt) -> list[Action]:
        """Return all actions at once."""
        instructions = "\n".join([prompt.instructions, *(i.text for i in prompt.items if i.role == "system")])
        style = self._style(instructions)
        results = _since_the_last_word(prompt.items)
        if results:
            told = " ".join(
                self._phrase("result", style, name=_spoken_name(item.name), output=item.text)
                for item in results
            )
            return [style.say(told, results[-1].text)]
        said = _last_input(prompt.items)
        text = said.text if said else ""
        calls: Sequence[Action] = []
        if prompt.tool_choice != "none":
            calls = self._match(style, text, instructions, prompt, only="tool") or calls_for(
                text, prompt.tools, prompt.tool_choice, parallel=prompt.parallel_tool_calls
            )
        if calls:
            return list(calls)
        if said is None:
            return self._match(style, "", instructions, prompt) or [
                style.say(self._phrase("greeting", style))
            ]
        if said.without_words:
            phrases = {"silence": "no_words", "timeout": "still_there"}
            return [style.say(self._phrase(phrases.get(said.without_words, "deaf"), style))]
        if said.pictures:
            seen = self._phrase("picture", style, pictures=" and ".join(said.pictures))
            return [style.say(" ".join(part for part in (seen, said.text) if part), "picture")]
        return self._match(style, said.text, instructions, prompt)

    def _style(self, instructions: str) -> _Style:
        values: dict[str, Any] = {}
        for rule in self._styles:
            match = rule["instructions"].search(instructions)
            if match:
                values |= {name: rule[name] for name in ("words", "language", "speed") if name in rule}
                if "after_ms" in rule:
                    values["after_ms"] = number_of(
                        _filled(str(rule["after_ms"]), match.groupdict(default=""))
                    )
                if "begin" in rule:
                    values["begin"] = _filled(rule["begin"], match.groupdict(default="")).strip()
        return _Style(**values)

    def _match(
        self, style: _Style, text: str, instructions: str, prompt: Prompt, only: str = ""
    ) -> list[Action]:
        for rule in self._answers:
            if only and only not in rule:
                continue
            found = [
                rule[name].search(where) for name, where in (("input", text), ("instructions", instructions))
                if name in rule
            ]  # fmt: skip
            if all(found) and (found or text):
                values = {"input": _sentence(text)}
                for match in found:
                    values |= match.groupdict(default="") if match else {}
                actions = _actions(rule, values, style, prompt.tools)
                if actions:
                    return actions
        return []

    def _phrase(self, key: str, style: _Style, /, **values: str) -> str:
        return _filled(_in_language(self._phrases[key], style.language), values)


def _actions(
    rule: dict[str, Any], values: dict[str, str], style: _Style, tools: Sequence[dict[str, Any]]
) -> list[Action]:
    if "tool" in rule:
        arguments = _filled(rule.get("arguments", "{}"), values)
        named = [tool for tool in tools if tool["name"] == rule["tool"]]
        return [CallTool(tool["name"], arguments, tool.get("server_label", "")) for tool in named[:1]]
    if "fail" in rule:
        code = _filled(rule["fail"], values).strip().replace(" ", "_").lower()
        return [Fail(code, _filled(rule.get("message", "The rules of the sandbox say so."), values))]
    values["count"] = counted(int(number_of(values.get("number", "10")) or 10))
    actions: list[Action] = []
    if "wait" in rule:
        actions.append(Wait(number_of(_filled(str(rule["wait"]), values)) or 0.0))
    if "say" in rule:
        text = _filled(_in_language(rule["say"], style.language), values)
        word = _filled(rule["word"], values) if "word" in rule else values.get("input") or None
        actions.append(style.say(text, word))
    return actions


def _compiled(rule: dict[str, Any]) -> dict[str, Any]:
    patterns: dict[str, Any] = {
        name: re.compile(rule[name], re.IGNORECASE) for name in ("input", "instructions") if name in rule
    }
    unknown = rule.keys() - {
        "input", "instructions", "words", "begin", "language", "speed", "after_ms", "say", "word", "tool",
        "arguments", "wait", "fail", "message",
    }  # fmt: skip
    if unknown:
        raise TypeError(f"a rule has no field {', '.join(sorted(unknown))}")
    if rule.get("language", "en") not in LANGUAGES:
        raise TypeError(f"the sandbox speaks {', '.join(LANGUAGES)}, not {rule['language']!r}")
    return {**rule, **patterns}


def _since_the_last_word(items: Sequence[Said]) -> list[Said]:
    """Return what functions gave back that nobody has spoken about yet."""
    results: list[Said] = []
    for item in reversed(items):
        if item.role == "tool":
            results.insert(0, item)
        elif item.role in ("user", "assistant"):
            break
    return results


def _last_input(items: Sequence[Said]) -> Said | None:
    """Return all that the user said since the last answer, as one: a pause may have split it."""
    said: list[Said] = []
    for item in reversed(items):
        if said and item.role != "system" and (item.role != "user" or item.is_answered):
            break
        if item.role == "user":
            said.insert(0, item)
    if not said:
        return None
    text = " ".join(item.text for item in said if item.text)
    pictures = [picture for item in said for picture in item.pictures]
    return Said("user", text, pictures, without_words=None if text or pictures else said[-1].without_words)


def _in_language(said: str | dict[str, str], language: str) -> str:
    if isinstance(said, str):
        return said
    return said.get(language) or said.get("en") or next(iter(said.values()))


def _filled(template: str, values: dict[str, str]) -> str:
    """Put values into {places}; a place without a value stays empty, other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], ""), template)


def _one_word(text: str) -> str:
    """Return the longest word (or number) of a text that is not mere politeness, the last one of several."""
    words = re.findall(r"[^\W_]+(?:(?:['’-]|(?<=\d)[.,:](?=\d))[^\W_]+)*", text)
    telling = [word for word in words if word.lower() not in _POLITE] or words
    longest = max(reversed(telling), key=len, default="nothing")
    return str(longest[0].upper() + longest[1:])


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?", "…")) or not stripped else f"{stripped}."


def _spoken_name(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " ").replace("-", " ")).strip()
    return words[:1].upper() + words[1:] if words else "The function"
