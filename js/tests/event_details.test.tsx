// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createEventList } from "../src/event_list";
import { createEvents } from "../src/events";
import type { Instance } from "../src/instance";
import { createStore } from "../src/store";
import { createView } from "../src/view";
import { EventDetails } from "../src/views/event_details";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

it("an event's text that comes late is not shown as that of the next", async () => {
  const events = createEvents(1); // keeps no text
  for (let seq = 0; seq < 2; seq++) {
    events.add("server", `{"type":"t${seq}"}`, { type: `t${seq}` }, seq, seq);
  }
  const come: ((text: string) => void)[] = [];
  const fetchEvent = (seq: number) =>
    new Promise<string>((resolve) => {
      come[seq] = resolve;
    });
  const store = { ...createStore(), events };
  const instance = { store, fetchEvent } as unknown as Instance;
  const view = createView(store, "events");
  const list = createEventList(events, async () => new Set());
  const place = document.body.appendChild(document.createElement("div"));
  const show = async (index: number) => {
    view.event.value = index;
    render(<EventDetails instance={instance} view={view} list={list} />, place);
    await vi.advanceTimersByTimeAsync(100);
  };
  await show(0);
  await show(1);
  come[1]?.('{"type":"t1"}');
  come[0]?.('{"type":"t0"}');
  await vi.advanceTimersByTimeAsync(100);
  expect(place.querySelector("strong")?.textContent).toBe("t1");
  expect(place.querySelector("pre")?.textContent).toContain("t1");
  render(null, place);
});
