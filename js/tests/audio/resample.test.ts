import { describe, expect, it } from "vitest";
import { createResampler, RATE_HZ } from "../../src/audio/resample";

function tone(rate_hz: number, hz: number, seconds: number): Float32Array {
  return Float32Array.from(
    { length: Math.round(rate_hz * seconds) },
    (_, at) => 0.5 * Math.sin((2 * Math.PI * hz * at) / rate_hz),
  );
}

/** Push in pieces of odd lengths, and join what comes out. */
function resampled(rate_hz: number, samples: Float32Array, piece = 1000): Int16Array {
  const resampler = createResampler(rate_hz);
  const parts: Int16Array[] = [];
  for (let at = 0; at < samples.length; at += piece) {
    parts.push(resampler.push(samples.subarray(at, at + piece)));
  }
  parts.push(resampler.flush());
  return Int16Array.from(parts.flatMap((part) => [...part]));
}

const rms = (samples: ArrayLike<number>) =>
  Math.sqrt(Array.from(samples).reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

describe.each([48_000, 44_100, 96_000, 24_000, 16_000])("from %i Hz", (rate_hz) => {
  it("keeps every sample where it was", () => {
    const found = resampled(rate_hz, tone(rate_hz, 440, 0.5), 997);
    expect(Math.abs(found.length - RATE_HZ / 2)).toBeLessThanOrEqual(1);
    const errors = [];
    for (let at = 500; at < found.length - 500; at++) {
      errors.push((found[at] as number) / 32768 - 0.5 * Math.sin((2 * Math.PI * 440 * at) / RATE_HZ));
    }
    expect(rms(errors)).toBeLessThan(0.001);
  });

  it("gives the same in one piece as in many", () => {
    const samples = tone(rate_hz, 1000, 0.2);
    expect(resampled(rate_hz, samples, 128)).toEqual(resampled(rate_hz, samples, samples.length));
  });
});

describe("the resampler", () => {
  it("lets nothing through that 24 kHz cannot hold", () => {
    const found = resampled(48_000, tone(48_000, 14_000, 0.5));
    expect(rms(found.slice(500, -500))).toBeLessThan(0.003 * 32767);
  });

  it("takes what is louder than full scale to full scale, without a wrap", () => {
    const found = resampled(48_000, new Float32Array(4800).fill(1.7));
    expect(Math.max(...found)).toBe(32767);
    expect(found[1000]).toBe(32767);
  });
});
