import { describe, expect, it } from "vitest";
import { createQualityLog } from "../src/quality";

const stats = (lost: number, received: number, concealed: number, bytes: number, round_trip_s?: number) => ({
  type: "rtc.stats",
  stats: [
    ["inbound-rtp", "in1", "packetsLost", lost],
    ["inbound-rtp", "in1", "packetsReceived", received],
    ["inbound-rtp", "in1", "concealedSamples", concealed],
    ["inbound-rtp", "in1", "totalSamplesReceived", received * 480],
    ["inbound-rtp", "in1", "jitterBufferDelay", received * 0.05 * 480],
    ["inbound-rtp", "in1", "jitterBufferEmittedCount", received * 480],
    ["inbound-rtp", "in1", "bytesReceived", bytes],
    ["outbound-rtp", "out1", "bytesSent", bytes / 2],
    ["inbound-rtp", "in1", "kind", "audio"],
    ...(round_trip_s === undefined ? [] : [["candidate-pair", "cp1", "currentRoundTripTime", round_trip_s]]),
  ],
});

describe("what getStats says of the quality", () => {
  it("is what happened between two of them, by the names and units of the frame `stats`", () => {
    const log = createQualityLog();
    log.take(stats(0, 0, 0, 0), 1000);
    expect(log.samples.value).toEqual([]);
    log.take(stats(5, 45, 480, 4000, 0.123), 2000);
    const [sample] = log.samples.value;
    expect(sample?.t_ms).toBe(2000);
    expect(sample?.values).toEqual({
      loss_ratio: 5 / 50,
      concealed_ratio: 480 / (45 * 480),
      jitter_buffer_delay_ms: expect.closeTo(50, 6),
      bit_rate_in_bps: 32_000,
      bit_rate_out_bps: 16_000,
      round_trip_ms: 123,
    });
  });

  it("leaves out what nothing tells, and what lies across a gap", () => {
    const log = createQualityLog();
    log.take({ type: "rtc.stats", stats: [["x", "y", "z"], "no row"] }, 0);
    log.take({ type: "rtc.stats", stats: [] }, 1000);
    expect(log.samples.value).toEqual([{ t_ms: 1000, values: {} }]);
    log.take(stats(0, 10, 0, 10), 60_000);
    expect(log.samples.value).toHaveLength(1);
  });

  it("keeps the last minutes only", () => {
    const log = createQualityLog();
    for (let second = 0; second < 1000; second++) {
      log.take(stats(0, second, 0, second), second * 1000);
    }
    expect(log.samples.value.length).toBeLessThanOrEqual(300);
    expect(log.samples.value.at(-1)?.t_ms).toBe(999_000);
  });
});
