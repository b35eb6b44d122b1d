"""The kernel end of the relay: numbered records in, acknowledgements out."""

from __future__ import annotations

import math
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._loop import get_loop
from rtc_widget.log.clocks import kernel_ms
from rtc_widget.log.resumption import CALLING, Known, died_with_its_kernel, held_by
from rtc_widget.transports import messages
from rtc_widget.transports.exchange import Exchange
from rtc_widget.transports.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget.log.event_log import EventLog

__all__ = ["Relay"]

_ACK_WITHIN_S = 0.1
_MOST_UNANSWERED = 4
_GONE = "the page that held the call is gone"


class Relay:
    """Numbered, acknowledged records of every page, its clock, and who holds the call.

    Parameters
    ----------
    log
        Where records go.
    post
        Sends a message (and buffers) to every front end; safe from any thread.
    on_request
        Called with page, request id, method and params (a request's buffers are `params["buffers"]`);
        answers through the `exchange`.
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
        self._id = secrets.token_hex(4)
        self._lock = threading.RLock()
        self._pings: dict[str, float] = {}
        self._heard = threading.Condition(self._lock)
        self.pages: dict[str, Page] = {}
        self._given_up: dict[str, Page] = {}
        self.owner: Page | None = None
        self.exchange = Exchange(log, post)
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
        elif (died := died_with_its_kernel(self._log)) is not None:
            about = {name: died.get(name) for name in ("call", "transport")}
            reason = "the kernel that held the call is gone"
            self._log.note("rtc.state", state="ended", reason=reason, **about)

    # -- from the browser -------------------------------------------------------------------------

    def receive(self, message: object, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Take one message of a page and its buffers; from whichever thread delivers it."""
        if not isinstance(message, dict) or not isinstance(message.get("page"), str):
            return
        with self._lock:
            page = self.pages.get(message["page"]) or self._come(message)
            page.seen_at_s, page.heard = time.monotonic(), True
            self._heard.notify_all()
        kind = message.get("kind")
        if kind == "records":
            self._take_records(page, message)
        elif kind == "pong":
            self._take_pong(page, message)
        elif kind == "reply":
            result = message.get("result")
            if buffers and isinstance(result, dict):
                result["buffers"] = [bytes(buffer) for buffer in buffers]
            self.exchange.take(page, message)
        elif kind == "request":
            params = message.get("params")
            given = dict(params) if isinstance(params, dict) else {}
            if buffers:
                given["buffers"] = [bytes(buffer) for buffer in buffers]
            self._on_request(page, str(message.get("id")), str(message.get("method")), given)
        elif kind == "hello":
            self._take_hello(page, message)

    def _come(self, message: dict[str, Any]) -> Page:
        """Take up a page: a new one, or one that was given up too soon, whose call may have gone on."""
        page = self._given_up.pop(message["page"], None) or Page(message["page"])
        self.pages[page.id], page.gone = page, False
        lost, page.lost = page.lost, False
        if lost and (message.get("kind") != "hello" or message.get("live")):
            self._go_on(page)
        else:
            page.rtc_call_id = None
        return page

    def _go_on(self, page: Page) -> None:
        if self.owner is not None:
            self.exchange.tell(page, "hang_up", {"reason": "another call has begun"})
            return
        self.owner, page.calling = page, True
        self._log.note(
            "rtc.state", state="live", call=page.call, transport="browser", rtc_call_id=page.rtc_call_id
        )

    def _take_hello(self, page: Page, message: dict[str, Any]) -> None:
        with self._lock:
            if page.received == 0:
                page.received = page.durable = int(message.get("oldest") or 0)
            coming = int(message.get("next") or 0) > page.received
            if not message.get("live") and not coming and page.calling and self.owner is page:
                self._end_of(page, _GONE)
                page.rtc_call_id = None
            if self.owner is not None and self.owner.seen_at_s == math.inf:
                self.owner.seen_at_s = time.monotonic()  # the page that shows this widget calls it up now
        self._welcome(page)

    def _welcome(self, page: Page, *, missing: bool = False) -> None:
        owner = self.owner
        self._send(
            messages.welcome(
                page.id,
                received=page.received,
                missing=missing,
                durable=page.durable,
                owner=owner.id if owner else None,
                panel=self._panel(),
                length=len(self._log),
                end=self._id,
            )
        )

    def _take_records(self, page: Page, message: dict[str, Any]) -> None:
        first, rows = int(message.get("first", 0)), message.get("records") or []
        with self._lock:
            if first > page.received:
                self._welcome(page, missing=True)
                return
            fresh = rows[page.received - first :]
            self._append(page, self._unknown(page, fresh))
            # In this order: a reply that waits for these records waits for all of them to be seen.
            page.logged = len(self._log)
            page.received += len(fresh)
            page.undurable.append((page.received, page.logged))
            self._settle_durable(page, self._log.durable)
            page.unanswered += 1
            self._owe(page)
        self.exchange.release()

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
        if page.calling and (self.owner is None or not self.owner.calling):
            if self.owner is not page and page.fit is not None:
                self._log.set_clock(page.fit)
            self.owner = page

    def _after_state(self, page: Page) -> None:
        if not page.calling:
            page.rtc_call_id = None
            if self.owner is page:
                self.owner = None

    def _end_of(self, page: Page, reason: str) -> None:
        """Note the end of a call that its page does not note any more."""
        page.calling = False
        if self.owner is page:
            self.owner = None
        self._log.note("rtc.state", state="ended", call=page.call, reason=reason, transport="browser")

    def forget(self, page: Page, reason: str) -> None:
        """Drop a page that hangs up, or cannot be asked to."""
        self._give_up(page, reason)

    def lose(self, page: Page) -> None:
        """Drop a page that answers no more: its call has ended with it, unless it comes back."""
        page.lost = page.calling
        self._give_up(page, _GONE)

    def _give_up(self, page: Page, reason: str) -> None:
        with self._lock:
            if self.pages.pop(page.id, None) is not None:
                self._given_up[page.id] = page  # should it come back, it goes on from its last number
            page.gone = True
            if page.calling:
                self._end_of(page, reason)
        self.exchange.release()

    # -- durable ----------------------------------------------------------------------------------

    def _became_durable(self, durable: int) -> None:
        with self._lock:
            for page in self.pages.values():
                if self._settle_durable(page, durable):
                    self._owe(page)

    def _settle_durable(self, page: Page, durable: int) -> bool:
        before = page.durable
        while page.undurable and page.undurable[0][1] <= durable:
            page.durable = page.undurable.popleft()[0]
        return page.durable != before

    def _owe(self, page: Page) -> None:
        """Acknowledge soon, many at once: each message costs all on its way to the page some milliseconds."""
        if page.unanswered >= _MOST_UNANSWERED:
            self._acknowledge(page)
        elif not page.owed:
            page.owed = True
            loop = get_loop()
            loop.call_soon_threadsafe(loop.call_later, _ACK_WITHIN_S, self._settle_owed, page)

    def _settle_owed(self, page: Page) -> None:
        with self._lock:
            page.owed = False
            if page.acknowledged != (page.received, page.durable):
                self._acknowledge(page)

    def _acknowledge(self, page: Page) -> None:
        page.unanswered, page.acknowledged = 0, (page.received, page.durable)
        self._send(messages.ack(page.id, received=page.received, durable=page.durable))

    # -- who is there -----------------------------------------------------------------------------

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
        self.exchange.close()
