// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { Fields } from "../src/messages";
import { createTimeline } from "../src/timeline";
import { mountPanel } from "../src/views/panel";
import type { WaveOptions, Waves } from "../src/waves";
import { user } from "./fakes/events";
import { createKernel } from "./fakes/kernel";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { type Browser, installBrowser } from "./fakes/rtc";

const bytes = (...peaks: number[]) => new DataView(Int8Array.from(peaks).buffer);

/** A turn that was answered so long after its end. */
const turnAt = (turn: number, t_speech_end_ms: number, latency_heard_ms: number) => ({
  turn,
  item_id: null,
  answer_id: null,
  t_input_end_ms: null,
  t_speech_end_ms,
  t_first_sound_ms: null,
  latency_inferred_ms: null,
  latency_heard_ms,
  overlap_ms: null,
  words: null,
});

describe("the picture of a session", () => {
  it("grows by what is new, and reads again what may still change", async () => {
    const asked: unknown[] = [];
    const tracks = [Array.from({ length: 300 }, () => 127), Array.from({ length: 300 }, () => 0)];
    const timeline = createTimeline(async (_method, { since }): Promise<Fields> => {
      asked.push(since);
      const buffers = tracks.map((track) => bytes(...track.slice(Number(since))));
      return { stretches: [], turns: [], notes: [], duration_ms: 6000, peaks_per_s: 50, buffers };
    });
    await timeline.load();
    tracks[0]?.push(64);
    tracks[1]?.push(127);
    await timeline.load();
    expect(asked).toEqual([0, 100]);
    const [you, agent] = timeline.picture.value?.peaks ?? [];
    expect(you?.length).toBe(301);
    expect([you?.[0], you?.[299], agent?.[0], agent?.[300]]).toEqual([1, 1, 0, 1]);
  });

  it("has no peaks where nothing is recorded, and says why it could not be read", async () => {
    const timeline = createTimeline(async () => ({ stretches: [], turns: [], notes: [], duration_ms: 10 }));
    await timeline.load();
    expect(timeline.picture.value?.peaks.map((track) => track.length)).toEqual([0, 0]);
    const broken = createTimeline(() => Promise.reject(new Error("no times")));
    await broken.load();
    expect(broken.problem.value).toBe("no times");
  });
});

