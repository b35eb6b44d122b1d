"""The Realtime dialect: what a session wants to do, as client events of the Realtime API.

Every event carries an `event_id` of ours, every item an id of ours, every response our mark, so that each
answer finds its question. Another API of the same service would be another module with these functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.protocol.answers import Answer, answers, is_nothing_to_cancel
from rtc_widget.protocol.ids import MARK, new_mark
from rtc_widget.protocol.items import (
    Event,
    add_content,
    add_image,
    add_message,
    delete,
    edit,
    function_call_output,
    make_event,
    mcp_approval_response,
    retrieve,
    truncate,
)
from rtc_widget.protocol.rules import METADATA_PAIRS

__all__ = [
    "Answer",
    "Event",
    "add_content",
    "add_image",
    "add_message",
    "answers",
    "clear_input",
    "commit_input",
    "delete",
    "edit",
    "function_call_output",
    "interrupt",
    "is_nothing_to_cancel",
    "mcp_approval_response",
    "push_to_talk_down",
    "push_to_talk_up",
    "respond",
    "retrieve",
    "say",
    "truncate",
    "update",
]


def say(
    text: str, *, fields: Mapping[str, Any] | None = None, previous_item_id: str | None = None
) -> tuple[list[Event], str, str]:
    """Say something as the user, and ask for an answer.

    Parameters
    ----------
    text
        What the user types.
    fields
        Of the response, nested.
    previous_item_id
        The item to come after; "root" is the beginning, None the end.

    Returns
    -------
    events : list of dict
        `conversation.item.create`, then `response.create`.
    item_id : str
        Of the message.
    mark : str
        Of the response.

    Raises
    ------
    ConfigurationError
        For an empty text.
    """
    message, item_id = add_message("user", text, previous_item_id=previous_item_id)
    request, mark = respond(fields)
    return [message, request], item_id, mark


def respond(fields: Mapping[str, Any] | None = None) -> tuple[Event, str]:
    """Ask for a response.

    Parameters
    ----------
    fields
        Of the response, nested (`response_fields` makes them); its metadata keep room for our mark.

    Returns
    -------
    event : dict
        `response.create`.
    mark : str
        By which the response is known again.

    Raises
    ------
    ConfigurationError
        When the metadata leave no room for the mark, or use its name.
    """
    response = dict(fields or {})
    metadata = response.get("metadata")
    mark = new_mark()
    if metadata is None or isinstance(metadata, Mapping):
        own = dict(metadata or {})
        if MARK in own:
            raise ConfigurationError(f"The key {MARK} in metadata is ours. Right form: any other name.")
        if len(own) >= METADATA_PAIRS:
            raise ConfigurationError(
                f"{len(own)} pairs of metadata are too many: of the {METADATA_PAIRS} that the API takes "
                f"one is ours. Right form: at most {METADATA_PAIRS - 1}."
            )
        response["metadata"] = {**own, MARK: mark}
    return make_event("response.create", response=response), mark


def update(changes: Mapping[str, Any]) -> Event:
    """Change the session by nested changes, of type "realtime" unless they say otherwise."""
    return make_event("session.update", session={"type": "realtime", **changes})


def interrupt(*, active_response: bool, audio_playing: bool) -> list[Event]:
    """Stop the agent: cancel what it says, then clear what it has still to say; nothing where nothing is."""
    cancel = [make_event("response.cancel")] if active_response else []
    return [*cancel, make_event("output_audio_buffer.clear")] if audio_playing else cancel


def commit_input() -> Event:
    """End the user's turn by hand."""
    return make_event("input_audio_buffer.commit")


def clear_input() -> Event:
    """Forget what the microphone has heard since the last turn."""
    return make_event("input_audio_buffer.clear")


def push_to_talk_down() -> list[Event]:
    """Begin to listen, the key being pressed."""
    return [clear_input()]


def push_to_talk_up(fields: Mapping[str, Any] | None = None) -> tuple[list[Event], str]:
    """End the turn and ask for its answer, the key being released.

    Returns
    -------
    events : list of dict
        `input_audio_buffer.commit`, then `response.create`.
    mark : str
        Of the response.
    """
    request, mark = respond(fields)
    return [commit_input(), request], mark
