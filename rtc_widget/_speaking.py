"""Saying and playing: one user input in, and the wait until all that answers it is over."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._core import OVER
from rtc_widget._errors import ServerError, WaitTimeout
from rtc_widget._playback import TAIL_S
from rtc_widget._turn import Turn
from rtc_widget.audio.loudness import loud_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rtc_widget._core import Core
    from rtc_widget.audio.sound import Sound
    from rtc_widget.conversation import Response

__all__ = ["Speaking"]

_TRANSCRIPT_GRACE_S = 3.0
_SETTLE_S = 0.3
_NO_SPEECH_S = 5.0
_LATE_SPEECH_S = 5.0
_LATE_SOUND_S = 3.0
_HEARD_SLACK_MS = 300.0
_LOOK_AGAIN_S = 0.05
_PLAY = "play"
_ACTIVE_RESPONSE = "conversation_already_has_active_response"


class Speaking:
    """Asks for responses, one at a time in the default conversation, and follows a turn to its end.

    Parameters
    ----------
    core
        The session's parts.
    tools_busy
        Says whether a tool of ours is still at work for the model.
    """

    def __init__(self, core: Core, tools_busy: Callable[[], bool]) -> None:
        self._core = core
        self._tools_busy = tools_busy
        self._one_at_a_time: asyncio.Lock | None = None
        self._asked: set[str] = set()
        self._n_playing = 0

    # -- responses --------------------------------------------------------------------------------

    async def respond(self, event: dict[str, Any], timeout: float) -> Response:
        """Send a `response.create` that carries our mark; return its response when it is done.

        In the default conversation it queues behind a running one; out of band it runs beside it.
        """
        if event["response"].get("conversation") == "none":
            await self._core.updated()
            return await self._send_and_follow(event, timeout)
        if self._one_at_a_time is None:
            self._one_at_a_time = asyncio.Lock()
        end_s = time.monotonic() + timeout
        with self._asking(event):
            return await self._in_turn(self._one_at_a_time, event, end_s)

    async def _in_turn(self, line: asyncio.Lock, event: dict[str, Any], end_s: float) -> Response:
        await self._core.updated()
        async with line:
            while True:
                left_s = max(0.1, end_s - time.monotonic())
                await self._core.until(self._no_active, what="the running response to end", timeout=left_s)
                try:
                    return await self._send_and_follow(event, left_s)
                except ServerError as error:
                    if error.code != _ACTIVE_RESPONSE or time.monotonic() > end_s:
                        raise

    @contextmanager
    def _asking(self, event: dict[str, Any]) -> Iterator[None]:
        """Keep in mind that this response is to come, until it is over."""
        mark = protocol.mark_of(event["response"]) or ""
        self._asked.add(mark)
        try:
            yield
        finally:
            self._asked.discard(mark)

    def asked(self) -> frozenset[str]:
        """Return the marks of all responses that have been asked for and are not over."""
        return frozenset(self._asked)

    def are_to_come(self, marks: frozenset[str]) -> bool:
        """Whether any of these responses may still begin."""
        return bool((marks & self._asked) - {r.mark for r in self._core.conversation.responses.values()})

    def _no_active(self) -> bool:
        return self._core.conversation.active_response is None

    async def _send_and_follow(self, event: dict[str, Any], timeout: float) -> Response:
        done = await self._core.execute(event, timeout=timeout)
        return self._core.conversation.responses[done["response"]["id"]]

    # -- turns ------------------------------------------------------------------------------------

    async def say(self, events: list[dict[str, Any]], item_id: str, timeout: float) -> Turn:
        """Send a typed input and ask for its answer; return the turn when all of it is over."""
        create, request = events
        end_s = time.monotonic() + timeout
        with self._asking(request):
            await self._core.execute(create, timeout=timeout)
            await self.respond(request, max(0.1, end_s - time.monotonic()))
        await self._core.until(
            self._quiet,
            what="the answer to be spoken to its end",
            timeout=max(0.1, end_s - time.monotonic()),
        )
        return self._turn_of(item_id)

    def _turn_of(self, item_id: str) -> Turn:
        for index, turn in reversed(list(enumerate(self._core.conversation.turns))):
            if item_id in turn.user_item_ids:
                return Turn(self._core, index)
        return Turn(self._core, len(self._core.conversation.turns) - 1)

    async def play(
        self, sound: Sound, what: str, by_hand: list[dict[str, Any]] | None, timeout: float
    ) -> Turn:
        """Play a sound as the microphone and return the (last) turn it makes.

        Parameters
        ----------
        sound
            The samples.
        what
            Its name, for notes.
        by_hand
            Commit and response.create, where no voice activity detection ends the turn; else None.
        timeout
            After the last sample, in s.
        """
        await self._core.updated()
        transport = self._core.transport
        self._n_playing += 1
        try:
            async with self._core.in_order(_PLAY):  # until the service has taken it: the next is another turn
                since = len(self._core.log)
                await transport.play(sound.pcm, sound.sample_rate_hz, what=what)
                turn = _PlayedTurn(
                    self._core,
                    since,
                    what,
                    spoken_ms=loud_ms(sound) if by_hand is None else None,
                    answered=self._answers_itself(by_hand),
                )
                if by_hand is None:
                    await self._core.until(
                        turn.taken, what="the service to take what was played", timeout=timeout
                    )
                else:
                    await asyncio.sleep(_SETTLE_S)
                    await self._core.execute(by_hand[0], timeout=timeout)
                turn.close()
            if by_hand is not None:
                await self.respond(by_hand[1], timeout)
            await self._core.until(
                lambda: _least(turn.over(), self._quiet),
                what="the answer to what was played",
                timeout=timeout,
            )
        finally:
            await self._stop_play()
        return self._turn_of(turn.last_item_id())

    async def play_into(self, sound: Sound, what: str) -> Turn:
        """Play a sound that is a part of a turn which another ends; return that turn, which is to come."""
        self._n_playing += 1
        try:
            async with self._core.in_order(_PLAY):
                await self._core.transport.play(sound.pcm, sound.sample_rate_hz, what=what)
        finally:
            await self._stop_play()
        return Turn(self._core, len(self._core.conversation.turns))

    async def _stop_play(self) -> None:
        """Give the line back to the microphone, unless another sound has it."""
        self._n_playing -= 1
        if not self._n_playing:
            await self._core.transport.stop_play()

    def _answers_itself(self, by_hand: list[dict[str, Any]] | None) -> bool:
        if self._core.conversation.session.get("type") == "transcription":
            return False
        detection = _turn_detection(self._core.conversation.session)
        return by_hand is not None or bool(detection and detection.get("create_response", True))

    def _quiet(self) -> bool | float:
        """Nothing runs, plays or is at a tool of ours, and the user's words and the sound are in or late."""
        conversation = self._core.conversation
        if conversation.pending_responses or conversation.requested_responses:
            return False
        if self._tools_busy():
            return False
        return _least(_least(self._core.playback.rest_s(), self._words_in), self._sound_in)

    def _words_in(self) -> bool | float:
        conversation = self._core.conversation
        if not conversation.turns:
            return True
        left: bool | float = True
        for item_id in conversation.turns[-1].user_item_ids:
            item = conversation.item(item_id)
            if item is not None and item.transcription == "pending":
                waited_s = time.monotonic() - self._core.added_at_s.get(item_id, 0.0)
                if waited_s < _TRANSCRIPT_GRACE_S:
                    left = _TRANSCRIPT_GRACE_S - waited_s
        return left

    def _sound_in(self) -> bool | float:
        """Nothing is recorded, or what is has come to the answer's last sample, or that is late."""
        core, playback = self._core, self._core.playback
        recorder, t_sent_ms = core.recorder, playback.t_sent_ms
        if recorder is None or t_sent_ms is None or core.status in OVER:
            return True
        late = playback.tail_s(_LATE_SOUND_S) == 0.0
        return True if late or recorder.reaches(t_sent_ms + 1_000 * TAIL_S) else _LOOK_AGAIN_S


