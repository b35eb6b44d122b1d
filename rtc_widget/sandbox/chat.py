"""A brain that is a model: any endpoint of the chat completions API, streamed clause by clause into speech.

It hears no sound and sees no images: it gets the words that the ears made out, and what kind of image came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import openai

from rtc_widget.sandbox.pieces import Clauses
from rtc_widget.sandbox.prompt import Action, CallTool, Fail, Prompt, Said, Say

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rtc_widget.sandbox.wire import Event

__all__ = ["ChatBrain", "language_of", "messages_of"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TIMEOUT_S: Final = 120.0
_SPOKEN: Final = "You are heard, not read: answer in plain spoken sentences, without lists, markup or emoji."
_WORDLESS: Final = {
    "silence": "(The user made a sound, but said no words.)",
    "deaf": "(The user spoke, but the words could not be recognised.)",
    "timeout": "(The user has said nothing for a while.)",
}
# Little words that tell the sandbox's languages apart.
_LITTLE_WORDS: Final = {
    "fr": "le la les des est et vous je une dans pour que qui pas avec sur il elle nous c'est ce au",
    "es": "el los las es y usted una en para que con no por lo su al está hay qué como más pero",
    "de": "der die das ist und sie ich ein eine nicht mit für den von zu auf es wie im dem auch",
    "en": "the is and you i a an not with for of to in on it how are this that was be",
}


class ChatBrain:
    """The brain made of a chat endpoint.

    Parameters
    ----------
    base_url
        Where it is ("http://localhost:11434/v1").
    model
        Its name there.
    key
        Where it asks for one.
    """

    def __init__(self, base_url: str, model: str, key: str = "") -> None:
        # An endpoint next door is not behind the proxy of the environment.
        trust_env = urlsplit(base_url).hostname not in _LOOPBACK
        self._model = model
        self._key = key
        self._api = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            timeout=_TIMEOUT_S,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=trust_env),
        )

    def __repr__(self) -> str:
        """Show which model it is, and no key."""
        return f"ChatBrain({str(self._api.base_url)!r}, {self._model!r})"

    async def close(self) -> None:
        """Close its connections."""
        await self._api.close()

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Action, None]:
        """Stream what the model makes of a prompt."""
        clauses, calls = Clauses(), _Calls()
        try:
            async with await self._api.chat.completions.create(
                model=self._model, messages=messages_of(prompt), stream=True, **_tools_of(prompt)
            ) as stream:
                async for chunk in stream:
                    for choice in chunk.choices[:1]:
                        calls.take(choice.delta.tool_calls or [])
                        for clause in clauses.feed(choice.delta.content or ""):
                            yield Say(clause, language_of(clause))
        except openai.OpenAIError as error:
            yield Fail("brain_failed", self._told(error))
            return
        for clause in clauses.flush():
            yield Say(clause, language_of(clause))
        labels = {tool["name"]: tool.get("server_label", "") for tool in prompt.tools}
        for name, arguments in calls.made:
            yield CallTool(name, arguments or "{}", labels.get(name, ""))

    def _told(self, error: openai.OpenAIError) -> str:
        """Say what went wrong, without the key that an endpoint may repeat."""
        status = f" with HTTP {error.status_code}" if isinstance(error, openai.APIStatusError) else ""
        text = str(error).replace(self._key, "…") if self._key else str(error)
        return f"The chat endpoint of the sandbox's brain failed{status}: {text}"


class _Calls:
    """The calls of tools that come in pieces."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[str]] = {}

    @property
    def made(self) -> list[tuple[str, str]]:
        return [(name, arguments) for name, arguments in self._pieces.values() if name]

    def take(self, pieces: Sequence[Any]) -> None:
        for piece in pieces:
            call = self._pieces.setdefault(piece.index, ["", ""])
            if piece.function is not None:
                call[0] += piece.function.name or ""
                call[1] += piece.function.arguments or ""


def messages_of(prompt: Prompt) -> list[Any]:
    """Return a prompt as the messages of a chat: calls of tools beside each other, each with its result."""
    messages: list[Any] = [{"role": "system", "content": f"{prompt.instructions}\n\n{_SPOKEN}".strip()}]
    answered = {said.tool_call_id for said in prompt.items if said.role == "tool"}
    for said in prompt.items:
        if said.role == "tool":
            if said.arguments is not None:
                _add_call(messages, said, said.arguments)
            messages.append({"role": "tool", "tool_call_id": said.tool_call_id, "content": said.text})
        elif said.role == "call":
            # A chat endpoint refuses a call that nothing has answered.
            if said.tool_call_id in answered:
                _add_call(messages, said, said.text)
        elif said.role in ("user", "assistant", "system"):
            messages.append({"role": said.role, "content": _content(said)})
    return messages


def language_of(text: str) -> str:
    """Return the language of a text, of those that the sandbox speaks: by its little words, else English."""
    words = set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower()))
    counts = {language: len(words & set(little.split())) for language, little in _LITTLE_WORDS.items()}
    best = max(counts, key=lambda language: (counts[language], language == "en"))
    return best if counts[best] > 1 else "en"


def _add_call(messages: list[Any], said: Said, arguments: str) -> None:
    call = {
        "id": said.tool_call_id,
        "type": "function",
        "function": {"name": said.name, "arguments": arguments},
    }
    if messages[-1]["role"] == "assistant" and "tool_calls" in messages[-1]:
        messages[-1]["tool_calls"].append(call)
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _content(said: Said) -> str:
    parts = [f"({picture}, which you cannot see)" for picture in said.pictures]
    parts.append(said.text or _WORDLESS.get(said.without_words or "", ""))
    return "\n".join(part for part in parts if part)


def _tools_of(prompt: Prompt) -> Event:
    """Return the tools as a chat declares them; where none is declared, nothing is said of them."""
    if not prompt.tools:
        return {}
    tools = [
        {
            "type": "function",
            "function": {
                "name": tool["name"],
                "description": tool.get("description") or "",
                "parameters": tool.get("parameters") or {"type": "object", "properties": {}},
            },
        }
        for tool in prompt.tools
    ]
    choice = prompt.tool_choice
    if isinstance(choice, dict):
        name = choice.get("name")
        choice = {"type": "function", "function": {"name": name}} if name else "required"
    return {"tools": tools, "tool_choice": choice, "parallel_tool_calls": prompt.parallel_tool_calls}
