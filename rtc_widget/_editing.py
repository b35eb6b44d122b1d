"""What of a conversation can be changed: its items, and the user's input that is to become one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._parts import SessionParts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rtc_widget._loop import Handle
    from rtc_widget.conversation import Item

__all__ = ["Editing"]


class Editing(SessionParts):
    """The commands of a session that are about one item, or the input; checked before anything is sent."""

    def add_message(
        self, role: str, text: str, *, previous_item_id: str | None = None, timeout: float = 10.0
    ) -> Handle[Item]:
        """Add a message to the conversation, without asking for an answer.

        Parameters
        ----------
        role
            "user", "system" or "assistant".
        text
            What it says.
        previous_item_id
            The item to come after; "root" is the beginning, None the end.
        timeout
            Until `conversation.item.added`, in s.

        Returns
        -------
        Handle
            Of the Item.

        Raises
        ------
        ConfigurationError
            For another role, an empty text, or a timeout that is no number above 0.
        ProtocolError
            For a `previous_item_id` that is no text; when awaited: the message is larger than the data
            channel takes.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        event, item_id = protocol.dialect.add_message(role, text, previous_item_id=previous_item_id)
        return self._start_in_call(
            "add_message", self._add([self._checked(event)], item_id, checked_timeout(timeout))
        )

    async def _add(self, events: list[dict[str, Any]], item_id: str, timeout: float) -> Item | None:
        await self._core.execute(*events, timeout=timeout)
        return self._core.conversation.item(item_id)

    def add_image(
        self,
        source: object,
        *,
        text: str | None = None,
        detail: str | None = None,
        timeout: float = 20.0,
    ) -> Handle[Item]:
        """Add a picture as a message of the user.

        Parameters
        ----------
        source
            Path, bytes, PIL image, array, figure, or an http(s) URL, which is passed on.
        text
            What the user says to it.
        detail
            "auto", "low" or "high".
        timeout
            Until `conversation.item.added`, in s.

        Returns
        -------
        Handle
            Of the Item. A picture too large for the data channel is made smaller first.

        Raises
        ------
        ConfigurationError
            For what is no picture or cannot be made to fit, another detail, or a timeout that is no number
            above 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        from rtc_widget._images import image_url

        if not isinstance(text, str | None):
            raise ConfigurationError(f"text is what the user says to the picture, not {text!r}.")
        room = self._core.transport.max_message_bytes - len((text or "").encode()) * 2 - 2048
        if room <= 0:
            raise ConfigurationError("This text leaves no room for the picture in one message: say less.")
        url = image_url(source, max_bytes=room)
        event, item_id = protocol.dialect.add_image(url, text=text, detail=detail)
        return self._start_in_call(
            "add_image", self._add([self._checked(event)], item_id, checked_timeout(timeout))
        )

    def _add_content(self, content: Sequence[Mapping[str, Any]], timeout: float = 20.0) -> Handle[Item]:
        """Add a message of the user that holds any content."""
        event, item_id = protocol.dialect.add_content(content)
        return self._start_in_call("add_message", self._add([self._checked(event)], item_id, timeout))

    def edit(self, item: object, text: str, *, timeout: float = 10.0) -> Handle[Item]:
        """Put a new message in the place of one: delete and create, since the API cannot change an item.

        Parameters
        ----------
        item
            The message, or its item id.
        text
            What it says from now on.
        timeout
            Until `conversation.item.added`, in s.

        Returns
        -------
        Handle
            Of the new Item.

        Raises
        ------
        ConfigurationError
            For what is no message of this conversation, an empty text, or a timeout that is no number above
            0.
        ProtocolError
            When awaited: the new message is larger than the data channel takes.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        old = self._item(item)
        if old.type != "message" or old.role is None:
            raise ConfigurationError(f"Only a message can be edited; {old.item_id} is a {old.type}.")
        make = partial(protocol.dialect.edit, old.item_id, text, role=old.role)
        for event in make(previous_item_id=self._before(old))[0]:
            self._checked(event)
        return self._start_in_call("edit", self._edit(old, make, checked_timeout(timeout)))

    async def _edit(
        self, old: Item, make: Callable[..., tuple[list[dict[str, Any]], str]], timeout: float
    ) -> Item | None:
        async with self._core.order.line("edit"):  # its place is where the edit before has left it
            events, item_id = make(previous_item_id=self._before(self._item(old)))
            return await self._add(events, item_id, timeout)

    def _before(self, item: Item) -> str | None:
        """Return the id of the item that stands before it; None at the beginning of its call."""
        standing = [other.item_id for other in self._core.conversation.items_with(item)]
        place = standing.index(item.item_id)
        if place:
            return standing[place - 1]
        unseen = item.previous_item_id  # in a call that we joined later there may be more than we know
        return None if unseen is None or self._core.conversation.item(unseen) is not None else unseen

    def delete(self, item: object, *, timeout: float = 10.0) -> Handle[dict[str, Any]]:
        """Take an item (or item id) out of the conversation.

        Parameters
        ----------
        item
            The item, or its item id.
        timeout
            Until `conversation.item.deleted`, in s.

        Returns
        -------
        Handle
            Of that event.

        Raises
        ------
        ConfigurationError
            For what is no item of this conversation, or a timeout that is no number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        return self._on_item("delete", protocol.dialect.delete(self._item(item).item_id), timeout)

    def retrieve(self, item: object, *, timeout: float = 10.0) -> Handle[dict[str, Any]]:
        """Ask for the service's own copy of an item.

        Parameters
        ----------
        item
            The item, or its item id.
        timeout
            Until `conversation.item.retrieved`, in s.

        Returns
        -------
        Handle
            Of that event; its `item` is the copy.

        Raises
        ------
        ConfigurationError
            For what is no item of this conversation, or a timeout that is no number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        return self._on_item("retrieve", protocol.dialect.retrieve(self._item(item).item_id), timeout)

    def truncate(self, item: object, *, audio_end_ms: int, timeout: float = 10.0) -> Handle[dict[str, Any]]:
        """Cut an agent's spoken message off at what was heard of it.

        Parameters
        ----------
        item
            The message, or its item id.
        audio_end_ms
            How much of its audio stays, in ms.
        timeout
            Until `conversation.item.truncated`, in s.

        Returns
        -------
        Handle
            Of that event.

        Raises
        ------
        ConfigurationError
            For what is no item of this conversation, or a timeout that is no number above 0.
        ProtocolError
            For an `audio_end_ms` that is no whole number from 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        event = protocol.dialect.truncate(self._item(item).item_id, audio_end_ms)
        return self._on_item("truncate", event, timeout)

    def _on_item(self, what: str, event: dict[str, Any], timeout: float) -> Handle[dict[str, Any]]:
        work = self._core.execute(self._checked(event), timeout=checked_timeout(timeout))
        return self._start_in_call(what, work)

    def _item(self, item: object) -> Item:
        item_id = item if isinstance(item, str) else getattr(item, "item_id", None)
        known = self._core.conversation.item(item_id) if isinstance(item_id, str) else None
        if known is None or known.deleted:
            raise ConfigurationError(
                f"There is no item {item_id or item!r} in this conversation; `w.items` lists those there are."
            )
        if self._core.conversation.is_past(known):
            raise ConfigurationError(
                f"The item {known.item_id} is of an earlier call: the one that is up began without it."
            )
        return known

    # -- the user's input -------------------------------------------------------------------------

    def commit_input(self, *, timeout: float = 10.0) -> Handle[dict[str, Any]]:
        """End the user's turn by hand, where no voice activity detection does.

        Parameters
        ----------
        timeout
            Until `input_audio_buffer.committed`, in s.

        Returns
        -------
        Handle
            Of that event; its `item_id` is the item that the input became.

        Raises
        ------
        ConfigurationError
            For a timeout that is no number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it (of less than 100 ms of sound,
            say), or does not confirm it in time.
        """
        return self._on_item("commit_input", protocol.dialect.commit_input(), timeout)

    def clear_input(self, *, timeout: float = 10.0) -> Handle[dict[str, Any]]:
        """Forget what the microphone has heard since the last turn.

        Parameters
        ----------
        timeout
            Until `input_audio_buffer.cleared`, in s.

        Returns
        -------
        Handle
            Of that event.

        Raises
        ------
        ConfigurationError
            For a timeout that is no number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or does not confirm it in time.
        """
        return self._on_item("clear_input", protocol.dialect.clear_input(), timeout)
