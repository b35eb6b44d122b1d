// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Model } from "../src/afm";
import widget from "../src/widget";
import { agent, tool, user } from "./fakes/events";
import { CONFIG, createKernel, type Kernel, SECRET } from "./fakes/kernel";
import { settle } from "./fakes/page";
import { type Browser, installBrowser } from "./fakes/rtc";

let browser: Browser;
let kernel: Kernel;
let controller: AbortController;
let view: HTMLElement;
let render: (el: HTMLElement, signal?: AbortSignal) => void;

/** Hosts wrap the model anew for `initialize` and for every view. */
const wrap = (model: Model): Model => ({ ...model });
const button = (name: string, within: ParentNode = view) =>
  [...within.querySelectorAll("button")].find((found) => found.textContent === name);
const click = async (name: string) => {
  button(name)?.click();
  await settle();
};
const text = (selector: string) => view.querySelector(selector)?.textContent ?? null;

async function live(): Promise<void> {
  await click("Connect");
  browser.connectPeer();
  await settle();
}

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  kernel = createKernel();
  controller = new AbortController();
  const { signal } = controller;
  const definition = widget();
  const result = definition.initialize({ model: wrap(kernel.model), signal });
  expect(result).toBeTypeOf("function");
  render = (el, viewSignal = signal) => {
    definition.render({ model: wrap(kernel.model), el, signal: viewSignal });
  };
  view = document.body.appendChild(document.createElement("div"));
  render(view);
  await settle();
});

afterEach(() => {
  controller.abort();
  document.body.replaceChildren();
  document.body.removeAttribute("data-jp-theme-light");
  vi.useRealTimers();
});

