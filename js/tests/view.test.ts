import { describe, expect, it, vi } from "vitest";
import { createStore } from "../src/store";
import { createView } from "../src/view";
import { CONFIG } from "./fakes/kernel";

describe("a time that is sought among the events", () => {
  it("leads to the event from then on that the list shows, and to the last one after the end", () => {
    const store = createStore();
    for (const [t_ms, type] of [
      [0, "rtc.session"],
      [1000, "rtc.stats"],
      [1500, "rtc.state"],
      [2000, "rtc.stats"],
    ] as const) {
      store.applyOwn("local", 1_700_000_000_000 + t_ms, JSON.stringify({ type }));
    }
    const view = createView(store);
    const led = (t_ms: number) => {
      view.showEventAt(t_ms);
      return view.event.value;
    };
    expect([0, 900, 1600, 9000].map(led)).toEqual([0, 2, 2, 2]);
    expect(view.tab.value).toBe("events");
  });
});

describe("a note that is sought among the events", () => {
  it("leads to the event of its type that is nearest in time, also where this page's clock is early", () => {
    const store = createStore();
    for (const [t_ms, type] of [
      [0, "rtc.session"],
      [990, "rtc.mute"],
      [1001, "session.updated"],
      [4000, "rtc.mute"],
      [4100, "rtc.state"],
    ] as const) {
      store.applyOwn("local", 1_700_000_000_000 + t_ms, JSON.stringify({ type }));
    }
    const view = createView(store);
    const led = (type: string, t_ms: number) => {
      view.showNote({ type, t_ms, seq: 2, words: "" });
      return view.event.value;
    };
    expect([led("rtc.mute", 1000), led("rtc.mute", 5000), led("rtc.state", 0)]).toEqual([1, 3, 4]);
    expect(view.tab.value).toBe("events");
    expect(led("rtc.play", 1000)).toBe(2);
  });

  it("leads to the very record where several of its type have one time", () => {
    const store = createStore();
    for (const seq of [0, 1, 2]) {
      store.applyLogged([seq, "local", 1000, JSON.stringify({ type: "rtc.mute" })]);
    }
    const view = createView(store);
    view.showNote({ type: "rtc.mute", t_ms: 1000, seq: 1, words: "" });
    expect(view.event.value).toBe(1);
  });
});

describe("the transcript in a view", () => {
  const RECORDED = { ...CONFIG, replay: { name: "barista-1", duration_ms: 9000, aligned_ms: null } };

  it("begins at its beginning as soon as the kernel says that it is recorded, and at its end where it is live", () => {
    for (const [config, following] of [
      [RECORDED, false],
      [CONFIG, true],
    ] as const) {
      const store = createStore();
      const view = createView(store);
      store.configure(config);
      expect(view.following.value).toBe(following);
    }
  });

  it("is where the reader went, whatever the kernel says later", () => {
    const store = createStore();
    const view = createView(store);
    store.configure(RECORDED);
    view.follow(true);
    store.configure({ ...RECORDED });
    expect(view.following.value).toBe(true);
  });
});

describe("the id of a view", () => {
  it("is unique in the page, though each widget runs in a module of its own", async () => {
    const ids = [];
    for (let widget = 0; widget < 2; widget++) {
      vi.resetModules();
      const module = await import("../src/view");
      ids.push(module.createView(createStore()).id);
    }
    expect(new Set(ids).size).toBe(2);
  });
});
