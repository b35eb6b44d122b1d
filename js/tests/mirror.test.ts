import { beforeEach, describe, expect, it } from "vitest";
import type { Fields, LogRecord } from "../src/messages";
import { createMirror, type Mirror } from "../src/mirror";

let log: LogRecord[];
let applied: number[];
let fetched: number[];
let hold: Promise<void>;
let mirror: Mirror;

const grow = (count: number) => {
  for (let left = count; left > 0; left--) {
    log.push([log.length, "server", log.length, "{}"]);
  }
};
const turns = () => new Promise((resolve) => setTimeout(resolve));
const all = () => Array.from(log.keys());

beforeEach(() => {
  log = [];
  applied = [];
  fetched = [];
  hold = Promise.resolve();
  mirror = createMirror({
    async fetch({ since, limit }): Promise<Fields> {
      fetched.push(since);
      const records = log.slice(since, since + limit);
      await hold;
      const next = since + records.length;
      return { records, next: next < log.length ? next : null };
    },
    apply: ([seq]) => applied.push(seq),
  });
});

describe("the kernel's log in a page that does not hold the call", () => {
  it("is read page by page, each record once and in order", async () => {
    grow(1200);
    mirror.known(1200);
    await turns();
    expect(fetched).toEqual([0, 500, 1000]);
    expect(applied).toEqual(all());
  });

  it("goes on with what is pushed, and fetches what a push left out", async () => {
    grow(3);
    mirror.push(log.slice(0, 3));
    expect(fetched).toEqual([]);
    grow(4);
    mirror.push(log.slice(5, 7));
    await turns();
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
    await turns();
    expect(applied).toEqual(all());
  });

  it("stops at what was known when this page starts a call of its own", async () => {
    grow(600);
    mirror.known(600);
    mirror.stop();
    grow(5);
    mirror.push(log.slice(600));
    await turns();
    expect(applied).toEqual(all().slice(0, 600));
  });

  it("starts again from the first record", async () => {
    grow(2);
    mirror.known(2);
    await turns();
    mirror.stop();
    grow(1);
    mirror.restart(3);
    await turns();
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
      apply: ([seq]) => applied.push(seq),
    });
    grow(2);
    mirror.known(2);
    await turns();
    fails = false;
    mirror.known(2);
    await turns();
    expect(applied).toEqual([0, 1]);
  });
});
