"""What the API says: event names, what an event may hold, old names, limits; and the Realtime dialect."""

from __future__ import annotations

from rtc_widget.protocol import dialect
from rtc_widget.protocol.answers import Answer, answers, is_nothing_to_cancel
from rtc_widget.protocol.checks import check_client_event, check_client_secret_request, preload
from rtc_widget.protocol.endings import CALL_TOO_LONG, CALL_UNKNOWN, ending_of
from rtc_widget.protocol.fields import RESPONSE_PLACES, SESSION_PLACES, response_fields, session_fields
from rtc_widget.protocol.ids import MARK, mark_of, new_event_id, new_item_id, new_mark, without_mark
from rtc_widget.protocol.legacy import endpoint_hint
from rtc_widget.protocol.messages import (
    CLIENT_SECRET_SECONDS,
    check_message_bytes,
    check_secret_seconds,
    encode,
)
from rtc_widget.protocol.models import (
    DEFAULT_MODEL,
    DEFAULT_TRANSCRIPTION_MODEL,
    DEFAULT_VOICE,
    MODELS,
    TRANSCRIPTION_MODELS,
    VOICES,
    Model,
    ShutdownWarning,
    warn_if_shutting_down,
    warn_of_shutdowns,
)
from rtc_widget.protocol.names import CLIENT_EVENTS, SERVER_EVENTS, check_event_name
from rtc_widget.protocol.session_config import (
    default_session,
    default_transcription,
    merge_session,
    of_its_type,
    session_diff,
    transcription_changes,
)

__all__ = [
    "CALL_TOO_LONG",
    "CALL_UNKNOWN",
    "CLIENT_EVENTS",
    "CLIENT_SECRET_SECONDS",
    "DEFAULT_MODEL",
    "DEFAULT_TRANSCRIPTION_MODEL",
    "DEFAULT_VOICE",
    "MARK",
    "MODELS",
    "RESPONSE_PLACES",
    "SERVER_EVENTS",
    "SESSION_PLACES",
    "TRANSCRIPTION_MODELS",
    "VOICES",
    "Answer",
    "Model",
    "ShutdownWarning",
    "answers",
    "check_client_event",
    "check_client_secret_request",
    "check_event_name",
    "check_message_bytes",
    "check_secret_seconds",
    "default_session",
    "default_transcription",
    "dialect",
    "encode",
    "ending_of",
    "endpoint_hint",
    "is_nothing_to_cancel",
    "mark_of",
    "merge_session",
    "new_event_id",
    "new_item_id",
    "new_mark",
    "of_its_type",
    "preload",
    "response_fields",
    "session_diff",
    "session_fields",
    "transcription_changes",
    "warn_if_shutting_down",
    "warn_of_shutdowns",
    "without_mark",
]
