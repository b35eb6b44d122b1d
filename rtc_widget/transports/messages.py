"""The messages of the relay, kernel end; `js/src/messages.ts` is the other end, same names, same order.

Every message is a dict with `kind` and `page`: the random id of one widget instance in one page. A message of
the kernel goes to every front end; one whose `page` is not its own a front end ignores.

From the browser: `hello`, `records`, `audio` (with buffers), `request` (may have buffers), `reply`, `pong`.
From the kernel: `welcome`, `ack`, `audio_ack`, `command`, `reply`, `ping`, `tail`, `note`, `config`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from rtc_widget.log.pages import Row

__all__ = [
    "EVERY_PAGE",
    "PanelConfig",
    "ReplayConfig",
    "ack",
    "audio_ack",
    "command",
    "config",
    "note",
    "ping",
    "reply",
    "reply_error",
    "tail",
    "welcome",
]

EVERY_PAGE = "*"

Message = dict[str, Any]


class ReplayConfig(TypedDict):
    """What the panel shows of a recording that it replays."""

    name: str
    duration_ms: float
    aligned_ms: float | None


class PanelConfig(TypedDict):
    """What the panel shows of the session and needs for a call; nothing in it is secret."""

    provider: str
    sandbox: bool
    model: str
    voice: str
    signaling: str
    microphone: str
    prompt_version: int
    variant: str | None
    transcription: bool
    answers: bool
    calls_url: str
    loopback: bool
    record: bool
    cost_usd: float | None
    elapsed_ms: float | None
    replay: ReplayConfig | None


def welcome(
    page: str,
    *,
    received: int,
    missing: bool,
    durable: int,
    owner: str | None,
    panel: PanelConfig,
    length: int,
    end: str,
) -> Message:
    """Answer a hello: what is here already, who owns the call; or say that something is missing.

    `end` is another one when another kernel answers, which knows nothing of what the one before was asked.
    """
    return {
        "kind": "welcome",
        "page": page,
        "received": received,
        "missing": missing,
        "durable": durable,
        "owner": owner,
        "config": panel,
        "length": length,
        "end": end,
    }


def ack(page: str, *, received: int, durable: int) -> Message:
    """Say which number is expected next, and below which all is on disk."""
    return {"kind": "ack", "page": page, "received": received, "durable": durable}


def audio_ack(page: str, *, received: int, durable: int) -> Message:
    """Say which chunk of sound is expected next, and below which all are on disk."""
    return {"kind": "audio_ack", "page": page, "received": received, "durable": durable}


def command(page: str, id: str, method: str, params: Message) -> Message:
    """Ask the page to do something; it always replies."""
    return {"kind": "command", "page": page, "id": id, "method": method, "params": params}


def reply(page: str, id: str, result: Message) -> Message:
    """Answer a page's request."""
    return {"kind": "reply", "page": page, "id": id, "ok": True, "result": result}


def reply_error(page: str, id: str, error: Message) -> Message:
    """Answer a page's request that failed."""
    return {"kind": "reply", "page": page, "id": id, "ok": False, "error": error}


def ping(page: str, id: str) -> Message:
    """Ask for the page's clock, and whether it is there."""
    return {"kind": "ping", "page": page, "id": id}


def tail(page: str, records: list[Row]) -> Message:
    """Show records to a page that does not own the call."""
    return {"kind": "tail", "page": page, "records": records}


def note(page: str, text: str) -> Message:
    """Show a note of the kernel's own to the page whose records are its own."""
    return {"kind": "note", "page": page, "text": text}


def config(panel: PanelConfig) -> Message:
    """Tell every page what the session is now."""
    return {"kind": "config", "page": EVERY_PAGE, "config": panel}
