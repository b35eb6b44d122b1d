"""Who speaks when: what the ears and the mouth of a session tell, and what follows from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget.sandbox.captions import Captions
from rtc_widget.sandbox.ears import Ears
from rtc_widget.sandbox.history import Entry
from rtc_widget.sandbox.mouth import EventMouth, Mouth
from rtc_widget.sandbox.transcription import transcribe
from rtc_widget.sandbox.wire import Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rtc_widget.sandbox.ears import Heard
    from rtc_widget.sandbox.history import History
    from rtc_widget.sandbox.scheduling import Responses

__all__ = ["Turns"]


class _Session(Protocol):
    config: Event
    history: History
    responses: Responses

    def emit(self, type: str, **fields: Any) -> None: ...

    def add(self, entry: Entry) -> None: ...

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


class Turns:
    """The ears and the mouth of a session.

    Parameters
    ----------
    session
        Whose they are.
    audio_in_events
        Whether it speaks in events.

    Attributes
    ----------
    ears, mouth, captions
        What hears, what speaks, and what writes while it hears.
    has_spoken
        Whether any sound of the assistant's went out.
    last_spoken
        The id of the response that spoke last.
    """

    def __init__(self, session: _Session, *, audio_in_events: bool) -> None:
        self._session = session
        self.ears = Ears(self)
        self.ears.configure(self._detection)
        self.captions = Captions(session, self.ears)
        self.mouth: Mouth = (
            EventMouth(self._audio_sent)
            if audio_in_events
            else Mouth(self._audio_started, self._audio_stopped)
        )
        self.has_spoken = False
        self.last_spoken = ""
        self._speech_item = ""
        self._unanswered: Heard | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._idle_since_ms = 0
        self._waited_ms: int | None = None

    def configure(self) -> None:
        """Take over the turn detection of the session's configuration."""
        self.ears.configure(self._detection)
        if self._idle is not None and self._idle_timeout_ms != self._waited_ms:
            self.stop_waiting()
            self._wait_for_the_user()

    def hear(self, pcm: bytes) -> None:
        """Take in the user's sound, as `Session.hear` does."""
        self.ears.hear(pcm)
        self.captions.listen()

    def clear(self) -> None:
        """Throw away the sound that is buffered."""
        self.ears.clear()
        self.captions.begin_anew()

    def speech_started(self, start_ms: int) -> None:
        """Report speech, and fall silent where the configuration says so."""
        self.stop_waiting()
        self._speech_item = fresh_id("item")
        self._session.emit(
            "input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self._speech_item
        )
        if (self._detection or {}).get("interrupt_response"):
            self.fall_silent()
            self._session.responses.cancel_active("turn_detected")

    def speech_stopped(self, heard: Heard) -> None:
        """Report the end of speech, commit it, and answer where the configuration says so."""
        self._session.emit(
            "input_audio_buffer.speech_stopped", audio_end_ms=heard.end_ms, item_id=self._speech_item
        )
        self.commit(heard, self._speech_item)
        if self._answers and (self._detection or {}).get("create_response"):
            self._session.responses.answer()

    def commit(self, heard: Heard, item_id: str | None = None) -> Entry:
        """Make an item of the user's sound, and transcribe it where the configuration says so.

        Parameters
        ----------
        heard
            The sound.
        item_id
            Of the item, where the client knows it already.
        """
        previous = self._session.history.last_id
        item_id = item_id or fresh_id("item")
        self._session.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        item: Event = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        entry = Entry(item, words=heard.words, audio_ms=heard.duration_ms)
        self._unanswered = heard
        self._session.add(entry)
        settings = self._session.config["audio"]["input"]["transcription"]
        if settings is not None:
            self._session.start(transcribe(self._session.emit, entry, settings, self.captions.sent))
        self.captions.begin_anew()
        return entry

    def unanswered(self) -> Heard | None:
        """Return what was said last, unless this was asked before."""
        heard, self._unanswered = self._unanswered, None
        return heard

    def commit_by_hand(self) -> bool:
        """Make an item of all that is buffered; False when that is too little."""
        item_id = self._speech_item if self.ears.is_hearing_speech else self.captions.item_id
        heard = self.ears.commit(self.captions.finish) if self.captions.are_on else self.ears.commit()
        if heard is None:
            return False
        self.stop_waiting()
        self.commit(heard, item_id)
        return True

    def fall_silent(self) -> None:
        """Stop the sound, and forget what of the answer was not heard."""
        cut = self.mouth.clear()
        for response_id in dict.fromkeys(utterance.response_id for utterance in cut if utterance.sent_bytes):
            self._session.emit("output_audio_buffer.cleared", response_id=response_id)
        for utterance in cut:
            entry = self._session.history.find(utterance.item_id)
            if entry is not None:
                entry.truncate(utterance.sent_ms)
                place = {"item_id": entry.id, "content_index": 0, "audio_end_ms": utterance.sent_ms}
                self._session.emit("conversation.item.truncated", **place)

    def response_done(self) -> None:
        """Wait for the user, once nothing is to be said any more."""
        if not self.mouth.is_busy:
            self._wait_for_the_user()

    def stop_waiting(self) -> None:
        """Ask the user no more: something happens."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def close(self) -> None:
        """Hear no more, and wait for nobody: the session is over."""
        self.stop_waiting()
        self.ears.clear()

    @property
    def _answers(self) -> bool:
        """Whether this session answers at all: one that transcribes does not."""
        return bool(self._session.config["type"] == "realtime")

    @property
    def _detection(self) -> Event | None:
        found: Event | None = self._session.config["audio"]["input"]["turn_detection"]
        return found

    @property
    def _idle_timeout_ms(self) -> int | None:
        found: int | None = (self._detection or {}).get("idle_timeout_ms")
        return found

    def _audio_sent(self, response_id: str) -> None:
        self.has_spoken = True
        self.last_spoken = response_id

    def _audio_started(self, response_id: str) -> None:
        self._audio_sent(response_id)
        self._session.emit("output_audio_buffer.started", response_id=response_id)

    def _audio_stopped(self, response_id: str) -> None:
        self._session.emit("output_audio_buffer.stopped", response_id=response_id)
        self._wait_for_the_user()

    def _wait_for_the_user(self) -> None:
        """Ask again when the user says nothing for `idle_timeout_ms`."""
        timeout_ms = self._idle_timeout_ms
        if timeout_ms and self._answers and not self.ears.is_hearing_speech:
            self.stop_waiting()
            self._waited_ms = timeout_ms
            self._idle_since_ms = self.ears.position_ms
            wait_s = timeout_ms / 1000 + self.mouth.left_s
            self._idle = asyncio.get_running_loop().call_later(wait_s, self._user_is_silent)

    def _user_is_silent(self) -> None:
        item_id = fresh_id("item")
        heard = self.ears.silence(self._idle_since_ms)
        place = {"audio_start_ms": heard.start_ms, "audio_end_ms": heard.end_ms, "item_id": item_id}
        self._session.emit("input_audio_buffer.timeout_triggered", **place)
        self.commit(heard, item_id).without_words = "timeout"
        self._unanswered = None
        self._session.responses.answer()
