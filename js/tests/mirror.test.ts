import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Fields, LogRecord } from "../src/messages";
import { createMirror, type Mirror } from "../src/mirror";
import { settle } from "./fakes/page";

let log: LogRecord[];
let applied: number[];
let fetched: number[];
let hold: Promise<void>;
/** So long takes a record that is applied. */
let apply_ms: number;
let now_ms: number;
let mirror: Mirror;

const grow = (count: number) => {
  for (let left = count; left > 0; left--) {
    log.push([log.length, "server", log.length, "{}"]);
  }
};
const all = () => Array.from(log.keys());

const apply = ([seq]: LogRecord) => {
  applied.push(seq);
  now_ms += apply_ms;
};

beforeEach(() => {
  vi.useFakeTimers();
  log = [];
  applied = [];
  fetched = [];
  hold = Promise.resolve();
  apply_ms = 0;
  now_ms = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now_ms);
  mirror = createMirror({
    async fetch({ since, limit }): Promise<Fields> {
      fetched.push(since);
      const records = log.slice(since, since + limit);
      await hold;
      const next = since + records.length;
      return { records, next: next < log.length ? next : null };
    },
    apply,
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the kernel's log in a page that does not hold the call", () => {
  it("is read page by page, each record once and in order", async () => {
    grow(1200);
    mirror.known(1200);
    await settle();
    expect(fetched).toEqual([0, 500, 1000]);
    expect(applied).toEqual(all());
  });

  it("lets the page draw between slices of a page of records, and loses none of them", async () => {
    apply_ms = 1;
    grow(300);
    mirror.known(300);
    const drawn = [0];
    do {
      await vi.advanceTimersToNextTimerAsync();
      drawn.push(applied.length);
    } while (vi.getTimerCount() > 0);
    expect(Math.max(...drawn.map((count, at) => count - (drawn[at - 1] ?? 0)))).toBeLessThan(100);
    expect(applied).toEqual(all());
  });

  it("goes on with what is pushed, and fetches what a push left out", async () => {
    grow(3);
    mirror.push(log.slice(0, 3));
    expect(fetched).toEqual([]);
    grow(4);
    mirror.push(log.slice(5, 7));
    await settle();
    expect(fetched).toEqual([3]);
    mirror.push(log.slice(2, 7));
    expect(applied).toEqual(all());
  });

  it("loses nothing that is pushed while it reads", async () => {
    let go: () => void = () => undefined;
    hold = new Promise((resolve) => (go = resolve));
    grow(10);
    mirror.known(10);
    grow(2);
    mirror.push(log.slice(10));
    go();
    await settle();
    expect(applied).toEqual(all());
  });

  it("stops at what was known when this page starts a call of its own", async () => {
    grow(600);
    mirror.known(600);
    mirror.stop();
    grow(5);
    mirror.push(log.slice(600));
    await settle();
    expect(applied).toEqual(all().slice(0, 600));
  });

  it("starts again from the first record", async () => {
    grow(2);
    mirror.known(2);
    await settle();
    mirror.stop();
    grow(1);
    mirror.restart(3);
    await settle();
    expect(applied).toEqual([0, 1, 0, 1, 2]);
  });

  it("asks again at the next occasion when asking failed", async () => {
    let fails = true;
    mirror = createMirror({
      async fetch({ since }) {
        if (fails) {
          throw new Error("kernel gone");
        }
        return { records: log.slice(since), next: null };
      },
      apply,
    });
    grow(2);
    mirror.known(2);
    await settle();
    fails = false;
    mirror.known(2);
    await settle();
    expect(applied).toEqual([0, 1]);
  });
});
