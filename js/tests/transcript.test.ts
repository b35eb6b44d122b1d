import { beforeEach, describe, expect, it } from "vitest";
import { createStore, type Store } from "../src/store";
import { agent, session, tool, user } from "./fakes/events";

let store: Store;
let t_ms: number;

const server = (...events: object[]) => {
  for (const event of events) {
    store.applyOwn("server", t_ms, JSON.stringify(event));
  }
};
const client = (event: object) => store.applyOwn("client", t_ms, JSON.stringify(event));
const note = (fields: object) => store.applyOwn("local", t_ms, JSON.stringify(fields));
const later = (ms: number) => {
  t_ms += ms;
};
const rows = () => store.rows.value.map((row) => row.value);
const lines = () =>
  rows().map(({ who, text, struck, hint }) => [who, text || hint, struck].filter(Boolean).join(" | "));

beforeEach(() => {
  store = createStore();
  t_ms = 1_700_000_000_000;
  note({ type: "rtc.state", state: "connecting", call: 1 });
  note({ type: "rtc.state", state: "live", call: 1, microphone: "live" });
  server(session(200));
});

describe("the order of rows", () => {
  it("is the conversation's: a transcript that comes late takes its item's place", () => {
    server(user.started("u1"), user.stopped("u1"), user.committed("u1", null), user.added("u1", null));
    server(agent.created("r1"), ...agent.added("a1", "u1", "r1"), agent.delta("a1", "r1", "Hello, Marcelo!"));
    expect(lines()).toEqual(["you | …", "agent | Hello, Marcelo!"]);
    server(user.delta("u1", " Hello"), user.delta("u1", ", my name is Marcelo."));
    expect(lines()).toEqual(["you | Hello, my name is Marcelo.", "agent | Hello, Marcelo!"]);
    expect(rows()[0]?.busy).toBe(true);
    server(user.transcript("u1", "Hello, my name is Marcelo."));
    expect(rows()[0]?.busy).toBe(false);
  });

  it("shows what a live model writes before it is committed, and drops what is thrown away", () => {
    server(user.delta("u1", " What time"));
    expect(lines()).toEqual(["you | What time"]);
    expect(rows()[0]?.audible).toBe(false);
    server({ type: "input_audio_buffer.cleared" });
    expect(lines()).toEqual([]);
    server(user.delta("u2", " What"), user.committed("u2", null), user.delta("u2", " else?"));
    server({ type: "input_audio_buffer.cleared" });
    expect(lines()).toEqual(["you | What else?"]);
  });

  it("follows previous_item_id where events arrive out of order", () => {
    server(user.typed("u1", null, "one"), user.typed("u3", "u1", "three"), user.typed("u2", "u1", "two"));
    expect(lines()).toEqual(["you | one", "you | two", "you | three"]);
  });

  it("puts an item without predecessor first, and one with an unknown predecessor last", () => {
    server(user.typed("u2", null, "two"), user.typed("u1", null, "one"), user.typed("u9", "gone", "nine"));
    expect(lines()).toEqual(["you | one", "you | two", "you | nine"]);
  });

  it("keeps an error where it happened", () => {
    server(user.typed("u1", null, "one"), { type: "error", error: { code: "bad", message: "No." } });
    server(user.typed("u2", "u1", "two"));
    expect(lines()).toEqual(["you | one", "error | No.", "you | two"]);
  });

  it("forgets an item that was deleted", () => {
    server(user.typed("u1", null, "one"), user.typed("u2", "u1", "two"));
    server({ type: "conversation.item.deleted", item_id: "u1" });
    expect(lines()).toEqual(["you | two"]);
  });

  it("counts an item that is added and done once", () => {
    server(agent.created("r1"), ...agent.added("a1", null, "r1"), agent.delta("a1", "r1", "Hi."));
    server(...agent.done("a1", "r1", "Hi."));
    expect(lines()).toEqual(["agent | Hi."]);
  });
});

