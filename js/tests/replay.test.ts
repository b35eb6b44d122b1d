import { signal } from "@preact/signals";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createListener } from "../src/audio/listener";
import { createPieces, type Pieces } from "../src/audio/pieces";
import type { Fields, PanelConfig } from "../src/messages";
import { createReplay } from "../src/replay";
import { createStore } from "../src/store";
import { CONFIG } from "./fakes/kernel";

/** A recording whose records have these times, and a player that only knows its place. */
function replayOf(times_ms: readonly (number | null)[], more: Partial<PanelConfig> = {}) {
  const store = createStore();
  const replay = { name: "barista-1", duration_ms: 10_000, aligned_ms: null };
  store.configure({ ...CONFIG, replay, ...more });
  times_ms.forEach((t_ms, seq) => {
    store.applyLogged([seq, "server", t_ms, JSON.stringify({ type: "response.created", n: seq })]);
  });
  const place_ms = signal(0);
  const playing = signal(false);
  const pieces: Pieces = {
    playing,
    problem: signal(""),
    place_ms,
    play(from_ms) {
      playing.value = true;
      place_ms.value = from_ms;
    },
    go(to_ms) {
      place_ms.value = to_ms;
    },
    stop() {
      playing.value = false;
    },
  };
  return { store, place_ms, playing, replay: createReplay(store, pieces) };
}

describe("a recording in step with its sound", () => {
  it("is at the last event up to what is heard", () => {
    const { place_ms, replay } = replayOf([100, 250, 900]);
    const seen = [0, 99.9, 100, 249, 250, 10_000].map((t_ms) => {
      place_ms.value = t_ms;
      return replay.event.value;
    });
    expect(seen).toEqual([-1, -1, 0, 0, 1, 2]);
  });

  it("goes by time where the two clocks put a record a little before the one it follows", () => {
    const { place_ms, replay } = replayOf([100, 300, 297, null, 400]);
    place_ms.value = 298;
    expect(replay.event.value).toBe(2);
    place_ms.value = 300;
    expect(replay.event.value).toBe(1);
    replay.step(-1);
    expect([place_ms.value, replay.event.value]).toEqual([297, 2]);
  });

  it("steps through events of one time, each of them once, and stays within the log", () => {
    const { replay } = replayOf([5, 5, 5, 8]);
    const seen = [1, 1, 1, 1, 1, -1, -1, -1, -1].map((by) => {
      replay.step(by);
      return replay.event.value;
    });
    expect(seen).toEqual([0, 1, 2, 3, 3, 2, 1, 0, 0]);
  });

  it("steps over what is measured once a second, and goes on from it where somebody looks at it", () => {
    const { store, replay } = replayOf([5]);
    store.applyLogged([1, "local", 6, JSON.stringify({ type: "rtc.stats" })]);
    store.applyLogged([2, "server", 7, JSON.stringify({ type: "response.done" })]);
    replay.go(5);
    replay.step(1);
    expect(replay.event.value).toBe(2);
    replay.goToEvent(1);
    expect(replay.event.value).toBe(1);
    replay.step(-1);
    expect(replay.event.value).toBe(0);
    replay.goToEvent(1);
    replay.step(1);
    expect(replay.event.value).toBe(2);
  });

  it("takes in what is read of the log later", () => {
    const { store, place_ms, replay } = replayOf([100]);
    place_ms.value = 5000;
    expect(replay.event.value).toBe(0);
    store.applyLogged([1, "server", 4000, JSON.stringify({ type: "response.done" })]);
    replay.go(5001);
    expect(replay.event.value).toBe(1);
  });

  it("stays within the recording, and begins again after its end", () => {
    const { place_ms, playing, replay } = replayOf([100]);
    replay.go(99_999);
    expect(place_ms.value).toBe(10_000);
    replay.toggle();
    expect([place_ms.value, playing.value]).toEqual([0, true]);
    replay.toggle();
    expect(playing.value).toBe(false);
    replay.go(-5);
    expect(place_ms.value).toBe(0);
  });

  it("goes to an event that somebody looks at, but not to one without a time", () => {
    const { place_ms, replay } = replayOf([100, null, 700]);
    replay.goToEvent(2);
    expect([place_ms.value, replay.event.value]).toEqual([700, 2]);
    replay.goToEvent(1);
    replay.goToEvent(-1);
    expect(place_ms.value).toBe(700);
  });

  it("marks nothing in a live session", () => {
    const { place_ms, replay } = replayOf([100], { replay: null });
    place_ms.value = 500;
    expect([replay.event.value, replay.row.value]).toEqual([-1, ""]);
  });

  it("is at the row that the event belongs to, or one of the events before it", () => {
    const { store, place_ms, replay } = replayOf([]);
    const item = { id: "item_1", type: "message", role: "user", content: [{ type: "input_text", text: "Hello" }] };
    const added = { type: "conversation.item.added", previous_item_id: null, item };
    store.applyLogged([0, "server", 100, JSON.stringify(added)]);
    store.applyLogged([1, "local", 200, JSON.stringify({ type: "rtc.stats" })]);
    place_ms.value = 50;
    expect(replay.row.value).toBe("");
    place_ms.value = 150;
    const row = replay.row.value;
    expect(row).not.toBe("");
    place_ms.value = 250;
    expect(replay.row.value).toBe(row);
  });
});

