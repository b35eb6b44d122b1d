"""What a session can say, and how it is answered: typed and spoken input, responses, interruptions."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtc_widget import protocol
from rtc_widget._arguments import checked_timeout
from rtc_widget._errors import ConfigurationError
from rtc_widget._parts import SessionParts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from rtc_widget._loop import Handle
    from rtc_widget._order import Place
    from rtc_widget._turn import Turn
    from rtc_widget.conversation import Response

__all__ = ["Talking"]


class Talking(SessionParts):
    """The commands of a session that make a turn, or a part of one."""

    _held = False
    """Whether a block of push to talk runs, whose end ends the turn."""

    def say(self, text: str, *, timeout: float = 60.0) -> Handle[Turn]:
        """Send a typed input and ask for an answer.

        Parameters
        ----------
        text
            What the user types.
        timeout
            From when it is sent until the answer is over, in s; what was said before is answered first.

        Returns
        -------
        Handle
            Of the Turn, when its answer has been spoken to the end; with `record=True`, when its sound has
            come to the last word as well.

        Raises
        ------
        ConfigurationError
            For an empty text, or a timeout that is no number above 0.
        ProtocolError
            When awaited: it is larger than the data channel takes in one message.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or the answer is not over in
            time.
        """
        if not _is_words(text):
            raise ConfigurationError("say() needs words: a text that is not empty. To be silent, just wait.")
        events, item_id, _ = protocol.dialect.say(text)
        limit_s = checked_timeout(timeout)
        return self._start_asking("say", lambda place: self._speaking.say(events, item_id, limit_s, place))

    def _say_content(self, content: Sequence[Mapping[str, Any]], timeout: float) -> Handle[Turn]:
        """Send an input of any content and ask for an answer, as `say` does."""
        create, item_id = protocol.dialect.add_content(content)
        request, _ = protocol.dialect.respond()
        events = [self._checked(create), request]
        return self._start_asking("say", lambda place: self._speaking.say(events, item_id, timeout, place))

    def _answer(self, timeout: float) -> Handle[None]:
        """Ask for an answer, and follow it to the end of its sound, as `say` does."""
        request, _ = protocol.dialect.respond()
        return self._start_asking("respond", lambda place: self._speaking.answer(request, timeout, place))

    def play(
        self, source: object, *, sample_rate_hz: int | None = None, timeout: float = 60.0
    ) -> Handle[Turn]:
        """Play a sound as the microphone: spoken input.

        Parameters
        ----------
        source
            Path of a sound file, its bytes, or an array of samples (then with `sample_rate_hz`).
        sample_rate_hz
            Of an array, in Hz.
        timeout
            After the last sample until the answer is over, in s.

        Returns
        -------
        Handle
            Of the Turn, complete as after `say`; the last one when a pause in the sound split it. Within
            `push_to_talk`, of the turn that the block makes, as soon as the sound has been sent.

        Raises
        ------
        ConfigurationError
            For a file that is missing, empty or no sound, or a timeout that is no number above 0; when
            awaited: the call was made elsewhere, and so was its sound (`rtc.attach`).
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses what ends the turn or answers it,
            or the answer is not over in time.
        """
        from rtc_widget.audio import load_sound

        sound = load_sound(source, sample_rate_hz=sample_rate_hz)
        what = str(source) if isinstance(source, str) or hasattr(source, "__fspath__") else "sound"
        return self._play_named(sound, what, timeout)

    def _play_named(self, sound: Any, what: str, timeout: float = 60.0) -> Handle[Turn]:
        """Play a sound under a name, as `play` does."""
        limit_s = checked_timeout(timeout)
        return self._start_asking("play", lambda place: self._play(sound, what, limit_s, place))

    async def _play(self, sound: Any, what: str, timeout: float, place: Place) -> Turn:
        if self._held:
            return await self._speaking.play_into(sound, what)
        await self._core.order.updated(place)
        by_hand = None if self._configuration.turn_detection is not None else self._end_of_turn()
        return await self._speaking.play(sound, what, by_hand, timeout, place)

    @asynccontextmanager
    async def push_to_talk(self, *, timeout: float = 60.0) -> AsyncIterator[None]:
        """Listen while the block runs, then end the turn and ask for its answer, where sessions answer.

        Parameters
        ----------
        timeout
            Until the answer is done, in s.

        Raises
        ------
        ConfigurationError
            While voice activity detection is on; for a timeout that is no number above 0.
        ConnectionFailed, ServerError, WaitTimeout
            There is no call (any more), the service refuses the turn (of less than 100 ms, say), or its
            answer is not over in time.
        """
        if self._configuration.turn_detection is not None:
            raise ConfigurationError(
                "Push to talk needs voice activity detection off: `await w.update(turn_detection=None)`."
            )
        limit_s = checked_timeout(timeout)
        await self._start_in_call("push to talk", self._talk_down(limit_s))
        self._held = True
        try:
            yield
        finally:
            self._held = False
        await self._start_asking("push to talk", lambda place: self._talk_up(limit_s, place))

    async def _talk_down(self, timeout: float) -> None:
        for event in protocol.dialect.push_to_talk_down():
            await self._core.execute(event, timeout=timeout)

    async def _talk_up(self, timeout: float, place: Place) -> None:
        await self._speaking.end_turn(self._end_of_turn(), timeout, place)

    def _end_of_turn(self) -> list[dict[str, Any]]:
        """Return what ends the user's turn by hand: the commit, and what asks for its answer."""
        events, _ = protocol.dialect.push_to_talk_up()
        return events

    def respond(self, *, timeout: float = 60.0, **fields: Any) -> Handle[Response]:
        """Ask for a response.

        Parameters
        ----------
        timeout
            Until `response.done`, in s; what was asked for before is answered first, and that does not count.
        fields
            Of this response only: `instructions`, `conversation="none"` (out of band: it runs beside a
            running one, and no tool is run for it, for the conversation takes no output of such a call),
            `metadata`, `input` with item ids, `output_modalities`, …

        Returns
        -------
        Handle
            Of the Response, when it is done; in the default conversation it waits for a running one first.

        Raises
        ------
        ConfigurationError, ProtocolError
            For a field or value that no response takes, or a timeout that is no number above 0; when awaited:
            it is larger than the data channel takes in one message.
        ConnectionFailed, ServerError, WaitTimeout
            When awaited: there is no call (any more), the service refuses it, or it is not done in time.
        """
        event, _ = protocol.dialect.respond(protocol.response_fields(**fields))
        checked, limit_s = self._checked(event), checked_timeout(timeout)
        return self._start_asking(
            "respond", lambda place: self._speaking.respond_in_line(checked, limit_s, place)
        )

    def interrupt(self, *, timeout: float = 10.0) -> Handle[None]:
        """Stop the agent: cancel its response and clear what it still has to say.

        What `say` or `respond` asked for before is stopped as soon as it begins. Tools that are at work go
        on, and what they find is answered then; an out-of-band response goes on, too.

        Parameters
        ----------
        timeout
            Until nothing runs and nothing plays, in s.

        Raises
        ------
        ConfigurationError
            For a timeout that is no number above 0.
        ConnectionFailed, WaitTimeout
            When awaited: there is no call (any more), or something still runs or plays after that time.
        """
        return self._start_in_call("interrupt", self._interrupt(checked_timeout(timeout)))

    async def _interrupt(self, timeout: float) -> None:
        core, conversation, speaking = self._core, self._core.conversation, self._speaking
        asked, end_s = speaking.asked(), time.monotonic() + timeout
        told: set[tuple[str, str]] = set()

        def going_on() -> set[tuple[str, str]]:
            found = {"cancel": conversation.active_response, "clear": conversation.playing_response}
            return {(what, one.response_id) for what, one in found.items() if one is not None}

        async def until(condition: Callable[[], bool]) -> None:
            left_s = max(0.0, end_s - time.monotonic())
            await core.until(condition, what="the agent to stop", timeout=left_s)

        while True:
            await until(lambda: bool(going_on()) or not speaking.are_to_come(asked))
            if not going_on():
                return
            fresh = {what for what, _ in going_on() - told}
            told.update(going_on())
            await core.send(
                *protocol.dialect.interrupt(active_response="cancel" in fresh, audio_playing="clear" in fresh)
            )
            # The next response may begin as this one ends, and sound after the response was cancelled.
            await until(lambda: not going_on() or not going_on() <= told)
            if not going_on():
                told.clear()


def _is_words(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
