// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tool, user } from "./fakes/events";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { show } from "./fakes/panel";
import { type Browser, installBrowser } from "./fakes/rtc";

/** What the panel looks at, and whether it is told that it can be seen. */
class Observer {
  static all: Observer[] = [];
  seen: Element[] = [];
  constructor(
    private told: (entries: object[]) => void,
    readonly options: IntersectionObserverInit = {},
  ) {
    Observer.all.push(this);
  }
  observe(element: Element) {
    this.seen.push(element);
  }
  disconnect() {
    this.seen = [];
  }
  tell(isIntersecting: boolean) {
    this.told([{ isIntersecting }]);
  }
}

let browser: Browser;
let page: Page;
let view: HTMLElement;
let leave: () => Promise<void>;

const decided = async (tool_call_id: string, decision: string) => {
  const text = JSON.stringify({ type: "rtc.approval", tool_call_id, decision });
  page.kernel.post({ kind: "note", page: page.kernel.page(), text });
  await settle();
};
const ask = async (place: number, drink: string) => {
  for (const event of tool.call(`i${place}`, `i${place - 1}`, `call_${place}`, "order", JSON.stringify({ drink }))) {
    browser.receive(event);
  }
  await decided(`call_${place}`, "asked");
};
const open = async (name: string) => {
  [...view.querySelectorAll<HTMLElement>("[role=tab]")].find(({ textContent }) => textContent === name)?.click();
  await settle();
};
const notices = () => [...view.querySelectorAll(".rtcw-notices [role=status]")].map((each) => each.textContent);
const approve = async (within: string, detail: number) => {
  const button = view.querySelector(`${within} .rtcw-decide button`);
  button?.dispatchEvent(new MouseEvent("click", { detail, bubbles: true, cancelable: true }));
  await settle();
};
const approvals = () =>
  page.kernel.sent.flatMap((message) =>
    message.kind === "request" && message.method === "approve" ? [message.params.tool_call_id] : [],
  );

beforeEach(async () => {
  vi.useFakeTimers();
  Observer.all = [];
  vi.stubGlobal("IntersectionObserver", Observer);
  browser = installBrowser();
  page = await openPage();
  ({ view, leave } = show(page));
  await callUp(page, browser);
});

afterEach(async () => {
  await leave();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe.each([
  ["above the tabs", "Network", ".rtcw-notices"],
  ["in its row", "Transcript", "[data-asks=true]"],
])("a call that waits for a person, %s", (_where, tab, within) => {
  beforeEach(async () => {
    await ask(1, "tea");
    await ask(2, "milk");
    await open(tab);
  });

  it("is decided by a click on it, not by the second click on the one that stood there before", async () => {
    await approve(within, 1);
    await approve(within, 2);
    await decided("call_1", "approved");
    // The system may count the clicks anew, for it is another button by now.
    await approve(within, 2);
    await approve(within, 1);
    expect(approvals()).toEqual(["call_1"]);
    await vi.advanceTimersByTimeAsync(600);
    await approve(within, 1);
    expect(approvals()).toEqual(["call_1", "call_2"]);
  });
});

describe("a call that waits for a person", () => {
  /** The observer of the row's buttons; the panel has one of its own. */
  const watching = () => Observer.all.filter(({ seen }) => seen[0]?.matches("li .rtcw-decide"));

  it("stands above the tabs as long as its row is scrolled out of sight", async () => {
    await ask(1, "tea");
    expect(notices()).toEqual([]);
    expect(watching()[0]?.options.root).toBe(view.querySelector("[role=log]"));
    watching()[0]?.tell(false);
    await settle();
    expect(notices()).toEqual([expect.stringContaining('order(drink="tea")')]);
    watching()[0]?.tell(true);
    await settle();
    expect(notices()).toEqual([]);
  });

  it("stands above the tabs, and asks in the pill, when its row is not among those shown any more", async () => {
    await ask(1, "tea");
    for (let place = 0; place < 220; place++) {
      browser.receive(user.typed(`u${place}`, place === 0 ? "i1" : `u${place - 1}`, "Hello?"));
    }
    await settle();
    expect(watching()).toEqual([]);
    expect(notices()).toEqual([expect.stringContaining('order(drink="tea")')]);
    expect(page.instance.store.asking.value).not.toBe("");
    await decided("call_1", "approved");
    expect(notices()).toEqual([]);
    expect(page.instance.store.asking.value).toBe("");
  });
});
