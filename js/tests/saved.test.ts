// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { createInstance } from "../src/instance";
import type { LogRecord } from "../src/messages";
import type { Saved } from "../src/saved/data";
import { createSavedModel } from "../src/saved/model";
import { createSavedSound, RATE_HZ, type Sides } from "../src/saved/sound";
import { CONFIG } from "./fakes/kernel";

const PIECE_MS = 1000;
const base64 = (...bytes: number[]) => btoa(String.fromCharCode(...bytes));

/** A piece whose only byte says how loud both sides are, in percent; the agent half as loud. */
async function decode(bytes: ArrayBuffer): Promise<Sides> {
  const level = (new Uint8Array(bytes)[0] ?? 0) / 100;
  const of = (value: number) => new Float32Array((RATE_HZ * PIECE_MS) / 1000).fill(value);
  return [of(level), of(level / 2)];
}

const SOUND = { piece_ms: PIECE_MS, pieces: [base64(10), base64(20)], items: { item_1: [1, 500, 1500] as const } };

function levels(answer: { buffers?: unknown }): number[] {
  const [file] = answer.buffers as ArrayBuffer[];
  const view = new DataView(file as ArrayBuffer);
  const found: number[] = [];
  for (let at = 44; at < view.byteLength; at += 2) {
    const percent = Math.round(view.getInt16(at, true) / 327.67);
    if (percent !== found.at(-1)) {
      found.push(percent);
    }
  }
  return found;
}

describe("the sound of a saved page", () => {
  it("is both sides from one piece into the next, and silence beyond them", async () => {
    const answer = await createSavedSound(SOUND, decode)({ start_ms: -100, end_ms: 2100 });
    expect(answer.seconds).toBeCloseTo(2.2);
    expect(levels(answer)).toEqual([0, 15, 30, 0]);
  });

  it("is one side where a turn is heard", async () => {
    const answer = await createSavedSound(SOUND, decode)({ item_id: "item_1" });
    expect(answer.seconds).toBeCloseTo(1);
    expect(levels(answer)).toEqual([5, 10]);
  });

  it("says what is missing, and decodes a piece once", async () => {
    const decoded = vi.fn(decode);
    const hear = createSavedSound(SOUND, decoded);
    await hear({ start_ms: 0, end_ms: 400 });
    await hear({ start_ms: 400, end_ms: 800 });
    expect(decoded).toHaveBeenCalledTimes(1);
    await expect(hear({ item_id: "item_2" })).rejects.toThrow("nothing was recorded");
    await expect(createSavedSound(null, decode)({ start_ms: 0, end_ms: 1 })).rejects.toThrow("without sound");
  });
});

describe("a saved page", () => {
  const records = Array.from(
    { length: 1203 },
    (_, seq): LogRecord => [seq, "server", seq * 10, JSON.stringify({ type: "response.created", n: seq })],
  );
  const saved: Saved = {
    config: { ...CONFIG, replay: { name: "barista-1", duration_ms: 12_030, aligned_ms: null } },
    records,
    picture: { lanes: [], stretches: [], turns: [], notes: [], duration_ms: 12_030, peaks_per_s: 50 },
    peaks: [base64(0, 127), base64(127, 0)],
    sound: null,
    code: { widget: "", waves: "" },
  };

  it("answers the panel as a kernel does, and nothing that would change the call", async () => {
    const instance = createInstance(createSavedModel(saved));
    await vi.waitFor(() => expect(instance.store.events.length()).toBe(records.length), { timeout: 20_000 });
    expect(instance.store.config.value?.replay?.name).toBe("barista-1");
    expect([...(await instance.findEvents('"n":1202'))]).toEqual([1202]);
    await instance.timeline.load();
    expect(instance.timeline.picture.value?.peaks.map((track) => [...track])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    await expect(instance.ask("update", {})).rejects.toThrow("only looked at");
    instance.dispose();
  });
});
