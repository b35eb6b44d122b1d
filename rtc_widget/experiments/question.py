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
            f"Turn {turn.index} has no input of the user in this session: there is nothing to ask again."
        )
    return [item for item in items if not item.deleted] or items


def question_of(session: Session, turn: Turn) -> Question:
    """Return what a turn asked.

    The messages before the turn are words. Of the turn itself only the last input can be speech.

    Raises
    ------
    ConfigurationError
        It has no input, or one that cannot be given again.
    """
    users = users_of(session, turn)
    typed = _contents(session, [item for item in users if not item.spoken])
    before: list[tuple[str, str | Content]] = []
    for item in _messages_before(session, users):
        heard = item.heard_transcript
        given = typed.get(item.item_id) or (item.words if heard is None else heard)
        if item.role is not None and given:
            before.append((item.role, given))
    last = users[-1]
    return Question(before, _sound(turn) if last.spoken else typed[last.item_id])


def _messages_before(session: Session, users: list[Item]) -> list[Item]:
    """Return the messages of the same call before the last of a turn's inputs: what its answer knew of."""
    found = []
    for item in session.conversation.all_items:
        if item is users[-1]:
            break
        if item.root is not users[-1].root:
            continue
        if item in users or (item.type == "message" and not item.deleted):
            found.append(item)
    return found


def _sound(turn: Turn) -> Sound:
    sound = turn.user_audio
    if sound is None:
        raise ConfigurationError(
            f"What was said in turn {turn.index} was not recorded: make the session with record=True."
        )
    return sound


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
        if not isinstance(kind, str) or part.get(_NEEDED.get(kind, "")) is None:
            raise ConfigurationError(
                f"The log does not hold the {kind or 'content'} of {item.item_id}, so it cannot be "
                'given to new calls; on="this_call" asks with what the call holds.'
            )
    return [{name: value for name, value in part.items() if value is not None} for part in parts]
