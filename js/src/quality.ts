/** What getStats says of the call's quality, second by second: the mirror of `rtc_widget/frames/_derived.py`. */

import { type ReadonlySignal, signal } from "@preact/signals";
import type { Fields } from "./messages";

export const METRICS = [
  "round_trip_ms",
  "loss_ratio",
  "concealed_ratio",
  "jitter_buffer_delay_ms",
  "bit_rate_in_bps",
  "bit_rate_out_bps",
] as const;
export type Metric = (typeof METRICS)[number];

export interface Sample {
  t_ms: number;
  values: Partial<Record<Metric, number>>;
}

export interface QualityLog {
  /** The last minutes, oldest first. */
  samples: ReadonlySignal<readonly Sample[]>;
  take(note: Fields, t_ms: number): void;
  clear(): void;
}

type Totals = Record<string, number>;

const KEPT = 300;
/** Beyond it lies another call, or a page that slept. */
const LONGEST_GAP_MS = 15_000;
const SUMS: Record<string, readonly string[]> = {
  "inbound-rtp": [
    "bytesReceived",
    "concealedSamples",
    "jitterBufferDelay",
    "jitterBufferEmittedCount",
    "packetsLost",
    "packetsReceived",
    "totalSamplesReceived",
  ],
  "outbound-rtp": ["bytesSent"],
};

export function createQualityLog(): QualityLog {
  const samples = signal<readonly Sample[]>([]);
  let before: { t_ms: number; totals: Totals } | null = null;

  return {
    samples,

    take(note, t_ms) {
      if (note.type !== "rtc.stats" || !Array.isArray(note.stats)) {
        return;
      }
      const totals = totalsOf(note.stats);
      if (before !== null && t_ms > before.t_ms && t_ms - before.t_ms < LONGEST_GAP_MS) {
        const values = derive(before.totals, totals, (t_ms - before.t_ms) / 1000);
        samples.value = [...samples.peek().slice(1 - KEPT), { t_ms, values }];
      }
      before = { t_ms, totals };
    },

    clear() {
      before = null;
      samples.value = [];
    },
  };
}

/** Running totals over all streams, and the round trip in s. */
function totalsOf(stats: readonly unknown[]): Totals {
  const found: Totals = {};
  for (const row of stats) {
    if (!Array.isArray(row) || row.length !== 4) {
      continue;
    }
    const [type, , metric, value] = row as unknown[];
    if (typeof type !== "string" || typeof metric !== "string" || typeof value !== "number") {
      continue;
    }
    if (SUMS[type]?.includes(metric)) {
      found[metric] = (found[metric] ?? 0) + value;
    } else if (
      (type === "candidate-pair" && metric === "currentRoundTripTime") ||
      (type === "remote-inbound-rtp" && metric === "roundTripTime")
    ) {
      found.round_trip = Math.max(found.round_trip ?? 0, value);
    }
  }
  return found;
}

/** What happened between two getStats; what nothing tells is left out. */
function derive(before: Totals, now: Totals, seconds: number): Sample["values"] {
  const more = (name: string) => (now[name] ?? 0) - (before[name] ?? 0);
  const values: Sample["values"] = {};
  const ratio = (metric: Metric, part: number, whole: number) => {
    if (whole > 0 && part >= 0) {
      values[metric] = part / whole;
    }
  };
  ratio("concealed_ratio", more("concealedSamples"), more("totalSamplesReceived"));
  ratio("jitter_buffer_delay_ms", more("jitterBufferDelay") * 1000, more("jitterBufferEmittedCount"));
  ratio("loss_ratio", more("packetsLost"), more("packetsLost") + more("packetsReceived"));
  for (const [metric, total] of [
    ["bit_rate_in_bps", "bytesReceived"],
    ["bit_rate_out_bps", "bytesSent"],
  ] as const) {
    if (total in before && total in now && more(total) >= 0) {
      values[metric] = (more(total) * 8) / seconds;
    }
  }
  if (now.round_trip !== undefined) {
    values.round_trip_ms = now.round_trip * 1000;
  }
  return values;
}