describe("a recording without sound", () => {
  afterEach(() => vi.useRealTimers());

  it("goes on with the clock of the sound that there is none of, from its beginning to its end", async () => {
    vi.useFakeTimers();
    const began = performance.now();
    vi.stubGlobal(
      "AudioContext",
      class {
        destination = {};
        createGain = () => ({ gain: {}, connect: () => undefined });
        close = async () => undefined;
        get currentTime() {
          return (performance.now() - began) / 1000;
        }
      },
    );
    vi.stubGlobal("requestAnimationFrame", (draw: () => void) => setTimeout(draw, 16));
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    const fetch = async () => ({});
    const pieces = createPieces({ fetch, recorded: () => false, sink: () => "", volume: () => 1 });
    pieces.play(0, 20_000);
    const seen: number[] = [];
    for (let second = 0; second < 3; second++) {
      await vi.advanceTimersByTimeAsync(5000);
      seen.push(Math.round(pieces.place_ms.value / 1000));
    }
    expect(seen).toEqual([5, 10, 15]);
    await vi.advanceTimersByTimeAsync(5200);
    expect([pieces.place_ms.value, pieces.playing.value]).toEqual([20_000, false]);
  });
});

describe("one recorded piece", () => {
  /** A listener whose kernel and whose speaker take their time. */
  function slow(sink: string) {
    const sounding = new Set<object>();
    const fetched: (() => void)[] = [];
    const set: (() => void)[] = [];
    class Element {
      setSinkId = () => new Promise<void>((resolve) => set.push(resolve));
      play = async () => void sounding.add(this);
      pause = () => void sounding.delete(this);
    }
    vi.stubGlobal("Audio", Element);
    const fetch = () =>
      new Promise<Fields>((resolve) => fetched.push(() => resolve({ buffers: [new ArrayBuffer(4)] })));
    const listener = createListener({ fetch, sink: () => sink, volume: () => 1 });
    const pass = async (steps: (() => void)[]) => {
      for (const step of steps.splice(0)) {
        step();
      }
      await new Promise((resolve) => setTimeout(resolve));
    };
    return { listener, sounding, arrive: () => pass(fetched), speakerSet: () => pass(set) };
  }

  it("sounds once, and can be stopped, however often it was asked for while the kernel was slow", async () => {
    const { listener, sounding, arrive } = slow("");
    for (let click = 0; click < 3; click++) {
      listener.toggle("u1", {});
    }
    await arrive();
    expect([sounding.size, listener.playing.value]).toEqual([1, "u1"]);
    listener.stop();
    expect(sounding.size).toBe(0);
  });

  it("stays silent when it is stopped while its speaker is being set", async () => {
    const { listener, sounding, arrive, speakerSet } = slow("headphones");
    listener.toggle("u1", {});
    await arrive();
    listener.toggle("u1", {});
    await speakerSet();
    expect([sounding.size, listener.playing.value]).toEqual([0, ""]);
  });
});