describe("the panel", () => {
  it("says in one line: state, who is at the other end, model, voice and prompt", async () => {
    expect(text(".rtcw-header")).toBe("Not connectedsandboxgpt-realtime-2.1 · marinprompt v3 “calm”");
    kernel.setTrait("latency_heard_ms", 612.4);
    await settle();
    expect(text(".rtcw-latency")).toBe("612 ms");
  });

  it("says what was billed, and nothing where no price is known", async () => {
    expect(text(".rtcw-cost")).toBeNull();
    for (const [cost_usd, shown] of [
      [0.0212, "$0.021"],
      [0.0002, "< $0.001"],
      [12.5, "$12.50"],
      [null, null],
    ]) {
      kernel.post({ kind: "config", page: "*", config: { ...CONFIG, cost_usd } });
      await settle();
      expect(text(".rtcw-cost")).toBe(shown);
    }
  });

  it("goes from Connect over Cancel to Hang up, Mute and Stop", async () => {
    await click("Connect");
    expect(text("[role=status]")).toBe("Connecting");
    expect(button("Cancel")).toBeDefined();
    browser.connectPeer();
    await settle();
    expect(text("[role=status]")).toBe("Live");
    expect([...view.querySelectorAll(".rtcw-controls button")].map(({ textContent }) => textContent)).toEqual([
      "Hang up",
      "Mute",
      "Stop",
      "⋯",
    ]);
    await click("Mute");
    expect(browser.opened[0]?.enabled).toBe(false);
    await click("Unmute");
    expect(browser.opened[0]?.enabled).toBe(true);
    await click("Hang up");
    expect(text("[role=status]")).toBe("Ended");
    expect(button("Connect")?.disabled).toBe(false);
  });

  it("takes a double click, or a key that is held, for one", async () => {
    await live();
    const hangUp = button("Hang up");
    hangUp?.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true }));
    await settle();
    button("Connect")?.dispatchEvent(new MouseEvent("click", { detail: 2, bubbles: true }));
    await settle();
    expect(text(".rtcw-state")).toBe("Ended");
    const held = new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true, cancelable: true });
    button("Connect")?.dispatchEvent(held);
    expect(held.defaultPrevented).toBe(true);
    const pressed = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
    button("Connect")?.dispatchEvent(pressed);
    expect(pressed.defaultPrevented).toBe(false);
  });

  it("asks for a person's approval above the tabs where the row is out of sight", async () => {
    await live();
    for (const event of tool.call("i1", "i0", "call_1", "order", '{"drink": "tea"}')) {
      browser.receive(event);
    }
    kernel.post({
      kind: "note",
      page: kernel.page(),
      text: JSON.stringify({ type: "rtc.approval", tool_call_id: "call_1", decision: "asked" }),
    });
    await settle();
    const notice = () => view.querySelector(".rtcw-notices [role=status]");
    expect(notice()).toBeNull();
    expect(text(".rtcw-decide")).toBe("ApproveReject");
    [...view.querySelectorAll<HTMLElement>("[role=tab]")].find(({ textContent }) => textContent === "Network")?.click();
    await settle();
    expect(notice()?.textContent).toContain('order(drink="tea")');
    button("Approve", notice() ?? view)?.click();
    await settle();
    expect(kernel.sent.at(-1)).toMatchObject({ method: "approve", params: { tool_call_id: "call_1", approve: true } });
    [...view.querySelectorAll<HTMLElement>("[role=tab]")]
      .find(({ textContent }) => textContent === "Transcript")
      ?.click();
    await settle();
    button("Approve")?.focus();
    await click("Approve");
    // The buttons go with the kernel's answer; the focus is in their row by then.
    expect(document.activeElement?.classList.contains("rtcw-row")).toBe(true);
    expect(kernel.sent.at(-1)).toMatchObject({ method: "approve", params: { tool_call_id: "call_1", approve: true } });
  });

  it("keeps the focus in the panel when a call is approved above the tabs", async () => {
    await live();
    for (const event of tool.call("i1", "i0", "call_1", "order", '{"drink": "tea"}')) {
      browser.receive(event);
    }
    const decided = (decision: string) =>
      kernel.post({
        kind: "note",
        page: kernel.page(),
        text: JSON.stringify({ type: "rtc.approval", tool_call_id: "call_1", decision }),
      });
    decided("asked");
    await settle();
    [...view.querySelectorAll<HTMLElement>("[role=tab]")].find(({ textContent }) => textContent === "Network")?.click();
    await settle();
    const approve = button("Approve", view.querySelector(".rtcw-notices") ?? view);
    approve?.focus();
    approve?.click();
    decided("approved");
    await settle();
    expect(approve?.isConnected).toBe(false);
    expect(document.activeElement).toBe(view.querySelector("[role=tab][aria-selected=true]"));
  });

  it("lays out each message in the direction of its own words", async () => {
    await live();
    browser.receive(user.typed("u1", null, "مرحبا"));
    await settle();
    expect(view.querySelector(".rtcw-row .rtcw-words")?.getAttribute("dir")).toBe("auto");
  });

  it("says what to do where turns end by hand", async () => {
    await live();
    expect(text(".rtcw-moment .rtcw-words")).toBe("listening…");
    browser.receive({ type: "session.updated", session: { audio: { input: { turn_detection: null } } } });
    await settle();
    expect(text(".rtcw-moment .rtcw-words")).toBe("hold to talk");
    const talk = view.querySelector(".rtcw-talk");
    for (const [key, words] of [
      ["keydown", "listening…"],
      ["keyup", "hold to talk"],
    ] as const) {
      talk?.dispatchEvent(new KeyboardEvent(key, { key: " ", bubbles: true }));
      await settle();
      expect(text(".rtcw-moment .rtcw-words")).toBe(words);
    }
  });

  it("counts the call's seconds, and stops with it", async () => {
    await live();
    await vi.advanceTimersByTimeAsync(84_500);
    expect(text("[role=timer]")).toBe("1:24");
    await click("Hang up");
    await vi.advanceTimersByTimeAsync(5000);
    expect(text("[role=timer]")).toBe("1:24");
  });

  it("waits for the kernel before it offers to connect", async () => {
    const mute = createKernel();
    mute.block();
    const definition = widget();
    definition.initialize({ model: mute.model, signal: controller.signal });
    const other = document.body.appendChild(document.createElement("div"));
    definition.render({ model: mute.model, el: other, signal: controller.signal });
    await settle();
    expect(button("Connect", other)?.disabled).toBe(true);
    expect(other.textContent).toContain("Waiting for the kernel…");
    await vi.advanceTimersByTimeAsync(7000);
    expect(other.textContent).toContain("The kernel has not answered yet");
  });

  it("says why a call failed and what to try, until the next attempt", async () => {
    browser.provider = () =>
      new Response('{"error": {"code": "model_not_found", "message": "No such model."}}', { status: 404 });
    await click("Connect");
    expect(text("[role=alert]")).toContain(
      "The provider refused the offer (HTTP 404, model_not_found: No such model.).",
    );
    expect(text("[role=alert]")).toContain("Look at the session's configuration");
    expect(view.innerHTML).not.toContain(SECRET);
    await click("Connect");
    expect(button("Cancel") ?? button("Connect")).toBeDefined();
  });

  it("says that the agent does not hear, and why", async () => {
    browser.microphone = () => Promise.reject(new DOMException("", "NotAllowedError"));
    await live();
    expect(text(".rtcw-notices")).toContain("The agent does not hear you: permission for the microphone was denied.");
  });

  it("says what is bad about the connection, as long as it is", async () => {
    await live();
    const quality = (what: string, value: number, phase: string) =>
      kernel.post({
        kind: "note",
        page: "*",
        text: JSON.stringify({ type: "rtc.quality", what, value, threshold: 0, phase }),
      });
    quality("loss", 0.0712, "bad");
    quality("round_trip", 512.3, "bad");
    await settle();
    expect(text(".rtcw-notices")).toContain("7 % of the agent's packets get lost.");
    expect(text(".rtcw-notices")).toContain("512 ms to the service and back");
    quality("loss", 0.01, "good");
    await settle();
    expect(text(".rtcw-notices")).not.toContain("packets get lost");
    await click("Hang up");
    expect(text(".rtcw-notices")).toBe("");
  });

  it("says how many records wait for a kernel that does not answer", async () => {
    await live();
    kernel.block();
    browser.receive(user.typed("u1", null, "one"));
    await vi.advanceTimersByTimeAsync(3000);
    expect(text(".rtcw-notices")).toContain("1 record wait");
    kernel.unblock();
    await settle();
    expect(text(".rtcw-notices")).toBe("");
  });
});

