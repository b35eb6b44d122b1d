"""The configuration of a session: what was asked for, what is in force, and each change of it as a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from rtc_widget import protocol
from rtc_widget._errors import ConfigurationError
from rtc_widget.log.masking import masked_copy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtc_widget._core import Core
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.log.record import Record

__all__ = ["Configuration", "FieldProperties", "Update", "unless_changed"]

_SERVER_VAD = {"type": "server_vad"}
_IN_SESSION = ("conversation.item.", "input_audio_buffer.", "output_audio_buffer.", "response.")
"""Events that only come once the session is there."""


@dataclass(frozen=True, eq=False)
class Update:
    """Changes of a live session, of a variant or not, that hold once the server confirms them."""

    changes: dict[str, Any]
    variant: Variant | None = None


class Configuration:
    """What the next call is made with, and what the live session has.

    Parameters
    ----------
    fields
        Flat or nested session fields, over the defaults.
    type
        Of the session: "realtime" or "transcription".
    variant
        The variant that these fields are, if they are one.

    Raises
    ------
    ConfigurationError, ProtocolError
        For a field or value that no session takes.
    """

    def __init__(
        self, fields: Mapping[str, Any], type: str = "realtime", variant: Variant | None = None
    ) -> None:
        self.type = type
        make = protocol.default_transcription if type == "transcription" else protocol.default_session
        self.requested: dict[str, Any] = make(**fields)
        self.version = 1
        self.variant: str | None = None
        """Name of the variant in effect; None as soon as a field was changed by itself.

        Tools come from outside a variant: they change none that does not name its own.
        """
        self._names_tools = False
        self._name({}, variant, differs=False)
        self._noted: dict[str, Any] = {}
        self._cause = "connect"
        self._untold = False
        self._core: Core

    def follow(self, core: Core) -> None:
        """Note each change of the effective session in the log of `core`."""
        self._core = core
        for record in core.log.records(types={"rtc.config"}):  # of a session that goes on
            note = record.event
            self._noted = note.get("effective") or {}
            self.version = max(self.version, int(note.get("version") or 1))
        core.watchers.append(self._on_record)

    def _on_record(self, record: Record) -> None:
        if record.direction != "server":
            return
        if record.type in {"session.created", "session.updated"}:
            self._take_session(record)
        elif self._untold and record.type.startswith(_IN_SESSION):
            # A filter keeps the service's own word back: what was asked for is all that is known.
            self._untold = False
            self._note("connect", self.requested)

    def _take_session(self, record: Record) -> None:
        self._untold = False
        effective = self._core.conversation.session
        cause = self._cause
        changed = protocol.session_diff(self._noted, effective)
        answered = self._core.unanswered.answered_by(record)
        update = None if answered is None else answered.about
        if isinstance(update, Update):
            cause = "update"
            self._name(update.changes, update.variant, differs=bool(changed))
            self.requested = protocol.merge_session(self.requested, update.changes)
        self._cause = "server"
        if not changed and cause == "server":
            return
        if cause != "connect":
            self.version += 1
        self._note(cause, effective)

    def _note(self, cause: str, effective: dict[str, Any]) -> None:
        changed = protocol.session_diff(self._noted, effective)
        self._noted = effective
        self._core.log.note(
            "rtc.config",
            version=self.version,
            cause=cause,
            variant=self.variant,
            changed=changed,
            effective=effective,
        )

    def begin_call(self) -> None:
        """Say that what the server reports next answers a new call."""
        self._cause, self._untold = "connect", True

    def check_changes(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nested form of changes, checked against the session they change.

        Raises
        ------
        ConfigurationError, ProtocolError
            For a field or value that the session does not take.
        """
        changes = protocol.of_its_type(protocol.session_fields(**fields), self.type)
        if self.type == "transcription":
            changes = protocol.transcription_changes(changes)
        conversation = self._core.conversation
        if self._core.status == "live":  # else nothing is sent, and the next call may have another model
            protocol.check_client_event(
                {"type": "session.update", "session": {"type": self.type, **changes}},
                session=conversation.session or self.requested,
                has_spoken=conversation.has_spoken,
            )
        return changes

    def keep(self, changes: dict[str, Any], variant: Variant | None = None) -> dict[str, Any]:
        """Make changes, of a variant or not, part of what the next call is made with; return that to show."""
        merged = protocol.merge_session(self.requested, changes)
        self._name(changes, variant, differs=merged != self.requested)
        self.requested = merged
        if self._noted:
            self.version += 1
        return masked_copy(self.requested)

    def _name(self, changes: Mapping[str, Any], variant: Variant | None, *, differs: bool) -> None:
        """Say which variant the session is after these changes."""
        if variant is not None:
            self.variant, self._names_tools = variant.name, "tools" in variant.fields
        elif differs and not _leave_it(changes, names_tools=self._names_tools):
            self.variant = None

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """How the server ends the user's turn, its default where nothing is known; None: by hand."""
        value = self.field("turn_detection", _SERVER_VAD)
        return value if isinstance(value, dict) else None

    @property
    def now(self) -> dict[str, Any]:
        """What is in force in a live session, else what the next call is made with."""
        live = self._core.status == "live"
        return (self._core.conversation.session if live else None) or self.requested

    def field(self, name: str, default: Any = None) -> Any:
        """Return a field by its flat name: what is in force in a live session, else what is asked for."""
        return _field_of(self.now, name, default)

    def __repr__(self) -> str:
        """Say what calls are made with; neither instructions nor tools, which may hold what is secret."""
        listens = self.type == "transcription"
        heard_by = _field_of(self.requested, "transcription") or {}
        voice = _field_of(self.requested, "voice")
        facts = [
            listens and self.type,
            heard_by.get("model") if listens else _field_of(self.requested, "model"),
            voice and f"voice {voice.get('id') if isinstance(voice, dict) else voice}",
            f"version {self.version}",
            self.variant and f"variant {self.variant}",
        ]
        return f"<Configuration: {', '.join(str(fact) for fact in facts if fact)}>"


