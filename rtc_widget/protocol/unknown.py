"""What an error says of a field or an event that the API does not know: what was meant, and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ProtocolError
from rtc_widget.protocol import legacy
from rtc_widget.protocol.names import LEADS_TO, SERVER_EVENTS
from rtc_widget.protocol.nearest import listed, nearest, plain, similarity
from rtc_widget.protocol.refusal import refusal, shown
from rtc_widget.protocol.schema import Shape, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["no_mapping", "no_such_event", "unknown_field"]

_ALMOST_SURE = 0.8
_MOST_PLACES = 3


def no_mapping(event: object) -> ProtocolError:
    """Make the error of an event that is no dict."""
    if isinstance(event, (str, bytes)):
        return ProtocolError(
            "A client event is a dict, and this is text. Right form: send_event(json.loads(…)), "
            'or send_event({"type": "response.create"}).'
        )
    return ProtocolError(
        f"A client event is a dict, and this is a {type(event).__name__}. "
        'Right form: {"type": "response.create"}.'
    )


def no_such_event(event: Mapping[str, Any], known: tuple[str, ...]) -> ProtocolError:
    """Make the error of an event without a type, or with one that no client event has."""
    if "type" not in event:
        fields: Iterable[object] = event
        wrong = nearest("type", [name for name in fields if isinstance(name, str)])
        cause = f'its "{wrong}" is not it' if wrong is not None else "it has none"
        given = event.get(wrong) if wrong is not None else None
        meant = given if isinstance(given, str) and given in known else _by_fields(event, known)
        return ProtocolError(
            f'A client event needs its type, and {cause}. Right form: {{"type": "{meant}", …}}.'
        )
    name = event["type"]
    if not isinstance(name, str):
        return ProtocolError(
            f'An event\'s type is a string, and {shown(name)} is none. Right form: "response.create".'
        )
    return ProtocolError(f"{shown(name)}: {_no_such_type(name, known)}")


def _no_such_type(name: str, known: tuple[str, ...]) -> str:
    old = legacy.event_hint(name)
    if old is not None:
        return old
    sent = f"What a client sends: {listed(sorted(known))}."
    if name in SERVER_EVENTS:
        leads = LEADS_TO.get(name)
        way = f'The client event that leads to it is "{leads}".' if leads is not None else sent
        return f"this is a server event: it is received, never sent. {way}"
    if name.startswith("rtc."):
        return f"this is a note of ours, never sent. {sent}"
    meant = nearest(name, known)
    way = sent if meant is None else f'Did you mean "{meant}"?'
    return f"the API has no such event. {way}"


def _by_fields(event: Mapping[str, Any], known: tuple[str, ...]) -> str:
    for field, name in (
        ("session", "session.update"),
        ("response", "response.create"),
        ("item", "conversation.item.create"),
        ("audio_end_ms", "conversation.item.truncate"),
        ("audio", "input_audio_buffer.append"),
        ("response_id", "response.cancel"),
        ("item_id", "conversation.item.retrieve"),
    ):
        if field in event and name in known:
            return name
    return "response.create"


def unknown_field(event_type: str) -> Callable[[Shape, str, str], Exception]:
    """Make the function that explains unknown fields of one event to the walk."""

    def explain(shape: Shape, place: str, name: str) -> Exception:
        own = f"{place}.{name}" if place else name
        old = legacy.field_hint(place, name)
        if old is not None:
            return refusal(own, old)
        siblings = tuple(shape.fields)
        # event_id is in every event, and seldom the id that was meant.
        others = [field for field in siblings if field != "event_id"]
        near = nearest(name, others) or nearest(name, siblings)
        if near is not None and similarity(name, near) >= _ALMOST_SURE:
            return _did_you_mean(own, f"{place}.{near}" if place else near)
        everywhere = places_of(event_type)
        exact = [field for field in everywhere if plain(field) == plain(name)]
        if exact:
            places = _nearest_places(everywhere[exact[0]], place)
            return refusal(own, f"there is no such field here. It belongs at {listed(places)}")
        if near is not None:
            return _did_you_mean(own, f"{place}.{near}" if place else near)
        far = nearest(name, everywhere, at_least=_ALMOST_SURE)
        if far is not None:
            return _did_you_mean(own, listed(_nearest_places(everywhere[far], place)))
        where = f"{place} takes" if place else f'"{event_type}" takes'
        return refusal(own, f"there is no such field. {where} {listed(sorted(siblings), last='and')}")

    return explain


def _did_you_mean(own: str, right: str) -> ProtocolError:
    return refusal(own, f"there is no such field. Did you mean {right}?")


def _nearest_places(places: tuple[str, ...], place: str) -> list[str]:
    """Keep the places that share most of their way with this one."""
    steps = place.split(".")

    def shared(other: str) -> int:
        pairs = zip(other.split("."), steps, strict=False)
        return sum(1 for a, b in pairs if a.split("[")[0] == b.split("[")[0])

    most = max(map(shared, places))
    return [other for other in places if shared(other) == most][:_MOST_PLACES]
