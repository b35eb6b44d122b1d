"""Turn: one user input and all that answers it, as a user holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from rtc_widget._conversation.turn import TurnState

if TYPE_CHECKING:
    import pandas as pd

    from rtc_widget.audio.sound import Sound
    from rtc_widget.conversation import Conversation
    from rtc_widget.frames import Frames
    from rtc_widget.log.tracks import TrackName, Tracks

__all__ = ["Heard", "Turn"]

_AROUND_MS = 250.0
_BEFORE_DETECTION_MS = 400.0


class Heard(Protocol):
    """What a turn is read from: a recording, or what stands behind a session."""

    @property
    def audio(self) -> Tracks | None:
        """Both sides, where they were recorded."""

    @property
    def conversation(self) -> Conversation:
        """Items, responses, turns."""

    @property
    def frames(self) -> Frames:
        """The log as tables."""


class Turn:
    """One turn of a session; its values are read from the log when asked for, so late ones arrive.

    Parameters
    ----------
    source
        The session's parts, or a recording.
    index
        0-based number of the turn, the column `turn` of every frame.
    """

    def __init__(self, source: Heard, index: int) -> None:
        self._source = source
        self.index = index

    def _value(self, column: str) -> Any:
        frame = self._source.frames.get("turns")
        rows = frame.loc[frame["turn"] == self.index, column]
        if rows.empty:
            return None
        value = rows.iloc[0]
        return None if _is_missing(value) else value

    @property
    def transcript(self) -> str:
        """What the agent said; "" when nothing."""
        return str(self._value("transcript") or "")

    @property
    def user_transcript(self) -> str:
        """What the user said or typed; "" while unknown."""
        return str(self._value("user_transcript") or "")

    @property
    def is_transcribed(self) -> bool:
        """Whether it is known what the user said or typed."""
        return self._value("user_transcript") is not None

    @property
    def status(self) -> str | None:
        """Status of the last response; None without one.

        completed, cancelled, failed or incomplete; in_progress while it runs, or where its call ended first.
        """
        value = self._value("status")
        return None if value is None else str(value)

    @property
    def interrupted(self) -> bool:
        """Whether an answer was cut short: response cancelled, its audio cleared or truncated."""
        return bool(self._value("interrupted"))

    @property
    def latency_inferred_ms(self) -> float | None:
        """End of the user's speech to the begin of the answer, in ms, from events; None where unknown."""
        return _number(self._value("latency_inferred_ms"))

    @property
    def latency_heard_ms(self) -> float | None:
        """Last sample of the user's speech to the first of the agent's, in ms; None without a recording."""
        return _number(self._value("latency_heard_ms"))

    @property
    def cost_usd(self) -> float | None:
        """What the turn cost, in USD; None where prices are unknown."""
        return _number(self._value("cost_usd"))

    @property
    def tool_calls(self) -> pd.DataFrame:
        """The turn's rows of the `tool_calls` frame."""
        return self._rows("tool_calls")

    @property
    def responses(self) -> pd.DataFrame:
        """The turn's rows of the `responses` frame."""
        return self._rows("responses")

    @property
    def usage(self) -> pd.DataFrame:
        """The turn's rows of the `usage` frame."""
        usage = self._source.frames.get("usage")
        turn = self._state()
        ours = usage["response_id"].isin(turn.response_ids) | usage["item_id"].isin(turn.user_item_ids)
        return usage[ours.fillna(value=False)].reset_index(drop=True)

    @property
    def audio(self) -> Sound | None:
        """The agent's answer as it was heard, with a little around it; None where nothing was recorded."""
        return self._sound("agent")

    @property
    def user_audio(self) -> Sound | None:
        """What the user said, with a little around it; None for a typed turn, or without a recording."""
        return self._sound("user")

    def span_ms(self, track: TrackName) -> tuple[float, float] | None:
        """Return from when to when a side of the turn is heard, with a little around it; None: nowhere.

        Parameters
        ----------
        track
            "user" or "agent".

        Returns
        -------
        tuple of float or None
            In ms since the session's first record: what was heard, and where nothing was what the events say.
        """
        tracks = self._source.audio
        if tracks is None:
            return None
        heard = self._source.frames.heard(self.index)
        span = None if heard is None else heard.user_ms if track == "user" else heard.agent_ms
        if span is None:
            begin_ms, end_ms = self._told_ms(track)
            if begin_ms is None:
                return None
            span = begin_ms, tracks.duration_ms if end_ms is None else end_ms
        if span[0] >= tracks.duration_ms:
            return None
        return max(0.0, span[0] - _AROUND_MS), span[1] + _AROUND_MS

    def _told_ms(self, track: TrackName) -> tuple[float | None, float | None]:
        state = self._state()
        if track == "agent":
            return state.t_first_audio_ms, state.t_audio_stopped_ms
        started_ms = state.t_speech_started_ms
        return None if started_ms is None else started_ms - _BEFORE_DETECTION_MS, state.t_speech_stopped_ms

    def _sound(self, track: TrackName) -> Sound | None:
        tracks, span_ms = self._source.audio, self.span_ms(track)
        if tracks is None or span_ms is None:
            return None
        sound = tracks.sound(track, *span_ms)
        return replace(sound, name=self.transcript if track == "agent" else self.user_transcript)

    def _rows(self, name: str) -> pd.DataFrame:
        frame = self._source.frames.get(name)
        return frame[(frame["turn"] == self.index).fillna(value=False)].reset_index(drop=True)

    def _state(self) -> TurnState:
        turns = self._source.conversation.turns
        return turns[self.index] if 0 <= self.index < len(turns) else TurnState(self.index)

    @property
    def item_ids(self) -> list[str]:
        """Ids of the user's items, in order."""
        return list(self._state().user_item_ids)

    @property
    def response_ids(self) -> list[str]:
        """Ids of the responses, in order."""
        return list(self._state().response_ids)

    def __repr__(self) -> str:
        """Show both sides on one line."""
        latency = self.latency_inferred_ms
        aside = f", {latency:.0f} ms inferred" if latency is not None else ""
        state = f"{self.status or 'unanswered'}{aside}"
        return f"Turn {self.index} ({state}): {self.user_transcript!r} → {self.transcript!r}"


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
