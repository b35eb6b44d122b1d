"""What a page asks the kernel for: a secret or an answer for its call, records, and what is the session's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError, ConnectionFailed, RtcWidgetError, SecretError
from rtc_widget._limit import within
from rtc_widget._loop import get_loop
from rtc_widget.log import pages
from rtc_widget.transports.base import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtc_widget.log.event_log import EventLog
    from rtc_widget.transports import messages
    from rtc_widget.transports.base import CallRequest
    from rtc_widget.transports.page import Page
    from rtc_widget.transports.relay import Relay

__all__ = ["Host", "PageRequests"]

_OF_A_CALL = frozenset({"answer", "secret"})


class Host:
    """What the browser transport asks of the session that it serves."""

    def call_request(self) -> CallRequest:
        """Return what the next call is made with; the first one opens the log."""
        raise NotImplementedError

    def panel_config(self) -> messages.PanelConfig:
        """Return what the panel shows."""
        raise NotImplementedError

    def take_text(self, text: str) -> None:
        """Say what was typed in the panel."""
        raise NotImplementedError

    def handler(self, method: str) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None:
        """Return what answers a request of the panel; None for one that the session does not know."""
        raise NotImplementedError


class PageRequests:
    """Answers the requests of all pages.

    Parameters
    ----------
    log
        The session's event log.
    host
        The session.
    """

    def __init__(self, log: EventLog, host: Host) -> None:
        self._log = log
        self._host = host
        self.request: CallRequest | None = None
        """What the call is made with that Python asked for; None when a page makes one by itself."""
        self.failure: RtcWidgetError | None = None
        """What went wrong last, of which the page knows the words only."""

    def take(self, relay: Relay, page: Page, id: str, method: str, params: dict[str, Any]) -> None:
        """Answer a request through the relay it came by; what goes wrong is the answer then."""
        handlers = {
            "secret": self._secret,
            "answer": self._answer,
            "tail": self._tail,
            "say": self._say,
        }
        own, of_session = handlers.get(method), self._host.handler(method)
        if own is None and of_session is None:
            relay.exchange.reply_error(page, id, _as_error(ConfigurationError(f"No request {method!r}.")))
            return

        async def run() -> None:
            try:
                if method in _OF_A_CALL:
                    _refuse_second(relay, page)
                if own is not None:
                    result = await own(params)
                elif of_session is not None:
                    result = await of_session(params)
            except RtcWidgetError as error:
                if own is not None:
                    self.failure = error
                relay.exchange.reply_error(page, id, _as_error(error))
            except Exception as error:  # noqa: BLE001 - a page that asks is always answered
                relay.exchange.reply_error(page, id, {"name": type(error).__name__, "message": str(error)})
            else:
                relay.exchange.reply(page, id, result)

        asyncio.run_coroutine_threadsafe(run(), get_loop())

    async def _secret(self, _params: dict[str, Any]) -> dict[str, Any]:
        request = self.request or self._host.call_request()
        provider = request.provider
        await provider.ready()
        note = {
            "provider": provider.name,
            "model": request.session.get("model"),
            "seconds": provider.policy.seconds,
        }
        try:
            with within(request.timeout_s):
                secret = await provider.mint(request.session, requester="page")
        except SecretError as error:
            self._log.note(
                "rtc.secret", **note, request_id=error.request_id, outcome=f"refused: {error.reason}"
            )
            raise
        self._log.note(
            "rtc.secret", **note, expires_at=secret.expires_at, request_id=secret.request_id, outcome="minted"
        )
        return {
            "value": secret.value,
            "calls_url": provider.calls_url,
            "expires_at": secret.expires_at,
            "headers": {},
            "loopback": is_loopback(provider.base_url),
        }

    async def _answer(self, params: dict[str, Any]) -> dict[str, Any]:
        request = self.request or self._host.call_request()
        await request.provider.ready()
        with within(request.timeout_s):
            answer = await request.provider.create_call(str(params.get("sdp")), session=request.session)
        if request.on_answered is not None:
            request.on_answered(answer)
        return {"sdp": answer.sdp, "rtc_call_id": answer.rtc_call_id}

    async def _tail(self, params: dict[str, Any]) -> dict[str, Any]:
        return pages.tail(self._log, params)

    async def _say(self, params: dict[str, Any]) -> dict[str, Any]:
        self._host.take_text(str(params.get("text") or ""))
        return {}


def _refuse_second(relay: Relay, page: Page) -> None:
    owner = relay.owner
    if owner is not None and owner is not page and owner.calling:
        raise ConnectionFailed(
            "page",
            "another page has this widget's call.",
            "Hang up there first, or make a second widget.",
        )


def _as_error(error: RtcWidgetError) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": type(error).__name__, "message": str(error)}
    if isinstance(error, ConnectionFailed):
        shown |= {"message": error.reason, "step": error.step, "advice": error.advice}
    return shown
