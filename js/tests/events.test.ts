import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEventChoice, createEventList, type EventList } from "../src/event_list";
import { createEvents, type Events, glanceOf } from "../src/events";
import { glance, idsOf } from "../src/glance";
import type { Direction, Fields } from "../src/messages";
import { eventAsPython } from "../src/python_text";

let events: Events;
let list: EventList;
let elsewhere: (words: string) => Promise<ReadonlySet<number>>;

const add = (direction: Direction, event: Fields, seq: number | null = null, t_ms = 0) =>
  events.add(direction, JSON.stringify(event), event, t_ms, seq);
const settle = () => vi.advanceTimersByTimeAsync(200);
const shown = () =>
  Array.from({ length: list.length() }, (_, place) => {
    const { index, count } = list.row(place);
    return count > 1 ? `${events.at(index).type} ×${count}` : events.at(index).type;
  });

beforeEach(() => {
  vi.useFakeTimers();
  events = createEvents();
  elsewhere = () => Promise.resolve(new Set());
  list = createEventList(events, (words) => elsewhere(words));
});

afterEach(() => {
  list.dispose();
  events.close();
  vi.useRealTimers();
});

describe("the list of events", () => {
  it("shows both directions and notes in order, as they come", async () => {
    add("client", { type: "response.create" });
    add("server", { type: "response.created" });
    await settle();
    expect(shown()).toEqual(["response.create", "response.created"]);
    add("local", { type: "rtc.mute", muted: true });
    await settle();
    expect(shown()).toEqual(["response.create", "response.created", "rtc.mute"]);
  });

  it("makes one row of a run of deltas, across the moments at which they come, and takes it apart again", async () => {
    for (const delta of ["That ", "is "]) {
      add("server", { type: "response.output_text.delta", delta });
    }
    await settle();
    add("server", { type: "response.output_text.delta", delta: "three." });
    add("server", { type: "response.done" });
    await settle();
    expect(shown()).toEqual(["response.output_text.delta ×3", "response.done"]);
    expect(list.hidden()).toBe(2);
    list.collapsed.value = false;
    expect(list.length()).toBe(4);
  });

  it("leaves getStats to the notes, so that it cuts no run of deltas into pieces", async () => {
    for (const type of ["x.delta", "rtc.stats", "x.delta", "rtc.stats"]) {
      add(type === "rtc.stats" ? "local" : "server", { type });
    }
    await settle();
    expect(shown()).toEqual(["x.delta ×2"]);
    expect(list.hidden()).toBe(1);
    list.kind.value = "notes";
    expect(shown()).toEqual(["rtc.stats ×2"]);
    list.kind.value = "all";
    list.query.value = "rtc.st";
    expect(shown()).toEqual(["rtc.stats ×2"]);
    list.query.value = "";
    list.collapsed.value = false;
    expect(list.length()).toBe(4);
  });

  it("filters by direction, notes and errors", async () => {
    add("client", { type: "response.create" });
    add("server", { type: "error", error: { message: "no" } });
    add("server", { type: "response.done", response: { status: "failed" } });
    add("local", { type: "rtc.state", state: "live" });
    await settle();
    list.kind.value = "errors";
    expect(shown()).toEqual(["error", "response.done"]);
    list.kind.value = "notes";
    expect(shown()).toEqual(["rtc.state"]);
    list.kind.value = "client";
    expect(shown()).toEqual(["response.create"]);
  });

  it("searches type and text, as words and not as a pattern", async () => {
    add("server", { type: "a", text: "Price (in euro)" });
    add("server", { type: "b.price" });
    add("server", { type: "c" });
    await settle();
    list.query.value = "price";
    expect(shown()).toEqual(["a", "b.price"]);
    list.query.value = "(IN";
    expect(shown()).toEqual(["a"]);
    list.query.value = ".";
    expect(shown()).toEqual(["b.price"]);
  });

  it("waits while paused, and goes on with what came meanwhile", async () => {
    add("server", { type: "a" });
    await settle();
    list.paused.value = true;
    add("server", { type: "b" });
    await settle();
    expect(shown()).toEqual(["a"]);
    list.paused.value = false;
    expect(shown()).toEqual(["a", "b"]);
  });

  it("shows what was wanted of the one before when it is made anew, and is held where that was", async () => {
    const choice = createEventChoice();
    list.dispose();
    list = createEventList(events, elsewhere, choice);
    for (const type of ["a.one", "b.one"]) {
      add("server", { type });
    }
    await settle();
    list.query.value = "one";
    list.paused.value = true;
    list.dispose();
    add("server", { type: "c.one" });
    list = createEventList(events, elsewhere, choice);
    await settle();
    expect(shown()).toEqual(["a.one", "b.one"]);
    list.paused.value = false;
    expect(shown()).toEqual(["a.one", "b.one", "c.one"]);
    list.query.value = "b";
    expect(shown()).toEqual(["b.one"]);
  });

  it("searches nothing while a second is typed", async () => {
    add("server", { type: "a" });
    await settle();
    const before = list.version.value;
    list.query.value = "@1";
    list.query.value = "@12.5";
    expect(shown()).toEqual(["a"]);
    expect(list.version.value).toBe(before);
  });

  it("finds the row of an event in a run", async () => {
    for (const type of ["a", "x.delta", "x.delta", "b"]) {
      add("server", { type });
    }
    await settle();
    expect([0, 1, 2, 3].map(list.rowOf)).toEqual([0, 1, 1, 2]);
  });

  it("puts what is read of the log late before what this page has seen itself", async () => {
    add("server", { type: "logged" }, 0);
    add("client", { type: "own" });
    await settle();
    add("server", { type: "logged late" }, 1);
    await settle();
    expect(shown()).toEqual(["logged", "logged late", "own"]);
  });

  it("is empty when the log is read anew", async () => {
    add("server", { type: "a" });
    await settle();
    events.clear();
    await settle();
    expect(shown()).toEqual([]);
  });

  it("searches a hundred thousand events in slices, so that the page stays free", async () => {
    for (let number = 0; number < 100_000; number++) {
      add("server", { type: "t", number: `n${number}.` });
    }
    await vi.advanceTimersByTimeAsync(60);
    while (list.searching.value) {
      await vi.advanceTimersByTimeAsync(1);
    }
    const once = vi.getTimerCount();
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now++);
    list.query.value = "n99999.";
    expect(list.searching.value).toBe(true);
    expect(vi.getTimerCount()).toBe(once + 1);
    while (list.searching.value) {
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(list.length()).toBe(1);
  }, 60_000);
});

