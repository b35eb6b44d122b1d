"""What getStats says of a call's quality, second by second: the ratios behind W3C's running totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["METRICS", "Totals", "derive", "totals_of"]

Totals = dict[str, float]

METRICS = {
    "bit_rate_in_bps": "received, bit/s",
    "bit_rate_out_bps": "sent, bit/s",
    "concealed_ratio": "of the agent's samples, those that had to be made up",
    "jitter_buffer_delay_ms": "how long the agent's sound waited in the jitter buffer",
    "loss_ratio": "of the packets sent to us, those that were lost",
    "round_trip_ms": "to the service and back",
}
"""Derived values, in the rows of stat_type `derived`."""

_SUMS = {
    "inbound-rtp": (
        "bytesReceived",
        "concealedSamples",
        "jitterBufferDelay",
        "jitterBufferEmittedCount",
        "packetsLost",
        "packetsReceived",
        "silentConcealedSamples",
        "totalSamplesReceived",
    ),
    "outbound-rtp": ("bytesSent",),
}
_ROUND_TRIPS = {("candidate-pair", "currentRoundTripTime"), ("remote-inbound-rtp", "roundTripTime")}


def totals_of(stats: Iterable[object]) -> Totals:
    """Return what one getStats says: running totals over its streams, and the round trip in s.

    Parameters
    ----------
    stats
        Rows of stat_type, id, metric, value; others are passed over.
    """
    found: Totals = {}
    for row in stats:
        if not isinstance(row, list | tuple) or len(row) != 4:  # noqa: PLR2004 - columns
            continue
        stat_type, _, metric, value = row
        if not isinstance(value, int | float):
            continue
        if metric in _SUMS.get(stat_type, ()):
            found[metric] = found.get(metric, 0.0) + value
        elif (stat_type, metric) in _ROUND_TRIPS:
            found["round_trip"] = max(found.get("round_trip", 0.0), float(value))
    return found


def derive(before: Mapping[str, float], now: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Return what happened between two getStats, by the names of `METRICS`; what nothing tells is left out.

    Parameters
    ----------
    before, now
        From `totals_of`.
    seconds
        Between them.
    """

    def more(name: str) -> float:
        return now.get(name, 0.0) - before.get(name, 0.0)

    found = {}
    ratios = {
        # Silence made up for packets that nobody sent is no flaw.
        "concealed_ratio": (
            more("concealedSamples") - more("silentConcealedSamples"),
            more("totalSamplesReceived"),
        ),
        "jitter_buffer_delay_ms": (more("jitterBufferDelay") * 1_000, more("jitterBufferEmittedCount")),
        "loss_ratio": (more("packetsLost"), more("packetsLost") + more("packetsReceived")),
    }
    for name, (part, whole) in ratios.items():
        if whole > 0 and part >= 0:
            found[name] = part / whole
    for name, total in (("bit_rate_in_bps", "bytesReceived"), ("bit_rate_out_bps", "bytesSent")):
        if total in before and total in now and seconds > 0 and more(total) >= 0:
            found[name] = more(total) * 8 / seconds
    if "round_trip" in now:
        found["round_trip_ms"] = now["round_trip"] * 1_000
    return found
