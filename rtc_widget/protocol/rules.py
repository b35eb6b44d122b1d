"""What the types of a client event do not say: ranges, what may be null, and either-ors, one table each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rtc_widget._secrets import keep_tool
from rtc_widget.protocol.nearest import listed
from rtc_widget.protocol.refusal import refusal, shown

__all__ = [
    "ITEM_ID_CHARACTERS",
    "METADATA_PAIRS",
    "TOOL_NAME",
    "Limits",
    "Rule",
    "empty_at",
    "example_at",
    "is_closed",
    "is_nullable",
    "limits_at",
    "rule_at",
]

Rule = Callable[[Any, str], None]

ITEM_ID_CHARACTERS = 32
"""Longest item id that the API takes from a client."""
METADATA_PAIRS = 16
"""Most pairs in the metadata of a response."""
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What a tool may be called."""
_METADATA_KEY_CHARACTERS = 64
_METADATA_VALUE_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """Range of a number (`usual` is an example), length of a string, or its pattern with its meaning."""

    low: float | None = None
    high: float | None = None
    usual: float | None = None
    characters: int | None = None
    pattern: re.Pattern[str] | None = None
    meaning: str = ""

    def words(self) -> str:
        """Say the range, as in `from 0.25 to 1.5`."""
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"of {self.low:g} or more"
        return ""


_SHARE = Limits(low=0, high=1, usual=0.5)
_LANGUAGE = Limits(
    pattern=re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?"), meaning='an ISO-639-1 code such as "de" or "en"'
)

# By the end of the place; `[]` is any index, `{}` any key.
_LIMITS = {
    "expires_after.seconds": Limits(low=10, high=7200, usual=600),
    "max_output_tokens": Limits(low=1, high=4096),
    "audio.output.speed": Limits(low=0.25, high=1.5, usual=1),
    "turn_detection.threshold": _SHARE,
    "turn_detection.prefix_padding_ms": Limits(low=0, usual=300),
    "turn_detection.silence_duration_ms": Limits(low=0, usual=500),
    "turn_detection.idle_timeout_ms": Limits(low=1, usual=8000),
    "noise_reduction.strength": Limits(low=0, usual=1),
    "transcription.language": _LANGUAGE,
    "transcription.languages[]": _LANGUAGE,
    "truncation.retention_ratio": _SHARE,
    "token_limits.post_instructions": Limits(low=0, usual=8000),
    "audio_end_ms": Limits(low=0, usual=1500),
    "content_index": Limits(low=0),
    "item.id": Limits(characters=ITEM_ID_CHARACTERS),
    "event_id": Limits(characters=512),
}

# The types of requests are stingy with null; the API's own words ("can be set to null to turn off") are not.
_NULLABLE = ("audio.input.noise_reduction", "audio.input.transcription")

# What clears a thing that null does not.
_EMPTY = {"instructions": '""', "transcription.prompt": '""', "tools": "[]", "include": "[]"}

# Strings of which the types know some and allow any, and the API does not.
_CLOSED = ("response.conversation",)

_EXAMPLES = {
    "audio.input.transcription": '{"model": "gpt-transcribe"}',
    "audio.input.turn_detection": '{"type": "server_vad"}, {"type": "semantic_vad"} or null',
    "audio.input.noise_reduction": '{"type": "near_field"} or null',
    "audio.output.voice": '"marin" or {"id": "voice_…"}',
    "format": '{"type": "audio/pcm", "rate": 24000}',
    "output_modalities": '["audio"] or ["text"]',
    "content": '[{"type": "input_text", "text": "…"}]',
    "tools": '[{"type": "function", "name": "…", "parameters": {"type": "object", "properties": {}}}]',
    "tool_choice": '"auto", "none", "required" or {"type": "function", "name": "…"}',
    "item.output": "a string; json.dumps(…) makes one of anything else",
    "content[].audio": "the sound as a string of base64",
    "item": '{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "…"}]}',
    "response.input": '[{"type": "item_reference", "id": "item_…"}]',
    "max_output_tokens": '1 to 4096, or "inf"',
    "transcription.language": '"de"',
    "image_url": '"data:image/png;base64,…" or "https://…"',
    "reasoning": '{"effort": "low"}',
    "response": '{"instructions": "…"}',
    "response.metadata{}": "a string; str(…) makes one of a number",
    "response.metadata": '{"topic": "order"}',
}


def _at(place: str, table: Mapping[str, Any]) -> Any:
    return next((entry for end, entry in table.items() if place == end or place.endswith(f".{end}")), None)


def limits_at(place: str) -> Limits | None:
    """Look up the limits of a place."""
    limits = _at(place, _LIMITS)
    return limits if isinstance(limits, Limits) else None


def example_at(place: str) -> str | None:
    """Look up a right form that says more than one made from the types."""
    example = _at(place, _EXAMPLES)
    return example if isinstance(example, str) else None


def empty_at(place: str) -> str | None:
    """Look up what clears a place, where that is not null."""
    empty = _at(place, _EMPTY)
    return empty if isinstance(empty, str) else None


def is_nullable(place: str) -> bool:
    """Say whether null turns a thing off although the types do not show it."""
    return place.endswith(_NULLABLE)


def is_closed(place: str) -> bool:
    """Say whether the strings that the types know are all there are."""
    return place in _CLOSED


def _one_modality(value: list[str], place: str) -> None:
    if len(value) != 1:
        raise refusal(
            place,
            f"{shown(value)} is not one modality; a spoken answer comes with its transcript anyway",
            '["audio"] or ["text"], never both',
        )


