"""What confirms a client event: the server events that answer it, and the errors that refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtc_widget.protocol.ids import mark_of

__all__ = ["Answer", "answers", "is_nothing_to_cancel"]

_BY_ITEM = {
    "conversation.item.create": "conversation.item.added",
    "conversation.item.delete": "conversation.item.deleted",
    "conversation.item.retrieve": "conversation.item.retrieved",
    "conversation.item.truncate": "conversation.item.truncated",
}
_ALSO = {"conversation.item.added": "conversation.item.created"}
"""What services of the beta's dialect send instead."""
_IN_ORDER = {
    "input_audio_buffer.clear": "input_audio_buffer.cleared",
    "input_audio_buffer.commit": "input_audio_buffer.committed",
    "output_audio_buffer.clear": "output_audio_buffer.cleared",
    "session.update": "session.updated",
}
_RESPONSE = {"response.create": "response.done", "response.cancel": "response.done"}
_NOTHING_TO_CANCEL = "response_cancel_not_active"


@dataclass(frozen=True, slots=True)
class Answer:
    """Tells the server event that confirms one client event from all others; call it with each.

    Attributes
    ----------
    type
        Type of the server event.
    what
        The same in words, for an error that says what was awaited.
    in_order
        Whether the event says nothing of whom it answers: the first one answers the first, and so on.
    event_id
        Of the client event; an `error` with this id refuses it.
    item_id
        The item that the event is about, None for others.
    mark
        Our mark in the response that is awaited.
    response_id
        The response that is cancelled, where it was named.
    """

    type: str
    what: str
    in_order: bool = False
    event_id: str | None = None
    item_id: str | None = None
    mark: str | None = None
    response_id: str | None = None

    def is_of(self, type: str) -> bool:
        """Say whether a server event of this type may confirm."""
        return type in (self.type, _ALSO.get(self.type))

    def __call__(self, event: Mapping[str, Any]) -> bool:
        """Say whether a server event confirms."""
        if not self.is_of(str(event.get("type"))):
            return False
        if self.item_id is not None:
            item = event.get("item")
            found = item.get("id") if isinstance(item, Mapping) else event.get("item_id")
            return bool(found == self.item_id)
        response = event.get("response")
        if self.mark is not None:
            return isinstance(response, Mapping) and mark_of(response) == self.mark
        if self.response_id is not None:
            return isinstance(response, Mapping) and response.get("id") == self.response_id
        return True

    def is_refused_by(self, event: Mapping[str, Any]) -> bool:
        """Say whether a server event is the `error` that refuses."""
        error = event.get("error") if event.get("type") == "error" else None
        return (
            isinstance(error, Mapping)
            and self.event_id is not None
            and error.get("event_id") == self.event_id
        )


def answers(event: Mapping[str, Any]) -> Answer | None:
    """Look up what confirms a client event.

    Parameters
    ----------
    event
        As it is sent, with our `event_id`.

    Returns
    -------
    Answer or None
        None for what nothing answers (`input_audio_buffer.append`, and types that are not known here).
    """
    name = str(event.get("type"))
    event_id = event.get("event_id")
    if name in _BY_ITEM:
        item = event.get("item")
        item_id = item.get("id") if isinstance(item, Mapping) else event.get("item_id")
        confirms = _BY_ITEM[name]
        # An item created without an id of ours gets one from the service; then only the order tells.
        what = f"{confirms} of {item_id}" if item_id else confirms
        return Answer(confirms, what, in_order=item_id is None, event_id=event_id, item_id=item_id)
    if name in _IN_ORDER:
        return Answer(_IN_ORDER[name], _IN_ORDER[name], in_order=True, event_id=event_id)
    if name in _RESPONSE:
        response = event.get("response")
        mark = mark_of(response) if isinstance(response, Mapping) else None
        response_id = event.get("response_id")
        return Answer(
            _RESPONSE[name],
            f"{_RESPONSE[name]} of {response_id or 'our response'}",
            in_order=mark is None and response_id is None,
            event_id=event_id,
            mark=mark,
            response_id=response_id,
        )
    return None


def is_nothing_to_cancel(event: Mapping[str, Any]) -> bool:
    """Say whether an `error` only says that nothing runs: what `interrupt` wanted in the first place."""
    error = event.get("error") if event.get("type") == "error" else None
    return isinstance(error, Mapping) and error.get("code") == _NOTHING_TO_CANCEL