describe("the transcript", () => {
  beforeEach(live);

  it("is a live log in which rows that still grow are busy", async () => {
    browser.receive(user.typed("u1", null, "A flat white."));
    browser.receive(agent.added("a1", "u1", "r1")[1] ?? {});
    browser.receive(agent.delta("a1", "r1", "Sure"));
    await settle();
    const log = view.querySelector("[role=log]");
    expect(log?.getAttribute("aria-label")).toBe("Transcript");
    const rows = [...(log?.querySelectorAll("li") ?? [])];
    expect(rows.map((row) => [row.textContent, row.getAttribute("aria-busy")])).toEqual([
      ["0:00youA flat white.Ask again", "false"],
      ["0:00agentSure", "true"],
    ]);
  });

  it("keeps the elements of rows that did not change", async () => {
    browser.receive(user.typed("u1", null, "one"));
    browser.receive(agent.added("a1", "u1", "r1")[1] ?? {});
    await settle();
    const [first, second] = view.querySelectorAll("li");
    browser.receive(agent.delta("a1", "r1", "two"));
    browser.receive(user.typed("u0", null, "zero"));
    await settle();
    expect([...view.querySelectorAll("li")].slice(1)).toEqual([first, second]);
    expect(second?.textContent).toContain("two");
  });

  it("strikes out what was not heard, as an element and not by colour alone", async () => {
    browser.receive(agent.added("a1", null, "r1")[1] ?? {});
    browser.receive(agent.delta("a1", "r1", "Never heard."));
    browser.receive(agent.truncated("a1", 0));
    await settle();
    expect(view.querySelector("s")?.textContent).toBe("Never heard.");
  });

  it("shows what was heard of a recorded turn in place of what events say", async () => {
    await live();
    browser.receive(user.typed("u1", null, "Hello!"));
    browser.receive(agent.created("r1"));
    for (const event of agent.added("a1", "u1", "r1")) {
      browser.receive(event);
    }
    browser.receive(agent.delta("a1", "r1", "Good morning."));
    await vi.advanceTimersByTimeAsync(300);
    browser.receive(agent.audio("started", "r1"));
    browser.receive(user.typed("u2", "a1", "Wait!"));
    await settle();
    const edges = () =>
      [...view.querySelectorAll("li.rtcw-row")].map((row) => row.querySelector(".rtcw-edge")?.textContent);
    expect(edges()).toEqual(["Ask again", expect.stringMatching(/^≈ \d+ ms$/), "Ask again"]);
    const turn = { item_id: "u1", answer_id: "a1", latency_heard_ms: 612.4, overlap_ms: 340.2 };
    const next = { item_id: "u2", answer_id: null, latency_heard_ms: null, overlap_ms: null };
    const told = async (...turns: object[]) => {
      kernel.answers.turns = () => ({ turns });
      kernel.post({ kind: "config", page: "*", config: { ...CONFIG, record: true } });
      await settle();
    };
    await told(turn, { ...next, t_speech_end_ms: 9000 });
    expect(edges()).toEqual(["Ask again", "612 ms", "Ask againoverlap 340 ms"]);
    // Measured anew; and what was typed was not said into an answer.
    await told({ ...turn, latency_heard_ms: 598.2 }, { ...next, t_speech_end_ms: null });
    expect(edges()).toEqual(["Ask again", "598 ms", "Ask again"]);
    browser.receive(agent.audio("cleared", "r1"));
    await settle();
    expect(edges()[1]).toMatch(/^interrupted at /);
  });

  it("never takes words for HTML", async () => {
    const attack = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
    browser.receive(user.typed("u1", null, attack));
    browser.receive({ type: "error", error: { message: attack, code: attack } });
    await settle();
    expect(view.querySelector("img, script")).toBeNull();
    expect(text("li .rtcw-words")).toBe(attack);
  });
});

