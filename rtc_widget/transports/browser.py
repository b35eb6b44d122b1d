"""The transport through the widget: the call lives in the page, the kernel steers it over the relay."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, TypeVar

from rtc_widget._errors import ConnectionFailed, WaitTimeout
from rtc_widget._kernel import kernel_hint
from rtc_widget._loop import get_loop, submit
from rtc_widget.log import pages
from rtc_widget.transports import messages
from rtc_widget.transports.audio_relay import AudioRelay
from rtc_widget.transports.page_requests import PageRequests
from rtc_widget.transports.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.log.recorder import Recorder
    from rtc_widget.transports.base import CallRequest
    from rtc_widget.transports.page import Page
    from rtc_widget.transports.page_requests import Host

__all__ = ["Browser"]

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
_REPLY_S = 10.0
_HELLO_S = 10.0
_TAIL_S = 0.1
_WATCH_S = 5.0
_GONE_S = 15.0
_CHROMIUM_MAX_MESSAGE_BYTES = 262_144


class Browser:
    """One call at a time, in whichever page owns it.

    Parameters
    ----------
    log
        The session's event log.
    host
        The session.
    post
        Sends a custom message and buffers to every front end; safe from any thread.
    recorder
        What keeps the sound of both sides; None: the page records nothing.
    """

    name = "browser"
    late_s = 1.2
    """getStats comes once a second."""

    def __init__(
        self,
        log: EventLog,
        host: Host,
        post: Callable[[messages.Message, Sequence[bytes] | None], None],
        *,
        recorder: Recorder | None = None,
    ) -> None:
        self._log = log
        self._records = recorder is not None
        self._audio = AudioRelay(log, recorder, lambda message: post(message, None))
        self._host = host
        self._requests = PageRequests(log, host)
        self._relay = Relay(
            log, post, lambda *asked: self._requests.take(self._relay, *asked), host.panel_config
        )
        self.is_told_otherwise: Callable[[], bool] = lambda: False
        """Whether a path beside the page tells that the call is up."""
        self._stopped: asyncio.Future[str] | None = None
        """Done when what comes before a call is to end, with the reason."""
        self._asked: Page | None = None
        """The page that has been asked to call, and may not have said so yet."""
        self._tail_rows: list[pages.Row] = []
        self._main_loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(RuntimeError):
            self._main_loop = asyncio.get_running_loop()
        self._unobserve = log.observe(self._on_record)
        self._watching = submit(self._watch())

    @property
    def max_message_bytes(self) -> int:
        """Bytes the data channel takes in one message, as browsers have it."""
        return _CHROMIUM_MAX_MESSAGE_BYTES

    def receive(self, message: object, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Take a custom message of the widget, and its buffers."""
        if isinstance(message, dict) and message.get("kind") == "audio":
            self._audio.receive(message, buffers)
        first = isinstance(message, dict) and message.get("kind") == "hello"
        self._relay.receive(message, buffers)
        if first and isinstance(message, dict):
            page = self._relay.pages.get(str(message.get("page")))
            if page is not None:
                for _ in range(3):
                    self._relay.ping(page)

    # -- commands ---------------------------------------------------------------------------------

    async def connect(self, request: CallRequest) -> None:
        """Ask the page to call; return when its data channel is open."""
        self._asked, self._stopped = None, asyncio.get_running_loop().create_future()
        page = await self._unless_stopped(self._any_page(min(_HELLO_S, request.timeout_s)), "page")
        await self._unless_stopped(self._ready(request), request.first_step)
        self._requests.failure, self._requests.request = None, request
        params = {
            "microphone": request.microphone,
            "signaling": request.signaling,
            "timeout_ms": request.timeout_s * 1000,
            "attempt": request.attempt,
            "record": self._records,
        }
        self._asked = page
        try:
            await self._relay.exchange.command(page, "connect", params, timeout=request.timeout_s + _REPLY_S)
        except ConnectionFailed:
            if self._requests.failure is not None:
                raise self._requests.failure from None
            raise
        finally:
            self._requests.request = self._asked = self._stopped = None

    async def _unless_stopped(self, work: Coroutine[Any, Any, T], step: str) -> T:
        """Do what comes before the page is asked; ConnectionFailed when it is hung up meanwhile."""
        doing, stopped = asyncio.ensure_future(work), self._stopped
        if stopped is None:
            return await doing
        either: set[asyncio.Future[Any]] = {doing, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            return await doing
        doing.cancel()
        raise ConnectionFailed(step, f"hung up before the call was up ({stopped.result()}).")

    async def _ready(self, request: CallRequest) -> None:
        """Await the sandbox apart from the time limit of the call."""
        try:
            await request.provider.ready()
        except ConnectionFailed as error:
            self._log.note(
                "rtc.state",
                state="failed",
                step=error.step,
                reason=error.reason,
                advice=error.advice,
                call=request.attempt,
                transport=self.name,
            )
            raise

    async def send(self, texts: list[str]) -> None:
        """Send client events through the page's data channel."""
        await self._relay.exchange.command(self._owner(), "send", {"events": texts}, timeout=_REPLY_S)

    async def play(self, pcm: bytes, sample_rate_hz: int, *, what: str) -> None:
        """Hand the samples to the page, which plays them in place of its microphone."""
        page = self._owner()
        chunks = [pcm[at : at + _CHUNK_BYTES] for at in range(0, len(pcm), _CHUNK_BYTES)]
        seconds = len(pcm) / 2 / sample_rate_hz
        params = {
            "sample_rate_hz": sample_rate_hz,
            "samples": len(pcm) // 2,
            "what": what,
            "chunks": len(chunks),
        }
        await asyncio.gather(
            *(
                self._relay.exchange.command(
                    page, "play", {**params, "chunk": index}, timeout=seconds + 2 * _REPLY_S, buffers=[chunk]
                )
                for index, chunk in enumerate(chunks)
            )
        )

    async def stop_play(self) -> None:
        """Give the line back to the microphone."""
        if self._relay.owner is not None:
            await self._relay.exchange.command(self._relay.owner, "stop_play", {}, timeout=_REPLY_S)

    async def set_muted(self, muted: bool) -> None:
        """Mute or unmute the microphone in the page."""
        await self._relay.exchange.command(self._owner(), "mute", {"muted": muted}, timeout=_REPLY_S)

    async def loopback(
        self, user: bytes, agent: bytes, sample_rate_hz: int, gaps_ms: Sequence[float], *, pause_ms: float
    ) -> dict[str, Any]:
        """Let the page send itself turns of two signals, mono s16le, and record them; return its reply."""
        page = await self._any_page()
        bytes_a_ms = 2 * sample_rate_hz / 1_000
        seconds = sum((len(user) + len(agent)) / bytes_a_ms + gap + pause_ms for gap in gaps_ms) / 1_000
        params = {"sample_rate_hz": sample_rate_hz, "gaps_ms": list(gaps_ms), "pause_ms": pause_ms}
        return await self._relay.exchange.command(
            page, "loopback", params, timeout=seconds + 3 * _REPLY_S, buffers=[user, agent]
        )

    async def keep_calibration(self, found: dict[str, Any]) -> None:
        """Let the browser remember what a calibration found."""
        await self._relay.exchange.command(await self._any_page(), "calibrated", found, timeout=_REPLY_S)

    async def hang_up(self, reason: str) -> None:
        """End the call, or the attempt at one; nothing when there is none."""
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(reason)
        page = self._relay.owner or self._asked
        if page is not None and not page.heard:
            self._relay.forget(page, reason)
        elif page is not None:
            await self._relay.exchange.command(page, "hang_up", {"reason": reason}, timeout=_REPLY_S)

    def let_go(self, reason: str) -> None:
        """Hang up without waiting for the page, which hears it before the widget's end."""
        page = self._relay.owner
        if page is not None:
            self._relay.exchange.tell(page, "hang_up", {"reason": reason})
            self._relay.forget(page, reason)

    async def last_samples(self) -> None:
        """Return when every chunk has come that the page says it sent, or none comes any more."""
        await asyncio.to_thread(self._audio.wait)

    async def close(self) -> None:
        """Let the relay go; the page has hung up before."""
        self._watching.cancel()
        self._unobserve()
        self._relay.close()

    async def _any_page(self, timeout_s: float = _HELLO_S) -> Page:
        page = await asyncio.to_thread(self._relay.wait_for_page, timeout_s)
        if page is None:
            hint = kernel_hint()
            if hint is not None:
                raise WaitTimeout("a page to answer", timeout_s, hint=hint)
            raise ConnectionFailed(
                "page",
                "no page shows this widget.",
                "Put it on the last line of a cell, or use rtc.HeadlessSession, which needs no browser.",
            )
        return page

    def _owner(self) -> Page:
        page = self._relay.owner
        if page is None:
            raise ConnectionFailed("channel", "there is no call.", "Connect first: await w.connect().")
        return page

    def push_config(self) -> None:
        """Show every page what the session is now."""
        self._relay.broadcast(messages.config(self._host.panel_config()))

    # -- what goes to the pages -------------------------------------------------------------------

    def _on_record(self, record: Record) -> None:
        if record.type == "rtc.recording" and record.direction == "local" and self._relay.owner is not None:
            self._audio.expect(self._relay.owner.id, record.event.get("chunks"))
        if record.direction == "local" and record.t_browser_ms is None:
            # The kernel's own: a page whose records are its own would not know of it.
            self._relay.broadcast(messages.note(messages.EVERY_PAGE, record.text))
        if any(page is not self._relay.owner for page in list(self._relay.pages.values())):
            get_loop().call_soon_threadsafe(self._queue_tail, pages.row_of(record))

    def _queue_tail(self, row: pages.Row) -> None:
        if not self._tail_rows:
            asyncio.get_running_loop().call_later(_TAIL_S, self._flush_tail)
        self._tail_rows.append(row)

    def _flush_tail(self) -> None:
        rows, self._tail_rows = self._tail_rows, []
        self._relay.broadcast(
            messages.tail(messages.EVERY_PAGE, rows)
        )  # the owner's own, which it passes over

    async def _watch(self) -> None:
        """While a call is up, follow the clock of its page, and notice when that page is gone."""
        while True:
            await asyncio.sleep(_WATCH_S)
            page = self._relay.owner
            if page is None:
                continue
            self._relay.ping(page)
            if self._is_gone(page):
                await self._kernel_listens()
                if self._is_gone(page):
                    self._relay.lose(page)

    def _is_gone(self, page: Page) -> bool:
        """Say whether nothing tells of the page's call any more: neither the page nor another path."""
        return time.monotonic() - page.seen_at_s > _GONE_S and not self.is_told_otherwise()

    async def _kernel_listens(self) -> None:
        """Wait out a cell that blocks the kernel: what the page sent meanwhile still queues."""
        if self._main_loop is None or not self._main_loop.is_running():
            return
        passed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._main_loop.call_soon_threadsafe(lambda: loop.call_soon_threadsafe(passed.set))
        await passed.wait()
        await asyncio.sleep(_WATCH_S)