describe("an interrupted answer", () => {
  beforeEach(() => {
    server(
      agent.created("r1"),
      ...agent.added("a1", null, "r1"),
      agent.delta("a1", "r1", "That is three euro twenty. "),
    );
    server(agent.delta("a1", "r1", "Would you like a receipt?"), agent.audio("started", "r1"));
  });

  it("strikes out what was not played, at a place that is called an estimate", () => {
    later(1700);
    server(agent.audio("cleared", "r1"), agent.truncated("a1", 1700), agent.cancelled("r1", "turn_detected"));
    const [row] = rows();
    expect(row?.text).toMatch(/^That is three euro/);
    expect(row?.struck).toMatch(/a receipt\?$/);
    expect(`${row?.text}${row?.struck}`).toBe("That is three euro twenty. Would you like a receipt?");
    expect(row?.edge).toBe("interrupted at 0:01");
    expect(row?.edgeTitle).toContain("estimate");
  });

  it("strikes out exactly what the server no longer keeps, once it says so", () => {
    server(agent.truncated("a1", 1700));
    const item = { id: "a1", type: "message", role: "assistant", status: "incomplete" };
    const content = [{ type: "output_audio", transcript: "That is three euro twen" }];
    server({ type: "conversation.item.retrieved", item: { ...item, content } });
    const [row] = rows();
    expect([row?.text, row?.struck]).toEqual(["That is three euro twen", "ty. Would you like a receipt?"]);
    expect(row?.edgeTitle).not.toContain("estimate");
  });

  it("is struck out whole when nothing of it was played", () => {
    server(agent.created("r2"), ...agent.added("a2", "a1", "r2"), agent.delta("a2", "r2", "Never heard."));
    server(agent.cancelled("r2", "client_cancelled"));
    expect(lines()[1]).toBe("agent | Never heard.");
    expect(rows()[1]).toMatchObject({ text: "", struck: "Never heard." });
  });

  it("lays the words over the sound that was made for them, whose tokens last 50 ms each", () => {
    server(agent.truncated("a1", 5000));
    const usage = { output_token_details: { audio_tokens: 200, text_tokens: 20 } };
    const response = { id: "r1", status: "cancelled", status_details: { reason: "turn_detected" }, usage };
    server({ type: "response.done", response });
    // 52 characters in 10 s: the twenty-sixth ends "twenty.".
    const [row] = rows();
    expect([row?.text.trim(), row?.struck]).toEqual(["That is three euro twenty.", "Would you like a receipt?"]);
  });

  it("cuts between words, and within what is written without spaces", () => {
    server(agent.truncated("a1", 1300));
    expect(rows()[0]?.text.trim()).toBe("That is three euro");
    server(agent.created("r2"), ...agent.added("a2", "a1", "r2"), agent.delta("a2", "r2", "日".repeat(100)));
    server(agent.truncated("a2", 2000));
    expect(rows()[1]?.text.length).toBe(30);
  });

  it("tells for each message of a response what was heard of it", () => {
    server(...agent.added("a2", "a1", "r1"), agent.delta("a2", "r1", "Or a bag, or both of them?"));
    later(4200);
    server(agent.audio("cleared", "r1"), agent.cancelled("r1", "turn_detected"));
    // 52 characters at 15 a second are 3.47 s; the other 0.73 s are eleven characters.
    expect(rows().map(({ text, struck }) => [text.trim(), struck])).toEqual([
      ["That is three euro twenty. Would you like a receipt?", ""],
      ["Or a bag,", "or both of them?"],
    ]);
    expect(rows()[0]?.edge).not.toContain("interrupted");
  });

  it("strikes out what was not played when the call ended, which is no interruption", () => {
    server(agent.created("r2"), ...agent.added("a2", "a1", "r2"), agent.delta("a2", "r2", "Not played yet."));
    later(1300);
    note({ type: "rtc.state", state: "ended", call: 1, reason: "you hung up" });
    const [row, next] = rows();
    expect([row?.text, row?.struck]).toEqual(["That is three euro ", "twenty. Would you like a receipt?"]);
    expect([row?.edge, next?.struck]).toEqual([expect.not.stringContaining("interrupted"), ""]);
  });

  it("stays interrupted where it was before the call ended", () => {
    later(1300);
    server(agent.truncated("a1", 1300));
    note({ type: "rtc.state", state: "ended", call: 1 });
    expect(rows()[0]?.edge).toBe("interrupted at 0:01");
  });

  it("is not struck out of what was played to its end before the call ended", () => {
    server(agent.audio("stopped", "r1"));
    note({ type: "rtc.state", state: "ended", call: 1 });
    expect(rows()[0]?.struck).toBe("");
  });

  it("is not struck out in a written answer", () => {
    const delta = { type: "response.output_text.delta", response_id: "r3", item_id: "a3", delta: "Written." };
    server(agent.created("r3"), ...agent.added("a3", "a1", "r3"), delta, agent.cancelled("r3", "client_cancelled"));
    expect(rows()[1]).toMatchObject({ text: "Written.", struck: "" });
  });
});

