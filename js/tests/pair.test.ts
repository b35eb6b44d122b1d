// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPair, type Pair } from "../src/pair";
import { CONFIG, createKernel, type Kernel } from "./fakes/kernel";
import { settle } from "./fakes/page";
import { installBrowser } from "./fakes/rtc";

describe("two recordings on one axis", () => {
  let kernel: Kernel;
  let pair: Pair;

  beforeEach(async () => {
    vi.useFakeTimers();
    installBrowser();
    const replay = { name: "barista-1", duration_ms: 10_000, aligned_ms: 4000 };
    kernel = createKernel({ ...CONFIG, replay });
    pair = createPair(kernel.model);
    await settle();
  });

  afterEach(() => {
    pair.dispose();
    document.body.replaceChildren();
    vi.useRealTimers();
  });

  it("asks the kernel for each of them by its side", () => {
    for (const kind of ["hello", "request"]) {
      const sent = kernel.sent.filter((message) => message.kind === kind);
      expect(sent.map((message) => (message as { side?: number }).side)).toEqual([0, 1]);
    }
  });

  it("keeps both at one place, whichever of them is moved", () => {
    const [a, b] = pair.instances;
    a.replay.go(2500);
    expect(b.pieces.place_ms.value).toBe(2500);
    b.replay.go(700);
    expect(a.pieces.place_ms.value).toBe(700);
    expect(a.axis).toBe(b.axis);
  });

  it("lets one be heard at a time, from where the other was", () => {
    const [a, b] = pair.instances;
    a.replay.go(1500);
    a.replay.toggle();
    expect(a.pieces.playing.value).toBe(true);
    b.replay.toggle();
    expect([a.pieces.playing.value, b.pieces.playing.value]).toEqual([false, true]);
    expect(b.pieces.place_ms.value).toBe(1500);
  });

  it("shows both in one view, each at its picture, and takes both away", async () => {
    const view = document.body.appendChild(document.createElement("div"));
    const unmount = pair.mount(view);
    await settle();
    expect(view.querySelectorAll("section.rtcw").length).toBe(2);
    expect([...view.querySelectorAll("[role=tab][aria-selected=true]")].map((tab) => tab.textContent)).toEqual([
      "Timeline",
      "Timeline",
    ]);
    unmount();
    expect(view.childElementCount).toBe(0);
  });
});
