"""One session: client events and sound in, server events and speech out. It knows no WebRTC.

A transport calls `open` once, feeds `receive` and `hear`, pulls speech from `mouth`, and calls `close`.
Others may join it meanwhile: they get every server event too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget.sandbox.commands import COMMANDS
from rtc_widget.sandbox.config import new_session, shown
from rtc_widget.sandbox.formats import Appended
from rtc_widget.sandbox.history import Entry, History
from rtc_widget.sandbox.inbox import Inbox
from rtc_widget.sandbox.remotes import Remotes
from rtc_widget.sandbox.scheduling import Responses
from rtc_widget.sandbox.turns import Turns
from rtc_widget.sandbox.usage import Ledger
from rtc_widget.sandbox.validation import check_client_event
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id, parsed, written

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from rtc_widget.sandbox.prompt import Brain

__all__ = ["Listener", "Session", "told_of"]

_WITHOUT_ID: Final = frozenset({"input_audio_buffer.dtmf_event_received"})
_log = logging.getLogger(__name__)


def told_of(seconds: float) -> str:
    """Return the words with which a session ends that has lasted so long."""
    return f"Your session hit the maximum duration of {seconds / 60:g} minutes."


class Listener(Protocol):
    """Who is told of a session beside the one it belongs to."""

    def send(self, text: str) -> None:
        """Take a server event, as JSON text."""

    def end(self) -> None:
        """Take note that the session is over."""


class Session:
    """The server's side of one conversation.

    Parameters
    ----------
    asked
        The checked `session` of the request that began it.
    brain
        What answers.
    send
        Takes each server event, as JSON text.
    seconds
        How long it may last.
    on_expired
        Called when it has lasted that long, after the error that says so.
    audio_in_events
        Whether it speaks in events, as over a WebSocket, and not on a track.
    is_beta
        Whether the client asks for the beta of the API by its header: it gets the two events more that only
        the beta sent.
    """

    def __init__(
        self,
        asked: Event,
        *,
        brain: Brain,
        send: Callable[[str], None],
        seconds: float,
        on_expired: Callable[[], None],
        audio_in_events: bool = False,
        is_beta: bool = False,
    ) -> None:
        self.id = fresh_id("sess")
        self.config = new_session(self.id, int(time.time() + seconds), asked)
        self.brain = brain
        self.history = History()
        self.ledger = Ledger()
        self.remotes = Remotes(self)
        self.responses = Responses(self)
        self.turns = Turns(self, audio_in_events=audio_in_events)
        self.mouth = self.turns.mouth
        self.appended = Appended()
        self._send = send
        self._listeners: list[Listener] = []
        self._seconds = seconds
        self._on_expired = on_expired
        self._expiry: asyncio.TimerHandle | None = None
        self._is_beta = is_beta
        self._tasks: set[asyncio.Task[None]] = set()
        self._inbox = Inbox(self._obey, self.start)

    def open(self) -> None:
        """Begin: `session.created`, and the clock of its length."""
        self._expiry = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        self.emit("session.created", session=shown(self.config))
        self.remotes.declare(self.config.get("tools", ()))

    def close(self) -> None:
        """End everything that runs; nothing is sent any more."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._inbox.close()
        self.turns.close()
        self.responses.close()
        for task in self._tasks:
            task.cancel()
        self.history.close()
        self._send = lambda _: None
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.end()

    def join(self, listener: Listener) -> None:
        """Let somebody else hear every server event from now on."""
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        """Tell them no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, type: str, **fields: Any) -> None:
        """Send a server event."""
        # The buffer of a call is another service's, and its identifiers look it.
        event_id = fresh_id("event", 16) if type.startswith("output_audio_buffer.") else fresh_id("event")
        identified = {} if type in _WITHOUT_ID else {"event_id": event_id}
        text = written({"type": type, **identified, **fields})
        self._send(text)
        for listener in self._listeners:
            listener.send(text)
        if self._is_beta:
            self._send_as_the_beta(type, fields)

    def _send_as_the_beta(self, type: str, fields: Event) -> None:
        if type == "session.created":
            conversation = {"id": self.history.conversation_id, "object": "realtime.conversation"}
            self.emit("conversation.created", conversation=conversation)
        elif type == "conversation.item.added":
            self.emit("conversation.item.created", **fields)

    def fail(self, error: ApiError, event_id: Any = None) -> None:
        """Send an `error` event, naming the client event it answers."""
        named = event_id if isinstance(event_id, str) else None
        self.emit("error", error={**error.body(), "event_id": named})

    def configure(self, config: Event) -> None:
        """Take over a new effective configuration, and report it."""
        self.config = config
        self.turns.configure()
        self.emit("session.updated", session=shown(config))
        self.remotes.declare(config.get("tools", ()))

    def hear(self, pcm: bytes) -> None:
        """Take in the user's sound: mono, signed 16-bit samples at 16 kHz, any amount."""
        self.turns.hear(pcm)

    def receive(self, text: str) -> None:
        """Obey one client event, as JSON text, once those before it are obeyed."""
        self._inbox.take(text)

    async def accept(self, text: str) -> None:
        """Obey as `receive` does, and return once another event may come."""
        self._inbox.take(text)
        await self._inbox.has_room()

    def _obey(self, text: str) -> Iterator[None]:
        """Obey one client event, in steps where it takes long."""
        try:
            event = parsed(text)
        except ValueError as error:
            self.fail(ApiError(f"Invalid JSON: {error}.", code="invalid_json"))
            return
        event_id = event.get("event_id") if isinstance(event, dict) else None
        try:
            check_client_event(event)
            yield from COMMANDS[event["type"]](self, event) or ()
        except ApiError as error:
            self.fail(error, event_id)
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _log.exception("a client event failed")
            broken = ApiError("The sandbox failed: its log says more.", code="server_error")
            broken.type = "server_error"
            self.fail(broken, event_id)

    def add(self, entry: Entry, after: str | None = None) -> None:
        """Put an item into the conversation and report it; `after` as in `History.add`."""
        previous = self.history.add(entry, after)
        self.emit("conversation.item.added", previous_item_id=previous, item=entry.item)
        self.emit("conversation.item.done", previous_item_id=previous, item=entry.item)

    def _expire(self) -> None:
        self.fail(ApiError(told_of(self._seconds), code="session_expired"))
        self._on_expired()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin some work that ends with the session."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
