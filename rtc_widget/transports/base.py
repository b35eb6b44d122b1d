"""What a session asks of a transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.providers.base import Answer, Provider

__all__ = ["CallRequest", "Transport", "is_loopback"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """One attempt at a call.

    Parameters
    ----------
    provider
        Where the call is made.
    session
        Session fields to mint or to post with.
    signaling
        "ephemeral": the transport posts its offer with a client secret; "kernel": the provider posts it with
        the standard key.
    microphone
        "auto", "none", or a device id.
    attempt
        1-based number of this attempt in its session.
    timeout_s
        How long the attempt may take, in s.
    on_answered
        Called on the loop with the answer as soon as an offer that the kernel posted has one.
    """

    provider: Provider
    session: dict[str, Any]
    signaling: str
    microphone: str
    attempt: int
    timeout_s: float = 20.0
    on_answered: Callable[[Answer], None] | None = None

    @property
    def first_step(self) -> str:
        """What is done first at the service; a sandbox may have to start before."""
        if self.provider.is_sandbox:
            return "sandbox"
        return "secret" if self.signaling == "ephemeral" else "offer"


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to the kernel's own machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


class Transport(Protocol):
    """A way to one call at a time. Every method runs on the loop of `rtc_widget._loop`.

    A transport writes what happens into the event log it was made with: server events as they arrive, client
    events when the channel took them, and `rtc.state` notes.
    """

    name: str
    late_s: float
    """How late the sound of a call, and what is measured of it, may come, in s."""

    @property
    def max_message_bytes(self) -> int:
        """Bytes the data channel takes in one message."""

    async def connect(self, request: CallRequest) -> None:
        """Return when the data channel is open; raise ConnectionFailed with the step otherwise."""

    async def send(self, texts: list[str]) -> None:
        """Send client events in order; return when the channel took the last one."""

    async def play(self, pcm: bytes, sample_rate_hz: int, *, what: str) -> None:
        """Send mono s16le samples in place of the microphone, then silence; return after the last sample."""

    async def stop_play(self) -> None:
        """Give the line back to the microphone."""

    async def set_muted(self, muted: bool) -> None:
        """Silence the microphone, or let it be heard again."""

    async def hang_up(self, reason: str) -> None:
        """End the call, if there is one."""

    async def last_samples(self) -> None:
        """Return when the sound of a call that is over has come."""

    async def close(self) -> None:
        """Let everything go."""
