"""How a sideband's WebSocket is opened: its key goes to the service's own address, and into no log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from rtc_widget._errors import ConfigurationError, ConnectionFailed
from rtc_widget.providers._credentials import NoToken

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from rtc_widget.providers.base import Provider

__all__ = ["Refused", "check_installed", "open_socket"]

_OPEN_S = 10.0
_REDIRECTS = range(300, 400)

# websockets prints every header that it sends, at DEBUG.
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)
_log.addFilter(lambda record: record.levelno >= logging.INFO)


class Refused(ConnectionFailed):
    """The service answered, and did not let us in."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(
            "sideband",
            reason,
            "The key does not follow to another address: give the provider the service's own."
            if status in _REDIRECTS
            else 'A sideband joins calls that the kernel made (signaling="kernel"), while they last.',
        )
        self.status = status


def check_installed() -> None:
    """Refuse a sideband without websockets.

    Raises
    ------
    ConfigurationError
        Names the pip command.
    """
    try:
        import websockets  # noqa: F401 - that it is there is all
    except ImportError:
        raise ConfigurationError(
            "A sideband needs websockets: run `pip install 'rtc_widget[sideband]'`."
        ) from None


async def open_socket(provider: Provider, rtc_call_id: str) -> ClientConnection:
    """Return a WebSocket to a call.

    Parameters
    ----------
    provider
        Whose call it is; its standard key goes along.
    rtc_call_id
        The call.

    Raises
    ------
    ConnectionFailed
        When the service does not let us in (then it is a `Refused`), does not answer, or there is no token
        for it (then it is a `NoToken`).
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    class Here(connect):
        """Follows no redirect: other headers than Authorization would go to whatever place it names."""

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    try:
        await provider.credentials.refresh()
    except NoToken as error:
        raise NoToken(error.reason, "sideband") from None
    try:
        return await Here(
            provider.sideband_url(rtc_call_id),
            additional_headers=provider.credentials.headers(),
            proxy=True if provider.trust_env else None,
            open_timeout=_OPEN_S,
            close_timeout=1.0,
            max_size=None,
            logger=_log,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        body = provider.credentials.redact((error.response.body or b"").decode(errors="replace"))
        failure = Refused(f"HTTP {status}, {_message_of(body)}.", status)
        raise failure from None
    except Exception as error:  # noqa: BLE001 - whatever it is, the frames that it went through hold the key
        said = provider.credentials.redact(str(error)) or type(error).__name__
        raise ConnectionFailed("sideband", f"no answer ({said}).", "Check the network.") from None


def _message_of(body: str) -> str:
    try:
        message: Any = msgspec.json.decode(body)["error"]["message"]
        return str(message).rstrip(".")
    except (msgspec.MsgspecError, KeyError, TypeError):
        return body.strip()[:200] or "no message"