it("a tab without a kernel says what may be the cause", async () => {
  vi.useFakeTimers();
  const kernel = createKernel();
  kernel.lose(100);
  const page = await openPage({}, kernel);
  const view = document.body.appendChild(document.createElement("div"));
  const unmount = mountPanel(page.instance, view);
  const nothing = async (tab: string) => {
    [...view.querySelectorAll<HTMLElement>("[role=tab]")].find(({ textContent }) => textContent === tab)?.click();
    await vi.advanceTimersByTimeAsync(100);
    return view.querySelector(".rtcw-panel:not([hidden]) .rtcw-nothing")?.textContent;
  };
  expect(await nothing("Timeline")).toBe("Waiting for the kernel…");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await nothing("Timeline")).toMatch(/cell may be running, or this output is older/);
  expect(await nothing("Prompt")).toMatch(/cell may be running, or this output is older/);
  unmount();
  page.instance.dispose();
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("the Timeline tab", () => {
  let page: Page;
  let browser: Browser;
  let view: HTMLElement;
  let unmount: () => void;
  const button = (name: string) =>
    [...view.querySelectorAll("button")].find(
      (each) => each.textContent === name || each.getAttribute("aria-label") === name,
    );

  beforeEach(async () => {
    vi.useFakeTimers();
    browser = installBrowser();
    page = await openPage();
    page.kernel.answers.module = () => {
      throw { name: "ConfigurationError", message: "not here" };
    };
    page.kernel.answers.timeline = () => ({
      lanes: [],
      stretches: [
        { lane: "user speech", t_start_ms: 0, t_end_ms: 900, id: "u1", turn: 0, words: "<b>Hello</b>", status: null },
      ],
      turns: [turnAt(0, 0, 300), turnAt(1, 0, 450)],
      notes: [{ t_ms: 10, type: "rtc.error", seq: 3, words: "disk" }],
      duration_ms: 2000,
    });
    await callUp(page, browser);
    browser.receive(user.typed("u1", null, "<b>Hello</b>"));
    view = document.body.appendChild(document.createElement("div"));
    unmount = mountPanel(page.instance, view);
    await settle();
    button("Timeline")?.click();
    await vi.advanceTimersByTimeAsync(100);
    await settle();
  });

  afterEach(async () => {
    // Effects that wait for a frame would wait for it in the next test as well.
    await vi.advanceTimersByTimeAsync(100);
    unmount();
    page.instance.dispose();
    document.body.replaceChildren();
    vi.useRealTimers();
  });

  it("says what a part is, as text, and leads to its row and its events", async () => {
    button("you, 0:00: <b>Hello</b>")?.click();
    await settle();
    expect(view.querySelector(".rtcw-caption")?.textContent).toContain("<b>Hello</b>");
    button("In the transcript")?.click();
    await settle();
    expect(view.querySelector("[role=tab][aria-selected=true]")?.textContent).toBe("Transcript");
    expect(view.querySelector("[data-sought=true] .rtcw-words")?.textContent).toBe("<b>Hello</b>");
    button("Timeline")?.click();
    await vi.advanceTimersByTimeAsync(100);
    button("you, 0:00: <b>Hello</b>")?.click();
    await settle();
    button("Its events")?.click();
    await vi.advanceTimersByTimeAsync(100);
    expect(view.querySelector(".rtcw-details pre")?.textContent).toContain('"u1"');
  });

  it("leads from a note to its own event, not to another of about its time", async () => {
    page.instance.store.applyOwn("local", Date.now(), JSON.stringify({ type: "rtc.error", message: "disk" }));
    page.kernel.answers.timeline = () => ({
      lanes: [],
      stretches: [],
      turns: [],
      notes: [{ t_ms: 0, type: "rtc.error", seq: 3, words: "disk" }],
      duration_ms: 2000,
    });
    await page.instance.timeline.load();
    await settle();
    button("rtc.error, 0:00: disk")?.click();
    await settle();
    button("Its events")?.click();
    await vi.advanceTimersByTimeAsync(100);
    expect(view.querySelector(".rtcw-details pre")?.textContent).toContain("rtc.error");
  });

  it("has a bracket for each latency, and a label where it lies over no other", () => {
    expect(button("latency of turn 1: heard 300 ms")?.textContent).toBe("300 ms");
    expect(button("latency of turn 2: heard 450 ms")?.textContent).toBe("");
  });

  it("says that nothing is recorded, and what is missing when the waves cannot be loaded", () => {
    expect(view.querySelector(".rtcw-caption")?.textContent).toContain("record=True");
    expect(button("Play")?.disabled).toBe(true);
    expect(view.querySelector(".rtcw-panel:not([hidden]) [role=alert]")?.textContent).toContain(
      "could not be loaded: not here",
    );
  });

  it("goes from tab to tab by arrow keys", async () => {
    const tab = () => view.querySelector<HTMLElement>("[role=tab][aria-selected=true]");
    tab()?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await settle();
    expect(tab()?.textContent).toBe("Prompt");
    tab()?.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await settle();
    expect(tab()?.textContent).toBe("Network");
    tab()?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await settle();
    expect(tab()?.textContent).toBe("Transcript");
    expect(document.activeElement).toBe(tab());
  });
});

describe("the waves of a call that is longer than what is in sight", () => {
  const WIDTH_PX = 400;
  /** As long as nobody zooms. */
  const PX_PER_S = 24;
  const END_PX = (seconds: number) => seconds * PX_PER_S - WIDTH_PX;
  let page: Page;
  let view: HTMLElement;
  let unmount: () => void;
  let seconds: number;
  let wide: Mock<() => number>;
  /** Where the waves are that were made last, in px, and how somebody scrolls them. */
  let at: { px: number; scroll(px: number): void };

  /** Waves that are there a while after they were asked for, and scroll no further than they are wide. */
  function createWaves(_container: HTMLElement, { moved }: WaveOptions): Waves {
    let [shown_s, perS] = [0, 0];
    const made = { px: 0, scroll: (px: number) => [waves.scrollTo(px), moved()] };
    const waves: Waves = {
      async show(_peaks, long) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        shown_s = long;
      },
      zoom: (px_per_s) => {
        perS = px_per_s;
      },
      scrolled: () => made.px,
      scrollTo: (px) => {
        made.px = Math.max(0, Math.min(px, shown_s * perS - WIDTH_PX));
      },
      recolour: () => undefined,
      mark: () => undefined,
      destroy: () => undefined,
    };
    at = made;
    return waves;
  }
  const open = async (tab: string) => {
    [...view.querySelectorAll<HTMLElement>("[role=tab]")].find(({ textContent }) => textContent === tab)?.click();
    await vi.advanceTimersByTimeAsync(100);
  };
  const grow = async (to: number) => {
    seconds = to;
    await page.instance.timeline.load();
    await vi.advanceTimersByTimeAsync(100);
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    installBrowser();
    wide = vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(WIDTH_PX);
    page = await openPage();
    seconds = 120;
    page.kernel.answers.timeline = () => ({
      lanes: [],
      stretches: [],
      turns: [],
      notes: [],
      duration_ms: seconds * 1000,
    });
    page.instance.timeline.waves = async () => ({ createWaves });
    view = document.body.appendChild(document.createElement("div"));
    unmount = mountPanel(page.instance, view);
    await settle();
    await open("Timeline");
  });

  afterEach(() => {
    unmount();
    page.instance.dispose();
    document.body.replaceChildren();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("begin at its end, and go with it", async () => {
    expect(at.px).toBe(END_PX(120));
    await grow(130);
    expect(at.px).toBe(END_PX(130));
    // As it is when it is taken out of the page, and told so.
    wide.mockReturnValue(0);
    at.scroll(0);
    wide.mockReturnValue(WIDTH_PX);
    await open("Network");
    await open("Timeline");
    expect(at.px).toBe(END_PX(130));
  });

  it("go with the end from when it no longer fits", async () => {
    await grow(50);
    await grow(70);
    expect(at.px).toBe(END_PX(70));
  });

  it("stay where somebody has gone, also when the tab is opened again", async () => {
    at.scroll(240);
    await grow(130);
    expect(at.px).toBe(240);
    await open("Network");
    await open("Timeline");
    expect(at.px).toBe(240);
    at.scroll(END_PX(130));
    await grow(140);
    expect(at.px).toBe(END_PX(140));
  });
});
