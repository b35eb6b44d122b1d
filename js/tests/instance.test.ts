// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Fields, LogRecord } from "../src/messages";
import { UNSEEN_AT_MOST_MS } from "../src/presence";
import { agent, session, user } from "./fakes/events";
import { CONFIG, createKernel } from "./fakes/kernel";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { type Browser, installBrowser } from "./fakes/rtc";

let browser: Browser;
let page: Page;

const words = (of: Page) => of.instance.store.rows.value.map((row) => `${row.value.who}: ${row.value.text}`);
const sentTypes = () => browser.peer().channel.sent.map((text) => (JSON.parse(text) as Fields).type);
const events = (of: Page) =>
  of.kernel.log.flatMap(([, direction, , text]) =>
    direction === "local" ? [] : [(JSON.parse(text) as Fields).number],
  );

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  page = await openPage();
});

afterEach(() => {
  page.instance.dispose();
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("between browser and kernel", () => {
  it("says hello at once, with an id that needs no secure page", () => {
    expect(page.kernel.sent[0]).toMatchObject({ kind: "hello", next: 0, oldest: 0, live: false, views: 0 });
    expect(page.kernel.page()).toMatch(/^[0-9a-f]{16}$/);
  });

  it("answers pings with its clock, and only its own", () => {
    page.instance.attach(document.body.appendChild(document.createElement("div")));
    page.kernel.post({ kind: "ping", page: "another", id: "p1" });
    page.kernel.post({ kind: "ping", page: page.kernel.page(), id: "p2" });
    const pongs = page.kernel.sent.filter((message) => message.kind === "pong");
    expect(pongs).toMatchObject([{ id: "p2" }]);
    expect(Math.abs((pongs[0]?.t_browser_ms ?? 0) - (performance.timeOrigin + performance.now()))).toBeLessThan(1000);
  });

  it("ignores messages that are none of ours", () => {
    for (const odd of [
      null,
      7,
      "text",
      [],
      { kind: "dance", page: page.kernel.page() },
      { page: page.kernel.page() },
    ]) {
      page.kernel.post(odd as unknown as Fields);
    }
    expect(page.kernel.sent).toHaveLength(1);
  });

  it("brings every event once, in order, through a busy kernel and lost messages", async () => {
    await callUp(page, browser);
    const send = (from: number, count: number) => {
      for (let number = from; number < from + count; number++) {
        browser.receive({ type: "x", number });
      }
    };
    send(0, 50);
    page.kernel.block();
    send(50, 100);
    await vi.advanceTimersByTimeAsync(30_000);
    page.kernel.unblock();
    await settle();
    page.kernel.lose(3);
    send(150, 20);
    await vi.advanceTimersByTimeAsync(40_000);
    send(170, 5);
    await settle();
    expect(events(page)).toEqual(Array.from({ length: 175 }, (_, number) => number));
  });

  it("follows the configuration and the latency last heard", () => {
    page.kernel.post({ kind: "config", page: "*", config: { ...page.instance.store.config.value, voice: "cedar" } });
    expect(page.instance.store.config.value?.voice).toBe("cedar");
    page.kernel.setTrait("latency_heard_ms", 612.4);
    expect(page.instance.store.latencyHeardMs.value).toBe(612.4);
  });

  it("bears a host whose comm is gone", async () => {
    page.kernel.model.send = () => {
      throw new Error("comm is closed");
    };
    await callUp(page, browser);
    expect(page.instance.store.activity.state.value).toBe("connecting");
    page.instance.hangUp();
    expect(page.instance.store.activity.state.value).toBe("ended");
  });
});

describe("a page that does not hold the call", () => {
  it("shows the whole of it after a reload, as the log has it", async () => {
    await callUp(page, browser);
    browser.receive(user.typed("u1", null, "A flat white, please."));
    browser.receive(agent.added("a1", "u1", "r1")[1] ?? {});
    browser.receive(agent.delta("a1", "r1", "Sure."));
    await settle();
    const reloaded = await openPage({}, page.kernel);
    await settle();
    expect(words(reloaded)).toEqual(["you: A flat white, please.", "agent: Sure."]);
    expect(reloaded.instance.store.elsewhere.value).toBe(true);
    expect(reloaded.instance.store.activity.state.value).toBe("live");
    reloaded.instance.dispose();
  });

  it("shows its own call below what was before", async () => {
    const kernel = createKernel();
    const before: [Fields, LogRecord[1]][] = [
      [{ type: "rtc.state", state: "connecting", call: 1 }, "local"],
      [{ type: "rtc.state", state: "live", call: 1 }, "local"],
      [user.typed("u1", null, "before"), "server"],
      [{ type: "rtc.state", state: "ended", call: 1, reason: "bye" }, "local"],
    ];
    for (const [event, direction] of before) {
      kernel.log.push([kernel.log.length, direction, 0, JSON.stringify(event)]);
    }
    const later = await openPage({}, kernel);
    await settle();
    await callUp(later, browser);
    browser.receive(user.typed("u1", null, "now"));
    await settle();
    expect(words(later)).toEqual(["you: before", "call: ended: bye", "you: now"]);
    expect(kernel.notes("rtc.state").map(({ call }) => call)).toEqual([1, 1, 1, 2, 2]);
    later.instance.dispose();
  });

  it("turns to the log when another page calls after its own call, but not for its own records", async () => {
    await callUp(page, browser);
    browser.receive(user.typed("u1", null, "mine"));
    page.instance.hangUp();
    await settle();
    const { kernel } = page;
    const push = (...notes: Fields[]) => {
      const from = kernel.log.length;
      for (const note of notes) {
        kernel.log.push([kernel.log.length, "local", 5, JSON.stringify(note)]);
      }
      kernel.post({ kind: "tail", page: kernel.page(), records: kernel.log.slice(from) });
    };
    kernel.post({ kind: "tail", page: kernel.page(), records: kernel.log.slice(0, 3) });
    push({ type: "rtc.config", version: 2 });
    await settle();
    expect(page.instance.store.activity.state.value).toBe("ended");
    push({ type: "rtc.state", state: "connecting", call: 2 }, { type: "rtc.state", state: "live", call: 2 });
    await settle();
    expect(words(page)).toEqual(["you: mine", "call: ended: you hung up"]);
    expect(page.instance.store.elsewhere.value).toBe(true);
  });
});

describe("a kernel that takes the place of another", () => {
  it("is asked again what the one before never answered", async () => {
    const [end_ms, lanes] = [2000, ["responses"]];
    page.kernel.block();
    const loading = page.instance.timeline.load();
    await settle();
    const next = createKernel(CONFIG, "e2");
    next.answers.timeline = () => ({ lanes, stretches: [], turns: [], notes: [], duration_ms: end_ms, peaks_per_s: 0 });
    page.instance.adopt(next.model);
    await settle();
    await loading;
    expect(page.instance.timeline.problem.value).toBe("The kernel was restarted.");
    await page.instance.timeline.load();
    expect(page.instance.timeline.picture.value).toMatchObject({ duration_ms: end_ms, lanes });
    expect(page.instance.timeline.problem.value).toBe("");
  });

  it("is left alone with questions that are still under way to the same one", async () => {
    page.kernel.block();
    const said = page.instance.timeline.load();
    const rest = { missing: false, durable: 0, owner: null, config: CONFIG, length: 0, end: "e1" };
    page.kernel.post({ kind: "welcome", page: page.kernel.page(), received: 0, ...rest });
    await settle();
    expect(page.instance.timeline.problem.value).toBe("");
    page.kernel.unblock();
    await said;
    expect(page.instance.timeline.picture.value).not.toBeNull();
  });

  it("is read from where the log of the one before broke off", async () => {
    const record = (number: number): LogRecord => [
      number,
      "server",
      number,
      JSON.stringify(user.typed(`q${number}`, null, "Hello.")),
    ];
    page.kernel.block();
    page.kernel.post({ kind: "tail", page: page.kernel.page(), records: [record(2)] });
    await settle();
    const next = createKernel(CONFIG, "e2");
    next.log.push(record(0), record(1), record(2));
    page.instance.adopt(next.model);
    await settle();
    expect(words(page)).toHaveLength(3);
  });
});

describe("what is typed", () => {
  it("goes through a kernel that listens, and only there", async () => {
    await callUp(page, browser);
    const said = vi.fn(() => ({}));
    page.kernel.answers.say = said;
    await page.instance.say("A croissant.");
    expect(said).toHaveBeenCalledWith({ text: "A croissant." });
    expect(sentTypes()).toEqual([]);
  });

  it("goes straight to the agent while a cell runs, and not a second time afterwards", async () => {
    await callUp(page, browser);
    const said = vi.fn(() => ({}));
    page.kernel.answers.say = said;
    page.kernel.block();
    const done = page.instance.say("A croissant.");
    await vi.advanceTimersByTimeAsync(1100);
    await done;
    expect(sentTypes()).toEqual(["conversation.item.create", "response.create"]);
    page.kernel.unblock();
    await settle();
    expect(said).not.toHaveBeenCalled();
    const logged = page.kernel.log.filter(([, direction]) => direction === "client");
    expect(logged).toHaveLength(2);
  });

  it("asks for its response only when the one under way is done", async () => {
    await callUp(page, browser);
    page.kernel.block();
    browser.receive(agent.created("r1"));
    const done = page.instance.say("And a croissant.");
    await vi.advanceTimersByTimeAsync(1100);
    await done;
    expect(sentTypes()).toEqual(["conversation.item.create"]);
    browser.receive(agent.cancelled("r1", "turn_detected"));
    expect(sentTypes()).toEqual(["conversation.item.create", "response.create"]);
  });

  it("fails with the kernel's words", async () => {
    await callUp(page, browser);
    page.kernel.answers.say = () => {
      throw { name: "ProtocolError", message: "say needs some text." };
    };
    await expect(page.instance.say(" ")).rejects.toThrow("say needs some text.");
  });
});

describe("a call without a view", () => {
  const pill = () => document.querySelector(".rtcw-pill");

  it("shows a pill that hangs up, and takes it away when a view is back", async () => {
    const view = document.body.appendChild(document.createElement("div"));
    page.instance.attach(view);
    await callUp(page, browser);
    await vi.advanceTimersByTimeAsync(2000);
    expect(pill()).toBeNull();
    view.remove();
    await vi.advanceTimersByTimeAsync(1000);
    expect(pill()?.textContent).toContain("Live");
    document.body.append(view);
    await vi.advanceTimersByTimeAsync(1000);
    expect(pill()).toBeNull();
    view.remove();
    await vi.advanceTimersByTimeAsync(1000);
    pill()?.querySelector("button")?.click();
    expect(pill()).toBeNull();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "you hung up" });
  });

  it("ends by itself after ten minutes, and not before", async () => {
    await callUp(page, browser);
    await vi.advanceTimersByTimeAsync(UNSEEN_AT_MOST_MS - 1000);
    expect(page.lastState().state).toBe("live");
    await vi.advanceTimersByTimeAsync(3000);
    expect(page.lastState()).toMatchObject({ state: "ended" });
    expect(page.lastState().reason).toContain("10 minutes");
    expect(browser.opened[0]?.readyState).toBe("ended");
  });
});

