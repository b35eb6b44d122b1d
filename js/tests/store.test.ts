import { beforeEach, describe, expect, it, vi } from "vitest";
import { browserTimeMs } from "../src/messages";
import { createStore, type Store } from "../src/store";
import { agent, session, user } from "./fakes/events";
import { CONFIG } from "./fakes/kernel";

const CALL: [direction: "client" | "server" | "local", event: object][] = [
  ["local", { type: "rtc.state", state: "connecting", call: 1 }],
  ["local", { type: "rtc.state", state: "live", call: 1, microphone: "live", rtc_call_id: "rtc_1" }],
  ["server", session(200)],
  ["server", user.started("u1")],
  ["server", user.stopped("u1")],
  ["server", user.committed("u1", null)],
  ["server", agent.created("r1")],
  ["server", agent.added("a1", "u1", "r1")[1] ?? {}],
  ["server", agent.delta("a1", "r1", "Hello there.")],
  ["server", agent.audio("started", "r1")],
  ["server", user.transcript("u1", "Hi.")],
];

let store: Store;

beforeEach(() => {
  store = createStore();
});

const words = () => store.rows.value.map((row) => `${row.value.who}: ${row.value.text}`);

describe("the same records", () => {
  it("give the same rows and state to the page that holds the call and to one that reads the log", () => {
    const reader = createStore();
    store.takeOver();
    CALL.forEach(([direction, event], index) => {
      store.applyOwn(direction, 1_700_000_000_000 + 10 * index, JSON.stringify(event));
      reader.applyLogged([index, direction, 10 * index, JSON.stringify(event)]);
    });
    const shown = (of: Store) => of.rows.value.map(({ value: { key, ...row } }) => row);
    expect(shown(store)).toEqual(shown(reader));
    expect(words()).toEqual(["you: Hi.", "agent: Hello there."]);
    for (const of of [store, reader]) {
      expect(of.activity.state.value).toBe("live");
      expect(of.activity.sounding.value).toBe(true);
      expect(of.activity.responding.value).toBe(true);
    }
    expect(store.elsewhere.value).toBe(false);
    expect(reader.elsewhere.value).toBe(true);
  });
});

describe("the clock", () => {
  it("is the session's: a page that opens later goes on from what the kernel says has passed, whatever its own clock says", () => {
    vi.useFakeTimers();
    const typed = (id: string, before: string | null = null) => JSON.stringify(user.typed(id, before, id));
    store.configure({ ...CONFIG, elapsed_ms: null });
    vi.advanceTimersByTime(700);
    store.takeOver();
    store.applyOwn("server", browserTimeMs(), typed("u1"));
    vi.advanceTimersByTime(5000);
    store.configure({ ...CONFIG, elapsed_ms: 5000 });
    store.applyOwn("server", browserTimeMs(), typed("u2", "u1"));
    expect(store.rows.value.map(({ value }) => value.at_ms)).toEqual([0, 5000]);

    // The log had begun before this page's first record: what the page has shown so far moves with it.
    store.configure({ ...CONFIG, elapsed_ms: 8000 });
    expect(store.rows.value.map(({ value }) => value.at_ms)).toEqual([3000, 8000]);
    expect(store.events.at(0).t_ms).toBe(3000);

    const later = createStore();
    later.configure({ ...CONFIG, elapsed_ms: 60_000 });
    vi.advanceTimersByTime(40);
    later.configure({ ...CONFIG, elapsed_ms: 60_010 });
    vi.advanceTimersByTime(960);
    later.takeOver();
    later.applyOwn("server", browserTimeMs(), typed("u3"));
    expect(later.rows.value[0]?.value.at_ms).toBe(61_000);
    expect(later.events.at(0).t_ms).toBe(61_000);
    vi.useRealTimers();
  });
});

describe("history", () => {
  it("stays above the rows of this page's own call, even when it arrives late", () => {
    store.takeOver();
    store.applyOwn("server", 5, JSON.stringify(user.typed("u2", null, "now")));
    store.applyLogged([0, "server", 0, JSON.stringify(user.typed("u1", null, "before"))]);
    store.applyLogged([1, "local", 0, JSON.stringify({ type: "rtc.state", state: "failed", call: 1, step: "offer" })]);
    expect(words()).toEqual(["you: before", "you: now"]);
    expect(store.activity.state.value).toBe("idle");
  });

  it("goes when the log is to be read again", () => {
    store.takeOver();
    store.applyOwn("server", 5, JSON.stringify(user.typed("u2", null, "now")));
    store.clear();
    expect(words()).toEqual([]);
  });
});

