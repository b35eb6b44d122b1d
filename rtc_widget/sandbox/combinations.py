"""What no type says of a configuration: either-ors, and the names of tools and metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rtc_widget.sandbox.faults import missing, wrong_type
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.sandbox.wire import Event

__all__ = ["check_combinations", "check_transcription", "transcribes_with"]

_METADATA_KEYS, _METADATA_KEY_LENGTH, _METADATA_VALUE_LENGTH = 16, 64, 512
_TRANSCRIBE, _WHISPER = {"gpt-transcribe", "gpt-live-transcribe"}, "gpt-realtime-whisper"
_TAKE: dict[str, Callable[[str], bool]] = {
    "prompt": lambda model: model != _WHISPER,
    "keywords": lambda model: model in _TRANSCRIBE,
    "languages": lambda model: model in _TRANSCRIBE,
    "delay": lambda model: model == _WHISPER,
}
"""Which models of transcription take a field."""
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_combinations(fields: Event, path: str) -> None:
    """Refuse what the API would refuse in the fields of a session or response.

    Raises
    ------
    ApiError
        The first fault found.
    """
    modalities = fields.get("output_modalities")
    if modalities is not None and len(set(modalities)) != 1:
        raise ApiError(
            f"Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['audio'].",
            code="invalid_value",
            param=f"{path}.output_modalities",
        )
    heard = (fields.get("audio") or {}).get("input") or {}
    check_transcription(heard.get("transcription") or {}, f"{path}.audio.input.transcription")
    for index, tool in enumerate(fields.get("tools") or []):
        if tool.get("type") == "mcp":
            _check_server(tool, f"{path}.tools[{index}]")
        if tool.get("type") != "mcp" and not _TOOL_NAME.fullmatch(tool.get("name") or ""):
            place = f"{path}.tools[{index}].name"
            if not tool.get("name"):
                raise missing(place)
            raise ApiError(
                f"Invalid '{place}': string does not match pattern. Expected a string that matches the "
                "pattern '^[a-zA-Z0-9_-]+$'.",
                code="invalid_value",
                param=place,
            )
    metadata = fields.get("metadata") or {}
    if len(metadata) > _METADATA_KEYS:
        raise ApiError(
            f"Invalid '{path}.metadata': too many properties. Expected an object with at most "
            f"{_METADATA_KEYS} properties, but got an object with {len(metadata)} properties instead.",
            code="object_above_max_properties",
            param=f"{path}.metadata",
        )
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise wrong_type(f"{path}.metadata.{key}", "a string", value)
        if len(key) > _METADATA_KEY_LENGTH or len(value) > _METADATA_VALUE_LENGTH:
            raise ApiError(
                f"Invalid '{path}.metadata': keys have at most {_METADATA_KEY_LENGTH} characters, values "
                f"{_METADATA_VALUE_LENGTH}.",
                code="string_above_max_length",
                param=f"{path}.metadata.{key}",
            )


def check_transcription(settings: Event, path: str) -> None:
    """Refuse what the SDK's docstrings say a model does not take.

    Raises
    ------
    ApiError
        The first field that its model does not take.
    """
    model = settings.get("model")
    for name in _TAKE:
        if settings.get(name) and not transcribes_with(model, name):
            raise ApiError(
                f"'{name}' is not supported with {model}.", code="invalid_value", param=f"{path}.{name}"
            )


def transcribes_with(model: str | None, name: str) -> bool:
    """Say whether a model of transcription takes a field; of no model, nothing is known."""
    return model is None or name not in _TAKE or _TAKE[name](model)


def _check_server(tool: Event, path: str) -> None:
    if tool.get("server_url") is None:
        if tool.get("connector_id") or tool.get("tunnel_id"):
            raise ApiError(
                "The sandbox reaches MCP servers by 'server_url' alone: it has no connectors and no tunnels.",
                code="invalid_value",
                param=path,
            )
        raise missing(f"{path}.server_url")
    if not tool["server_url"].startswith(("http://", "https://")):
        raise ApiError(
            f"Invalid '{path}.server_url': expected an http or https URL.",
            code="invalid_value",
            param=f"{path}.server_url",
        )
