"""The `sessions` frame: a row is a session, with what an operator asks of many."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from rtc_widget.frames import calls, usage
from rtc_widget.frames._columns import Column
from rtc_widget.frames._frame import Frame
from rtc_widget.frames._heard import heard_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtc_widget.frames._frame import Source
    from rtc_widget.log.event_log import EventLog
    from rtc_widget.log.record import Record

COLUMNS = (
    Column("provider", "provider", "category", "Where its calls were made."),
    Column("model", "model", "category", "The model, as the server says."),
    Column("voice", "voice", "category", "The voice in effect at the end."),
    Column("variant", "variant", "category", "The first variant that has a name."),
    Column(
        "instructions_hash",
        "instructions_hash",
        "string",
        "First 12 hex digits of the instructions' SHA-256.",
    ),
    Column("started_at", "started_at", "time", "Wall time of the first record."),
    Column("duration_ms", "duration_ms", "float", "First to last record."),
    Column(
        "outcome",
        "outcome",
        "category",
        "How its last call ended; `running` while it lasts. NA without notes of ours.",
        ("ended", "failed", "running"),
    ),
    Column("failed_step", "failed_step", "category", "The step at which the last call failed."),
    Column(
        "n_calls",
        "n_calls",
        "int",
        "WebRTC calls; more than one: it was reconnected. NA without notes of ours.",
    ),
    Column("n_turns", "n_turns", "int", "Turns."),
    Column("n_errors", "n_errors", "int", "Rows of its `errors` frame."),
    Column(
        "latency_inferred_p50_ms", "latency_inferred_p50_ms", "float", "Median of turns.latency_inferred_ms."
    ),
    Column(
        "latency_inferred_p95_ms",
        "latency_inferred_p95_ms",
        "float",
        "95th percentile of it, linear between turns.",
    ),
    Column("latency_heard_p50_ms", "latency_heard_p50_ms", "float", "Median of turns.latency_heard_ms."),
    Column("latency_heard_p95_ms", "latency_heard_p95_ms", "float", "95th percentile of it."),
    Column("loss_ratio", "loss_ratio", "float", "Packets lost of those sent to us, from the last getStats."),
    Column(
        "concealed_ratio",
        "concealed_ratio",
        "float",
        "Agent audio that had to be made up, from the last getStats.",
    ),
    Column("cost_usd", "cost_usd", "float", "All that was billed; NA when any part has no known price."),
    Column("path", "path", "string", "Folder or file it was loaded from."),
)


def _read(record: Record) -> list[Record]:
    return [record]


def _rows(source: Source) -> list[dict[str, Any]]:
    conversation = source.conversation
    kept = source.kept.get("sessions", [])
    notes = [r for r in kept if r.type == "rtc.session"]
    variants = [r.event.get("variant") for r in kept if r.type == "rtc.config"]
    told = notes[0].event if notes else {}
    session = conversation.session
    made = calls.call_rows(source)
    last = made[-1] if made else {}
    latencies = [t.latency_inferred_ms for t in conversation.turns if t.latency_inferred_ms is not None]
    all_heard = [heard.columns.latency_heard_ms for heard in heard_of(source).values()]
    heard = [latency_ms for latency_ms in all_heard if latency_ms is not None]
    row: dict[str, Any] = {
        "session_id": source.log.session_id,
        "provider": told.get("provider"),
        "model": session.get("model") or told.get("model"),
        "voice": voice_of(session),
        "variant": next((variant for variant in variants if variant), None),
        "instructions_hash": instructions_hash(session),
        "started_at": source.log.started_at if source.log.wall_time_known else None,
        "duration_ms": duration_ms(source.log),
        "outcome": _OUTCOMES.get(last.get("state") or "", "running") if made else None,
        "failed_step": last.get("step") if last.get("state") == "failed" else None,
        "n_calls": len(made) if made or kept else None,
        "n_turns": len(conversation.turns),
        "n_errors": len(source.kept.get("errors", [])),
        "latency_inferred_p50_ms": percentile(latencies, 50),
        "latency_inferred_p95_ms": percentile(latencies, 95),
        "latency_heard_p50_ms": percentile(heard, 50),
        "latency_heard_p95_ms": percentile(heard, 95),
        "cost_usd": _cost_usd(source),
        "path": source.info.get("path"),
    }
    return [row | _quality(source)]


_OUTCOMES = {"ended": "ended", "failed": "failed"}


def voice_of(session: dict[str, Any]) -> str | None:
    """Return the voice of a session; of a custom one, its id."""
    audio = session.get("audio")
    output = audio.get("output") if isinstance(audio, dict) else None
    voice = output.get("voice") if isinstance(output, dict) else session.get("voice")
    found = voice.get("id") or voice.get("name") if isinstance(voice, dict) else voice
    return found if isinstance(found, str) else None


def duration_ms(log: EventLog) -> float | None:
    """Return how long it is from a log's first record to its last; None of one without instants."""
    ends = [pc.min_max(block.t_ms).as_py() for block in log.all_blocks()]
    known = [(float(end["min"]), float(end["max"])) for end in ends if end["max"] is not None]
    if not known:
        return None
    return round(max(last for _, last in known) - min(first for first, _ in known), 3)


def instructions_hash(session: dict[str, Any]) -> str | None:
    """Return the first 12 hex digits of the instructions' SHA-256."""
    words = session.get("instructions")
    if not isinstance(words, str):
        return None
    return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile, linear between the values; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low), 3)


def _cost_usd(source: Source) -> float | None:
    costs = [bill.cost_usd for bill in usage.bills(source)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


def _quality(source: Source) -> dict[str, float | None]:
    """Return ratios of the last values of each inbound audio stream of each call."""
    last: dict[tuple[Any, Any, Any], float] = {}
    for row in source.kept.get("stats", []):
        if row.stat_type == "inbound-rtp" and isinstance(row.value, int | float):
            last[row.rtc_call_id, row.id, row.metric] = row.value

    def total(metric: str) -> float:
        return sum(value for (_, _, name), value in last.items() if name == metric)

    # A packet that came twice counts as one that was not lost: there may be fewer lost than none.
    lost, received = max(total("packetsLost"), 0.0), total("packetsReceived")
    made_up = max(total("concealedSamples") - total("silentConcealedSamples"), 0.0)
    samples = total("totalSamplesReceived")
    return {
        "loss_ratio": lost / (lost + received) if lost + received > 0 else None,
        "concealed_ratio": made_up / samples if samples > 0 else None,
    }


FRAME = Frame("sessions", "a session", COLUMNS, _rows, frozenset({"rtc.session", "rtc.config"}), _read)
