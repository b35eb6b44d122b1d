/** getStats of the call: once a second into the log, and what the jitter buffer does five times as often. */

import { browserTimeOf, type Fields, isFields } from "./messages";

const EVERY_MS = 1000;
const JITTER_EVERY_MS = 200;

/** What is kept of the W3C's many values: those that tell how the call sounds. */
const METRICS: Record<string, readonly string[]> = {
  "inbound-rtp": [
    "audioLevel",
    "bytesReceived",
    "concealedSamples",
    "concealmentEvents",
    "insertedSamplesForDeceleration",
    "jitter",
    "jitterBufferDelay",
    "jitterBufferEmittedCount",
    "jitterBufferTargetDelay",
    "packetsDiscarded",
    "packetsLost",
    "packetsReceived",
    "removedSamplesForAcceleration",
    "silentConcealedSamples",
    "totalSamplesReceived",
  ],
  "outbound-rtp": ["bytesSent", "packetsSent"],
  "remote-inbound-rtp": ["fractionLost", "jitter", "packetsLost", "roundTripTime"],
  "candidate-pair": ["currentRoundTripTime"],
  "media-playout": ["synthesizedSamplesDuration", "totalPlayoutDelay", "totalSamplesCount"],
  "media-source": ["audioLevel"],
};

/** A value of getStats: type, id, metric, value. */
export type StatsRow = [stat_type: string, id: string, metric: string, value: number];

/** What tells the jitter buffer's delay, in the order in which it is sent. */
const JITTER = [
  "jitterBufferDelay",
  "jitterBufferEmittedCount",
  "insertedSamplesForDeceleration",
  "removedSamplesForAcceleration",
  "concealedSamples",
] as const;

/** The values of `JITTER` at a moment of the browser's clock. */
export type JitterSample = [t_browser_ms: number, ...counters: number[]];

export interface Stats {
  /** Measure this connection from now on; null: none. With `closely`, the jitter buffer too. */
  watch(pc: RTCPeerConnection | null, closely: boolean): void;
}

export interface StatsPorts {
  note(note: Fields & { type: string }): void;
  /** Readings of the recorder's second clock: when, on which track, ms apart. */
  clock(): [t_browser_ms: number, track: string, apart_ms: number][];
}

export function createStats({ note, clock }: StatsPorts): Stats {
  let timer: ReturnType<typeof setInterval> | undefined;

  async function measure(pc: RTCPeerConnection, still: () => boolean, jitter: JitterSample[]): Promise<void> {
    const rows = rowsOf(await pc.getStats());
    if (rows.length > 0 && still()) {
      const now_ms = browserTimeOf(Date.now());
      /** Rows that begin with a time count it from this note. */
      const since = <Row extends [number, ...unknown[]]>(name: string, found: readonly Row[]) =>
        found.length > 0 ? { [name]: found.map(([t_ms, ...rest]) => [Math.round(t_ms - now_ms), ...rest]) } : {};
      note({ type: "rtc.stats", stats: rows, ...since("jitter", jitter), ...since("clock", clock()) });
    }
  }

  return {
    watch(pc, closely) {
      clearInterval(timer);
      timer = undefined;
      if (pc === null) {
        return;
      }
      const mine = setInterval(tick, closely ? JITTER_EVERY_MS : EVERY_MS);
      timer = mine;
      let measuredAt = performance.now();
      let jitter: JitterSample[] = [];

      async function tick(): Promise<void> {
        const connection = pc as RTCPeerConnection;
        // A connection that is just being closed has nothing more to say.
        if (performance.now() - measuredAt >= EVERY_MS - JITTER_EVERY_MS / 2) {
          measuredAt = performance.now();
          const gathered = jitter;
          jitter = [];
          await measure(connection, () => timer === mine, gathered).catch(() => undefined);
        }
        if (closely) {
          const sample = await sampleJitter(connection).catch(() => null);
          if (sample !== null) {
            jitter.push(sample);
          }
        }
      }
    },
  };
}

/** Read the counters that tell what the jitter buffer does; null where there is no received sound yet. */
export async function sampleJitter(pc: RTCPeerConnection): Promise<JitterSample | null> {
  const receiver = pc.getReceivers()[0];
  if (receiver === undefined) {
    return null;
  }
  for (const stats of (await receiver.getStats()).values()) {
    if (isFields(stats) && stats.type === "inbound-rtp") {
      const counters = JITTER.map((name) => stats[name]);
      if (counters.slice(0, 2).every((value) => typeof value === "number")) {
        return [browserTimeOf(Number(stats.timestamp)), ...counters.map((value) => round(Number(value ?? 0)))];
      }
    }
  }
  return null;
}

/** The rows of one report. Of the ways that ICE tried only the one that is used is of interest. */
export function rowsOf(report: RTCStatsReport): StatsRow[] {
  const rows: StatsRow[] = [];
  for (const stats of report.values()) {
    const { type, id } = stats as RTCStats;
    if (!isFields(stats) || (type === "candidate-pair" && stats.nominated !== true)) {
      continue;
    }
    for (const metric of METRICS[type] ?? []) {
      const value = stats[metric];
      if (typeof value === "number") {
        rows.push([type, id, metric, round(value)]);
      }
    }
  }
  return rows;
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
