"""Which variant each row of a frame was under, in a session that may have had several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from rtc_widget.frames import Frames

_TOLD_BY = ("response_id", "turn", "item_id")


def variants_of(frames: Frames, frame: pd.DataFrame) -> list[str | None]:
    """Return a variant a row.

    Parameters
    ----------
    frames : Frames
        Of the session.
    frame : DataFrame
        One of them.

    Returns
    -------
    list of str or None
        The session's, where all its turns were under one; else that of the row's response, turn or item,
        and None where the row has none of these.
    """
    turns, responses = frames.get("turns"), frames.get("responses")
    if len(turns["variant"].drop_duplicates()) <= 1:
        return [_text(frames.get("sessions")["variant"].iloc[0])] * len(frame)
    of_turn = dict(zip(turns["turn"], map(_text, turns["variant"]), strict=True))
    of_response = dict(zip(responses["response_id"], map(_text, responses["variant"]), strict=True))
    of_item: dict[str, str | None] = {}
    for index, turn in enumerate(frames.conversation.turns):
        of_item |= dict.fromkeys(turn.user_item_ids, of_turn.get(index))
    for response in frames.conversation.responses.values():
        of_item |= dict.fromkeys(response.output_item_ids, of_response.get(response.response_id))
    # What a tool gave back belongs to the response that called it.
    calls = frames.get("tool_calls")
    of_call = dict(zip(calls["tool_call_id"], map(of_response.get, calls["response_id"]), strict=True))
    for item in frames.conversation.all_items:
        if item.type == "function_call_output":
            of_item[item.item_id] = of_call.get(item.tool_call_id)
    known = {"response_id": of_response, "turn": of_turn, "item_id": of_item}
    found = pd.Series([None] * len(frame), dtype=object)
    for name in _TOLD_BY:
        if name in frame:
            told = [known[name].get(value) for value in frame[name].astype(object)]
            found = found.where(found.notna(), pd.Series(told, dtype=object))
    return [_text(value) for value in found]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
