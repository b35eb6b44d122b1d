"""What a live session can be told: its configuration, its items, its responses, its input."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_timeout, checked_variant
from rtc_widget._core import OVER
from rtc_widget._errors import (
    ConfigurationError,
    ConnectionFailed,
    ProtocolError,
    ServerError,
    WaitTimeout,
)
from rtc_widget._loop import Handle
from rtc_widget._parts import SessionParts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from rtc_widget._tool_list import ToolList
    from rtc_widget.conversation import Item
    from rtc_widget.experiments.variant import Variant

__all__ = ["Steering"]

_RAW_UPDATE_S = 10.0


class Steering(SessionParts):
    """The commands of a session that are one or two client events each, checked before anything is sent."""

    # -- the session ------------------------------------------------------------------------------

    def update(
        self, variant: Variant | None = None, /, *, timeout: float = 10.0, **fields: Any
    ) -> Handle[dict[str, Any]]:
        """Change the session: the live one, or what the next call is made with.

        Parameters
        ----------
        variant
            Its fields come first, and its name is noted; with fields besides it is not that variant any more.
        timeout
            Until `session.updated`, in s.
        fields
            Flat (`voice="cedar"`) or nested (`audio={…}`).

        Returns
        -------
        Handle
            Of the effective session.

        Raises
        ------
        ConfigurationError, ProtocolError
            For a field or value that no session takes, before anything is sent.
        """
        if not fields and variant is None:
            raise ConfigurationError('update() needs something to change, for example instructions="…".')
        timeout = checked_timeout(timeout)
        name = None
        if variant is not None:
            given = checked_variant(variant)
            name = None if fields else given.name
            fields = {**given.fields, **fields}
        fields, tools = self._with_tools(fields)
        changes = self._configuration.check_changes(fields)
        return self._change("update", changes, timeout, variant=name, tools=tools)

    def _change(
        self,
        what: str,
        changes: dict[str, Any],
        timeout: float,
        *,
        variant: str | None = None,
        tools: ToolList | None = None,
    ) -> Handle[dict[str, Any]]:
        # At once: the model may call a tool before we come to read that the server took it.
        take_back = self._take_tools(tools)
        if self._placing is None and self._core.status in OVER:
            # Now, and not when the loop comes to it: a connect() in the next line is made with it.
            return self._start(what, _already(self._configuration.keep(changes, variant)))
        return self._start(what, _or_back(self._update(changes, timeout, variant), take_back))

    async def _update(self, changes: dict[str, Any], timeout: float, variant: str | None) -> dict[str, Any]:
        await self._call_on_its_way()
        if self._core.status != "live":
            return self._configuration.keep(changes, variant)
        with self._configuration.changing(changes, variant):
            await self._core.execute(
                protocol.dialect.update({"type": self._session_type, **changes}), timeout=timeout
            )
        return self._core.conversation.session

    def send_event(self, event: Mapping[str, Any]) -> Handle[None]:
        """Send any client event, checked before it leaves.

        Parameters
        ----------
        event
            With its `type`; it is sent as it is given.

        Returns
        -------
        Handle
            Done when the channel took the event. What the server makes of it comes as events:
            `wait_for("…")`, or look at `errors`.

        Raises
        ------
        ProtocolError
            For an event that the API does not take; says the right form.
        """
        checked = self._checked(event)
        if checked["type"] != "session.update":
            return self._start_in_call("send_event", self._core.send(checked))
        sent: Future[None] = Future()
        self._start("send_event", self._send_update(checked, sent))
        return Handle(sent, "send_event", forbid_result=self._forbid_result)

    async def _send_update(self, event: dict[str, Any], sent: Future[None]) -> None:
        """Send a change of the session in its turn; the next one waits for what the service makes of it."""

        async def change() -> None:
            with self._configuration.changing({k: v for k, v in event["session"].items() if k != "type"}):
                await self._core.execute(event, timeout=_RAW_UPDATE_S, on_sent=sent)

        try:
            await self._in_call(change())
        except Exception as error:
            if not sent.done():
                sent.set_exception(error)
            if not isinstance(error, WaitTimeout):
                raise

    # -- items ------------------------------------------------------------------------------------

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
            For another role, or an empty text.
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
            For what is no picture, or cannot be made to fit.
        """
        from rtc_widget._images import image_url

        room = self._core.transport.max_message_bytes - len((text or "").encode()) * 2 - 2048
        url = image_url(source, max_bytes=room)
        event, item_id = protocol.dialect.add_image(url, text=text, detail=detail)
        return self._start_in_call(
            "add_image", self._add([self._checked(event)], item_id, checked_timeout(timeout))
        )

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
            For what is no message of this conversation.
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
        async with self._core.in_order("edit"):  # its place is where the edit before has left it
            events, item_id = make(previous_item_id=self._before(self._item(old)))
            return await self._add(events, item_id, timeout)

    def _before(self, item: Item) -> str | None:
        """Return the id of the item that stands before it; None at the beginning."""
        ids = [other.item_id for other in self._core.conversation.items]
        place = ids.index(item.item_id)
        return ids[place - 1] if place else None

    def delete(self, item: object, *, timeout: float = 10.0) -> Handle[None]:
        """Take an item (or item id) out of the conversation."""
        return self._on_item("delete", protocol.dialect.delete(self._item(item).item_id), timeout)

    def retrieve(self, item: object, *, timeout: float = 10.0) -> Handle[None]:
        """Ask for the service's own copy of an item; it comes as `conversation.item.retrieved`."""
        return self._on_item("retrieve", protocol.dialect.retrieve(self._item(item).item_id), timeout)

    def truncate(self, item: object, *, audio_end_ms: int, timeout: float = 10.0) -> Handle[None]:
        """Cut an agent's spoken message off at what was heard of it.

        Parameters
        ----------
        item
            The message, or its item id.
        audio_end_ms
            How much of its audio stays, in ms.
        timeout
            Until `conversation.item.truncated`, in s.
        """
        event = protocol.dialect.truncate(self._item(item).item_id, audio_end_ms)
        return self._on_item("truncate", event, timeout)

    def _on_item(self, what: str, event: dict[str, Any], timeout: float) -> Handle[Any]:
        work = self._core.execute(self._checked(event), timeout=checked_timeout(timeout))
        return self._start_in_call(what, work)

    def _item(self, item: object) -> Item:
        item_id = item if isinstance(item, str) else getattr(item, "item_id", None)
        known = self._core.conversation.item(item_id) if isinstance(item_id, str) else None
        if known is None or known.deleted:
            raise ConfigurationError(
                f"There is no item {item_id or item!r} in this conversation; `w.items` lists those there are."
            )
        return known

    # -- the user's input -------------------------------------------------------------------------

    def commit_input(self, *, timeout: float = 10.0) -> Handle[None]:
        """End the user's turn by hand, where no voice activity detection does."""
        return self._on_item("commit_input", protocol.dialect.commit_input(), timeout)

    def clear_input(self, *, timeout: float = 10.0) -> Handle[None]:
        """Forget what the microphone has heard since the last turn."""
        return self._on_item("clear_input", protocol.dialect.clear_input(), timeout)


async def _already(value: dict[str, Any]) -> dict[str, Any]:
    return value


async def _or_back(
    work: Coroutine[Any, Any, dict[str, Any]], take_back: Callable[[], None]
) -> dict[str, Any]:
    """Take back what came with a change that was refused or never sent; a late answer may still take it."""
    try:
        return await work
    except (ConnectionFailed, ProtocolError, ServerError):
        take_back()
        raise
