"""The names of the Realtime API's events; nothing outside `protocol` spells them differently."""

from __future__ import annotations

from rtc_widget._errors import ProtocolError
from rtc_widget.protocol import legacy
from rtc_widget.protocol.nearest import nearest
from rtc_widget.protocol.refusal import shown

__all__ = ["CLIENT_EVENTS", "LEADS_TO", "SERVER_EVENTS", "check_event_name"]

CLIENT_EVENTS = frozenset(
    {
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "input_audio_buffer.append",
        "input_audio_buffer.clear",
        "input_audio_buffer.commit",
        "output_audio_buffer.clear",
        "response.cancel",
        "response.create",
        "session.update",
    }
)
"""Types of the events that a client sends."""

SERVER_EVENTS = frozenset(
    {
        "conversation.created",
        "conversation.item.added",
        "conversation.item.created",
        "conversation.item.deleted",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.failed",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "error",
        "input_audio_buffer.cleared",
        "input_audio_buffer.committed",
        "input_audio_buffer.dtmf_event_received",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "rate_limits.updated",
        "response.content_part.added",
        "response.content_part.done",
        "response.created",
        "response.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "session.created",
        "session.updated",
    }
)
"""Types of the events that the service sends."""

LEADS_TO = {
    "conversation.item.added": "conversation.item.create",
    "conversation.item.created": "conversation.item.create",
    "conversation.item.deleted": "conversation.item.delete",
    "conversation.item.done": "conversation.item.create",
    "conversation.item.retrieved": "conversation.item.retrieve",
    "conversation.item.truncated": "conversation.item.truncate",
    "input_audio_buffer.cleared": "input_audio_buffer.clear",
    "input_audio_buffer.committed": "input_audio_buffer.commit",
    "output_audio_buffer.cleared": "output_audio_buffer.clear",
    "response.created": "response.create",
    "response.done": "response.create",
    "session.created": "session.update",
    "session.updated": "session.update",
}
"""The client event that brings a server event about, where there is one."""


def check_event_name(name: str) -> str:
    """Check the type of an event that somebody waits for or listens to.

    Types that nothing here knows pass, since the API grows; names of the beta, invented ones and slips of
    the pen do not.

    Parameters
    ----------
    name
        Type of a client event, a server event or a note (`rtc.…`).

    Returns
    -------
    str
        The name.

    Raises
    ------
    ProtocolError
        For an event that never was, or is no more; says the right name.
    """
    if not _is_word(name):
        raise ProtocolError(
            f'{shown(name)} is no event type. Right form: its name as a string, for example "response.done".'
        )
    if name in SERVER_EVENTS or name in CLIENT_EVENTS or name.startswith("rtc."):
        return name
    old = legacy.event_hint(name)
    if old is not None:
        raise ProtocolError(f'"{name}": {old}')
    meant = nearest(name, SERVER_EVENTS | CLIENT_EVENTS, at_least=0.88)
    if meant is not None:
        raise ProtocolError(f'"{name}": the API has no such event. Did you mean "{meant}"?')
    return name


def _is_word(name: object) -> bool:
    return isinstance(name, str) and bool(name)
