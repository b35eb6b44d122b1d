"""Words written while they are spoken: what a live model of transcription sends before the commit."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Protocol

from rtc_widget._errors import ConfigurationError
from rtc_widget.sandbox.pieces import deltas
from rtc_widget.sandbox.recognition import recognise_soon
from rtc_widget.sandbox.transcription import is_live, send_delta
from rtc_widget.sandbox.wire import Event, fresh_id

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rtc_widget.sandbox.ears import Ears

__all__ = ["Captions"]

_EVERY_MS: Final = 400
_PAUSE_MS: Final = 500
"""After so long a silence all that was said is certain."""


class _Session(Protocol):
    config: Event

    def emit(self, type: str, **fields: Any) -> None: ...

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


class Captions:
    """The words of what is not committed yet.

    The recogniser reads whole stretches, so it looks at what has come since the last pause again and again;
    words are sent once two looks agree on them, and never taken back.

    Parameters
    ----------
    session
        Whose they are.
    ears
        What hears.

    Attributes
    ----------
    item_id
        Of the item that the words will belong to, "" before the first of them.
    sent
        All that was sent of it.
    """

    def __init__(self, session: _Session, ears: Ears) -> None:
        self._session = session
        self._ears = ears
        self._work: asyncio.Task[None] | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was heard: it has been committed, or thrown away."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.item_id, self.sent = "", ""
        self._begin_stretch(self._ears.position_ms)

    def _begin_stretch(self, start_ms: int) -> None:
        self._start_ms = self._looked_ms = start_ms
        self._last_look: list[str] = []
        self._n_sent = 0

    @property
    def are_on(self) -> bool:
        """Whether this session writes before a turn is committed."""
        heard: Event = self._session.config["audio"]["input"]
        by_hand = heard["turn_detection"] is None
        return by_hand and self._session.config["type"] == "transcription" and is_live(heard["transcription"])

    def listen(self) -> None:
        """Look at what has come in, when it is time to."""
        if self._is_time and self.are_on and (self._work is None or self._work.done()):
            self._work = self._session.start(self._look())

    @property
    def _is_time(self) -> bool:
        is_new = self._ears.position_ms - self._looked_ms >= _EVERY_MS
        return is_new and self._ears.voice_end_ms > self._start_ms

    async def _look(self) -> None:
        with contextlib.suppress(ConfigurationError):  # the commit says why there are no words
            while self._is_time:
                await self._look_once()

    async def _look_once(self) -> None:
        now_ms = self._looked_ms = self._ears.position_ms
        is_pause = now_ms - self._ears.voice_end_ms >= _PAUSE_MS
        words = (await recognise_soon(self._ears.sound_since(self._start_ms))).split()
        agreed = takewhile(lambda pair: pair[0] == pair[1], zip(self._last_look, words[:-1], strict=False))
        certain = words if is_pause else [word for word, _ in agreed]
        fresh = certain[self._n_sent :]
        if fresh:
            self.item_id = self.item_id or fresh_id("item")
            text = "".join(f" {word}" for word in fresh)
            self.sent += text
            self._n_sent += len(fresh)
            for delta in deltas(text):  # all at once: a commit may come between
                send_delta(self._session.emit, self.item_id, delta)
        self._last_look = words
        if is_pause:
            self._begin_stretch(now_ms)

    def finish(self, _: bytes) -> asyncio.Future[str]:
        """Recognise the rest; return all of the turn's words, those first that were sent."""
        return asyncio.ensure_future(
            self._finish(self.sent, self._n_sent, self._ears.sound_since(self._start_ms))
        )

    @staticmethod
    async def _finish(sent: str, n_sent: int, rest: bytes) -> str:
        words = (await recognise_soon(rest)).split()
        return "".join([sent, *(f" {word}" for word in words[n_sent:])]).strip()
