"""Sessions of any kind, and the orders in which their events may arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.log.script import Row, Script

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACING = {"conversation.item.added", "input_audio_buffer.committed"}
WORDS = st.lists(
    st.sampled_from(["a", "flat", "white", "please.", "Oat", "milk?", "ß", "日本"]), min_size=1, max_size=4
)


@st.composite
def scripts(draw: st.DrawFn, max_steps: int = 4) -> list[Row]:
    """Draw a session: spoken, diarised, typed, tool, interrupted, silent, aside, deleted, again, edited."""
    script = Script().session()
    for _ in range(draw(st.integers(1, max_steps))):
        step: Callable[[Script, st.DrawFn], None] = draw(st.sampled_from(_STEPS))
        step(script, draw)
    return script.rows


def _words(draw: st.DrawFn) -> str:
    return " ".join(draw(WORDS))


def _spoken(script: Script, draw: st.DrawFn) -> None:
    script.spoken_turn(_words(draw), _words(draw))


def _late(script: Script, draw: st.DrawFn) -> None:
    item_id = script.speech()
    response_id = script.created()
    script.done(response_id, [script.say(response_id, _words(draw))])
    script.transcript(item_id, _words(draw), deltas=draw(st.booleans()))


def _typed(script: Script, draw: st.DrawFn) -> None:
    script.typed_turn(_words(draw), _words(draw))


def _unanswered(script: Script, draw: st.DrawFn) -> None:
    if draw(st.booleans()):
        script.typed(_words(draw))
    else:
        script.transcript(script.speech(), _words(draw))


def _unasked(script: Script, draw: st.DrawFn) -> None:
    response_id = script.created()
    script.done(response_id, [script.say(response_id, _words(draw))])


def _interrupted(script: Script, draw: st.DrawFn) -> None:
    script.speech()
    response_id = script.created()
    item = script.say(response_id, _words(draw) + " and more", said=1)
    script.server("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=300)
    details = {"type": "cancelled", "reason": "turn_detected"}
    script.done(response_id, [item], status="cancelled", details=details)


def _tool(script: Script, draw: st.DrawFn) -> None:
    script.typed(_words(draw))
    first = script.created()
    call = script.call(first, "price", '{"drink": "tea"}')
    script.done(first, [call])
    script.output(call["call_id"], "3.20")
    second = script.created()
    script.done(second, [script.say(second, _words(draw))])


def _out_of_band(script: Script, draw: st.DrawFn) -> None:
    response_id = script.created(conversation="none")
    item = script.say(response_id, _words(draw), in_conversation=False)
    script.done(response_id, [item], conversation="none")


def _deleted(script: Script, draw: st.DrawFn) -> None:
    item_id, _ = script.typed_turn(_words(draw), _words(draw))
    script.server("conversation.item.deleted", item_id=item_id)


def _added_again(script: Script, draw: st.DrawFn) -> None:
    item_id, _ = script.typed_turn(_words(draw), _words(draw))
    script.server("conversation.item.deleted", item_id=item_id)
    script.typed(_words(draw), item_id=item_id)


def _diarised(script: Script, draw: st.DrawFn) -> None:
    item_id = script.speech()
    for words in draw(st.lists(WORDS, max_size=3)):
        segment = {"item_id": item_id, "content_index": 0, "text": " ".join(words), "speaker": "A"}
        script.server("conversation.item.input_audio_transcription.segment", **segment)
    if draw(st.booleans()):
        script.transcript(item_id, _words(draw), deltas=draw(st.booleans()))


def _edited(script: Script, draw: st.DrawFn) -> None:
    before = script.last_item
    item_id, _ = script.typed_turn(_words(draw), _words(draw))
    script.server("conversation.item.deleted", item_id=item_id)
    script.typed(_words(draw), previous_item_id=before or "root")


_STEPS = [
    _spoken,
    _late,
    _typed,
    _unanswered,
    _unasked,
    _interrupted,
    _tool,
    _out_of_band,
    _deleted,
    _added_again,
    _diarised,
    _edited,
]


def interleaved(rows: list[Row], choose: Callable[[int], int]) -> list[Row]:
    """Return the rows in another order that keeps it within each item and response, and of places.

    Parameters
    ----------
    rows : list of (direction, event)
        A session; its first event stays first.
    choose : callable
        Given how many rows may come next, says which does.
    """
    chains = [_chains(row) for row in rows]
    waiting = list(range(1, len(rows)))
    order = [0]
    while waiting:
        free = []
        taken: set[str] = set()
        for index in waiting:
            if not chains[index] & taken:
                free.append(index)
            taken |= chains[index]
        index = free[choose(len(free))]
        waiting.remove(index)
        order.append(index)
    return [rows[index] for index in order]


def _chains(row: Row) -> set[str]:
    """Return what an event must keep its order with."""
    direction, event = row
    found = {"places"} if event["type"] in _PLACING else set()
    found |= {str(event[name]) for name in ("item_id", "response_id", "call_id") if name in event}
    for name in ("item", "response"):
        if isinstance(event.get(name), dict):
            found |= _ids(event[name])
    if direction == "client" and event["type"] == "response.create":
        found.add("requests")
    return found


def _ids(thing: dict[str, Any]) -> set[str]:
    return {str(thing[name]) for name in ("id", "call_id") if name in thing}
