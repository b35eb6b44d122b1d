// @vitest-environment happy-dom
import type { Signal } from "@preact/signals";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { mountPanel } from "../src/views/panel";
import { user } from "./fakes/events";
import { openPage, type Page, settle } from "./fakes/page";
import { installBrowser } from "./fakes/rtc";

/** Each row is so high, and the box that they scroll in. */
const ROW_PX = 100;

let page: Page;
let view: HTMLElement;
let unmount: () => void;

const box = () => view.querySelector<HTMLElement>(".rtcw-scroll[role=log]") as HTMLElement;
const open = async (tab: string) => {
  [...view.querySelectorAll<HTMLElement>("[role=tab]")]
    .find(({ textContent }) => textContent?.startsWith(tab) === true)
    ?.click();
  await vi.advanceTimersByTimeAsync(100);
};
const hear = async (t_ms: number) => {
  page.instance.replay.go(t_ms);
  await vi.advanceTimersByTimeAsync(100);
};

beforeEach(async () => {
  vi.useFakeTimers();
  installBrowser();
  page = await openPage({ replay: { name: "barista-1", duration_ms: 10_000, aligned_ms: null } });
  for (const place of [0, 1, 2, 3, 4]) {
    const event = user.typed(`u${place}`, place === 0 ? null : `u${place - 1}`, "A flat white.");
    page.instance.store.applyLogged([place, "server", place * 1000, JSON.stringify(event)]);
  }
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
    const place = [...view.querySelectorAll(".rtcw-row")].indexOf(this);
    const shown = this.closest("[hidden]") === null;
    const top = shown && place >= 0 ? place * ROW_PX - box().scrollTop : 0;
    return new DOMRect(0, top, 0, shown ? ROW_PX : 0);
  });
  view = document.body.appendChild(document.createElement("div"));
  unmount = mountPanel(page.instance, view);
  await settle();
  await vi.advanceTimersByTimeAsync(100);
});

afterEach(() => {
  unmount();
  page.instance.dispose();
  document.body.replaceChildren();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it("a recording's transcript shows the row that is heard when its tab is opened again", async () => {
  await hear(1000);
  expect(box().scrollTop).toBe(ROW_PX);
  await open("Network");
  await hear(3000);
  await open("Transcript");
  expect(box().scrollTop).toBe(3 * ROW_PX);
});

it("a recording's transcript stays where its reader was when its tab is opened again while nothing plays", async () => {
  await hear(3000);
  box().scrollTop = ROW_PX;
  await open("Network");
  await open("Transcript");
  expect(box().scrollTop).toBe(ROW_PX);
});

it("a recording's transcript goes back to what is heard when its tab is opened again while it plays", async () => {
  await hear(3000);
  (page.instance.pieces.playing as Signal<boolean>).value = true;
  box().scrollTop = ROW_PX;
  await open("Network");
  await open("Transcript");
  expect(box().scrollTop).toBe(3 * ROW_PX);
});
