"""What is read of the events that change a conversation, and nothing else of them: it is a log's hot path."""

from __future__ import annotations

import contextlib
import json
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtc_widget.log.record import Record

T = TypeVar("T", bound=msgspec.Struct)
Place = str | msgspec.UnsetType | None
"""A `previous_item_id`: null is the beginning of the conversation, absent says nothing."""


class Part(msgspec.Struct, gc=False):
    """A content part."""

    text: str | None = None
    transcript: str | None = None


class ItemBody(msgspec.Struct, gc=False):
    """An item, as events carry it."""

    id: str
    type: str | None = None
    role: str | None = None
    status: str | None = None
    name: str | None = None
    arguments: str | None = None
    call_id: str | None = None
    approval_request_id: str | None = None
    approve: bool | None = None
    output: Any = None
    error: Any = None
    content: list[Part] | None = None


class ItemEvent(msgspec.Struct, gc=False):
    """An event about a whole item."""

    item: ItemBody
    previous_item_id: Place = msgspec.UNSET
    response_id: str | None = None


class AboutItem(msgspec.Struct, gc=False):
    """An event about an item that it only names."""

    item_id: str
    previous_item_id: Place = msgspec.UNSET
    audio_end_ms: float | None = None


class Delta(msgspec.Struct, gc=False):
    """A piece of an item's words or arguments."""

    item_id: str
    delta: str = ""
    response_id: str | None = None
    call_id: str | None = None
    content_index: int | None = None


class Final(msgspec.Struct, gc=False):
    """The whole of an item's words or arguments."""

    item_id: str
    response_id: str | None = None
    call_id: str | None = None
    name: str | None = None
    content_index: int | None = None
    text: str | None = None
    transcript: str | None = None
    arguments: str | None = None
    part: Part | None = None
    usage: dict[str, Any] | None = None


class ResponseBody(msgspec.Struct, gc=False):
    """A response, as events carry it."""

    id: str
    status: str | None = None
    status_details: dict[str, Any] | None = None
    conversation_id: str | msgspec.UnsetType | None = msgspec.UNSET
    output_modalities: list[str] | None = None
    modalities: list[str] | None = None
    """As the beta called them."""
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    usage: dict[str, Any] | None = None
    output: list[ItemBody] | None = None


class ResponseEvent(msgspec.Struct, gc=False):
    """An event about a whole response."""

    response: ResponseBody
    usage: dict[str, Any] | None = None
    """Where some compatible services put it."""


class SessionBody(msgspec.Struct, gc=False):
    """What is read at once of a session; it is decoded whole when it is asked for."""

    model: str | None = None


class SessionEvent(msgspec.Struct, gc=False):
    """An event with a session in it, or with something else in its place."""

    session: SessionBody | None = None


class AboutResponse(msgspec.Struct, gc=False):
    """An event about a response that it only names."""

    response_id: str


def reader(shape: type[T]) -> Callable[[Record], T]:
    """Make what reads a shape out of a record.

    Parts that are of another kind than the API's are left out; without a part that is required,
    reading raises TypeError.
    """
    decode = msgspec.json.Decoder(shape).decode

    def read(record: Record) -> T:
        try:
            return decode(record.raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _fit(shape, record.event)

    return read


def _fit(shape: type[T], value: dict[str, Any]) -> T:
    taken = {}
    for field in msgspec.structs.fields(shape):
        if field.name in value:
            with contextlib.suppress(msgspec.ValidationError):
                taken[field.name] = _fit_to(field.type, value[field.name])
    return shape(**taken)


def _fit_to(kind: Any, given: Any) -> Any:
    """Return a value as a field's type, without the parts of it that are of another kind."""
    for one in get_args(kind) if isinstance(kind, UnionType) else (kind,):
        if isinstance(given, list) and get_origin(one) is list:
            return _fit_each(get_args(one)[0], given)
        if isinstance(given, dict) and isinstance(one, type) and issubclass(one, msgspec.Struct):
            return _fit(one, given)
    return msgspec.convert(given, kind)


def _fit_each(kind: Any, given: list[Any]) -> list[Any]:
    """Return what fits; in the place of what does not an empty one, where there can be one."""
    fitting = []
    for element in given:
        odd = issubclass(kind, msgspec.Struct) and not isinstance(element, dict)
        with contextlib.suppress(msgspec.ValidationError, TypeError):
            fitting.append(_fit_to(kind, {} if odd else element))
    return fitting


def text(value: Any) -> str | None:
    """Return a value as words: a string as it is, anything else as JSON text, None for null."""
    if value is None or isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate, which the standard library escapes
        return json.dumps(value)


def number(value: Any) -> float | None:
    """Return a JSON number, None for anything else."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:  # a JSON number has as many digits as it likes
        return None


def word(value: Any) -> str | None:
    """Return a string, None for anything else."""
    return value if isinstance(value, str) else None


read_item = reader(ItemEvent)
read_about_item = reader(AboutItem)
read_delta = reader(Delta)
read_final = reader(Final)
read_session = reader(SessionEvent)
read_response = reader(ResponseEvent)
read_about_response = reader(AboutResponse)
