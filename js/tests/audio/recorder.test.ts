import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Chunk } from "../../src/audio/chunks";
import { createCutter } from "../../src/audio/recorder";
import { type Batch, recorderWorklet } from "../../src/audio/worklet";

const QUANTUM = 128;
const BATCH = 4096;

/** The audio thread: runs the worklet's own text, as a browser does, with nothing of this module in reach. */
function audioThread() {
  const posted: Batch[] = [];
  const scope = { currentFrame: 0 };
  type Processor = { process(inputs: Float32Array[][]): boolean };
  let make: (new () => Processor) | null = null;
  const processorClass = class {
    port = { postMessage: (batch: Batch) => posted.push(batch) };
  };
  // biome-ignore lint/security/noGlobalEval: the text that goes to the audio thread is what is tested
  const evaluate = globalThis.eval;
  Object.assign(globalThis, {
    AudioWorkletProcessor: processorClass,
    registerProcessor: (_name: string, found: new () => Processor) => {
      make = found;
    },
  });
  Object.defineProperty(globalThis, "currentFrame", { get: () => scope.currentFrame, configurable: true });
  evaluate(`(${recorderWorklet})("recorder")`);
  if (make === null) {
    throw new Error("nothing was registered");
  }
  const processor = new (make as new () => Processor)();
  return {
    posted,
    /** Render some quanta; `null`: nothing is connected. */
    render(count: number, user: number | null, agent: number | null) {
      for (let at = 0; at < count; at++) {
        const of = (value: number | null) => new Float32Array(QUANTUM).fill(value ?? 0);
        processor.process([user === null && agent === null ? [] : [of(user), of(agent)]]);
        scope.currentFrame += QUANTUM;
      }
    },
    skip(frames: number) {
      scope.currentFrame += frames;
    },
  };
}

describe("the worklet", () => {
  afterEach(() => {
    for (const name of ["AudioWorkletProcessor", "registerProcessor", "currentFrame"]) {
      Reflect.deleteProperty(globalThis, name);
    }
  });

  it("posts both tracks in batches, stamped by the frame that they begin with", () => {
    const thread = audioThread();
    thread.skip(640);
    thread.render(70, 0.25, -0.5);
    expect(thread.posted.map(({ frame, lost, user }) => [frame, lost, user.length])).toEqual([
      [640, 0, BATCH],
      [640 + BATCH, 0, BATCH],
    ]);
    expect(thread.posted[0]?.user[100]).toBe(0.25);
    expect(thread.posted[0]?.agent[100]).toBe(-0.5);
  });

  it("writes silence for an input that nothing is connected to", () => {
    const thread = audioThread();
    thread.render(16, 0.5, 0.5);
    thread.render(16, null, null);
    const [batch] = thread.posted;
    expect([batch?.user[2047], batch?.user[2048], batch?.agent[4095]]).toEqual([0.5, 0, 0]);
  });

  it("says how many frames were left out, and where", () => {
    const thread = audioThread();
    thread.render(8, 0.5, 0.5);
    thread.skip(1000);
    thread.render(32, 0.5, 0.5);
    expect(thread.posted.map(({ frame, lost, user }) => [frame, lost, user.length])).toEqual([
      [0, 0, 1024],
      [2024, 1000, BATCH],
    ]);
  });
});

describe("the cutter", () => {
  let chunks: Chunk[];
  let push: (frame: number, lost?: number, late_ms?: number) => void;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.setSystemTime(1_000_000);
    chunks = [];
    const cut = createCutter(48_000, (chunk) => chunks.push(chunk));
    push = (frame, lost = 0, late_ms = 0) => {
      const ones = () => new Float32Array(BATCH).fill(0.5);
      const end_ms = 1_000_000 + (frame + BATCH) / 48 + late_ms;
      cut({ frame, lost, end_ms, user: ones(), agent: ones() });
    };
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const places = () => chunks.map(({ frame, frames, lost_frames }) => [frame, frame + frames, lost_frames]);

  it("counts places at 24 kHz from the first batch on, without a hole", () => {
    for (let at = 0; at < 20; at++) {
      push(9600 + at * BATCH);
    }
    expect(chunks[0]?.frame).toBe(0);
    for (const [at, [start]] of places().entries()) {
      expect(start).toBe(at === 0 ? 0 : places()[at - 1]?.[1]);
    }
    expect(Math.abs((places().at(-1)?.[1] ?? 0) - 20 * 2048)).toBeLessThan(24);
    expect(new Int16Array(chunks[5]?.user ?? new ArrayBuffer(0))[100]).toBeCloseTo(0.5 * 32768, -1);
  });

  it("tells the clock by the count, so that it does not jitter", () => {
    for (const [at, late_ms] of [0, 40, 3, 90, 11].entries()) {
      push(at * BATCH, 0, late_ms);
    }
    const apart = chunks.map(({ frame, t_browser_ms }) => t_browser_ms - frame / 24);
    expect(Math.max(...apart) - Math.min(...apart)).toBeLessThan(1e-6);
  });

  it("leaves a hole where the context left samples out, and says how large it is", () => {
    push(0);
    push(BATCH + 4800, 4800);
    const last = chunks.at(-1);
    expect(last?.lost_frames).toBe(2400);
    expect(last?.frame).toBe(2048 + 2400);
  });

  it("finds by the clock that the context stood still", () => {
    push(0);
    for (let at = 1; at < 8; at++) {
      push(at * BATCH, 0, 5_000);
    }
    const lost = chunks.flatMap(({ lost_frames }) => lost_frames ?? []);
    expect(lost).toHaveLength(1);
    expect(Math.abs((lost[0] ?? 0) - 5 * 24_000)).toBeLessThanOrEqual(48);
  });

  it("bears a thread that is late once and catches up", () => {
    for (const [at, late_ms] of [0, 1_500, 1_300, 0, 0, 0].entries()) {
      push(at * BATCH, 0, late_ms);
    }
    expect(chunks.some(({ lost_frames }) => lost_frames !== undefined)).toBe(false);
  });
});