describe("notes of the kernel", () => {
  const error = JSON.stringify({
    type: "rtc.error",
    source: "callback",
    message: "ZeroDivisionError: division by zero",
  });

  it("show once: in the page that holds the call by message, elsewhere from the log", () => {
    store.applyNote(error);
    store.applyLogged([0, "local", 0, error]);
    expect(words()).toEqual(["error: ZeroDivisionError: division by zero"]);
    const owner = createStore();
    owner.takeOver();
    owner.applyNote(error);
    expect(owner.rows.value).toHaveLength(1);
  });

  it("make a tool call ask for a person, and say no more once the person has decided", () => {
    const item = { id: "t1", type: "function_call", status: "completed", call_id: "call_1", name: "order" };
    const owner = createStore();
    owner.takeOver();
    owner.applyOwn("server", 1, JSON.stringify({ type: "conversation.item.added", previous_item_id: null, item }));
    const asks = () => owner.rows.value[0]?.value.asks;
    owner.applyNote(JSON.stringify({ type: "rtc.approval", tool_call_id: "call_1", decision: "asked" }));
    expect(asks()).toBe("call_1");
    expect(owner.rows.value[0]?.value.hint).toBe("needs your approval");
    owner.applyNote(JSON.stringify({ type: "rtc.approval", tool_call_id: "call_1", decision: "rejected" }));
    expect(asks()).toBe("");
  });

  it("shows a remote MCP call's question until somebody decides, and says when its server cannot be listed", () => {
    const store = createStore();
    store.takeOver();
    const say = (event: object) => store.applyOwn("server", 1, JSON.stringify(event));
    const named = { server_label: "weather", name: "get_weather", arguments: '{"city": "Paris"}' };
    say({ type: "conversation.item.added", item: { id: "mcp_1", type: "mcp_call", ...named } });
    say({ type: "conversation.item.added", item: { id: "mcpr_1", type: "mcp_approval_request", ...named } });
    say({ type: "conversation.item.done", item: { id: "mcpr_1", type: "mcp_approval_request", ...named } });
    expect(store.rows.value[0]?.value.hint).toBe("waits for approval");
    store.applyNote(JSON.stringify({ type: "rtc.approval", tool_call_id: "mcpr_1", decision: "asked" }));
    const asking = () => store.rows.value.filter((row) => row.value.asks !== "").map((row) => row.value);
    expect(asking()).toMatchObject([{ asks: "mcpr_1", text: 'get_weather(city="Paris")' }]);
    store.applyNote(JSON.stringify({ type: "rtc.approval", tool_call_id: "mcpr_1", decision: "approved" }));
    expect(asking()).toEqual([]);
    expect(store.rows.value).toHaveLength(1);
    const output = "It is foggy.";
    say({ type: "conversation.item.done", item: { id: "mcp_1", type: "mcp_call", ...named, output } });
    expect(store.rows.value[0]?.value.text).toContain("It is foggy.");
    say({ type: "mcp_list_tools.failed", item_id: "mcpl_1" });
    expect(store.rows.value.at(-1)?.value).toMatchObject({ who: "error", hint: "mcpl_1" });
  });
});

describe("the state of a call", () => {
  const note = (t_ms: number, fields: object) =>
    store.applyOwn("local", t_ms, JSON.stringify({ type: "rtc.state", ...fields }));

  it("carries why it failed until the next attempt", () => {
    note(0, { state: "failed", call: 1, step: "ice", reason: "no path", advice: "Try another network." });
    expect(store.activity.trouble.value).toEqual({ step: "ice", reason: "no path", advice: "Try another network." });
    note(1, { state: "connecting", call: 2 });
    expect(store.activity.trouble.value).toBeNull();
    expect(store.activity.attempt.value).toBe(2);
  });

  it("measures the call from live to its end, also when the microphone comes late", () => {
    note(0, { state: "connecting", call: 1 });
    note(1000, { state: "live", call: 1, microphone: "silent", microphone_reason: "waiting" });
    note(3000, { state: "live", call: 1, microphone: "live" });
    expect(store.activity.microphone.value).toBe("live");
    note(8000, { state: "ended", call: 1, reason: "you hung up" });
    expect(store.activity.elapsedMs()).toBe(7000);
  });

  it("ends whatever was going on", () => {
    for (const [direction, event] of CALL) {
      store.applyOwn(direction, 0, JSON.stringify(event));
    }
    store.applyOwn("local", 0, JSON.stringify({ type: "rtc.play", what: "order.wav", seconds: 1, phase: "started" }));
    expect(store.activity.file.value).toBe("order.wav");
    note(10, { state: "ended", call: 1, reason: "bye" });
    const { sounding, responding, speaking, file } = store.activity;
    expect([sounding.value, responding.value, speaking.value, file.value]).toEqual([false, false, false, ""]);
  });

  it("knows who is muted, and that a new call starts unmuted", () => {
    note(0, { state: "connecting", call: 1 });
    store.applyOwn("local", 0, JSON.stringify({ type: "rtc.mute", muted: true }));
    expect(store.activity.muted.value).toBe(true);
    note(10, { state: "connecting", call: 2 });
    expect(store.activity.muted.value).toBe(false);
  });
});
