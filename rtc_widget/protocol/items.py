"""The verbs of single conversation items: add, edit, delete, retrieve, truncate, hand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget.protocol.ids import new_event_id, new_item_id
from rtc_widget.protocol.nearest import nearest
from rtc_widget.protocol.refusal import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = [
    "Event",
    "add_content",
    "add_image",
    "add_message",
    "delete",
    "edit",
    "function_call_output",
    "make_event",
    "mcp_approval_response",
    "retrieve",
    "truncate",
]

Event = dict[str, Any]
"""A client event, ready to be checked and sent."""

_TEXT_OF = {"assistant": "output_text", "system": "input_text", "user": "input_text"}
_DETAILS = ("auto", "low", "high")


def make_event(type: str, **fields: Any) -> Event:
    """Make a client event with an id of ours; fields that are None are left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return {"type": type, "event_id": new_event_id(), **given}


def add_message(
    role: str, text: str, *, previous_item_id: str | None = None, item_id: str | None = None
) -> tuple[Event, str]:
    """Add a message of the user, the system or the assistant.

    Parameters
    ----------
    role
        "user", "system" or "assistant".
    text
        What it says.
    previous_item_id
        The item to come after; "root" is the beginning, None the end.
    item_id
        Its id; None makes one.

    Returns
    -------
    event : dict
        `conversation.item.create`.
    item_id : str
        Of the message.

    Raises
    ------
    ConfigurationError
        For another role, or an empty text.
    """
    if not _is_one_of(role, _TEXT_OF):
        raise ConfigurationError(_no_such_role(role))
    if not _has_words(text):
        raise ConfigurationError("A message needs words: a text that is not empty.")
    item = {"type": "message", "role": role, "content": [{"type": _TEXT_OF[role], "text": text}]}
    return _create(item, previous_item_id, item_id)


def _is_one_of(given: object, words: Collection[str]) -> bool:
    """Whether it is a word, and one of these: what is no word may not even be compared with one."""
    return isinstance(given, str) and given in words


def _has_words(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _no_such_role(role: object) -> str:
    if not isinstance(role, str):
        meant = ""
    elif role == "developer":
        meant = 'Instructions in mid-conversation have the role "system".'
    elif role in {"tool", "function"}:
        meant = "A tool's output is an item of its own: function_call_output."
    else:
        near = nearest(role, _TEXT_OF)
        meant = f'Did you mean "{near}"?' if near else ""
    said = f'{shown(role)} is no role of a message. {meant} There are "user", "system" and "assistant".'
    return said.replace("  ", " ")


def _create(
    item: Mapping[str, Any], previous_item_id: str | None = None, item_id: str | None = None
) -> tuple[Event, str]:
    own = item_id or new_item_id()
    return make_event(
        "conversation.item.create", previous_item_id=previous_item_id, item={"id": own, **item}
    ), own


def add_image(
    image_url: str, *, text: str | None = None, detail: str | None = None, previous_item_id: str | None = None
) -> tuple[Event, str]:
    """Add a picture as a message of the user.

    Parameters
    ----------
    image_url
        A data URL (PNG or JPEG), or one of http or https.
    text
        What the user says to it.
    detail
        "auto", "low" or "high".
    previous_item_id
        The item to come after; "root" is the beginning, None the end.

    Returns
    -------
    event : dict
        `conversation.item.create`.
    item_id : str
        Of the message.

    Raises
    ------
    ConfigurationError
        For another detail.
    """
    if detail is not None and not _is_one_of(detail, _DETAILS):
        raise ConfigurationError(f'detail is "auto", "low" or "high", not {shown(detail)}.')
    picture = {"type": "input_image", "image_url": image_url}
    content: list[dict[str, Any]] = [{"type": "input_text", "text": text}] if text else []
    content.append(picture if detail is None else {**picture, "detail": detail})
    return add_content(content, previous_item_id=previous_item_id)


def add_content(
    content: Sequence[Mapping[str, Any]], *, previous_item_id: str | None = None
) -> tuple[Event, str]:
    """Add a message of the user that holds any content; return `conversation.item.create` and its item id."""
    return _create({"type": "message", "role": "user", "content": list(content)}, previous_item_id)


def edit(
    item_id: str, new: str | Sequence[Mapping[str, Any]], *, role: str, previous_item_id: str | None
) -> tuple[list[Event], str]:
    """Put a new message in the place of one; the API cannot change an item.

    Parameters
    ----------
    item_id
        The message to be replaced.
    new
        Its new text, or its new content parts.
    role
        As the old one has.
    previous_item_id
        The item before it; None when it is the first.

    Returns
    -------
    events : list of dict
        `conversation.item.delete`, then `conversation.item.create`.
    item_id : str
        Of the new message.

    Raises
    ------
    ConfigurationError
        For another role, or an empty text.
    """
    place = previous_item_id or "root"
    if isinstance(new, str):
        create, own = add_message(role, new, previous_item_id=place)
    elif isinstance(new, list | tuple) and all(isinstance(part, Mapping) for part in new):
        create, own = _create({"type": "message", "role": role, "content": list(new)}, place)
    else:
        raise ConfigurationError(f"A message says a text, or a list of content parts, not {new!r}.")
    return [delete(item_id), create], own


def delete(item_id: str) -> Event:
    """Take an item out of the conversation."""
    return make_event("conversation.item.delete", item_id=item_id)


def retrieve(item_id: str) -> Event:
    """Ask for the service's own copy of an item."""
    return make_event("conversation.item.retrieve", item_id=item_id)


def truncate(item_id: str, audio_end_ms: int, *, content_index: int = 0) -> Event:
    """Cut an assistant's spoken message off at what was heard of it, in ms."""
    return make_event(
        "conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
    )


def function_call_output(tool_call_id: str, output: str) -> tuple[Event, str]:
    """Hand in what a function gave back.

    Returns
    -------
    event : dict
        `conversation.item.create`.
    item_id : str
        Of the new item.
    """
    return _create({"type": "function_call_output", "call_id": tool_call_id, "output": output})


def mcp_approval_response(
    approval_request_id: str, *, approve: bool, reason: str | None = None
) -> tuple[Event, str]:
    """Allow or forbid a call of an MCP tool.

    Returns
    -------
    event : dict
        `conversation.item.create`.
    item_id : str
        Of the new item.
    """
    item = {"type": "mcp_approval_response", "approval_request_id": approval_request_id, "approve": approve}
    return _create(item if reason is None else {**item, "reason": reason})
