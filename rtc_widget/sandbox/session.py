"""One session: client events and sound in, server events and speech out. It knows no WebRTC.

A transport calls `open` once, feeds `receive` and `hear`, pulls speech from `mouth`, and calls `close`.
Others may join it meanwhile: they get every server event too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget.sandbox.commands import COMMANDS
from rtc_widget.sandbox.config import new_session, shown
from rtc_widget.sandbox.ears import Ears
from rtc_widget.sandbox.formats import Appended
from rtc_widget.sandbox.history import Entry, History
from rtc_widget.sandbox.mouth import EventMouth, Mouth
from rtc_widget.sandbox.remotes import Remotes
from rtc_widget.sandbox.scheduling import Responses
from rtc_widget.sandbox.transcription import transcribe
from rtc_widget.sandbox.usage import Ledger
from rtc_widget.sandbox.validation import check_client_event
from rtc_widget.sandbox.wire import ApiError, Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rtc_widget.sandbox.ears import Heard
    from rtc_widget.sandbox.prompt import Brain

__all__ = ["Listener", "Session"]

_log = logging.getLogger(__name__)


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
    ) -> None:
        self.id = fresh_id("sess")
        self.config = new_session(self.id, int(time.time() + seconds), asked)
        self.brain = brain
        self.history = History()
        self.ledger = Ledger()
        self.remotes = Remotes(self)
        self.responses = Responses(self)
        self.mouth: Mouth = (
            EventMouth(self._audio_sent)
            if audio_in_events
            else Mouth(self._audio_started, self._audio_stopped)
        )
        self.appended = Appended()
        self.ears = Ears(self)
        self.ears.configure(self.turn_detection)
        self.has_spoken = False
        self.last_spoken = ""
        self.speech_item = ""
        self._send = send
        self._listeners: list[Listener] = []
        self._seconds = seconds
        self._on_expired = on_expired
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_since_ms = 0

    @property
    def turn_detection(self) -> Event | None:
        """The effective `audio.input.turn_detection`."""
        found: Event | None = self.config["audio"]["input"]["turn_detection"]
        return found

    def open(self) -> None:
        """Begin: `session.created`, and the clock of its length."""
        self._later("expiry", self._seconds, self._expire)
        self.emit("session.created", session=shown(self.config))
        self.remotes.declare(self.config["tools"])

    def close(self) -> None:
        """End everything that runs; nothing is sent any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.responses.close()
        for task in self._tasks:
            task.cancel()
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
        text = json.dumps({"type": type, "event_id": event_id, **fields}, ensure_ascii=False)
        self._send(text)
        for listener in self._listeners:
            listener.send(text)

    def fail(self, error: ApiError, event_id: Any = None) -> None:
        """Send an `error` event, naming the client event it answers."""
        named = event_id if isinstance(event_id, str) else None
        self.emit("error", error={**error.body(), "event_id": named})

    def configure(self, config: Event) -> None:
        """Take over a new effective configuration, and report it."""
        self.config = config
        self.ears.configure(self.turn_detection)
        self.emit("session.updated", session=shown(config))
        self.remotes.declare(config["tools"])

    def hear(self, pcm: bytes) -> None:
        """Take in the user's sound: mono, signed 16-bit samples at 16 kHz, any amount."""
        self.ears.hear(pcm)

    def receive(self, text: str) -> None:
        """Obey one client event, as JSON text."""
        event: Any = None
        try:
            event = json.loads(text)
            check_client_event(event)
            COMMANDS[event["type"]](self, event)
        except json.JSONDecodeError as error:
            self.fail(ApiError(f"Invalid JSON: {error}.", code="invalid_json"))
        except ApiError as error:
            self.fail(error, event.get("event_id") if isinstance(event, dict) else None)
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _log.exception("a client event failed")
            broken = ApiError("The sandbox failed: its log says more.", code="server_error")
            broken.type = "server_error"
            self.fail(broken, event.get("event_id"))

    # What the ears and the mouth tell.

    def speech_started(self, start_ms: int) -> None:
        """Report speech, and fall silent where the configuration says so."""
        self.stop_waiting()
        self.speech_item = fresh_id("item")
        self.emit("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self.speech_item)
        if (self.turn_detection or {}).get("interrupt_response"):
            self.fall_silent()
            self.responses.cancel_active("turn_detected")

    def speech_stopped(self, heard: Heard) -> None:
        """Report the end of speech, commit it, and answer where the configuration says so."""
        self.emit("input_audio_buffer.speech_stopped", audio_end_ms=heard.end_ms, item_id=self.speech_item)
        self.commit(heard, self.speech_item)
        if (self.turn_detection or {}).get("create_response"):
            self.responses.answer()

    def response_done(self) -> None:
        """Wait for the user, if the configuration says for how long."""
        if not self.mouth.is_busy:
            self._wait_for_the_user()

    def _audio_sent(self, response_id: str) -> None:
        self.has_spoken = True
        self.last_spoken = response_id

    def _audio_started(self, response_id: str) -> None:
        self._audio_sent(response_id)
        self.emit("output_audio_buffer.started", response_id=response_id)

    def _audio_stopped(self, response_id: str) -> None:
        self.emit("output_audio_buffer.stopped", response_id=response_id)
        self._wait_for_the_user()

    def fall_silent(self) -> None:
        """Stop the sound, and forget what of the answer was not heard."""
        cut = self.mouth.clear()
        for response_id in dict.fromkeys(utterance.response_id for utterance in cut if utterance.sent_bytes):
            self.emit("output_audio_buffer.cleared", response_id=response_id)
        for utterance in cut:
            entry = self.history.find(utterance.item_id)
            if entry is not None:
                entry.truncate(utterance.sent_ms)
                self.emit(
                    "conversation.item.truncated",
                    item_id=entry.id,
                    content_index=0,
                    audio_end_ms=utterance.sent_ms,
                )

    def commit(self, heard: Heard, item_id: str) -> Entry:
        """Make an item of the user's sound, and transcribe it where the configuration says so."""
        previous = self.history.last_id
        self.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        item: Event = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        entry = Entry(item, words=heard.words, audio_ms=heard.duration_ms)
        self.add(entry)
        settings = self.config["audio"]["input"]["transcription"]
        if settings is not None:
            self.start(transcribe(self.emit, entry, settings))
        return entry

    def add(self, entry: Entry, after: str | None = None) -> None:
        """Put an item into the conversation and report it; `after` as in `History.add`."""
        previous = self.history.add(entry, after)
        self.emit("conversation.item.added", previous_item_id=previous, item=entry.item)
        self.emit("conversation.item.done", previous_item_id=previous, item=entry.item)

    def _wait_for_the_user(self) -> None:
        """Ask again when the user says nothing for `idle_timeout_ms`."""
        timeout_ms = (self.turn_detection or {}).get("idle_timeout_ms")
        if timeout_ms and not self.ears.is_hearing_speech:
            self._idle_since_ms = self.ears.position_ms
            self._later("idle", timeout_ms / 1000 + self.mouth.left_s, self._user_is_silent)

    def _user_is_silent(self) -> None:
        item_id = fresh_id("item")
        heard = self.ears.silence(self._idle_since_ms)
        self.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=heard.start_ms,
            audio_end_ms=heard.end_ms,
            item_id=item_id,
        )
        self.commit(heard, item_id).without_words = "timeout"
        self.responses.answer()

    def stop_waiting(self) -> None:
        """Ask the user no more: something happens."""
        timer = self._timers.pop("idle", None)
        if timer is not None:
            timer.cancel()

    def _expire(self) -> None:
        minutes = self._seconds / 60
        self.fail(
            ApiError(f"Your session hit the maximum duration of {minutes:g} minutes.", code="session_expired")
        )
        self._on_expired()

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, call)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin some work that ends with the session."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