describe("the right edge", () => {
  it("has the latency inferred from the end of speech, without the VAD's silence, to the first audio", () => {
    server(user.started("u1"));
    later(1000);
    server(user.stopped("u1"), user.committed("u1", null));
    later(450);
    server(agent.created("r1"), ...agent.added("a1", "u1", "r1"), agent.audio("started", "r1"));
    expect(rows()[1]).toMatchObject({ edge: "≈ 650 ms" });
    expect(rows()[1]?.edgeTitle).toContain("inferred");
  });

  it("has the latency of a typed turn from the moment the answer was asked for, once a turn", () => {
    client({ type: "conversation.item.create", item: { type: "message", role: "user", content: [] } });
    later(5);
    client({ type: "response.create" });
    later(20);
    server(user.typed("u1", null, "How much?"), agent.created("r1"), ...agent.added("a1", "u1", "r1"));
    later(180);
    server(agent.audio("started", "r1"), ...agent.done("a1", "r1", "Three euro."), agent.audio("stopped", "r1"));
    client({ type: "response.create" });
    later(100);
    server(agent.created("r2"), ...agent.added("a2", "a1", "r2"), agent.audio("started", "r2"));
    expect(rows().map(({ edge }) => edge)).toEqual(["", "≈ 200 ms", ""]);
  });

  it("has the latency of a written answer at its first words", () => {
    server(user.typed("u1", null, "How much?"));
    later(90);
    const delta = { type: "response.output_text.delta", response_id: "r1", item_id: "a1", delta: "Three" };
    server(agent.created("r1"), ...agent.added("a1", "u1", "r1"), delta);
    later(90);
    server({ ...delta, delta: " euro." });
    expect(rows()[1]).toMatchObject({ text: "Three euro.", edge: "≈ 90 ms" });
  });

  it("counts to the first sound of a typed turn, though a tool is called before it", () => {
    client({ type: "conversation.item.create", item: { type: "message", role: "user", content: [] } });
    client({ type: "response.create" });
    later(400);
    server(user.typed("u1", null, "How much?"), ...tool.call("f1", "u1", "call_1", "price", "{}"));
    client({ type: "response.create" });
    later(300);
    server(agent.created("r2"), ...agent.added("a1", "f1", "r2"), agent.audio("started", "r2"));
    expect(rows().at(-1)).toMatchObject({ who: "agent", edge: "≈ 700 ms" });
  });

  it("has the latency of every turn that is ended by hand, from the request for its answer", () => {
    server({ type: "session.updated", session: { audio: { input: { turn_detection: null } } } });
    for (const [input, answer, before] of [
      ["u1", "a1", null],
      ["u2", "a2", "a1"],
    ] as const) {
      later(500);
      server(user.committed(input, before));
      client({ type: "response.create" });
      later(250);
      const id = `r_${answer}`;
      server(agent.created(id), ...agent.added(answer, input, id), agent.audio("started", id));
      server(agent.audio("stopped", id));
    }
    expect(rows().map(({ edge }) => edge)).toEqual(["", "≈ 250 ms", "", "≈ 250 ms"]);
  });

  it("claims no latency where the end of speech is not known", () => {
    server(session(null), user.started("u1"), user.stopped("u1"), user.committed("u1", null));
    server(agent.created("r1"), ...agent.added("a1", "u1", "r1"), agent.audio("started", "r1"));
    expect(rows()[1]?.edge).toBe("");
  });
});

