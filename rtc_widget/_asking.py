"""A session's questions asked again, under other variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rtc_widget import protocol
from rtc_widget._arguments import checked_choice, checked_count, checked_timeout, checked_variant, is_whole
from rtc_widget._errors import ConfigurationError, ProtocolError
from rtc_widget._parts import SessionParts
from rtc_widget._turn import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget._loop import Handle
    from rtc_widget.experiments.answers import Answers
    from rtc_widget.experiments.ask_again import On
    from rtc_widget.experiments.variant import Variant
    from rtc_widget.session import Session

__all__ = ["Asking"]

_WAYS = ("new_calls", "this_call")


class Asking(SessionParts):
    """The command of a session that compares variants on one of its turns."""

    def ask_again(
        self,
        turn: Turn | int,
        variants: Sequence[Variant],
        *,
        repeats: int = 3,
        on: On = "new_calls",
        timeout: float = 60.0,
    ) -> Handle[Answers]:
        """Ask a turn again, under each of several variants.

        Parameters
        ----------
        turn
            The turn, or its number. What was said is spoken again from the recording, what was typed is
            typed again; of several inputs (an image, then words) the others are put in before the last.
        variants
            Each answers `repeats` times.
        repeats
            From 1.
        on
            "new_calls": a fresh headless call per answer, two at a time, with this session's fields and the
            variant's over them, its tools (they run again), and the messages before the turn as text; any
            field may differ. "this_call": out of band in the call that is up; the conversation stays as it
            is, no tool runs, and a variant may hold what one response takes (instructions,
            output_modalities, …).
        timeout
            Of one answer, in s.

        Returns
        -------
        Handle
            Of the Answers: a frame, a row an answer; `answers[0].audio` plays one.

        Raises
        ------
        ConfigurationError, ProtocolError
            For fields that one response does not take; a turn that cannot be given again (spoken and not
            recorded, an image that the log does not hold, deleted from this call), or none; for two different
            variants of one name; and in new calls for a tool that asks a person first.
        RtcWidgetError
            When awaited: not one answer came; why the first failed. Else `error` in its row says it.
        """
        checked_choice(on, _WAYS, "on")
        repeats = checked_count(repeats, "repeats is a whole number")
        limit_s = checked_timeout(timeout)
        variants = _checked_variants(variants)
        asked = Turn(self._core, int(turn)) if is_whole(turn) else turn
        if not isinstance(asked, Turn):
            raise ConfigurationError(
                f"ask_again() asks a turn of this session, or its number (w.turns lists them), not {turn!r}."
            )
        if not 0 <= asked.index < len(self._core.conversation.turns):
            raise ConfigurationError(f"There is no turn {asked.index} in this session.")
        if on == "this_call":
            self._check_for_this_call(variants)
        from rtc_widget.experiments.ask_again import ask_again
        from rtc_widget.experiments.unattended import check_tools

        fields: dict[str, Any] = {**self._configuration.requested}
        tools = self._tools.now
        if tools.own or tools.others:
            fields["tools"] = [*tools.others, *tools.own]
        if on == "new_calls":
            check_tools(tools.own, f"w.remove_tool(…) before, or on={_WAYS[1]!r}, where no tool runs.")
        work = ask_again(
            cast("Session", self), asked, variants, repeats=repeats, on=on, fields=fields, timeout=limit_s
        )
        return self._start("ask_again", work)

    def _check_for_this_call(self, variants: Sequence[Variant]) -> None:
        """Refuse, before the first is asked, what no single response of this call takes."""
        for variant in variants:
            try:
                event, _ = protocol.dialect.respond(protocol.response_fields(**variant.fields))
                self._checked(event)
            except (ConfigurationError, ProtocolError) as error:
                raise type(error)(
                    f'{variant.name}: {error} With on="new_calls" any field may differ.'
                ) from None


def _checked_variants(variants: object) -> list[Variant]:
    """Return variants whose answers can be told apart by their names."""
    if not isinstance(variants, list | tuple):
        raise ConfigurationError(f"variants is a list of rtc.Variant, not a {type(variants).__name__}.")
    found: dict[str, Variant] = {}
    for one in map(checked_variant, variants):
        if found.setdefault(one.name, one) != one:
            raise ConfigurationError(
                f"Two different variants are called {one.name!r}, and the answers would not say whose they "
                'are. Give one another name: variant.replace("…").'
            )
    return list(variants)
