"""One record of the log: the event's text as it came, its clocks, and the few fields worth indexing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class ItemHead(msgspec.Struct, gc=False):
    """What is indexed of an event's `item`."""

    id: str | None = None
    call_id: str | None = None


class ResponseHead(msgspec.Struct, gc=False):
    """What is indexed of an event's `response`."""

    id: str | None = None


class Head(msgspec.Struct, gc=False):
    """The fields of an event that the log indexes; everything else stays text until asked for."""

    type: str | None = None
    event_id: str | None = None
    item_id: str | None = None
    response_id: str | None = None
    call_id: str | None = None
    tool_call_id: str | None = None
    rtc_call_id: str | None = None
    item: ItemHead | None = None
    response: ResponseHead | None = None


class ArrivedHead(Head, gc=False):
    """The same of an event that just came, which may hold a client secret in plain sight."""

    client_secret: msgspec.Raw = msgspec.Raw(b"")


_decode_arrived = msgspec.json.Decoder(ArrivedHead).decode
_decode_head = msgspec.json.Decoder(Head).decode
_decode_heads = msgspec.json.Decoder(Head).decode_lines
_decode_any = msgspec.json.Decoder().decode
_HEAD_FIELDS = ("type", "event_id", "item_id", "response_id", "call_id", "tool_call_id", "rtc_call_id")


class Record(msgspec.Struct, gc=False):
    """One entry of the event log.

    Attributes
    ----------
    seq : int
        Place in the log, from 0.
    direction : str
        `"client"`, `"server"` or `"local"` (a note of our own).
    type : str
        The event's `type`, `""` when it has none.
    raw : bytes
        The event's JSON text as it came, UTF-8.
    t_ms : float or None
        Milliseconds since the session's first record; None in recordings that kept no time.
    t_browser_ms : float or None
        The browser's clock (timeOrigin + performance.now, epoch ms).
    t_kernel_ms : float or None
        The kernel's monotonic clock, ms.
    rtc_call_id : str or None
        The WebRTC call it travelled on.
    """

    seq: int
    direction: str
    type: str
    raw: bytes
    t_ms: float | None
    t_browser_ms: float | None
    t_kernel_ms: float | None
    rtc_call_id: str | None
    decoded: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The event's JSON text."""
        return self.raw.decode("utf-8")

    @property
    def event(self) -> dict[str, Any]:
        """The event as a dict, decoded when first asked for; `{}` when it is no JSON object."""
        if self.decoded is None:
            self.decoded = decode_event(self.raw)
        return self.decoded


def as_utf8(raw: str | bytes) -> bytes:
    """Return the text as UTF-8 bytes.

    A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape (the same text to a JSON
    reader); bytes that are no UTF-8 get replacement characters.
    """
    if isinstance(raw, str):
        try:
            return raw.encode()
        except UnicodeEncodeError:
            return raw.encode("utf-8", "backslashreplace")
    if raw.isascii():
        return bytes(raw)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode("utf-8")
    return bytes(raw)


def as_json(value: Any) -> bytes:
    """Encode a value of our own; what JSON does not know becomes its text."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:  # a lone surrogate, which the standard library escapes
        return json.dumps(value, default=str).encode()


def read_head(raw: bytes) -> tuple[ArrivedHead, bool]:
    """Read the indexed fields of an event.

    Returns
    -------
    (ArrivedHead, bool)
        The fields that are there and are strings, and whether the text is strict JSON.
    """
    try:
        return _decode_arrived(raw), True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_odd_head(raw)


def read_heads(raws: Sequence[Any], joined: Any = None) -> list[Head]:
    """Read the indexed fields of many events (bytes, or anything with their buffer).

    Parameters
    ----------
    raws : sequence
        The events.
    joined : buffer, optional
        The same end to end, where each is known to be JSON: it is read faster.
    """
    try:
        if joined is None:
            return [_decode_head(raw) for raw in raws]
        heads = _decode_heads(joined)  # it takes only objects, which need nothing between them
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        heads = []
    return heads if len(heads) == len(raws) else [read_head(bytes(raw))[0] for raw in raws]


def decode_event(raw: bytes) -> dict[str, Any]:
    """Decode an event's text; `{}` when it is no JSON object."""
    try:
        value = _decode_any(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value, _ = decode_odd(raw)
    return value if isinstance(value, dict) else {}


def _read_odd_head(raw: bytes) -> tuple[ArrivedHead, bool]:
    value, strict = decode_odd(raw)
    head = ArrivedHead()
    if not isinstance(value, dict):
        return head, strict
    item, response = value.get("item"), value.get("response")
    if "client_secret" in value:
        head.client_secret = msgspec.Raw(b"null")
    for name in _HEAD_FIELDS:
        setattr(head, name, _string(value.get(name)))
    if isinstance(item, dict):
        head.item = ItemHead(_string(item.get("id")), _string(item.get("call_id")))
    if isinstance(response, dict):
        head.response = ResponseHead(_string(response.get("id")))
    return head, strict


def decode_odd(raw: bytes) -> tuple[Any, bool]:
    """Decode with the strict decoder, else with Python's own, which takes lone surrogates and NaN.

    Returns
    -------
    (value, bool)
        None for what neither takes, and whether the text is strict JSON.
    """
    try:
        return _decode_any(raw), True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(raw), False
    except (ValueError, RecursionError):
        return None, False


def _string(value: Any) -> str | None:
    """Return a string that Arrow can hold, None for anything else."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