describe("tools", () => {
  it("wait for nobody once the call is over, and say what never came", () => {
    server(...tool.call("f1", "u1", "call_1", "order", "{}"), ...tool.call("f2", "f1", "call_2", "price", "{}"));
    note({ type: "rtc.approval", tool_call_id: "call_1", decision: "asked" });
    expect(rows()[0]).toMatchObject({ asks: "call_1", busy: true });
    note({ type: "rtc.state", state: "ended", call: 1 });
    expect(rows()[0]).toMatchObject({ asks: "", busy: false, hint: "not decided: the call ended" });
    expect(rows()[1]).toMatchObject({ busy: false, hint: "no output: the call ended" });
    note({ type: "rtc.tool", tool_call_id: "call_2", phase: "finished", output: "3.2", run_ms: 900 });
    expect(rows()[1]).toMatchObject({ text: "price() → 3.2", hint: "", edge: "900 ms", edgeTitle: "how long it ran" });
  });

  it("are told apart though a service uses an id again: the first that has no output is meant", () => {
    const order = (id: string) => tool.call(id, "u1", "call_0", "order", "{}");
    server(...order("f1"));
    note({ type: "rtc.tool", tool_call_id: "call_0", phase: "finished", output: "ink", run_ms: 1 });
    server(...order("f2"));
    note({ type: "rtc.approval", tool_call_id: "call_0", decision: "asked" });
    server(...order("f3"));
    expect(rows().map(({ asks }) => asks)).toEqual(["", "call_0", ""]);
    note({ type: "rtc.approval", tool_call_id: "call_0", decision: "rejected" });
    expect(rows().map(({ asks }) => asks)).toEqual(["", "", ""]);
  });

  it("say once that they failed, and no time where a person said no", () => {
    server(...tool.call("f1", "u1", "call_1", "order", "{}"), ...tool.call("f2", "f1", "call_2", "price", "{}"));
    note({ type: "rtc.tool", tool_call_id: "call_1", phase: "finished", error: "order failed: no ink", run_ms: 1 });
    note({ type: "rtc.approval", tool_call_id: "call_2", decision: "rejected" });
    client({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: "call_2", output: "A person did not allow this call." },
    });
    expect(rows()[0]).toMatchObject({ text: "order() failed: no ink", edge: "1 ms" });
    expect(rows()[1]?.edge).toBe("");
  });

  it("write out what would turn the direction of the words, so that no call reads as another", () => {
    server(
      user.typed("u1", null, "Open it."),
      ...tool.call("f1", "u1", "call_1", "open", JSON.stringify({ what: "abc\u202etxt.exe" })),
    );
    expect(rows()[1]?.text).toBe('open(what="abc\\u202etxt.exe")');
    client(tool.output("call_1", "done \u2067now"));
    expect(rows()[1]?.text).toContain("→ done \\u2067now");
  });

  it("read as a call, then as its result with the time it took", () => {
    server(
      user.typed("u1", null, "How much?"),
      ...tool.call("f1", "u1", "call_1", "price", '{ "drink": "flat white", "n": 2 }'),
    );
    expect(rows()[1]).toMatchObject({
      who: "tool",
      text: 'price(drink="flat white", n=2)',
      hint: "running…",
      busy: true,
    });
    later(48);
    client(tool.output("call_1", "3.2"));
    expect(rows()[1]).toMatchObject({ text: 'price(drink="flat white", n=2) → 3.2', edge: "48 ms", busy: false });
  });

  it("say why they failed", () => {
    server(...tool.call("f1", "u1", "call_1", "price", "{}"));
    note({
      type: "rtc.tool",
      tool_call_id: "call_1",
      phase: "finished",
      output: null,
      error: "KeyError: 'x'",
      run_ms: 3,
    });
    const said = { source: "tool", code: "price", message: "price failed: KeyError: 'x'" };
    note({ type: "rtc.error", ...said, param: "call_1" });
    expect(rows().map(({ text }) => text)).toEqual(["price() failed: KeyError: 'x'"]);
    // What goes wrong around a run stands in no row of a tool.
    note({ type: "rtc.error", ...said, message: "price has an output for a call that is over" });
    expect(rows()[1]).toMatchObject({ who: "error", text: "price has an output for a call that is over" });
  });

  it("hide the output's own item but keep its place", () => {
    server(user.typed("u1", null, "How much?"), ...tool.call("f1", "u1", "call_1", "price", "{}"));
    const item = { id: "o1", type: "function_call_output", call_id: "call_1", output: "3.2" };
    server({ type: "conversation.item.added", previous_item_id: "f1", item });
    server(user.typed("u3", null, "zero"), user.typed("u2", "o1", "after the output"));
    expect(lines()).toEqual(["you | zero", "you | How much?", "tool | price() → 3.2", "you | after the output"]);
  });
});

