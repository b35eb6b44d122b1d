"""What a response is given to look at: instructions and tools, then the items that fit behind them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rtc_widget.sandbox.usage import Tokens, entry_tokens, text_tokens
from rtc_widget.sandbox.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.sandbox.history import Entry
    from rtc_widget.sandbox.wire import Event

__all__ = ["Context", "context_of"]

_CONTEXT_TOKENS: Final = 28_224
"""What a window of 32k leaves for the input, as the API's documentation has it."""


@dataclass(frozen=True)
class Context:
    """The input of one response.

    Attributes
    ----------
    instructions, tools
        Texts that come before all items; tools as JSON.
    entries
        The items, oldest first.
    costs
        What each of them costs.
    """

    instructions: str = ""
    tools: str = ""
    entries: Sequence[Entry] = ()
    costs: Sequence[Tokens] = ()

    @property
    def cost(self) -> Tokens:
        """What all of it costs."""
        return sum(self.costs, Tokens(text=text_tokens(self.instructions) + text_tokens(self.tools)))

    def shared_with(self, earlier: Context) -> Tokens:
        """Return what of it, from its beginning on, is the same as in an earlier one: that may be cached."""
        text, text_then = self.instructions + self.tools, earlier.instructions + earlier.tools
        if text != text_then:
            pairs = enumerate(zip(text, text_then, strict=False))
            length = next(
                (place for place, (now, then) in pairs if now != then), min(len(text), len(text_then))
            )
            return Tokens(text=text_tokens(text[:length]))
        shared = Tokens(text=text_tokens(self.instructions) + text_tokens(self.tools))
        items, items_then = (zip(one.entries, one.costs, strict=True) for one in (self, earlier))
        for item, item_then in zip(items, items_then, strict=False):
            if item != item_then:
                break
            shared += item[1]
        return shared


def context_of(entries: Sequence[Entry], session: Event, *, is_conversation: bool) -> Context:
    """Return the items that fit into the context, with what comes before them.

    Parameters
    ----------
    entries
        The items, oldest first.
    session
        The effective configuration: instructions, tools, truncation.
    is_conversation
        Whether the items are the default conversation, and no input of the response's own: what is left out
        of it once stays so, that it need not be cut again at every turn.

    Returns
    -------
    Context
        With the newest items within the limit.

    Raises
    ------
    ApiError
        They do not fit, and truncation is disabled.
    """
    strategy = session["truncation"]
    limit, ratio = _CONTEXT_TOKENS, 1.0
    if isinstance(strategy, dict):
        limit = (strategy.get("token_limits") or {}).get("post_instructions") or limit
        ratio = strategy["retention_ratio"]
    kept = [entry for entry in entries if not (is_conversation and entry.is_left_out)]
    costs = [entry_tokens(entry) for entry in kept]
    size = sum(cost.total for cost in costs)
    if size > limit:
        if strategy == "disabled":
            raise ApiError(
                f"The conversation has {size} tokens, the limit is {limit}, truncation is disabled.",
                code="context_length_exceeded",
            )
        while len(kept) > 1 and size > limit * ratio:
            oldest = kept.pop(0)
            oldest.is_left_out = oldest.is_left_out or is_conversation
            size -= costs.pop(0).total
    tools = json.dumps(session["tools"]) if session["tools"] else ""
    return Context(session["instructions"], tools, kept, costs)
