"""Where items stand, and which turn each input and response belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from rtc_widget._conversation.state import Item
from rtc_widget._conversation.turn import TurnState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtc_widget._conversation.shapes import Place
    from rtc_widget._conversation.state import Response


class Layout:
    """Order of items and turns; a function of places, not of the order in which events came.

    An item stands after its `previous_item_id` of `.added` or `committed`; at the end where that is
    not said, or names an item that has not come yet, which it follows once it comes. A response
    belongs to the user input that its first item follows. A server conversation that begins anew (after
    a reconnect) follows what was there, with a root of its own.
    """

    def __init__(self, responses: Mapping[str, Response]) -> None:
        self._responses = responses
        self._first_root = self._root = Item("")
        self._tail = self._root
        self._n_placed = 0
        self._inputs: list[Item] = []
        self._waiting: dict[str, list[Item]] = {}
        self._last_input: Item | None = None
        self._turns: dict[str, TurnState] = {}
        self._stale = False

    def begin_conversation(self) -> None:
        """Start a server conversation: what has no predecessor now comes after all that was there."""
        self._waiting.clear()
        if self._tail is not self._root:
            root = Item("")
            self._tail.after = root
            self._root = self._tail = root
            self._last_input = None

    def place(self, item: Item, previous_item_id: Place, previous: Item | None) -> None:
        """Put an item after its predecessor.

        Parameters
        ----------
        item : Item
            The item.
        previous_item_id : str, None or UNSET
            What the event says; None is the beginning of the conversation, UNSET that it says nothing.
        previous : Item or None
            That item, where it is known.
        """
        known = previous is not None and previous.placed and previous is not item
        if item.place is None:
            item.place = self._n_placed
            self._n_placed += 1
            item.root = self._root
            if item.is_user_input:
                self._inputs.append(item)
        elif item.deleted or (known and previous_item_id != item.previous_item_id):
            self._unlink(item, item)
        else:
            return
        item.previous_item_id = None if previous_item_id is UNSET else previous_item_id
        if previous_item_id is None:
            before, anchor = self._root, None
        elif previous is not None and known:
            before, anchor = previous, previous.anchor
        else:
            before, anchor = self._tail, self._last_input
            if item.previous_item_id is not None:
                self._waiting.setdefault(item.previous_item_id, []).append(item)
        self._link(before, item, item)
        item.anchor = item if item.is_user_input else anchor
        if item.is_user_input:
            self._last_input = item
        for follower in self._waiting.pop(item.item_id, ()):
            if follower.previous_item_id == item.item_id:
                self._follow(item, follower)
        self._stale = True

    def _follow(self, before: Item, first: Item) -> None:
        """Put an item behind its predecessor, with all that was put after it."""
        moved = {first.item_id: first}
        last = first
        while last.after is not None and last.after.previous_item_id in moved:
            last = last.after
            moved[last.item_id] = last
        if before.item_id in moved:
            return  # each after the other
        for item in moved.values():
            if not item.is_user_input:
                item.anchor = moved.get(item.previous_item_id or "", before).anchor
        self._unlink(first, last)
        self._link(before, first, last)

    def _link(self, before: Item, first: Item, last: Item) -> None:
        last.after, before.after = before.after, first
        if before is self._tail:
            self._tail = last

    def _unlink(self, first: Item, last: Item) -> None:
        before = self._first_root
        while before.after is not None and before.after is not first:
            before = before.after
        before.after, last.after = last.after, None
        if self._tail is last:
            self._tail = before

    def now(self) -> tuple[Item, Item | None, int]:
        """Return the root, the last user input and the number of items so far."""
        return self._root, self._last_input, self._n_placed

    def changed(self) -> None:
        """Say that a response came, or got an item, or an item was deleted."""
        self._stale = True

    def order(self) -> list[Item]:
        """Return the placed items in conversation order, deleted ones too."""
        found, item = [], self._first_root.after
        while item is not None:
            if item.place is not None:
                found.append(item)
            item = item.after
        return found

    def turns(self) -> list[TurnState]:
        """Return the turns in order, and tell each response its turn."""
        if self._stale:
            self._stale = False
            self._turns = self._lay_out()
        return list(self._turns.values())

    def _lay_out(self) -> dict[str, TurnState]:
        answers, unasked = self._answers()
        turns: dict[str, TurnState] = {}
        of_input: dict[str, tuple[Item, TurnState]] = {}
        replaced: dict[tuple[Item, str | None], TurnState] = {}
        for item in self._inputs:
            root = item.root or self._first_root
            self._open_unasked(turns, root, unasked)
            before = of_input.get(item.previous_item_id or "")
            if before is not None and not before[0].spoken and before[0].item_id not in answers:
                turn = before[1]  # an image, then words: one input while nothing has answered it
            elif item.asked_after is not None and (root, item.previous_item_id) in replaced:
                turn = replaced[root, item.previous_item_id]  # an edit, at the place of what it replaces
            else:
                turn = self._turn(turns, item.item_id)
            turn.users.append(item)
            turn.responses.extend(answers.get(item.item_id, ()))
            of_input[item.item_id] = item, turn
            if item.deleted:
                replaced[root, item.previous_item_id] = turn
        for root in list(unasked):
            self._open_unasked(turns, root, unasked)
        for index, turn in enumerate(turns.values()):
            turn.index, turn.closed = index, index < len(turns) - 1
            turn.responses.sort(key=_place_of)
            for response in turn.responses:
                response.turn = index
        return turns

    def _answers(self) -> tuple[dict[str, list[Response]], dict[Item, list[Response]]]:
        """Sort responses by the input they follow; those that follow none, by their conversation."""
        answers: dict[str, list[Response]] = {}
        unasked: dict[Item, list[Response]] = {}
        for response in self._responses.values():
            response.turn = None
            if response.conversation == "none":
                continue
            first = next((item for item in response.items if item.placed), None)
            if first is not None:
                root, anchor = first.root or self._first_root, first.anchor
            else:
                root, anchor, _ = response.created_after or (self._first_root, None, 0)
            if anchor is None:
                unasked.setdefault(root, []).append(response)
            else:
                answers.setdefault(anchor.item_id, []).append(response)
        return answers, unasked

    def _open_unasked(
        self, turns: dict[str, TurnState], root: Item, unasked: dict[Item, list[Response]]
    ) -> None:
        """Open the turn of what the model said before any input of that conversation."""
        if root in unasked:
            self._turn(turns, f"unasked {id(root)}").responses.extend(unasked.pop(root))

    def _turn(self, turns: dict[str, TurnState], key: str) -> TurnState:
        turn = self._turns.get(key) or TurnState(0)
        turn.users, turn.responses = [], []
        turns[key] = turn
        return turn


def _place_of(response: Response) -> float:
    for item in response.items:
        if item.place is not None:
            return item.place
    return response.created_after[2] - 0.5 if response.created_after else -1.0
