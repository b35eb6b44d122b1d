import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Fields } from "../src/messages";
import { createStats, rowsOf, type Stats } from "../src/stats";

let reports: Fields[];
let asked: number;
let readings: [number, string, number][];
let notes: Fields[];
let stats: Stats;

const report = () => new Map(reports.map((one) => [one.id, one])) as unknown as RTCStatsReport;
const inbound = (emitted: number) => ({
  id: "in",
  type: "inbound-rtp",
  timestamp: Date.now(),
  packetsReceived: emitted / 960,
  jitterBufferDelay: emitted * 0.03,
  jitterBufferEmittedCount: emitted,
  kind: "audio",
});
const pc = {
  getStats: async () => {
    asked++;
    return report();
  },
  getReceivers: () => [{ getStats: async () => report() }],
} as unknown as RTCPeerConnection;

/** Let time pass, with the jitter buffer counting. */
async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 100) {
    reports = [inbound(48 * (performance.now() + 100))];
    await vi.advanceTimersByTimeAsync(100);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = 0;
  readings = [];
  notes = [];
  reports = [];
  stats = createStats({
    note: (note) => notes.push(note),
    clock: () => readings.splice(0),
  });
});

afterEach(() => {
  stats.watch(null, false);
  vi.useRealTimers();
});

describe("getStats", () => {
  it("is noted once a second, by the W3C's names", async () => {
    stats.watch(pc, false);
    await pass(3_100);
    expect(notes).toHaveLength(3);
    expect(asked).toBe(3);
    expect(notes[0]?.type).toBe("rtc.stats");
    expect(notes[0]?.stats).toContainEqual(["inbound-rtp", "in", "jitterBufferEmittedCount", 48_000]);
    expect(notes[0]).not.toHaveProperty("jitter");
  });

  it("follows the jitter buffer five times as often where it is recorded, in the same note", async () => {
    stats.watch(pc, true);
    await pass(4_100);
    expect(notes.length).toBeGreaterThanOrEqual(3);
    expect(asked).toBe(notes.length);
    const jitter = notes[1]?.jitter as [number, number, number][];
    expect(jitter).toHaveLength(5);
    for (const [at, [since_ms, delay_s, emitted]] of jitter.entries()) {
      // The fake report is up to 100 ms old when it is read.
      expect(Math.abs(since_ms - (-1050 + 200 * at))).toBeLessThanOrEqual(60);
      expect(delay_s / emitted).toBeCloseTo(0.03);
    }
  });

  it("carries what the second clock read, by the time since", async () => {
    stats.watch(pc, true);
    await pass(900);
    readings.push([performance.timeOrigin + performance.now(), "agent", 57.1]);
    await pass(1_200);
    const clocks = notes.flatMap(({ clock }) => (clock as [number, string, number][] | undefined) ?? []);
    expect(clocks).toHaveLength(1);
    expect(clocks[0]?.slice(1)).toEqual(["agent", 57.1]);
    expect(clocks[0]?.[0]).toBeLessThanOrEqual(0);
  });

  it("notes nothing where there is nothing, and nothing more when the call is over", async () => {
    stats.watch(pc, true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(notes).toEqual([]);
    await pass(1_200);
    const count = notes.length;
    expect(count).toBeGreaterThan(0);
    stats.watch(null, false);
    await pass(3_000);
    expect(notes).toHaveLength(count);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves out what tells nothing of the sound, and the ways that are not used", () => {
    reports = [
      { id: "C", type: "certificate", fingerprint: "aa" },
      { id: "P1", type: "candidate-pair", nominated: false, currentRoundTripTime: 0.9 },
      { id: "P2", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.0123456789 },
      { id: "O", type: "outbound-rtp", bytesSent: 12, mid: "0" },
    ];
    expect(rowsOf(report())).toEqual([
      ["candidate-pair", "P2", "currentRoundTripTime", 0.012346],
      ["outbound-rtp", "O", "bytesSent", 12],
    ]);
  });
});