def _metadata(value: dict[str, str] | None, place: str) -> None:
    pairs = value or {}
    if len(pairs) > METADATA_PAIRS:
        raise refusal(
            place,
            f"{len(pairs)} pairs are more than the {METADATA_PAIRS} allowed",
            f"keep at most {METADATA_PAIRS} keys, or put several things into one value with json.dumps(…)",
        )
    for key, text in pairs.items():
        for what, length, most in (
            ("the key", len(key), _METADATA_KEY_CHARACTERS),
            (f"the value of {shown(key)}", len(text), _METADATA_VALUE_CHARACTERS),
        ):
            if length > most:
                raise refusal(
                    place,
                    f"{what} has {length} characters, more than the limit",
                    f"at most {most} characters",
                )


def _tools(value: list[dict[str, Any]], place: str) -> None:
    names = [str(tool["name"]) for tool in value if "name" in tool]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refusal(
            place, f"{listed(map(shown, twice), last='and')} stands here twice", "one tool for each name"
        )


def _tool(value: dict[str, Any], place: str) -> None:
    if value.get("type") == "mcp":
        keep_tool(value)
        if not any(value.get(name) for name in ("server_url", "connector_id", "tunnel_id")):
            raise refusal(
                place,
                "an MCP tool needs to know where its server is",
                '{"type": "mcp", "server_label": "…", "server_url": "https://…"} (or its connector_id)',
            )
        return
    name = value.get("name")
    if name is None:
        raise refusal(
            place, "a function needs its name", '{"type": "function", "name": "…", "parameters": {…}}'
        )
    if TOOL_NAME.fullmatch(name) is None:
        raise refusal(
            f"{place}.name",
            f"{shown(name)} is no name of a tool",
            f'1 to 64 letters, digits, "_" or "-", for example "{_tool_name(name)}"',
        )
    parameters = value.get("parameters")
    if parameters is not None and (
        not isinstance(parameters, dict) or parameters.get("type", "object") != "object"
    ):
        raise refusal(
            f"{place}.parameters",
            f"{shown(parameters)} is no JSON Schema of an object",
            '{"type": "object", "properties": {"drink": {"type": "string"}}, "required": ["drink"]}',
        )


def _tool_name(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("_")[:64] or "my_tool"


_USER_CONTENT = {
    "input_text": ("text", frozenset({"type", "text"}), '{"type": "input_text", "text": "…"}'),
    "input_audio": (
        "audio",
        frozenset({"type", "audio", "transcript"}),
        '{"type": "input_audio", "audio": "<base64>"}',
    ),
    "input_image": (
        "image_url",
        frozenset({"type", "image_url", "detail"}),
        '{"type": "input_image", "image_url": "data:image/png;base64,…"}',
    ),
    "output_text": ("text", frozenset({"type", "text"}), '{"type": "output_text", "text": "…"}'),
}
_IMAGE_URL = re.compile(r"data:image/(png|jpeg);base64,|https?://", re.IGNORECASE)


def _content(value: dict[str, Any], place: str) -> None:
    kind = value.get("type")
    if kind is None:
        raise refusal(place, "a part of a message needs its type", '{"type": "input_text", "text": "…"}')
    if kind == "output_audio":
        raise refusal(
            place,
            "the API takes no sound of the assistant's; its history goes in as text",
            '{"type": "output_text", "text": "…"}',
        )
    needed, allowed, right = _USER_CONTENT[kind]
    for name in value:
        if name not in allowed:
            raise refusal(f"{place}.{name}", f"a part of type {shown(kind)} has no {name}", right)
    if needed not in value:
        raise refusal(place, f"a part of type {shown(kind)} needs its {needed}", right)
    if kind == "input_image" and _IMAGE_URL.match(value["image_url"]) is None:
        raise refusal(
            f"{place}.image_url",
            f"{shown(value['image_url'])} is no picture that the API takes (PNG or JPEG)",
            '"data:image/png;base64,…" or "https://…"; `add_image()` makes one of a file',
        )


_WITH_KEYWORDS = ("gpt-transcribe", "gpt-live-transcribe")
_WHISPER = "gpt-realtime-whisper"
_OTHERS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")


def _transcription(value: dict[str, Any] | None, place: str) -> None:
    # What the SDK's docstrings say of single models; other models than these are the service's to judge.
    model = str((value or {}).get("model") or "")
    known = model.startswith((*_WITH_KEYWORDS, *_OTHERS)) or model == _WHISPER
    if not value or not known:
        return
    for name in ("keywords", "languages"):
        if name in value and model not in _WITH_KEYWORDS:
            raise refusal(f"{place}.{name}", f'"{model}" takes none', f'"model": "{_WITH_KEYWORDS[0]}"')
    if "delay" in value and model != _WHISPER:
        raise refusal(f"{place}.delay", f'"{model}" takes none', f'"model": "{_WHISPER}", or no delay')
    if value.get("prompt") and model == _WHISPER:
        raise refusal(
            f"{place}.prompt", f'"{model}" takes none', f'"model": "{_WITH_KEYWORDS[0]}", or no prompt'
        )


_RULES: dict[str, Rule] = {
    "output_modalities": _one_modality,
    "response.metadata": _metadata,
    "tools": _tools,
    "session.tools[]": _tool,
    "response.tools[]": _tool,
    "content[]": _content,
    "audio.input.transcription": _transcription,
}


def rule_at(place: str) -> Rule | None:
    """Look up the either-or of a place; it is called with the checked value and the place, and raises."""
    if place.startswith(("item.tools", "response.input[].tools")):
        return None
    return next((rule for end, rule in _RULES.items() if place == end or place.endswith(f".{end}")), None)
