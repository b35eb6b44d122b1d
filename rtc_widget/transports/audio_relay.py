"""The kernel end of the relay for sound: numbered chunks of both tracks in, acknowledgements out."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtc_widget.log.tracks import TRACKS, frame_at
from rtc_widget.transports import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.recorder import Recorder

__all__ = ["AudioRelay"]

_LOST = "the browser lost it"
_SILENT_S = 10.0


@dataclass(eq=False)
class _Line:
    """What one page has sent."""

    page: str
    received: int = 0
    durable: int = 0
    expected: int = 0
    call: int = -1
    origin: int = 0
    next_frame: int = 0
    undurable: deque[tuple[int, int]] = field(default_factory=deque)


class AudioRelay:
    """Takes the chunks of every page and places them on the session's timeline.

    A chunk says its place since this call's recorder began; the first one of a call is placed by its clock,
    and the others follow it by their count, which does not jitter.

    Parameters
    ----------
    log
        The session's log.
    recorder
        What keeps the samples; None: they are acknowledged and forgotten.
    post
        Sends a message to every front end; safe from any thread.
    """

    def __init__(
        self, log: EventLog, recorder: Recorder | None, post: Callable[[messages.Message], None]
    ) -> None:
        self._log = log
        self._recorder = recorder
        self._post = post
        self._lock = threading.RLock()
        self._came = threading.Condition(self._lock)
        self._lines: dict[str, _Line] = {}
        if recorder is not None:
            recorder.on_durable(self._became_durable)

    def receive(self, message: dict[str, Any], buffers: Sequence[bytes | memoryview]) -> None:
        """Take an `audio` message.

        Parameters
        ----------
        message
            With `page`, `first` and `chunks`.
        buffers
            Mono s16le at 24 kHz: user and agent of the first chunk, of the second, and so on.
        """
        first, chunks = int(message.get("first", 0)), message.get("chunks") or []
        with self._lock:
            line = self._lines.setdefault(str(message["page"]), _Line(str(message["page"])))
            if not line.received and first > 0 and line.call < 0:
                line.received = line.durable = (
                    first  # the kernel was started again under a page that lives on
                )
            if first <= line.received:
                for number, chunk in enumerate(chunks[line.received - first :], line.received - first):
                    self._take(line, chunk, buffers[2 * number : 2 * number + 2])
                    line.received += 1
            if self._recorder is not None:
                line.undurable.append((line.received, self._recorder.put))
                self._settle(line, self._recorder.durable)
            else:
                line.durable = line.received
            self._acknowledge(line)
            self._came.notify_all()

    def expect(self, page: str, chunks: object) -> None:
        """Take a page's word of how many chunks it has made."""
        with self._lock:
            if isinstance(chunks, int):
                self._lines.setdefault(page, _Line(page)).expected = chunks

    def wait(self) -> None:
        """Block until all expected chunks have come, or none has for 10 s: their page is gone."""
        with self._lock:
            while late := [line for line in self._lines.values() if line.received < line.expected]:
                if not self._came.wait(_SILENT_S):
                    for line in late:
                        line.expected = line.received

    def _take(self, line: _Line, chunk: dict[str, Any], samples: Sequence[bytes | memoryview]) -> None:
        recorder = self._recorder
        if recorder is None or len(samples) < len(TRACKS):
            return
        frame = int(chunk.get("frame") or 0)
        if line.call != recorder.call or frame < line.next_frame:
            line.call = recorder.call
            line.origin = self._place(chunk) - frame
        line.next_frame = frame + int(chunk.get("frames") or 0)
        reason = {"reason": _LOST} if chunk.get("lost_frames") else {}
        for track, pcm in zip(TRACKS, samples, strict=True):
            recorder.keep(track, line.origin + frame, bytes(pcm), **reason)

    def _place(self, chunk: dict[str, Any]) -> int:
        """Return where the clocks say that a chunk begins."""
        fit, t_browser_ms = self._log.clock, chunk.get("t_browser_ms")
        if fit is None or not isinstance(t_browser_ms, int | float):
            last_ms = self._log.record(-1).t_ms if len(self._log) else None
            return frame_at(last_ms or 0.0)
        return frame_at(self._log.t_ms_of(fit.to_kernel_ms(float(t_browser_ms))))

    def _became_durable(self, durable: int) -> None:
        with self._lock:
            for line in self._lines.values():
                if self._settle(line, durable):
                    self._acknowledge(line)

    def _settle(self, line: _Line, durable: int) -> bool:
        before = line.durable
        while line.undurable and line.undurable[0][1] <= durable:
            line.durable = line.undurable.popleft()[0]
        return line.durable != before

    def _acknowledge(self, line: _Line) -> None:
        self._post(messages.audio_ack(line.page, received=line.received, durable=line.durable))