describe("the end of an instance", () => {
  it("leaves nothing behind", async () => {
    await callUp(page, browser);
    await vi.advanceTimersByTimeAsync(2000);
    page.instance.dispose();
    await settle();
    expect(page.lastState()).toMatchObject({ state: "ended", reason: "the widget was closed" });
    expect(document.querySelector("audio, .rtcw-pill")).toBeNull();
    const { length } = page.kernel.sent;
    page.kernel.post({ kind: "ping", page: page.kernel.page(), id: "p" });
    expect(page.kernel.sent).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("push to talk", () => {
  const byHand = { type: "session.updated", session: { audio: { input: { turn_detection: null } } } };

  it("clears on the way down, and commits and asks on the way up, once each", async () => {
    await callUp(page, browser);
    browser.receive(byHand);
    const before = sentTypes().length;
    for (const down of [true, true, false, false]) {
      vi.advanceTimersByTime(200);
      expect(page.instance.talk(down)).toBe(false);
    }
    expect(sentTypes().slice(before)).toEqual([
      "input_audio_buffer.clear",
      "input_audio_buffer.commit",
      "response.create",
    ]);
  });

  it("makes no turn of a tap, which the service would refuse, and then answer the one before again", async () => {
    await callUp(page, browser);
    browser.receive(byHand);
    const before = sentTypes().length;
    page.instance.talk(true);
    vi.advanceTimersByTime(100);
    expect(page.instance.talk(false)).toBe(true);
    expect(sentTypes().slice(before)).toEqual(["input_audio_buffer.clear", "input_audio_buffer.clear"]);
  });

  it("stops an agent that speaks before it listens", async () => {
    await callUp(page, browser);
    browser.receive(byHand);
    browser.receive(agent.audio("started", "r1"));
    const before = sentTypes().length;
    page.instance.talk(true);
    expect(sentTypes().slice(before)).toEqual(["output_audio_buffer.clear", "input_audio_buffer.clear"]);
  });

  it("does nothing while voice activity detection ends the turns", async () => {
    await callUp(page, browser);
    const before = sentTypes().length;
    page.instance.talk(true);
    expect(sentTypes()).toHaveLength(before);
  });
});

describe("what only the kernel believes", () => {
  it("ends no call in the transcript that this page has up", async () => {
    await callUp(page, browser);
    const gone = { type: "rtc.state", state: "ended", call: 1, reason: "the page that held the call is gone" };
    page.kernel.post({ kind: "note", page: "*", text: JSON.stringify(gone) });
    await settle();
    expect(page.instance.store.activity.state.value).toBe("live");
    expect(words(page)).toEqual([]);
    page.instance.hangUp();
    await settle();
    expect(words(page).join()).toContain("you hung up");
  });

  it("keeps a page from calling beside the one that calls, before it has read the log", async () => {
    await callUp(page, browser);
    page.kernel.answers.tail = () => new Promise(() => undefined);
    const other = await openPage(undefined, page.kernel);
    expect(other.instance.store.elsewhere.value).toBe(true);
    page.instance.hangUp();
    await settle();
    page.kernel.post({ kind: "tail", page: "*", records: page.kernel.log });
    await settle();
    expect(other.instance.store.elsewhere.value).toBe(false);
    other.instance.dispose();
  });
});

describe("a button that is held while the session begins to end turns by itself", () => {
  it("is up again when it is let go", async () => {
    await callUp(page, browser);
    browser.receive(session(null));
    await settle();
    page.instance.talk(true);
    browser.receive(session(500));
    await settle();
    expect(page.instance.store.activity.talking.value).toBe(true);
    page.instance.talk(false);
    expect(page.instance.store.activity.talking.value).toBe(false);
    expect(sentTypes()).not.toContain("input_audio_buffer.commit");
  });
});
