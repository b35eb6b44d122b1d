"""The kernel end of the relay: numbered records in, acknowledgements out, requests and replies both ways."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._errors import ConnectionFailed
from rtc_widget.log.clocks import ClockFit, ClockSync, kernel_ms
from rtc_widget.log.resumption import CALLING, Known, held_by
from rtc_widget.transports import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget.log.event_log import EventLog

__all__ = ["Page", "Relay"]


@dataclass(eq=False)
class Page:
    """One instance of the widget in one page, as far as the kernel knows it."""

    id: str
    received: int = 0
    durable: int = 0
    calling: bool = False
    call: int | None = None
    """Number of its last call in the session."""
    rtc_call_id: str | None = None
    seen_at_s: float = 0.0
    clock: ClockSync = field(default_factory=ClockSync)
    fit: ClockFit | None = None
    undurable: deque[tuple[int, int]] = field(default_factory=deque)
    heard: bool = False
    """Whether it has said anything to this kernel."""
    outlived: int | None = None
    """Of a page that outlived its kernel: how many records the log had when this one took it up."""
    known: Known | None = None


class Relay:
    """Numbered, acknowledged records of every page, and calls by name in both directions.

    Parameters
    ----------
    log
        Where records go.
    post
        Sends a message (and buffers) to every front end; safe from any thread.
    on_request
        Called with page, request id, method and params (a request's buffers are `params["buffers"]`);
        answers through `reply` or `reply_error`.
    panel
        Returns what the panel shows.
    """

    def __init__(
        self,
        log: EventLog,
        post: Callable[[messages.Message, Sequence[bytes] | None], None],
        on_request: Callable[[Page, str, str, dict[str, Any]], None],
        panel: Callable[[], messages.PanelConfig],
    ) -> None:
        self._log = log
        self._post = post
        self._on_request = on_request
        self._panel = panel
        self._lock = threading.RLock()
        self._replies: dict[str, Future[dict[str, Any]]] = {}
        self._pings: dict[str, float] = {}
        self._heard = threading.Condition(self._lock)
        self.pages: dict[str, Page] = {}
        self.owner: Page | None = None
        self._take_up()
        self._off_durable = log.on_durable(self._became_durable)

    def _take_up(self) -> None:
        """Expect the page that held the call of a log that goes on: it says hello once it finds us."""
        held = held_by(self._log)
        if held is not None:
            page = Page(held.page, calling=held.calling, call=held.call, rtc_call_id=held.rtc_call_id)
            page.outlived = len(self._log)
            self.pages[page.id] = page
            if page.calling:
                self.owner, page.seen_at_s = page, math.inf

    # -- from the browser -------------------------------------------------------------------------

    def receive(self, message: object, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Take one message of a page and its buffers; from whichever thread delivers it."""
        if not isinstance(message, dict) or not isinstance(message.get("page"), str):
            return
        with self._lock:
            page = self.pages.setdefault(message["page"], Page(message["page"]))
            page.seen_at_s, page.heard = time.monotonic(), True
            self._heard.notify_all()
        kind = message.get("kind")
        if kind == "records":
            self._take_records(page, message)
        elif kind == "pong":
            self._take_pong(page, message)
        elif kind == "reply":
            self._take_reply(message)
        elif kind == "request":
            params = message.get("params")
            given = dict(params) if isinstance(params, dict) else {}
            if buffers:
                given["buffers"] = [bytes(buffer) for buffer in buffers]
            self._on_request(page, str(message.get("id")), str(message.get("method")), given)
        elif kind == "hello":
            self._take_hello(page, message)

    def _take_hello(self, page: Page, message: dict[str, Any]) -> None:
        with self._lock:
            if page.received == 0:
                page.received = page.durable = int(message.get("oldest") or 0)
            coming = int(message.get("next") or 0) > page.received
            if not message.get("live") and not coming and page.calling and self.owner is page:
                self._end_of(page)
            if self.owner is not None and self.owner.seen_at_s == math.inf:
                self.owner.seen_at_s = time.monotonic()  # the page that shows this widget calls it up now
        self._welcome(page)

    def _welcome(self, page: Page) -> None:
        owner = self.owner
        self._send(
            messages.welcome(
                page.id,
                received=page.received,
                durable=page.durable,
                owner=owner.id if owner else None,
                panel=self._panel(),
                length=len(self._log),
            )
        )

    def _take_records(self, page: Page, message: dict[str, Any]) -> None:
        first, rows = int(message.get("first", 0)), message.get("records") or []
        with self._lock:
            if first > page.received:
                self._welcome(page)
                return
            fresh = rows[page.received - first :]
            page.received += len(fresh)
            self._append(page, self._unknown(page, fresh))
            page.undurable.append((page.received, len(self._log)))
            self._settle_durable(page, self._log.durable)
            self._send(messages.ack(page.id, received=page.received, durable=page.durable))

    def _unknown(self, page: Page, rows: list[Any]) -> list[Any]:
        """Leave out what the kernel before had written down, but had not told the page so."""
        if page.outlived is None or not rows:
            return rows
        if page.known is None:
            page.known = Known(self._log, page.outlived, since_ms=rows[0][1])
        known = page.known
        return [row for row in rows if not known.has(row[0], row[2], row[1])]

    def _append(self, page: Page, rows: list[Any]) -> None:
        """Append in order; a state of the call changes the call id of what follows."""
        start = 0
        for index, (direction, _, text) in enumerate(rows):
            if direction == "local" and '"rtc.state"' in text:
                self._extend(page, rows[start:index])
                self._note_state(page, text)
                self._extend(page, rows[index : index + 1])
                self._after_state(page)
                start = index + 1
        self._extend(page, rows[start:])

    def _extend(self, page: Page, rows: list[Any]) -> None:
        if rows:
            triples = ((direction, text, t_browser_ms) for direction, t_browser_ms, text in rows)
            self._log.extend(triples, rtc_call_id=page.rtc_call_id)

    def _note_state(self, page: Page, text: str) -> None:
        note = msgspec.json.decode(text)
        page.calling = note.get("state") in CALLING
        page.call = note.get("call", page.call)
        page.rtc_call_id = note.get("rtc_call_id") or page.rtc_call_id
        if page.calling:
            if self.owner is not page and page.fit is not None:
                self._log.set_clock(page.fit)
            self.owner = page

    def _after_state(self, page: Page) -> None:
        if not page.calling:
            page.rtc_call_id = None
            if self.owner is page:
                self.owner = None

    def _end_of(self, page: Page, reason: str = "the page that held the call is gone") -> None:
        """Note the end of a call that its page does not note any more."""
        page.calling, page.rtc_call_id = False, None
        if self.owner is page:
            self.owner = None
        self._log.note("rtc.state", state="ended", call=page.call, reason=reason, transport="browser")

    def forget(self, page: Page, reason: str = "the page that held the call is gone") -> None:
        """Drop a page that answers no more; its call has ended with it."""
        with self._lock:
            self.pages.pop(page.id, None)
            if page.calling:
                self._end_of(page, reason)

    # -- durable ----------------------------------------------------------------------------------

    def _became_durable(self, durable: int) -> None:
        with self._lock:
            for page in self.pages.values():
                if self._settle_durable(page, durable):
                    self._send(messages.ack(page.id, received=page.received, durable=page.durable))

    def _settle_durable(self, page: Page, durable: int) -> bool:
        before = page.durable
        while page.undurable and page.undurable[0][1] <= durable:
            page.durable = page.undurable.popleft()[0]
        return page.durable != before

    # -- requests and replies ---------------------------------------------------------------------

    def reply(self, page: Page, id: str, result: dict[str, Any]) -> None:
        """Answer a request; what `result` has under "buffers" goes beside it as bytes."""
        buffers = result.get("buffers")
        told = {name: value for name, value in result.items() if name != "buffers"}
        self._send(messages.reply(page.id, id, told), buffers)

    def reply_error(self, page: Page, id: str, error: dict[str, Any]) -> None:
        """Answer a request that failed."""
        self._send(messages.reply_error(page.id, id, error))

    async def command(
        self,
        page: Page,
        method: str,
        params: dict[str, Any],
        *,
        timeout: float,
        buffers: Sequence[bytes] | None = None,
    ) -> dict[str, Any]:
        """Ask a page to do something and return its reply.

        Raises
        ------
        ConnectionFailed
            With the step that the page names, or "page" when it does not answer in time.
        """
        command_id = secrets.token_hex(6)
        future: Future[dict[str, Any]] = Future()
        self._replies[command_id] = future
        try:
            self._send(messages.command(page.id, command_id, method, params), buffers)
            message = await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        except TimeoutError:
            raise ConnectionFailed(
                "page",
                f"the page did not answer {method!r} within {timeout:g} s.",
                "Is its tab still open? A browser slows down tabs that nobody sees.",
            ) from None
        finally:
            self._replies.pop(command_id, None)
        if message.get("ok"):
            result = message.get("result")
            return result if isinstance(result, dict) else {}
        error = message.get("error") or {}
        raise ConnectionFailed(
            str(error.get("step") or "page"),
            str(error.get("message") or "the page could not do it"),
            error.get("advice"),
        )

    def tell(self, page: Page, method: str, params: dict[str, Any]) -> None:
        """Ask a page to do something, without waiting for its reply."""
        self._send(messages.command(page.id, secrets.token_hex(6), method, params))

    def _take_reply(self, message: dict[str, Any]) -> None:
        future = self._replies.get(str(message.get("id")))
        if future is not None and future.set_running_or_notify_cancel():
            future.set_result(message)

    def wait_for_page(self, timeout: float) -> Page | None:
        """Block until a page answers now: the one that calls, else the first; None when none does."""
        asked_at_s = time.monotonic()
        for page in list(self.pages.values()):
            self.ping(page)

        def present() -> Page | None:
            if self.owner is not None:
                return self.owner
            pages = sorted(self.pages.values(), key=lambda page: page.seen_at_s)
            return pages[-1] if pages and pages[-1].seen_at_s > asked_at_s else None

        with self._heard:
            return self._heard.wait_for(present, timeout)

    # -- clocks -----------------------------------------------------------------------------------

    def ping(self, page: Page) -> None:
        """Ask for the page's time."""
        ping_id = secrets.token_hex(4)
        self._pings[ping_id] = kernel_ms()
        self._send(messages.ping(page.id, ping_id))

    def _take_pong(self, page: Page, message: dict[str, Any]) -> None:
        received_ms = kernel_ms()
        sent_ms = self._pings.pop(str(message.get("id")), None)
        t_browser_ms = message.get("t_browser_ms")
        if sent_ms is None or not isinstance(t_browser_ms, int | float):
            return
        page.fit = page.clock.add(sent_ms, float(t_browser_ms), received_ms)
        if self.owner in (None, page):
            self._log.set_clock(page.fit)

    # -- to the browser ---------------------------------------------------------------------------

    def broadcast(self, message: messages.Message) -> None:
        """Send a message to every page."""
        self._send(message)

    def _send(self, message: messages.Message, buffers: Sequence[bytes] | None = None) -> None:
        self._post(message, buffers)

    def close(self) -> None:
        """Stop listening to the log."""
        self._off_durable()
