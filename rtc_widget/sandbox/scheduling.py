"""Which responses run: one at a time in the default conversation, others beside it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget.sandbox.config import check_voice, complete_tool
from rtc_widget.sandbox.faults import unsupported
from rtc_widget.sandbox.given import entry_of
from rtc_widget.sandbox.output import Order
from rtc_widget.sandbox.response import Host, Response
from rtc_widget.sandbox.wire import ApiError, Event

if TYPE_CHECKING:
    from rtc_widget.sandbox.history import Entry
    from rtc_widget.sandbox.turns import Turns

__all__ = ["Responses"]

_CONVERSATIONS = ("auto", "none")


class _Session(Host, Protocol):
    config: Event
    turns: Turns


class Responses:
    """The responses of a session.

    Parameters
    ----------
    session
        Whose they are.
    """

    def __init__(self, session: _Session) -> None:
        self._session = session
        self._active: Response | None = None
        self._beside: set[Response] = set()
        self._answer_next = False

    def answer(self) -> None:
        """Answer a turn of the user's, after the response that may still run."""
        if self._active is None:
            order = Order(deepcopy(self._session.config), heard=self._session.turns.unanswered())
            self._active = Response(self._session, order, self._done)
        else:
            self._answer_next = True

    def create(self, asked: Event) -> None:
        """Begin a response that the client asks for.

        Parameters
        ----------
        asked
            The checked `response` of `response.create`.

        Raises
        ------
        ApiError
            There is no such conversation, a response runs in the default one already, a reference leads
            nowhere, or the voice is fixed.
        """
        conversation = asked.get("conversation") or "auto"
        if conversation not in _CONVERSATIONS:
            raise unsupported("response.conversation", conversation, list(_CONVERSATIONS))
        in_conversation = conversation == "auto"
        if in_conversation and self._active is not None:
            raise ApiError(
                f"Conversation already has an active response in progress: {self._active.id}. "
                "Wait until the response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        settings, entries = self._settings(asked), self._entries(asked)
        listings = self._session.remotes.declare(settings["tools"])
        heard = self._session.turns.unanswered() if in_conversation else None
        order = Order(settings, asked.get("metadata"), in_conversation, entries, listings, heard)
        response = Response(self._session, order, self._done)
        if in_conversation:
            self._active = response
        else:
            self._beside.add(response)

    def cancel(self, response_id: str | None) -> None:
        """Cancel a response by its id; without one, that of the default conversation, never one beside it.

        Raises
        ------
        ApiError
            There is none that runs.
        """
        running = [response for response in (self._active, *self._beside) if response is not None]
        if response_id is None:
            chosen = self._active
        else:
            chosen = next((response for response in running if response.id == response_id), None)
        if chosen is None:
            raise ApiError("Cancellation failed: no active response found", code="response_cancel_not_active")
        chosen.cancel("client_cancelled")

    def cancel_active(self, reason: str) -> None:
        """Cancel the response of the default conversation, if one runs."""
        self._answer_next = False
        if self._active is not None:
            self._active.cancel(reason)

    def close(self) -> None:
        """End all of them without a word."""
        for response in (self._active, *self._beside):
            if response is not None:
                response.drop()

    def _done(self, response: Response) -> None:
        self._beside.discard(response)
        if response is self._active:
            self._active = None
            if self._answer_next:
                self._answer_next = False
                self.answer()
                return
        self._session.turns.response_done()

    def _settings(self, asked: Event) -> Event:
        """Return the session's configuration with the response's own fields in it."""
        config = deepcopy(self._session.config)
        for name in (
            "instructions", "output_modalities", "tools", "tool_choice", "max_output_tokens",
            "parallel_tool_calls",
        ):  # fmt: skip
            if asked.get(name) is not None:
                config[name] = asked[name]
        config["tools"] = [complete_tool(tool) for tool in config["tools"]]
        wanted: dict[str, Any] = (asked.get("audio") or {}).get("output") or {}
        output = config["audio"]["output"]
        has_spoken = self._session.turns.has_spoken
        check_voice(
            wanted.get("voice"), output["voice"], "response.audio.output.voice", has_spoken=has_spoken
        )
        output.update({name: value for name, value in wanted.items() if value is not None})
        return config

    def _entries(self, asked: Event) -> list[Entry] | None:
        """Return a response's own input, references followed."""
        if asked.get("input") is None:
            return None
        history = self._session.history
        entries: list[Entry] = []
        for index, item in enumerate(asked["input"]):
            place = f"response.input[{index}]"
            if item["type"] != "item_reference":
                entries.append(entry_of(history, item, self._session.config, place))
                continue
            found = history.find(item["id"])
            if found is None:
                raise ApiError(
                    f"Item with id '{item['id']}' not found in conversation.",
                    code="invalid_item_reference",
                    param=f"{place}.id",
                )
            entries.append(found)
        return entries
