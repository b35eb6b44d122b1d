// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Batch } from "../../src/audio/worklet";
import type { Audio } from "../../src/messages";
import { callUp, openPage, type Page, settle } from "../fakes/page";
import { type Browser, installBrowser } from "../fakes/rtc";

const BATCH = 4096;
let browser: Browser;
let page: Page;
let modules: string[];
let refuse: (url: string) => boolean;
let nodes: { port: { onmessage: ((event: { data: Batch }) => void) | null } }[];

const audio = () => page.kernel.sent.filter((message): message is Audio => message.kind === "audio");

/** Let the audio thread post some batches. */
function hear(count: number, from = 0): void {
  for (let at = from; at < from + count; at++) {
    const ones = () => new Float32Array(BATCH).fill(0.5);
    const batch = { frame: at * BATCH, lost: 0, end_ms: Date.now(), user: ones(), agent: ones() };
    nodes.at(-1)?.port.onmessage?.({ data: batch });
  }
}

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  browser = installBrowser();
  modules = [];
  nodes = [];
  refuse = () => false;
  const node = () => ({ connect: () => undefined, disconnect: () => undefined });
  const Base = AudioContext;
  vi.stubGlobal(
    "AudioContext",
    vi.fn(function AudioContext() {
      return Object.assign(new Base(), {
        sampleRate: 48_000,
        outputLatency: 0.03,
        destination: {},
        createChannelMerger: node,
        audioWorklet: {
          addModule: async (url: string) => {
            modules.push(url.split(":")[0] ?? "");
            if (refuse(url)) {
              throw new DOMException("refused", "AbortError");
            }
          },
        },
      });
    }),
  );
  vi.stubGlobal(
    "AudioWorkletNode",
    vi.fn(function AudioWorkletNode() {
      const made = { ...node(), port: { onmessage: null } };
      nodes.push(made);
      return made;
    }),
  );
  vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:1", revokeObjectURL: () => undefined }));
  page = await openPage({ record: true });
});

afterEach(() => {
  page.instance.dispose();
  vi.useRealTimers();
});

describe("a recorded call", () => {
  it("says so, sends its chunks, and says at the end how many there were", async () => {
    await callUp(page, browser);
    expect(page.instance.store.activity.recording.value).toBe(false);
    hear(3);
    await settle();
    expect(page.instance.store.activity.recording.value).toBe(true);
    expect(page.kernel.notes("rtc.recording")).toEqual([
      { type: "rtc.recording", phase: "started", sample_rate_hz: 24_000, output_latency_ms: 30 },
    ]);
    expect(audio().map(({ first, chunks }) => [first, chunks.length])).toEqual([[0, 3]]);
    hear(1, 3);
    page.instance.hangUp();
    await settle();
    expect(audio().flatMap(({ chunks }) => chunks)).toHaveLength(4);
    expect(page.kernel.notes("rtc.recording").at(-1)).toEqual({ type: "rtc.recording", phase: "ended", chunks: 4 });
    expect(page.instance.store.activity.recording.value).toBe(false);
    const types = page.kernel.log.map(([, , , text]) => (JSON.parse(text) as { type: string }).type);
    expect(types.lastIndexOf("rtc.recording")).toBeLessThan(types.lastIndexOf("rtc.state"));
  });

  it("holds its chunks back as long as the kernel knows nothing of the call", async () => {
    page.kernel.block();
    page.instance.connect();
    await settle();
    hear(6);
    await settle();
    expect(audio()).toEqual([]);
    page.kernel.unblock();
    await settle();
    hear(1, 6);
    expect(audio()[0]?.chunks).toHaveLength(7);
  });

  it("notes what a calibration of this browser found", async () => {
    await page.kernel.command("calibrated", { constant_ms: 17.5, check_constant_ms: 25 });
    await callUp(page, browser);
    hear(1);
    await settle();
    expect(page.kernel.notes("rtc.calibration")).toEqual([
      { type: "rtc.calibration", constant_ms: 17.5, check_constant_ms: 25 },
    ]);
  });

  it("takes the worklet as data where the page takes no Blob", async () => {
    refuse = (url) => url.startsWith("blob:");
    await callUp(page, browser);
    expect(modules).toEqual(["blob", "data"]);
    hear(3);
    expect(audio()).toHaveLength(1);
  });

  it("goes on unrecorded, and says so, where the page lets no worklet in", async () => {
    refuse = () => true;
    await callUp(page, browser);
    expect(page.lastState().state).toBe("live");
    expect(page.kernel.notes("rtc.error")).toMatchObject([{ code: "not_recorded", source: "connection" }]);
    expect(page.kernel.notes("rtc.recording")).toEqual([]);
  });

  it("leaves no worker behind where the page lets no worklet in", async () => {
    let workers = 0;
    vi.stubGlobal("MediaStreamTrackProcessor", vi.fn());
    vi.stubGlobal(
      "Worker",
      vi.fn(function Worker() {
        workers++;
        return { postMessage: () => undefined, terminate: () => workers-- };
      }),
    );
    refuse = () => true;
    await callUp(page, browser);
    page.instance.hangUp();
    await settle();
    expect(workers).toBe(0);
  });
});

describe("a call that shall not be recorded", () => {
  it("makes no recorder and sends no sound", async () => {
    page.instance.dispose();
    page = await openPage({ record: false });
    await callUp(page, browser);
    expect(nodes).toEqual([]);
    expect(modules).toEqual([]);
    page.instance.hangUp();
    await settle();
    expect(page.kernel.notes("rtc.recording")).toEqual([]);
  });
});
