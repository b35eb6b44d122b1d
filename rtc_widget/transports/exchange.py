"""Commands to a page and answers to its requests, kernel end; `js/src/exchange.ts` is the other end."""

from __future__ import annotations

import asyncio
import secrets
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConnectionFailed, WaitTimeout
from rtc_widget._kernel import kernel_hint
from rtc_widget.transports import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record
    from rtc_widget.transports.page import Page

__all__ = ["Exchange"]


@dataclass(eq=False)
class _HeldReply:
    """A reply that came before the records which its page had written by then."""

    page: Page
    records: int
    message: dict[str, Any]


class Exchange:
    """Calls by name in both directions.

    A command is answered only after everybody has seen what its page had logged before it replied, so that
    what the reply says holds in the session as well.

    Parameters
    ----------
    log
        Where the pages' records go.
    post
        Sends a message (and buffers) to every front end; safe from any thread.
    """

    def __init__(
        self, log: EventLog, post: Callable[[messages.Message, Sequence[bytes] | None], None]
    ) -> None:
        self._post = post
        self._lock = threading.RLock()
        self._waiting: dict[str, Future[dict[str, Any]]] = {}
        self._held: list[_HeldReply] = []
        self._seen = len(log)
        self._unobserve = log.observe(self._on_record)

    def reply(self, page: Page, id: str, result: dict[str, Any]) -> None:
        """Answer a request; what `result` has under "buffers" goes beside it as bytes."""
        told = {name: value for name, value in result.items() if name != "buffers"}
        self._post(messages.reply(page.id, id, told), result.get("buffers"))

    def reply_error(self, page: Page, id: str, error: dict[str, Any]) -> None:
        """Answer a request that failed."""
        self._post(messages.reply_error(page.id, id, error), None)

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
        WaitTimeout
            When it is the kernel that delivers no answer while a cell awaits one.
        """
        command_id = secrets.token_hex(6)
        future: Future[dict[str, Any]] = Future()
        self._waiting[command_id] = future
        try:
            self._post(messages.command(page.id, command_id, method, params), buffers)
            message = await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        except TimeoutError:
            hint = kernel_hint()
            if hint is not None:
                raise WaitTimeout(f"the page to answer {method!r}", timeout, hint=hint) from None
            raise ConnectionFailed(
                "page",
                f"the page did not answer {method!r} within {timeout:g} s.",
                "Is its tab still open? A browser slows down tabs that nobody sees.",
            ) from None
        finally:
            self._waiting.pop(command_id, None)
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
        self._post(messages.command(page.id, secrets.token_hex(6), method, params), None)

    def take(self, page: Page, message: dict[str, Any]) -> None:
        """Take a page's reply."""
        with self._lock:
            self._held.append(_HeldReply(page, int(message.get("records") or 0), message))
        self.release()

    def release(self) -> None:
        """Hand out the replies whose turn it is; to be called when a page's records are in the log."""
        with self._lock:
            due = [held for held in self._held if held.page.gone or self._is_due(held)]
            self._held = [held for held in self._held if held not in due]
        for held in due:
            future = self._waiting.pop(str(held.message.get("id")), None)
            if future is not None and future.set_running_or_notify_cancel():
                future.set_result(held.message)

    def _is_due(self, held: _HeldReply) -> bool:
        return held.page.received >= held.records and self._seen >= held.page.logged

    def _on_record(self, record: Record) -> None:
        self._seen = record.seq + 1
        if self._held:
            self.release()

    def close(self) -> None:
        """Stop listening to the log."""
        self._unobserve()
