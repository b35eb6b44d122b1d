"""The errors of rtc_widget: each leaf is something a user catches for a reason.

RtcWidgetError
├── ConfigurationError    nothing to talk to, a bad argument, a missing extra
├── ProtocolError         a client event that the API does not take
├── ConnectionFailed      no call: which step, and what to try
│   └── SecretError       that step was minting a client secret: status, API message, request id
├── ServerError           an `error` event that answers one of our commands
├── WaitTimeout           what was awaited, how long, and what came instead
└── RecordingError        a journal or audio file that cannot be read
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget._secrets import redacted

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = [
    "ConfigurationError",
    "ConnectionFailed",
    "ProtocolError",
    "RecordingError",
    "RtcWidgetError",
    "SecretError",
    "ServerError",
    "WaitTimeout",
]


class RtcWidgetError(Exception):
    """Base of every error that rtc_widget raises on purpose; copied and sent to other processes whole."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what it is made of: its words, which are no arguments of its class, and what it knows."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[RtcWidgetError], words: tuple[Any, ...]) -> RtcWidgetError:
    return kind.__new__(kind, *words)


class ConfigurationError(RtcWidgetError):
    """Nothing to talk to, a bad argument, or a missing extra (names the pip command)."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redacted(message))  # what was given may be a key


class ProtocolError(RtcWidgetError):
    """A client event that the API does not take; the message says the right form."""


class ConnectionFailed(RtcWidgetError):
    """There is no call.

    Parameters
    ----------
    step
        The step that failed: page, sandbox, microphone, secret, offer, answer, ice or channel; of what is
        asked of a call that there is: accept, reject, refer, hangup or sideband.
    reason
        What happened there.
    advice
        What to try.
    """

    def __init__(self, step: str, reason: str, advice: str | None = None) -> None:
        self.step = step
        self.reason = reason = redacted(reason)  # a service may repeat the key that it refuses
        self.advice = advice
        text = f"{step}: {reason}"
        super().__init__(f"{text} {advice}" if advice else text)


class SecretError(ConnectionFailed):
    """Minting a client secret failed: there is no call, and the step is "secret". Never holds a key.

    Parameters
    ----------
    message
        What happened, and what to try.
    status
        HTTP status of the answer, None when there was none.
    request_id
        The service's id of the request, for its support.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        self.status = status
        self.request_id = request_id
        super().__init__("secret", message)


class ServerError(RtcWidgetError):
    """An `error` event of the service that answers one of our commands.

    Parameters
    ----------
    event
        The server's `error` event as a dict.
    """

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event = dict(event)
        details = event.get("error")
        error: Mapping[str, Any] = details if isinstance(details, dict) else {}
        self.code: str | None = error.get("code") or error.get("type")
        self.param: str | None = error.get("param")
        text = str(error.get("message") or "the service answered with an error")
        notes = [f"code {self.code}" if self.code else "", f"at {self.param}" if self.param else ""]
        aside = ", ".join(note for note in notes if note)
        super().__init__(f"{text} ({aside})" if aside else text)


class WaitTimeout(RtcWidgetError):
    """Something awaited did not come in time.

    Parameters
    ----------
    what
        What was awaited.
    seconds
        How long, in s.
    seen
        Types of the last events that came instead, oldest first.
    hint
        The likely cause (an old kernel, say) and the way out.
    """

    def __init__(self, what: str, seconds: float, seen: Sequence[str] = (), hint: str | None = None) -> None:
        self.what = what
        self.seconds = seconds
        self.seen = list(seen)
        self.hint = hint
        came = f"Last events: {', '.join(self.seen)}." if self.seen else "No event came."
        waited = f"{seconds:.2g}" if seconds < 1 else f"{round(seconds, 1):g}"
        text = f"Waited {waited} s for {what}. {came}"
        super().__init__(f"{text} {hint}" if hint else text)


class RecordingError(RtcWidgetError):
    """A journal or audio file that cannot be read.

    Parameters
    ----------
    message
        What is wrong, and what to try.
    path
        The file.
    line
        1-based number of the line, None where that means nothing.
    """

    def __init__(
        self, message: str, *, path: str | os.PathLike[str] | None = None, line: int | None = None
    ) -> None:
        self.path = path
        self.line = line
        where = f"{path}, line {line}: " if path is not None and line is not None else ""
        super().__init__(f"{where}{message}")
