"""A session drawn over time: who spoke when, what ran, and where it was cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from rtc_widget.frames import tool_calls
from rtc_widget.frames._columns import text_of
from rtc_widget.frames._host_drawn import altair_for, host_drawn
from rtc_widget.log.blocks import Rows
from rtc_widget.log.event_log import EventLog
from rtc_widget.log.record import read_heads

if TYPE_CHECKING:
    from collections.abc import Iterator

    import altair as alt

    from rtc_widget._conversation.state import Response
    from rtc_widget.frames import Frames

LANES = ("user speech", "agent audio", "responses", "tool calls", "interruptions")
_COLOURS = ("#4285f4", "#14a394", "#7cc4bb", "#a855f7", "#d9730d")  # the panel's, for light and for dark
_LANE_PX = 34
_WIDTH_PX = 760
_TOLD = {"turn": "{}", "words": "{}", "status": "{}", "latency_inferred_ms": "{:.0f}"}


def timeline(frames: Frames) -> alt.LayerChart:
    """Draw a session: a lane each for speech, audio, responses, tool calls and interruptions.

    Hovering shows transcripts, times and latencies. A recording that kept no times is drawn by the count
    of its records.

    Parameters
    ----------
    frames : Frames
        The frames of a session.

    Returns
    -------
    altair.LayerChart
        Zoomable along time.

    Raises
    ------
    ConfigurationError
        Altair is not installed.
    """
    altair = altair_for("timeline()")
    timed = not len(frames.log) or frames.log.record(-1).t_ms is not None
    bars = list(stretches(frames) if timed else counted(frames))
    for bar in bars:
        bar |= {"start_s": bar.pop("t_start_ms") / 1000, "end_s": bar.pop("t_end_ms") / 1000}
        bar["lasts_s"] = round(bar["end_s"] - bar["start_s"], 3)
        bar["told"] = {name: text_of(bar[name], form) for name, form in _TOLD.items()}
    lane = altair.Y("lane:N", sort=list(LANES), scale=altair.Scale(domain=list(LANES)), title=None)
    colour = altair.Color("lane:N", scale=altair.Scale(domain=list(LANES), range=list(_COLOURS)), legend=None)
    start, lasts, form = ("start_s", "seconds", ".3f") if timed else ("record", "records", "d")
    shown = [
        altair.Tooltip("told.turn:N", title="turn"),
        altair.Tooltip("told.words:N", title="transcript"),
        altair.Tooltip("start_s:Q", title=start, format=form),
        altair.Tooltip("lasts_s:Q", title=lasts, format=form),
        altair.Tooltip("told.status:N", title="status"),
        altair.Tooltip("told.latency_inferred_ms:N", title="latency_inferred_ms"),
    ]
    base = altair.Chart(altair.InlineData(values=bars)).encode(y=lane, color=colour, tooltip=shown)
    along = "s since the first record" if timed else "records since the first; no times were kept"
    from_to = {"x": altair.X("start_s:Q", title=along), "x2": "end_s:Q"}
    lasting = base.transform_filter("datum.end_s > datum.start_s").mark_bar(
        height=_LANE_PX // 2, cornerRadius=3
    )
    begins = base.transform_filter("datum.end_s > datum.start_s").mark_tick(
        height=_LANE_PX // 2, thickness=3, opacity=1
    )  # what took no time to speak of is seen too
    moments = base.transform_filter("datum.end_s <= datum.start_s").mark_point(
        filled=True, size=70, shape="diamond", opacity=1
    )
    chart = host_drawn(altair.LayerChart, "timeline")(
        layer=[lasting.encode(**from_to), begins.encode(x=from_to["x"]), moments.encode(x=from_to["x"])],
        width=_WIDTH_PX,
        height=_LANE_PX * len(LANES),
        title=_title(frames),
    )
    drawn: alt.LayerChart = chart.interactive(bind_y=False)
    return drawn


def stretches(frames: Frames) -> Iterator[dict[str, Any]]:
    """Yield what is drawn: lane, t_start_ms, t_end_ms, id, turn, words, status, latency_inferred_ms.

    `id` is that of the item (a user's input, a tool call) or of the response.

    What has no end yet lasts to the last record; what has no length (a typed input) ends where it starts.
    """
    source = frames.read()
    end_ms = source.log.record(-1).t_ms if len(source.log) else None
    if end_ms is None:
        return
    for state in source.conversation.turns:
        said = {
            "turn": state.index,
            "words": state.user_transcript,
            "status": None,
            "latency_inferred_ms": state.latency_inferred_ms,
        }
        for item in state.users:
            start = item.t_speech_started_ms
            stop = state.t_speech_end_ms if item is state.spoken_input else None
            stop = item.t_speech_stopped_ms if stop is None else stop
            if not item.spoken:
                start = stop = item.t_added_ms
            yield from _stretch("user speech", start, stop, end_ms, {"id": item.item_id, **said})
    for response in source.conversation.responses.values():
        told = {
            "id": response.response_id,
            "turn": response.turn,
            "words": response.text,
            "status": response.status,
            "latency_inferred_ms": None,
        }
        cut = _cut_ms(response)
        audio_end = response.t_audio_stopped_ms or response.t_cut_off_ms
        audio_end = audio_end or (response.t_done_ms if response.ended else None)
        yield from _stretch("agent audio", response.t_first_audio_ms, audio_end, end_ms, told)
        yield from _stretch("responses", response.t_created_ms, response.t_done_ms, end_ms, told)
        if response.interrupted:
            yield from _stretch("interruptions", cut, cut, end_ms, told)
    for tool in tool_calls.rows(source):
        told = {
            "id": tool.item.item_id,
            "turn": tool.turn,
            "words": f"{tool.item.name}({tool.item.arguments or ''})"
            + ("" if tool.output is None else f" → {tool.output}"),
            "status": _tool_status(tool),
            "latency_inferred_ms": None,
        }
        start = tool.item.t_arguments_done_ms if tool.t_started_ms is None else tool.t_started_ms
        stop = tool.t_sent_ms if tool.t_finished_ms is None else tool.t_finished_ms
        yield from _stretch("tool calls", start, stop, end_ms, told)


def _tool_status(tool: tool_calls.ToolCallRow) -> str | None:
    """Say what went wrong, where the output does not, and what a person decided where nothing ran."""
    if tool.error is not None:
        return "failed" if tool.error in (tool.output or "") else tool.error
    return tool.approval if tool.t_started_ms is None else None


def counted(frames: Frames) -> Iterator[dict[str, Any]]:
    """Yield the stretches of a log whose every record comes 1 s after the one before."""
    from rtc_widget.frames import Frames

    records = list(frames.log.records())
    counted = EventLog(frames.log.session_id)
    heads = read_heads([record.raw for record in records])
    rows = Rows.of(records, heads)
    counted.adopt(rows._replace(t_ms=[1000.0 * record.seq for record in records]))
    for bar in stretches(Frames(counted)):
        yield bar | {"latency_inferred_ms": None}


def _cut_ms(response: Response) -> float | None:
    """Return when an interrupted response was cut: its sound, else what was never played, else itself."""
    if response.audio_cleared:
        return response.t_audio_stopped_ms
    cuts = [item.t_truncated_ms for item in response.items if item.t_truncated_ms is not None]
    return min(cuts, default=response.t_done_ms)


def _stretch(
    lane: str, start_ms: float | None, stop_ms: float | None, end_ms: float, told: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if start_ms is not None:
        stop = end_ms if stop_ms is None else max(stop_ms, start_ms)
        yield {"lane": lane, "t_start_ms": start_ms, "t_end_ms": stop, **told}


def _title(frames: Frames) -> str:
    row = frames.get("sessions").iloc[0]
    p50_ms = row["latency_inferred_p50_ms"]
    aside = "" if pd.isna(p50_ms) else f", {p50_ms:.0f} ms inferred latency (p50)"
    return f"{row['session_id']}: {row['n_turns']} turns{aside}"
