"""Replays: the panel, read-only, of a recording; and two of them on one time axis."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from rtc_widget._errors import ConfigurationError, RtcWidgetError
from rtc_widget._loop import get_loop
from rtc_widget._panel_recorded import RecordedPanel, duration_ms
from rtc_widget._static import Static
from rtc_widget.transports import messages

if TYPE_CHECKING:
    from rtc_widget.log.recording import Recording

__all__ = ["Replay", "SideBySide", "side_by_side"]


class _Player(anywidget.AnyWidget):
    """The widget's page code, answered from recordings: there is no call, no microphone and no network."""

    sides = traitlets.Int(read_only=True).tag(sync=True)

    _esm = Static("widget.js")
    _css = Static("widget.css")

    def __init__(self, *panels: RecordedPanel) -> None:
        self._panels = panels
        self._end = secrets.token_hex(4)
        super().__init__()
        self.on_msg(self._take_message)

    @traitlets.default("sides")
    def _count(self) -> int:
        """Count the recordings: the page knows from the beginning, so it is no later change."""
        return len(self._panels)

    def _take_message(self, _widget: object, message: object, _buffers: object) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("page"), str):
            return
        panel = self._panels[int(message.get("side") or 0)]
        answer = {"hello": self._welcome, "request": self._answer}.get(str(message.get("kind")))
        if answer is not None:
            asyncio.run_coroutine_threadsafe(answer(panel, message), get_loop())

    async def _welcome(self, panel: RecordedPanel, message: dict[str, Any]) -> None:
        length = len(panel.recording.event_log)
        config = await asyncio.to_thread(panel.config)
        self._post(
            messages.welcome(
                message["page"],
                received=int(message.get("next") or 0),
                missing=False,
                durable=int(message.get("next") or 0),
                owner=None,
                panel=config,
                length=length,
                end=self._end,
            )
        )

    async def _answer(self, panel: RecordedPanel, message: dict[str, Any]) -> None:
        page, request_id = message["page"], str(message.get("id"))
        method, params = str(message.get("method")), message.get("params")
        try:
            handler = panel.handler(method)
            if handler is None:
                raise ConfigurationError(f"A recording answers no {method!r}: it is only looked at.")
            result = await handler(params if isinstance(params, dict) else {})
        except (RtcWidgetError, OSError, ValueError) as error:
            shown = {"name": type(error).__name__, "message": str(error)}
            self._post(messages.reply_error(page, request_id, shown))
        else:
            buffers = result.pop("buffers", None)
            self._post(messages.reply(page, request_id, result), buffers)

    def _post(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if self.comm is not None:
            self.send(message, buffers)


class Replay(_Player):
    """A recording in a cell: both sides to be heard, and every event in step with them.

    Parameters
    ----------
    recording : Recording
        What is replayed.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__(RecordedPanel(recording))
        self._name = repr(recording)

    def __repr__(self) -> str:
        """Name the recording."""
        return f"Replay({self._name})"


class SideBySide(_Player):
    """Two recordings in a cell, on one time axis.

    Parameters
    ----------
    a, b : RecordedPanel
        Each with its place on the axis.
    turn : int
        At which they are aligned.
    """

    def __init__(self, a: RecordedPanel, b: RecordedPanel, turn: int) -> None:
        super().__init__(a, b)
        self._turn = turn

    def __repr__(self) -> str:
        """Name both recordings, and where they are aligned."""
        a, b = (panel.recording for panel in self._panels)
        return f"SideBySide({a!r}, {b!r}, turn={self._turn})"


def side_by_side(rec_a: Recording, rec_b: Recording, *, turn: int | None = None) -> SideBySide:
    """Show two recorded calls on one time axis, each with its player.

    They are aligned where the user's input of one turn ends: what follows are the two answers.

    Parameters
    ----------
    rec_a, rec_b : Recording
        The calls.
    turn : int, optional
        0-based number of the turn at which they are aligned; by default the first whose input ended in both.

    Returns
    -------
    SideBySide
        Shown on the last line of a cell.

    Raises
    ------
    ConfigurationError
        One of them is no recording, has no such turn, or kept no times.
    """
    from rtc_widget.log.recording import Recording

    for rec in (rec_a, rec_b):
        if not isinstance(rec, Recording):
            raise ConfigurationError(f'A recording is what rtc.load("…") returns, not {rec!r}.')
    ends = [
        {
            state.index: state.t_input_end_ms
            for state in rec.conversation.turns
            if state.t_input_end_ms is not None
        }
        for rec in (rec_a, rec_b)
    ]
    both = sorted(ends[0].keys() & ends[1].keys())
    if turn is None and not both:
        raise ConfigurationError(
            "These recordings have no user turn in common whose time is known, so nothing aligns them."
        )
    chosen = both[0] if turn is None else turn
    if chosen not in both:
        raise ConfigurationError(
            f"turn={turn!r} is not in both recordings; those that are: {', '.join(map(str, both)) or 'none'}."
        )
    at_ms = [float(end[chosen]) for end in ends]
    aligned_ms = max(at_ms)
    shifts_ms = [aligned_ms - own for own in at_ms]
    span_ms = max(duration_ms(rec) + shift for rec, shift in zip((rec_a, rec_b), shifts_ms, strict=True))
    a, b = (
        RecordedPanel(rec, shift_ms=shift, span_ms=span_ms, aligned_ms=aligned_ms)
        for rec, shift in zip((rec_a, rec_b), shifts_ms, strict=True)
    )
    return SideBySide(a, b, chosen)