def _field_of(session: Mapping[str, Any], name: str, default: Any = None) -> Any:
    value: Any = session
    for step in protocol.SESSION_PLACES.get(name, (name,)):
        if not isinstance(value, dict) or step not in value:
            return default
        value = value[step]
    return value


def unless_changed(variant: Variant, fields: Mapping[str, Any]) -> Variant | None:
    """Return a variant, if it is still itself with these fields over its own."""
    return variant if _leave_it(fields, names_tools="tools" in variant.fields) else None


def _leave_it(fields: Mapping[str, Any], *, names_tools: bool) -> bool:
    """Whether a variant is still itself with other fields: with tools, where it names none."""
    return fields.keys() <= (set() if names_tools else {"tools"})


def _refuse(name: str) -> NoReturn:
    raise ConfigurationError(f"{name} is read-only: change it with `await w.update({name}=…)`.")


def _read_only(name: str, text: str) -> property:
    def read(self: FieldProperties) -> Any:
        return self._field(name)

    def refuse(self: FieldProperties, value: object) -> None:  # noqa: ARG001 - the value never matters
        _refuse(name)

    read.__doc__ = text
    return property(read, refuse)


class FieldProperties:
    """The session's fields by their flat names, read-only; assigning names `update()`."""

    def _field(self, name: str) -> Any:
        raise NotImplementedError

    include = _read_only("include", "What is asked for besides, such as log probabilities of transcripts.")
    input_format = _read_only("input_format", "Format of the user's audio.")
    instructions = _read_only("instructions", "What the model is told to be.")
    max_output_tokens = _read_only("max_output_tokens", 'Most tokens of one response, or "inf".')
    model = _read_only("model", "The model that answers.")
    noise_reduction = _read_only("noise_reduction", "How the input is cleaned, None when it is not.")
    output_format = _read_only("output_format", "Format of the agent's audio.")
    output_modalities = _read_only("output_modalities", '["audio"] or ["text"].')
    parallel_tool_calls = _read_only("parallel_tool_calls", "Whether one response may call several tools.")
    prompt = _read_only("prompt", "A prompt kept by the service, by its id.")
    reasoning = _read_only("reasoning", "How much the model thinks first.")
    speed = _read_only("speed", "How fast the voice speaks, 0.25 to 1.5.")
    tool_choice = _read_only("tool_choice", "How the model chooses tools.")
    tools = _read_only("tools", "What the model may call, as it is declared to the service.")
    tracing = _read_only("tracing", "Where the service keeps traces of the session.")
    transcription = _read_only("transcription", "How the user's speech is transcribed, None when it is not.")
    truncation = _read_only("truncation", "What is dropped of a conversation that grows too long.")
    turn_detection = _read_only("turn_detection", "How the user's turn ends, None when by hand.")
    voice = _read_only("voice", "The voice that speaks.")
