"""Saying and playing: one user input in, and the wait until all that answers it is over."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._core import OVER
from rtc_widget._errors import ServerError
from rtc_widget._limit import Limit
from rtc_widget._playback import TAIL_S
from rtc_widget._played_turn import SETTLE_S, PlayedTurn, least
from rtc_widget._turn import Turn
from rtc_widget.audio.loudness import loud_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rtc_widget._core import Core
    from rtc_widget._order import Place
    from rtc_widget.audio.sound import Sound
    from rtc_widget.conversation import Response
    from rtc_widget.log.record import Record

__all__ = ["Speaking"]

_TRANSCRIPT_GRACE_S = 3.0
_LATE_SOUND_S = 3.0
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
        self._asked: set[str] = set()
        self._n_playing = 0

    # -- responses --------------------------------------------------------------------------------

    async def respond(self, event: dict[str, Any], timeout: float, place: Place) -> Response:
        """Send a `response.create` that carries our mark; return its response when it is done.

        In the default conversation it queues behind a running one; out of band it runs beside it.
        """
        with nullcontext() if _is_aside(event) else self._asking(event):
            await self._core.order.updated(place)
            with Limit(timeout) as limit:
                return await self._whole(event, limit, place)

    async def respond_in_line(self, event: dict[str, Any], timeout: float, place: Place) -> Response:
        """Do as `respond`, and let what was typed before have its answer first."""
        if _is_aside(event):
            return await self.respond(event, timeout, place)
        with self._asking(event):
            await self._core.order.updated(place)
            with Limit(timeout) as limit:
                return await self._next(event, limit, place)

    async def _next(self, event: dict[str, Any], limit: Limit, place: Place) -> Response:
        """Ask in the line of what is typed: that adds its item first, and would be overtaken meanwhile."""
        async with limit.turn(self._core.order.line("say")):
            answer = await self._begun(event, limit, place)
        return await answer

    async def _whole(self, event: dict[str, Any], limit: Limit, place: Place) -> Response:
        answer = await self._begun(event, limit, place)
        return await answer

    async def _begun(self, event: dict[str, Any], limit: Limit, place: Place) -> asyncio.Future[Response]:
        """Ask for a response; return it, which is to come, when it has begun or is over."""
        answer = asyncio.ensure_future(self._in_turn(event, limit))
        await self._either(answer, event, lambda _: True)
        place.passed()
        return answer

    async def _in_turn(self, event: dict[str, Any], limit: Limit) -> Response:
        if _is_aside(event):
            return await self._send_and_follow(event, limit)
        async with limit.turn(self._core.order.line("response")):
            while True:
                what = "the running response to end"
                await self._core.until(self._no_active, what=what, timeout=limit.left_s)
                try:
                    return await self._send_and_follow(event, limit)
                except ServerError as error:
                    if error.code != _ACTIVE_RESPONSE or limit.is_over:
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
        return any(self._core.conversation.response_marked(mark) is None for mark in marks & self._asked)

    def _no_active(self) -> bool:
        return self._core.conversation.active_response is None

    async def _send_and_follow(self, event: dict[str, Any], limit: Limit) -> Response:
        done = await self._core.execute(event, timeout=limit.left_s)
        return self._core.conversation.responses[done["response"]["id"]]

    # -- turns ------------------------------------------------------------------------------------

    async def say(self, events: list[dict[str, Any]], item_id: str, timeout: float, place: Place) -> Turn:
        """Send a typed input and ask for its answer; return the turn when all of it is over."""
        create, request = events
        with self._asking(request):
            await self._core.order.updated(place)
            with Limit(timeout) as limit:
                # Until its answer has begun: the next is another turn.
                async with limit.turn(self._core.order.line("say")):
                    await self._core.execute(create, timeout=limit.left_s)
                    answer = await self._begun(request, limit, place)
                    await self._either(answer, request, lambda response: bool(response.items))
                await answer
        await self._spoken_out(limit)
        return self._turn_of(item_id)

    async def answer(self, request: dict[str, Any], timeout: float, place: Place) -> None:
        """Ask for an answer to what is in the conversation; return when it has been spoken to its end."""
        with self._asking(request):
            await self._core.order.updated(place)
            with Limit(timeout) as limit:
                await self._next(request, limit, place)
        await self._spoken_out(limit)

    async def _spoken_out(self, limit: Limit) -> None:
        what = "the answer to be spoken to its end"
        with limit:
            await self._core.until(self._quiet, what=what, timeout=limit.left_s)

    async def _either(
        self, answer: asyncio.Future[Response], request: dict[str, Any], is_there: Callable[[Response], bool]
    ) -> None:
        """Return when a response of ours has begun and is as it shall be, or is over."""
        mark = protocol.mark_of(request["response"])

        def found(_: Record | None = None) -> bool | None:
            response = self._core.conversation.response_marked(mark)
            return (response is not None and is_there(response)) or None

        wait = self._core.waits.expect(found, needs_call=False)
        either: set[asyncio.Future[Any]] = {answer, asyncio.wrap_future(wait.future)}
        try:
            if not found():
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        finally:
            self._core.waits.drop(wait)

    def _turn_of(self, item_id: str) -> Turn:
        for index, turn in reversed(list(enumerate(self._core.conversation.turns))):
            if item_id in turn.user_item_ids:
                return Turn(self._core, index)
        return Turn(self._core, len(self._core.conversation.turns) - 1)

    async def play(
        self, sound: Sound, what: str, by_hand: list[dict[str, Any]] | None, timeout: float, place: Place
    ) -> Turn:
        """Play a sound as the microphone and return the (last) turn it makes.

        Parameters
        ----------
        sound
            The samples.
        what
            Its name, for notes.
        by_hand
            Commit and response.create (of a session that answers), where no voice activity detection ends the
            turn; else None.
        timeout
            After the last sample, in s.
        place
            Passed when the service has taken it and answers; of a stream, which may have no end, at once.
        """
        if not isinstance(sound.pcm, bytes):
            place.passed()
        transport = self._core.transport
        self._n_playing += 1
        try:
            async with self._core.order.line(_PLAY):  # until the service has it: the next is another turn
                since = len(self._core.log)
                await transport.play(sound.pcm, sound.sample_rate_hz, what=what)
                turn = PlayedTurn(
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
                    await asyncio.sleep(SETTLE_S)
                    await self._core.execute(by_hand[0], timeout=timeout)
                turn.close()
            for request in (by_hand or [])[1:]:
                await self.respond(request, timeout, place)
            await self._core.until(turn.over, what="the answer to what was played to begin", timeout=timeout)
            place.passed()
            await self._core.until(
                lambda: least(turn.over(), self._quiet),
                what="the answer to what was played",
                timeout=timeout,
            )
        finally:
            await self._stop_play()
        return self._turn_of(turn.last_item_id())

    async def end_turn(self, events: list[dict[str, Any]], timeout: float, place: Place) -> None:
        """End the user's turn by hand; return with its answer, or with its words where nothing answers."""
        commit, *requests = events
        with Limit(timeout) as limit:
            await self._core.execute(commit, timeout=timeout)
            for request in requests:
                await self.respond(request, limit.left_s, place)
        if not requests:
            await self._spoken_out(limit)

    async def play_into(self, sound: Sound, what: str) -> Turn:
        """Play a sound that is a part of a turn which another ends; return that turn, which is to come."""
        self._n_playing += 1
        try:
            async with self._core.order.line(_PLAY):
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
            return _LOOK_AGAIN_S  # no record says that they are done
        return least(least(self._core.playback.rest_s(), self._words_in), self._sound_in)

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


def _is_aside(event: dict[str, Any]) -> bool:
    return bool(event["response"].get("conversation") == "none")


def _turn_detection(session: dict[str, Any]) -> dict[str, Any] | None:
    detection = session.get("audio", {}).get("input", {}).get("turn_detection")
    return detection if isinstance(detection, dict) else None
