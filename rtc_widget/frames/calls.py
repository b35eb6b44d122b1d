"""The `calls` frame: a row is a WebRTC call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame

if TYPE_CHECKING:
    from rtc_widget.frames._frame import Source
    from rtc_widget.log.record import Record

STEPS = ("microphone_ms", "secret_ms", "offer_ms", "answer_ms", "ice_ms", "channel_ms")
_STEP_DOCS = (
    "asking for the microphone",
    "minting the client secret",
    "making the offer",
    "the provider's answer",
    "ICE: a way to the service",
    "opening the data channel",
)

_OVER = frozenset({"ended", "failed"})

COLUMNS = (
    Column(
        "rtc_call_id",
        "rtc_call_id",
        "string",
        "The service's id of the call, `rtc_…`; NA when it never answered.",
    ),
    Column("t_start_ms", "t_start_ms", "float", "Connecting began; ms since the first record."),
    Column("t_open_ms", "t_open_ms", "float", "The data channel was open."),
    Column("t_end_ms", "t_end_ms", "float", "It ended or failed; NA while it lasts."),
    Column("connect_ms", "connect_ms", "float", "Connecting to data channel open."),
    *(
        Column(step, f"steps.{step}", "float", f"Of connect_ms: {doc}; some run side by side.")
        for step, doc in zip(STEPS, _STEP_DOCS, strict=True)
    ),
    Column("reason", "reason", "string", "Why it ended or failed."),
)


def _read(record: Record) -> list[Record]:
    return [record]


def call_rows(source: Source) -> list[dict[str, Any]]:
    """Return one dict a call, in order, from the states that its notes tell."""
    calls: dict[Any, dict[str, Any]] = {}
    for record in source.kept.get("calls", []):
        event = record.event
        state, number = event.get("state"), event.get("call")
        if state == "idle" or not isinstance(number, int):
            continue
        call = calls.setdefault(number, {"t_start_ms": record.t_ms, "state": None})
        if call["state"] in _OVER and state != "live":
            continue
        call["state"] = state
        call["rtc_call_id"] = event.get("rtc_call_id") or record.rtc_call_id or call.get("rtc_call_id")
        for name in ("connect_ms", "steps"):
            call[name] = event.get(name) or call.get(name)
        if state == "live" and call.get("t_open_ms") is None:
            call["t_open_ms"] = record.t_ms
        over = state in _OVER  # or live again: its page had only been out of reach
        call["t_end_ms"] = record.t_ms if over else None
        call["reason"], call["step"] = (event.get("reason"), event.get("step")) if over else (None, None)
    return list(calls.values())


FRAME = Frame("calls", "a WebRTC call", COLUMNS, call_rows, frozenset({"rtc.state"}), _read)
