"""A turn asked again from the panel: under which variants, and what they answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtc_widget._errors import ConfigurationError
from rtc_widget._panel_sound import as_wav

if TYPE_CHECKING:
    from rtc_widget.experiments.answers import Answer
    from rtc_widget.experiments.ask_again import On
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.session import Session

__all__ = ["NOW", "PanelAsking"]

NOW = "as it is now"
"""What the panel calls the session's own configuration among variants."""
_MOST = 50


class PanelAsking:
    """Answers the panel's requests to ask again, and keeps what was answered to be heard.

    Parameters
    ----------
    session
        Whose panel it is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answers: dict[str, Answer] = {}

    async def ask_again(self, params: dict[str, Any]) -> dict[str, Any]:
        """Ask a turn again: {"item_id"}, {"variants"} by name, {"repeats"}, {"on"}."""
        names = [str(name) for name in params.get("variants") or []]
        variants = [await asyncio.to_thread(self._variant, name) for name in names]
        repeats = int(params.get("repeats") or 1)
        if len(variants) * repeats > _MOST:
            raise ConfigurationError(
                f"That would be {len(variants) * repeats} answers; ask for {_MOST} at most."
            )
        on: On = "this_call" if params.get("on") == "this_call" else "new_calls"
        answers = await self._session.ask_again(
            self._turn(str(params.get("item_id"))), variants, repeats=repeats, on=on
        )
        return {"answers": [self._told(answer) for answer in answers.each]}

    async def sound(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the sound of an {"answer"} as WAV."""
        answer = self._answers.get(str(params.get("answer")))
        sound = None if answer is None else await asyncio.to_thread(lambda: answer.audio)
        if sound is None:
            raise ConfigurationError("There is no sound of this answer.")
        return as_wav(sound)

    def _variant(self, name: str) -> Variant:
        from rtc_widget.experiments.variant import Variant

        if name == NOW:
            return Variant(NOW, instructions=str(self._session.configuration.field("instructions") or ""))
        return Variant.load(name)

    def _turn(self, item_id: str) -> int:
        for turn in self._session.conversation.turns:
            if item_id in turn.user_item_ids:
                return turn.index
        raise ConfigurationError(f"No turn of this session begins with {item_id!r}.")

    def _told(self, answer: Answer) -> dict[str, Any]:
        answer_id = f"answer-{len(self._answers)}"
        self._answers[answer_id] = answer
        return {
            "id": answer_id,
            "variant": answer.variant,
            "repeat": answer.repeat,
            "transcript": answer.transcript,
            "recognised": answer.recognised,
            "latency_heard_ms": answer.latency_heard_ms,
            "latency_inferred_ms": answer.latency_inferred_ms,
            "cost_usd": answer.cost_usd,
            "audible": answer.audio_path is not None,
            "error": answer.error,
        }