describe("the text box", () => {
  const box = () => view.querySelector("textarea") as HTMLTextAreaElement;
  const type = async (words: string, key?: KeyboardEventInit) => {
    box().value = words;
    box().dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...key });
    box().dispatchEvent(event);
    await settle();
    return event;
  };

  it("waits for a call", async () => {
    expect(box().readOnly).toBe(true);
    await live();
    expect(box().readOnly).toBe(false);
  });

  it("says what was typed with Enter, a new line with Shift, and nothing of nothing", async () => {
    await live();
    const said = vi.fn(() => ({}));
    kernel.answers.say = said;
    await type("  ");
    await type("one", { shiftKey: true });
    expect(said).not.toHaveBeenCalled();
    await type("  A croissant. ");
    expect(said).toHaveBeenCalledWith({ text: "A croissant." });
    expect(box().value).toBe("");
  });

  it("gives the words back with the reason when they were not sent", async () => {
    await live();
    kernel.answers.say = () => {
      throw { name: "ProtocolError", message: "no." };
    };
    await type("A croissant.");
    expect(text(".rtcw-composer .rtcw-problem")).toBe("Not sent: no.");
    expect(box().value).toBe("A croissant.");
  });

  it("keeps its keys from the notebook", async () => {
    await live();
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard, { once: true });
    await type("x");
    expect(heard).not.toHaveBeenCalled();
    expect(view.querySelector("[data-lm-suppress-shortcuts]")?.contains(box())).toBe(true);
  });
});

describe("several views of one model", () => {
  it("show the same call, and one that goes leaves it alone", async () => {
    const second = document.body.appendChild(document.createElement("div"));
    const gone = new AbortController();
    render(second, gone.signal);
    await live();
    expect(browser.peers).toHaveLength(1);
    expect(button("Hang up", second)).toBeDefined();
    gone.abort();
    expect(second.childElementCount).toBe(0);
    expect(button("Hang up")).toBeDefined();
    expect(browser.peer().closed).toBe(false);
  });

  it("end with the model", async () => {
    await live();
    controller.abort();
    expect(browser.peer().closed).toBe(true);
    expect(browser.opened[0]?.readyState).toBe("ended");
  });
});