describe("what is said about rows without words", () => {
  it("tells that transcription is off", () => {
    server(session(200, false), user.started("u1"));
    expect(lines()).toEqual(["you | speaking…"]);
    server(user.stopped("u1"), user.committed("u1", null));
    expect(lines()).toEqual(["you | spoken; transcription is off"]);
  });

  it("tells that transcription failed", () => {
    server(user.started("u1"), user.committed("u1", null));
    const failed = { type: "conversation.item.input_audio_transcription.failed", item_id: "u1" };
    server({ ...failed, error: { message: "Input transcription failed." } });
    expect(lines()).toEqual(["you | Input transcription failed."]);
  });
});

describe("responses beside the conversation", () => {
  it("leave no rows", () => {
    server(agent.created("r1", null), agent.added("a1", null, "r1")[0] ?? {}, agent.delta("a1", "r1", "A thought."));
    expect(lines()).toEqual([]);
  });

  it("say so when they failed", () => {
    const details = { type: "failed", error: { message: "The model is overloaded." } };
    server({
      type: "response.done",
      response: { id: "r1", status: "failed", status_details: details, conversation_id: "conv_1" },
    });
    expect(lines()).toEqual(["error | The response failed."]);
    expect(rows()[0]?.hint).toBe("The model is overloaded.");
  });
});

describe("several calls in one session", () => {
  it("stand one after the other, on the one clock of the session", () => {
    later(5000);
    server(user.typed("u1", null, "one"));
    later(2000);
    note({ type: "rtc.state", state: "ended", call: 1, reason: "you hung up" });
    later(60_000);
    note({ type: "rtc.state", state: "connecting", call: 2 });
    note({ type: "rtc.state", state: "live", call: 2 });
    later(1000);
    server(user.typed("u1", null, "the same id, another call"));
    expect(lines()).toEqual(["you | one", "call | ended: you hung up", "you | the same id, another call"]);
    expect(rows().map(({ at_ms }) => at_ms)).toEqual([5000, 7000, 68000]);
  });

  it("leave no trace of an attempt that never was live", () => {
    note({ type: "rtc.state", state: "ended", call: 1, reason: "bye" });
    note({ type: "rtc.state", state: "connecting", call: 2 });
    note({ type: "rtc.state", state: "failed", call: 2, step: "offer", reason: "refused" });
    expect(lines()).toEqual(["call | ended: bye"]);
  });
});

describe("odd events", () => {
  it("change nothing and break nothing", () => {
    server(
      {},
      { type: "an.event.of.tomorrow" },
      { type: "conversation.item.added" },
      { type: "response.done" },
      { type: "error" },
    );
    store.applyOwn("server", t_ms, "not JSON");
    store.applyOwn("server", t_ms, "[1]");
    server(agent.truncated("nobody", 1), agent.audio("cleared", "nobody"), { type: "session.updated", session: null });
    expect(lines()).toEqual(["error | an error without a message"]);
  });

  it("without an id take nothing away that has none either", () => {
    server(
      { type: "error", error: { message: "No." } },
      { type: "conversation.item.deleted" },
      { type: "input_audio_buffer.speech_started" },
      { type: "input_audio_buffer.cleared" },
    );
    expect(lines()).toContain("error | No.");
  });
});
