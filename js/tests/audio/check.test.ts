import { afterEach, describe, expect, it, vi } from "vitest";
import { type ClockSample, checkWorker, createCheck, createComparison, type Print } from "../../src/audio/check";
import type { Batch } from "../../src/audio/worklet";

const RATE_HZ = 48_000;
const BATCH = 4096;

/** A sound that is nowhere the same: noise, the same each time. */
function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), state | 1) + 0x6d2b79f5;
    return (Math.imul(state ^ (state >>> 7), 61 | state) >>> 0) / 2 ** 31 - 1;
  });
}

function stage() {
  const [user, agent] = [noise(60 * BATCH, 1), noise(60 * BATCH, 2)];
  const found: ClockSample[] = [];
  const comparison = createComparison(RATE_HZ, (sample) => found.push(sample));
  let at = 0;
  return {
    found,
    /** Let the worklet hear some batches more. */
    hear(batches: number) {
      for (let count = 0; count < batches; count++, at += BATCH) {
        const part = (sound: Float32Array<ArrayBuffer>) => sound.slice(at, at + BATCH);
        const batch: Batch = { frame: at, lost: 0, end_ms: 0, user: part(user), agent: part(agent) };
        comparison.batch(batch);
      }
    },
    /** Let the worker see samples that begin at a frame, stamped so many ms before the worklet's clock. */
    see(track: 0 | 1, frame: number, apart_ms: number, sample_rate_hz = RATE_HZ) {
      const samples = (track === 0 ? user : agent).slice(frame, frame + 64);
      const print: Print = { track, t_ms: (frame * 1000) / RATE_HZ - apart_ms, sample_rate_hz, samples };
      comparison.print(print);
    },
  };
}

const apart = (found: ClockSample[]) => found.map(({ track, apart_ms }) => [track, Math.round(apart_ms * 100) / 100]);

describe("the second clock", () => {
  it("is compared by the samples that both heard, on each track by itself", () => {
    const { found, hear, see } = stage();
    hear(4);
    see(0, 1000, 80.2);
    see(1, 9000, -12.5);
    hear(1);
    expect(apart(found)).toEqual([
      ["user", 80.2],
      ["agent", -12.5],
    ]);
    expect(found.map(({ frame }) => frame)).toEqual([1000, 9000]);
  });

  it("waits for a worklet that is behind, and not for ever", () => {
    const { found, hear, see } = stage();
    hear(2);
    see(0, 2 * BATCH + 500, 10);
    hear(1);
    expect(apart(found)).toEqual([["user", 10]]);
    see(0, 30 * BATCH, 10);
    hear(10);
    expect(found).toHaveLength(1);
  });

  it("follows steps of 10 ms, and does not take a sound for one that was there before", () => {
    const { found, hear, see } = stage();
    hear(6);
    see(1, 4000, 50);
    hear(1);
    see(1, 12_000, 60);
    hear(1);
    // The same samples once more, half a second later by their stamp: not here, whatever was before.
    see(1, 4000, 50 - 500);
    hear(5);
    expect(apart(found)).toEqual([
      ["agent", 50],
      ["agent", 60],
    ]);
  });

  it("believes in a clock that was set anew once it has been wrong for a while", () => {
    const { found, hear, see } = stage();
    hear(6);
    see(1, 4000, 50);
    hear(1);
    for (let count = 0; count < 11; count++) {
      see(1, 12_000 + 1000 * count, -3000);
    }
    hear(5);
    see(1, 40_000, -3000);
    hear(1);
    expect(apart(found).at(-1)).toEqual(["agent", -3000]);
  });

  it("says nothing of sound at another rate: it is not the same to the sample", () => {
    const { found, hear, see } = stage();
    hear(2);
    see(0, 1000, 5, 44_100);
    hear(2);
    expect(found).toEqual([]);
  });
});

describe("the worker", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** Let it watch sound in pieces of 10 ms, each stamped so many ms after it was; returns how far off its prints are. */
  async function off(lateness_ms: number[]): Promise<number[]> {
    const prints: Print[] = [];
    let closed = 0;
    let watch = (_: { data: unknown }) => {};
    vi.stubGlobal("postMessage", (print: Print) => prints.push(print));
    vi.stubGlobal("addEventListener", (_: string, listener: typeof watch) => {
      watch = listener;
    });
    checkWorker();
    const piece = (late_ms: number, at: number) => ({
      timestamp: (at * 10 + late_ms) * 1000,
      numberOfFrames: 480,
      sampleRate: RATE_HZ,
      // Each piece is known by its samples.
      copyTo: (samples: Float32Array) => samples.fill(0.1 + at),
      close: () => closed++,
    });
    const readable = new ReadableStream({
      start(controller) {
        for (const [at, late_ms] of lateness_ms.entries()) {
          controller.enqueue(piece(late_ms, at));
        }
        controller.close();
      },
    });
    watch({ data: { track: 0, readable } });
    await vi.waitFor(() => expect(closed).toBe(lateness_ms.length));
    return prints.map(({ t_ms, samples }) => t_ms - 10 * ((samples[0] as number) - 0.1));
  }

  it("reads one stream a track, whatever is listened to in turn", async () => {
    const reading = new Set<string>();
    let tell = (_: { data: unknown }) => {};
    vi.stubGlobal(
      "MediaStreamTrackProcessor",
      class {
        readable: ReadableStream;
        constructor({ track }: { track: { label: string } }) {
          const name = `${track.label} ${reading.size}`;
          reading.add(name);
          this.readable = new ReadableStream({ cancel: () => void reading.delete(name) });
        }
      },
    );
    vi.stubGlobal("addEventListener", (_: string, listener: typeof tell) => {
      tell = listener;
    });
    vi.stubGlobal(
      "Worker",
      class {
        postMessage = (data: unknown) => tell({ data });
      },
    );
    checkWorker();
    const check = createCheck(RATE_HZ, () => undefined);
    const track = (label: string) => ({ label, readyState: "live" }) as MediaStreamTrack;
    const [microphone, file, agent] = [track("microphone"), track("file"), track("agent")];
    for (let play = 0; play < 50; play++) {
      check?.listen({ user: file, agent });
      check?.listen({ user: microphone, agent });
    }
    await vi.waitFor(() => expect(reading.size).toBe(2));
    check?.listen({ user: null, agent: null });
    await vi.waitFor(() => expect(reading.size).toBe(0));
  });

  it("knows when sound was better than its stamps, which go up and down", async () => {
    const saw = Array.from({ length: 4000 }, (_, at) => ((at % 500) - 250) / 50);
    const late = (await off(saw)).slice(200);
    expect(Math.max(...late.map(Math.abs))).toBeLessThan(1.2);
  });

  it("follows at once where sound is missing", async () => {
    const late = await off(Array.from({ length: 400 }, (_, at) => (at < 200 ? 0 : 300)));
    expect(late.every((ms) => Math.abs(ms) < 0.01 || Math.abs(ms - 300) < 0.01)).toBe(true);
    expect(late.at(-1)).toBeCloseTo(300);
  });
});