describe("a log that is larger than the room for it", () => {
  it("drops the oldest texts that the kernel has, keeps what can be seen of them, and asks the kernel to search", async () => {
    list.dispose();
    events = createEvents(200);
    list = createEventList(events, (words) => elsewhere(words));
    add("server", { type: "error", error: { message: `long ago ${"x".repeat(60)}` } }, 0);
    add("server", { type: "b", text: "y".repeat(150) }, 1);
    await settle();
    expect(events.at(0).text).toBeNull();
    expect(glanceOf(events.at(0))).toContain("long ago");
    elsewhere = async (words) => new Set(words === "ago" ? [0] : []);
    list.query.value = "ago";
    await settle();
    expect(shown()).toEqual(["error"]);
  });

  it("keeps every text that only this page has", async () => {
    events = createEvents(10);
    add("client", { type: "own" });
    add("client", { type: "own" });
    expect(events.shortened()).toBe(0);
  });
});

describe("what matters of an event", () => {
  it.each([
    [{ type: "error", error: { message: "No such voice." } }, "No such voice."],
    [{ type: "input_audio_buffer.speech_stopped", audio_end_ms: 9380 }, "audio_end_ms 9380"],
    [{ type: "conversation.item.added", item: { type: "message", role: "user" } }, "user"],
    [{ type: "response.function_call_arguments.done", name: "price", arguments: "{}" }, "price"],
    [
      { type: "response.done", response: { status: "cancelled", status_details: { reason: "turn_detected" } } },
      "cancelled: turn_detected",
    ],
    [{ type: "session.update", session: { type: "realtime", instructions: "…" } }, "instructions"],
    [{ type: "rtc.state", state: "failed", reason: "no path" }, "failed: no path"],
    [{ type: "response.output_text.delta", delta: "two\nlines" }, "two lines"],
    [{ type: "unheard.of", item_id: "item_1234567890" }, "item_1234…"],
  ])("of %j is %s", (event, expected) => {
    expect(glance(event.type, JSON.stringify(event))).toBe(expected);
  });

  it("names the item before the response", () => {
    expect(idsOf('{"type": "x", "response_id": "r1", "item_id": "i1"}')).toEqual(["i1", "r1"]);
    expect(idsOf("no JSON")).toEqual([]);
  });
});

describe("an event as Python", () => {
  it("is sent again when it was sent, and a value otherwise", () => {
    expect(eventAsPython("client", null, { type: "response.create", response: { stop: null, ok: [true, 1.5] } })).toBe(
      'w.send_event({\n    "type": "response.create",\n    "response": {\n        "stop": None,\n        "ok": [\n' +
        "            True,\n            1.5,\n        ],\n    },\n})\n",
    );
    expect(eventAsPython("server", 7, { type: "error", error: {} })).toBe(
      '# w.event_log[7]\nevent = {\n    "type": "error",\n    "error": {},\n}\n',
    );
  });
});
