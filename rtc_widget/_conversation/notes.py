"""Handlers of session events and of our own notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_widget._conversation.shapes import number, read_session, text, word

if TYPE_CHECKING:
    from rtc_widget._conversation.model import Model
    from rtc_widget.log.record import Record


def session_created(model: Model, record: Record) -> None:
    """Begin a conversation on the server."""
    model.call_over(record.t_ms)
    _begin(model)
    session_updated(model, record)


def _begin(model: Model) -> None:
    model.has_spoken = False
    model.layout.begin_conversation()


def session_updated(model: Model, record: Record) -> None:
    """Take over the effective session."""
    body = read_session(record).session
    if body is not None:
        model.tell_session(record, body.model)
        model.server_session = True


def configured(model: Model, record: Record) -> None:
    """Take over the variant; and the session, where a filter hides the server's own word."""
    event = record.event
    model.variant = word(event.get("variant"))
    if not model.server_session and isinstance(event.get("effective"), dict):
        model.session = event["effective"]


def state_changed(model: Model, record: Record) -> None:
    """End what only a call keeps going; another call begins a conversation, should a filter hide that."""
    state, call = record.event.get("state"), record.event.get("call")
    if state in {"ended", "failed"}:
        model.call_over(record.t_ms)
    elif isinstance(call, int) and call != model.call:
        model.call = call
        _begin(model)


def tool_ran(model: Model, record: Record) -> None:
    """Note what a Python function did for a tool call."""
    event = record.event
    run = model.run(str(event["tool_call_id"]))
    phase = event.get("phase")
    if phase == "started":
        run.t_started_ms = record.t_ms
    elif phase == "finished":
        run.t_finished_ms, run.run_ms = record.t_ms, number(event.get("run_ms"))
        run.output, run.error = text(event.get("output")), text(event.get("error"))
    elif phase == "sent":
        run.t_sent_ms = record.t_ms


def approval(model: Model, record: Record) -> None:
    """Note what became of a tool call that asks for approval."""
    event = record.event
    model.run(str(event["tool_call_id"])).approval = word(event.get("decision"))
