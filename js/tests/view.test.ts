import { describe, expect, it, vi } from "vitest";
import { createStore } from "../src/store";
import { createView } from "../src/view";

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
