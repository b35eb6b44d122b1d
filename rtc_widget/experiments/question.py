"""What a turn asked: all of its input, to be given once more to a call that has heard none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError

if TYPE_CHECKING:
    from rtc_widget._turn import Turn
    from rtc_widget.audio.sound import Sound
    from rtc_widget.conversation import Item
    from rtc_widget.session import Session

__all__ = ["Content", "Question", "question_of", "users_of"]

Content = list[dict[str, Any]]

_AROUND_MS = 250.0
_BEFORE_DETECTION_MS = 400.0
_NEEDED = {"input_text": "text", "input_image": "image_url", "input_audio": "audio"}
_BRINGS_CONTENT = frozenset(
    f"conversation.item.{kind}" for kind in ("create", "added", "created", "done", "retrieved")
)


@dataclass(frozen=True)
class Question:
    """A turn's last input, and what comes before it.

    Parameters
    ----------
    before
        Role, and words or content, of each message that is put in first.
    asked
        The input that is answered: a sound to play, or content to type.
    """

    before: list[tuple[str, str | Content]]
    asked: Sound | Content


def users_of(session: Session, turn: Turn) -> list[Item]:
    """Return a turn's inputs as the conversation holds them; all of them where it holds none any more.

    Raises
    ------
    ConfigurationError
        It has none.
    """
    items = [item for item in map(session.conversation.item, turn.item_ids) if item]
    if not items:
        raise ConfigurationError(
            f"Turn {turn.index} has no input of the user: there is nothing to ask again."
        )
    return [item for item in items if not item.deleted] or items


def question_of(session: Session, turn: Turn) -> Question:
    """Return what a turn asked.

    Speech at the turn's end is a sound; speech before that, and messages before the turn, are words.

    Raises
    ------
    ConfigurationError
        It has no input, or one that cannot be given again.
    """
    users = users_of(session, turn)
    ids = {item.item_id for item in users}
    messages = _messages_to(session, users[-1], ids)
    spoken: list[Item] = []
    while messages and messages[-1].spoken and messages[-1].item_id in ids:
        spoken.insert(0, messages.pop())
    typed = _contents(session, [item for item in users if not item.spoken])
    asked = _sound(session, turn, spoken) if spoken else typed[messages.pop().item_id]
    before = []
    for item in messages:
        given = typed.get(item.item_id) or item.heard_transcript or item.words
        if item.role is not None and given:
            before.append((item.role, given))
        elif item.item_id in ids:
            raise ConfigurationError(
                f"What was said before the end of turn {turn.index} has no transcript, so it cannot be given "
                "again: make the session with transcription on."
            )
    return Question(before, asked)


def _messages_to(session: Session, last: Item, kept: set[str]) -> list[Item]:
    """Return the conversation's messages up to an input, and with it."""
    found = []
    for item in session.conversation.all_items:
        if item is last or (item.type == "message" and (item.item_id in kept or not item.deleted)):
            found.append(item)
        if item is last:
            return found
    return [*found, last]


def _sound(session: Session, turn: Turn, spoken: list[Item]) -> Sound:
    items = [session.conversation.item(item_id) for item_id in turn.item_ids]
    is_all = spoken == [item for item in items if item and item.spoken]
    sound = turn.user_audio if is_all else _cut(session, spoken)
    if sound is None:
        raise ConfigurationError(
            f"What was said in turn {turn.index} was not recorded: make the session with record=True."
        )
    return sound


def _cut(session: Session, spoken: list[Item]) -> Sound | None:
    """Cut some of a turn's speech out of the recording: where it is heard, else where the events say."""
    if session.audio is None:
        return None
    segments = session.segments
    ids = [item.item_id for item in spoken]
    ours = segments[(segments["track"] == "user") & segments["item_id"].isin(ids).fillna(value=False)]
    if len(ours):
        first_ms, last_ms = float(ours["t_start_ms"].min()), float(ours["t_end_ms"].max())
    else:
        started_ms, stopped_ms = spoken[0].t_speech_started_ms, spoken[-1].t_speech_stopped_ms
        if started_ms is None or stopped_ms is None:
            return None
        first_ms, last_ms = started_ms - _BEFORE_DETECTION_MS, stopped_ms
    return session.audio.sound("user", max(0.0, first_ms - _AROUND_MS), last_ms + _AROUND_MS)


def _contents(session: Session, typed: list[Item]) -> dict[str, Content]:
    """Return what typed inputs hold, by item id: as we sent it, else as the service told it."""
    ids = {item.item_id for item in typed}
    sent: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for record in session.event_log.records(types=_BRINGS_CONTENT) if ids else ():
        item = record.event.get("item")
        if isinstance(item, dict) and item.get("id") in ids and item.get("content"):
            (sent if record.direction == "client" else told)[item["id"]] = item["content"]
    return {item.item_id: _again(item, {**told, **sent}.get(item.item_id)) for item in typed}


def _again(item: Item, content: Any) -> Content:
    """Return content that can be sent again."""
    parts = content if isinstance(content, list) else [{"type": "input_text", "text": item.words}]
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or not part.get(_NEEDED.get(kind, "")):
            raise ConfigurationError(
                f"The log does not hold the {kind or 'content'} of {item.item_id}, so it cannot be "
                'given to new calls; on="this_call" asks with what the call holds.'
            )
    return [{name: value for name, value in part.items() if value is not None} for part in parts]