describe("a widget whose notebook was closed and opened again", () => {
  /** A model of the same widget, as a host makes it anew; `die` is the end of its comm, without a word. */
  function another(): { model: Model; die(): void } {
    let alive = true;
    const heard = new Map<unknown, (message: unknown, buffers?: readonly (DataView | ArrayBuffer)[]) => void>();
    const model: Model = {
      get: kernel.model.get,
      send: (message) => (alive ? kernel.model.send(message) : undefined),
      on(name, listener) {
        heard.set(listener, (message, buffers) => (alive ? listener(message, buffers) : undefined));
        kernel.model.on(name, heard.get(listener) ?? listener);
      },
      off: (name, listener) => kernel.model.off(name, heard.get(listener) ?? listener),
    };
    return {
      model,
      die: () => {
        alive = false;
      },
    };
  }

  function open(model: Model): { el: HTMLElement; close: AbortController } {
    const close = new AbortController();
    const el = document.body.appendChild(document.createElement("div"));
    const definition = widget();
    definition.initialize({ model, signal: close.signal });
    definition.render({ model: { ...model }, el, signal: close.signal });
    return { el, close };
  }

  it("shows its call again, which goes on through the new model", async () => {
    controller.abort();
    const old = another();
    const first = open(old.model);
    await settle();
    button("Connect", first.el)?.click();
    await settle();
    browser.connectPeer();
    browser.receive(user.typed("u1", null, "before"));
    await settle();
    first.el.remove();
    old.die();
    browser.receive(user.typed("u2", "u1", "meanwhile"));
    await vi.advanceTimersByTimeAsync(3000);
    expect(document.querySelector(".rtcw-pill")).not.toBeNull();

    const second = open(another().model);
    await settle();
    expect(button("Hang up", second.el)).toBeDefined();
    browser.receive(user.typed("u3", "u2", "afterwards"));
    await vi.advanceTimersByTimeAsync(1000);
    expect(document.querySelector(".rtcw-pill")).toBeNull();
    expect([...second.el.querySelectorAll(".rtcw-words")].map(({ textContent }) => textContent).slice(0, 3)).toEqual([
      "before",
      "meanwhile",
      "afterwards",
    ]);
    const logged = kernel.log.filter(([, direction]) => direction === "server").map(([, , , source]) => source);
    expect(logged.map((source) => JSON.parse(source).item.id)).toEqual(["u1", "u2", "u3"]);
    expect(browser.peers).toHaveLength(1);

    first.close.abort();
    expect(browser.peer().closed).toBe(false);
    second.close.abort();
    expect(browser.peer().closed).toBe(true);
  });

  it("has the new view show a call that the old instance starts later", async () => {
    const second = open(another().model);
    await settle();
    await live();
    expect(button("Hang up", second.el)).toBeUndefined();
    kernel.post({ kind: "tail", page: kernel.page(), records: kernel.log });
    await settle();
    expect(button("Hang up", second.el)).toBeDefined();
    second.close.abort();
  });

  it("lets an instance with a view answer first when the kernel looks for a page", async () => {
    view.remove();
    const { length } = kernel.sent;
    kernel.post({ kind: "ping", page: kernel.page(), id: "p1" });
    expect(kernel.sent).toHaveLength(length);
    await vi.advanceTimersByTimeAsync(300);
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "pong", id: "p1" });
    document.body.append(view);
    kernel.post({ kind: "ping", page: kernel.page(), id: "p2" });
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "pong", id: "p2" });
  });
});

describe("the theme", () => {
  it("is the host's, also when it changes", async () => {
    const theme = () => view.querySelector(".rtcw")?.getAttribute("data-theme");
    expect(theme()).toBe("light");
    document.body.setAttribute("data-jp-theme-light", "false");
    await settle();
    expect(theme()).toBe("dark");
    document.body.setAttribute("data-jp-theme-light", "true");
    await settle();
    expect(theme()).toBe("light");
  });
});

describe("the theme of VS Code", () => {
  it.each([
    ["vscode-high-contrast", "dark"],
    ["vscode-high-contrast-light", "light"],
    ["vscode-dark", "dark"],
    ["vscode-light", "light"],
  ])("%s is %s", async (kind, theme) => {
    document.body.dataset.vscodeThemeKind = kind;
    await settle();
    expect(view.querySelector(".rtcw")?.getAttribute("data-theme")).toBe(theme);
    delete document.body.dataset.vscodeThemeKind;
  });
});

describe("an Enter that ends a word which is being composed", () => {
  it("sends nothing, also where only its code tells so", async () => {
    await live();
    const box = view.querySelector<HTMLTextAreaElement>(".rtcw-composer textarea");
    if (box === null) {
      throw new Error("there is no text box");
    }
    box.value = "にほん";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true });
    Object.defineProperty(enter, "keyCode", { value: 229 });
    box.dispatchEvent(enter);
    await settle();
    expect(box.value).toBe("にほん");
  });
});
