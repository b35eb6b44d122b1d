// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { user } from "./fakes/events";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { show } from "./fakes/panel";
import { type Browser, installBrowser } from "./fakes/rtc";

const SETUP = {
  fields: { voice: "marin" },
  effective: {},
  requested: { voice: "marin" },
  version: 1,
  variant: null as string | null,
  choices: { model: [], transcription: [], voice: ["marin", "cedar"] },
};

let browser: Browser;
let page: Page;
let view: HTMLElement;
let unmount: () => void;
let leave: () => Promise<void>;
let setup: typeof SETUP;

const button = (name: string) =>
  [...view.querySelectorAll("button")].find(
    (each) => !each.closest("[hidden]") && each.textContent?.startsWith(name) === true,
  );
/** Press a button as a keyboard does. */
const press = async (name: string) => {
  expect(button(name), name).toBeDefined();
  button(name)?.focus();
  button(name)?.click();
  await settle();
};
const open = async (tab: string) => {
  button(tab)?.click();
  await vi.advanceTimersByTimeAsync(100);
};
const type = async (selector: string, words: string) => {
  const field = view.querySelector<HTMLInputElement | HTMLTextAreaElement>(selector) as HTMLInputElement;
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  return field;
};
const focused = () => document.activeElement;

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  page = await openPage();
  setup = SETUP;
  page.kernel.answers.session = () => setup;
  page.kernel.answers.variants = () => ({ variants: [{ name: "brisk", hash: "1234abcd", changes: ["+ quick"] }] });
  page.kernel.answers.update = ({ variant }) => {
    setup = { ...setup, variant: (variant as string | undefined) ?? null };
    return {};
  };
  ({ view, unmount, leave } = show(page));
  await callUp(page, browser);
});

afterEach(async () => {
  await leave();
  vi.useRealTimers();
});

describe("the focus in the Prompt tab", () => {
  beforeEach(() => open("Prompt"));

  it("stays on a button that has nothing to do any more, which then does nothing", async () => {
    page.instance.prompt.edit("voice", "cedar");
    await settle();
    await press("Apply");
    expect(page.instance.prompt.draft.value).toEqual({});
    expect(focused()).toBe(button("Apply"));
    const { length } = page.kernel.sent;
    await press("Apply");
    expect(page.kernel.sent).toHaveLength(length);
    await type("input[aria-label='Name of the variant']", "slow");
    await press("Save as variant");
    expect(page.instance.prompt.name.value).toBe("");
    expect(focused()).toBe(button("Save as variant"));
  });

  it("goes to what is beside a button that goes away", async () => {
    page.instance.prompt.edit("voice", "cedar");
    await settle();
    await press("Discard");
    expect(focused()).toBe(button("Apply"));
    await press("JSON");
    for (const name of ["Apply JSON", "Discard"]) {
      const field = await type(".rtcw-json", '{"voice": "cedar"}');
      await press(name);
      expect(focused(), name).toBe(field);
    }
    await press("Use");
    expect(button("Use")).toBeUndefined();
    expect(focused()).toBe(button("Differences"));
  });

  it("goes to the choice of a turn when that is not asked any more", async () => {
    browser.receive(user.typed("u1", null, "A flat white."));
    await settle();
    const choice = view.querySelector<HTMLSelectElement>("[aria-label='Which turn']") as HTMLSelectElement;
    choice.value = "u1";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    await press("Close");
    expect(focused()).toBe(choice);
  });
});

it("goes to the tab in front when what was wrong is put right", async () => {
  page.instance.hangUp();
  browser.playAllowed = false;
  await callUp(page, browser);
  browser.playAllowed = true;
  await press("Enable sound");
  expect(button("Enable sound")).toBeUndefined();
  expect(focused()?.getAttribute("role")).toBe("tab");
  expect(focused()?.textContent).toContain("Transcript");
});

it("what is typed and chosen in a tab is there when the tab is in front again", async () => {
  await open("Events");
  const search = () => view.querySelector<HTMLInputElement>("input[type=search]")?.value;
  const kind = () => view.querySelector<HTMLSelectElement>("[aria-label='Which events']") as HTMLSelectElement;
  await type("input[type=search]", "created");
  kind().value = "server";
  kind().dispatchEvent(new Event("change", { bubbles: true }));
  await press("Pause");
  await open("Prompt");
  await type("input[aria-label='Name of the variant']", "slo");
  await open("Events");
  expect([search(), kind().value, button("Go on") !== undefined]).toEqual(["created", "server", true]);
  await open("Prompt");
  expect(view.querySelector<HTMLInputElement>("input[aria-label='Name of the variant']")?.value).toBe("slo");
});

describe("the focus in the Transcript tab", () => {
  const rows = async (count: number) => {
    for (let place = 0; place < count; place++) {
      browser.receive(user.typed(`u${place}`, place === 0 ? null : `u${place - 1}`, "Hello?"));
    }
    await settle();
  };
  const log = () => view.querySelector<HTMLElement>("[role=log]");

  it("stays on Send, and in the text box when the call ends", async () => {
    const box = await type("textarea", "A croissant.");
    await press("Send");
    expect(focused()).toBe(button("Send"));
    box.focus();
    await type("textarea", "And a");
    browser.peer().channel.onclose?.();
    await settle();
    expect([box.readOnly, box.disabled, box.value]).toEqual([true, false, "And a"]);
    expect(focused()).toBe(box);
  });

  it("goes to the log from Latest, and from the button for earlier rows when there are none", async () => {
    await rows(220);
    await press("20 earlier rows");
    expect(view.querySelectorAll("li")).toHaveLength(220);
    expect(focused()).toBe(log());
    await press("Latest");
    expect(focused()).toBe(log());
  });

  it("stays on Ask while it asks, and goes to the row when that is closed", async () => {
    await rows(1);
    page.kernel.answers.ask_again = () => new Promise(() => undefined);
    await press("Ask again");
    await press("Ask");
    expect(button("Ask")?.getAttribute("aria-disabled")).toBe("true");
    expect(focused()).toBe(button("Ask"));
    await press("Close");
    expect(focused()).toBe(view.querySelector("li"));
  });

  it("leaves the page alone when the panel goes", async () => {
    button("Mute")?.focus();
    unmount();
    await settle();
    expect(focused()).toBe(document.body);
  });

  it("leaves what is seen where it is when earlier rows come above it", async () => {
    await rows(220);
    const outer = log() as HTMLElement;
    vi.spyOn(outer, "scrollHeight", "get").mockImplementation(() => outer.querySelectorAll("li").length * 30);
    outer.scrollTop = 5;
    await press("20 earlier rows");
    expect(outer.scrollTop).toBe(20 * 30 + 5);
  });
});