class _PlayedTurn:
    """The turns that one played sound makes: when the last of them has its answer."""

    def __init__(self, core: Core, since: int, what: str, *, spoken_ms: float | None, answered: bool) -> None:
        self._core = core
        self._since = since
        self._played_s = time.monotonic()
        self._what = what
        self._spoken_ms = spoken_ms
        self._answered = answered
        self._closed = False
        self._items: list[str] = []
        self._starts_ms: list[float] = []
        self._end_ms = 0.0

    def _look(self) -> None:
        """Read what is new in the log."""
        for record in self._core.log.records(self._since):
            self._since = record.seq + 1
            if record.direction != "server":
                continue
            if record.type == "input_audio_buffer.committed":
                self._items.append(str(record.event.get("item_id")))
            elif record.type == "input_audio_buffer.speech_started":
                self._starts_ms.append(float(record.event.get("audio_start_ms") or 0.0))
            elif record.type == "input_audio_buffer.speech_stopped":
                self._end_ms = float(record.event.get("audio_end_ms") or 0.0)

    def close(self) -> None:
        """Count no turn among its own that another sound makes."""
        self._look()
        self._closed = True

    def taken(self) -> bool | float:
        """Say whether the service has made turns of all of it, or the s to look again in."""
        if self._closed:
            return True
        self._look()
        since_s = time.monotonic() - self._played_s
        if since_s < _SETTLE_S:
            return _SETTLE_S - since_s
        if self._core.conversation.user_speaking or len(self._items) < len(self._starts_ms):
            return False
        if not self._items:
            return self._wait_for_speech(since_s)
        return True if self._heard_to_the_end() else _LATE_SPEECH_S - since_s

    def over(self) -> bool | float:
        """Say whether the last turn has ended and been answered, or the s to look again in."""
        return _least(self.taken(), lambda: not self._answered or self._has_response())

    def _heard_to_the_end(self) -> bool:
        """Whether the service has heard the last loud sample: a busy one may lag behind what was sent."""
        if self._spoken_ms is None or time.monotonic() - self._played_s >= _LATE_SPEECH_S:
            return True
        return self._end_ms - self._starts_ms[0] >= self._spoken_ms - _HEARD_SLACK_MS

    def _wait_for_speech(self, since_s: float) -> float:
        if since_s > _NO_SPEECH_S:
            raise WaitTimeout(
                f"the service to hear speech in {self._what}",
                _NO_SPEECH_S,
                self._core.last_types(),
                "Is there speech in it, loud enough for turn_detection.threshold?",
            )
        return _NO_SPEECH_S - since_s + 0.01

    def _has_response(self) -> bool:
        return any(
            turn.response_ids
            for turn in self._core.conversation.turns
            if self._items[-1] in turn.user_item_ids
        )

    def last_item_id(self) -> str:
        return self._items[-1]


def _least(first: bool | float, then: Callable[[], bool | float]) -> bool | float:
    """Join two verdicts: both must hold."""
    return then() if first is True else first


def _turn_detection(session: dict[str, Any]) -> dict[str, Any] | None:
    detection = session.get("audio", {}).get("input", {}).get("turn_detection")
    return detection if isinstance(detection, dict) else None
