import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BrowserMessage, Records } from "../src/messages";
import { createRelay, type KernelState, type Relay } from "../src/relay";

const PAGE = "page1";
let sent: BrowserMessage[];
let states: [KernelState, number][];
let relay: Relay;

const batches = () => sent.filter((message): message is Records => message.kind === "records");
const hellos = () => sent.filter((message) => message.kind === "hello");
const numbers = (message: Records | undefined) => message?.records.map(([, , text]) => Number(text));
const ack = (received: number, durable = received) => relay.acknowledge({ kind: "ack", page: PAGE, received, durable });

function welcome(received: number, durable = received, missing = false): void {
  const rest = { missing, owner: null, length: 0, end: "e1", config: {} as never };
  relay.welcome({ kind: "welcome", page: PAGE, received, durable, ...rest });
}

function append(count: number, from = 0): void {
  for (let number = from; number < from + count; number++) {
    relay.append("server", number, String(number));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  states = [];
  relay = createRelay({
    page: PAGE,
    post: (message) => sent.push(message),
    describe: () => ({ live: false, views: 1 }),
    onKernel: (state, waiting) => states.push([state, waiting]),
  });
  relay.hello();
});

afterEach(() => {
  relay.close();
  vi.useRealTimers();
});

describe("a free line", () => {
  it("holds records back until the kernel has said welcome", () => {
    append(3);
    expect(batches()).toEqual([]);
    welcome(0);
    expect(batches().map(numbers)).toEqual([[0, 1, 2]]);
  });

  it("sends a record at once, in the same task", () => {
    welcome(0);
    append(1);
    expect(batches().map(numbers)).toEqual([[0]]);
  });

  it("sends a burst at once, each record before the answer to the last one", () => {
    welcome(0);
    append(3);
    expect(batches().map(numbers)).toEqual([[0], [1], [2]]);
  });

  it("gathers what goes on and on into one message in ten milliseconds", () => {
    welcome(0);
    for (let number = 0; number < 200; number++) {
      append(1, number);
      ack(number);
      vi.advanceTimersByTime(1);
    }
    const sizes = batches().map(({ records }) => records.length);
    expect(sizes.slice(0, 8)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(Math.min(...sizes.slice(9))).toBeGreaterThan(5);
    expect(batches().flatMap(numbers)).toEqual(Array.from({ length: batches().flatMap(numbers).length }, (_, n) => n));
  });

  it("has at most eight messages under way, and gathers the rest until one is answered", () => {
    welcome(0);
    for (let number = 0; number < 12; number++) {
      append(1, number);
      vi.advanceTimersByTime(10);
    }
    expect(batches()).toHaveLength(8);
    ack(1);
    expect(numbers(batches().at(-1))).toEqual([8, 9, 10, 11]);
  });

  it("keeps a message below 2,000 records", () => {
    append(4500);
    welcome(0);
    ack(2000);
    ack(4000);
    expect(batches().map(({ records }) => records.length)).toEqual([2000, 2000, 500]);
  });

  it("keeps a message below 256 KB of text, but sends a larger record alone", () => {
    relay.append("server", 0, "a".repeat(200_000));
    relay.append("server", 0, "b".repeat(100_000));
    relay.append("server", 0, "c".repeat(400_000));
    relay.append("server", 0, "d");
    welcome(0);
    ack(1);
    ack(2);
    ack(3);
    expect(batches().map(({ records }) => records.map(([, , text]) => text.length))).toEqual([
      [200_000],
      [100_000],
      [400_000],
      [1],
    ]);
  });
});

describe("what the kernel has", () => {
  it("is dropped only below durable", () => {
    welcome(0);
    append(4);
    ack(1, 0);
    ack(4, 2);
    relay.hello();
    expect(hellos().at(-1)).toMatchObject({ next: 4, oldest: 2 });
    welcome(2);
    expect(numbers(batches().at(-1))).toEqual([2, 3]);
  });

  it("is not sent again when an older acknowledgement comes late", () => {
    welcome(0);
    append(3);
    ack(1);
    ack(3);
    ack(1);
    append(1, 3);
    expect(batches().map(numbers)).toEqual([[0], [1], [2], [3]]);
  });

  it("is sent again from the gap when the kernel missed some", () => {
    welcome(0);
    append(3);
    ack(1, 0);
    vi.advanceTimersByTime(10);
    append(1, 3);
    welcome(1, 0, true);
    expect(numbers(batches().at(-1))).toEqual([1, 2, 3]);
  });
});

describe("a busy kernel", () => {
  it("is greeted again after 5 s, then less and less often", () => {
    welcome(0);
    append(1);
    vi.advanceTimersByTime(4000);
    expect(hellos()).toHaveLength(1);
    vi.advanceTimersByTime(2000);
    expect(hellos()).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(hellos().length).toBeLessThan(8);
  });

  it("gets each record once, in order, when it answers a flight and two old hellos in a row", () => {
    welcome(0);
    append(1);
    vi.advanceTimersByTime(20_000);
    append(9, 1);
    expect(hellos().length).toBeGreaterThan(2);
    // The kernel wakes: first the flight, then the hellos that were waiting behind it.
    ack(1);
    welcome(1);
    welcome(1);
    ack(10);
    vi.advanceTimersByTime(20);
    expect(batches().map(numbers)).toEqual([[0], [1], [2], [3], [4], [5], [6], [7], [8, 9]]);
  });

  it("is said to be busy with the number of records that wait, and ready again afterwards", () => {
    welcome(0);
    append(7);
    vi.advanceTimersByTime(3000);
    expect(states.at(-1)).toEqual(["busy", 7]);
    ack(1);
    expect(states.at(-1)?.[0]).toBe("ready");
  });

  it("is left alone while nothing is owed", () => {
    welcome(0);
    append(1);
    ack(1);
    vi.advanceTimersByTime(60_000);
    expect(hellos()).toHaveLength(1);
  });

  it("gets a lost message after the next welcome", () => {
    welcome(0);
    append(1);
    vi.advanceTimersByTime(6000);
    welcome(0);
    expect(batches().map(numbers)).toEqual([[0], [0]]);
  });
});

describe("hello", () => {
  it("is repeated until the first welcome, and says that the kernel is absent", () => {
    vi.advanceTimersByTime(6000);
    expect(hellos().length).toBe(2);
    expect(states.at(-1)?.[0]).toBe("absent");
  });

  it("calls the page live as long as records of its call are on their way", () => {
    welcome(0);
    append(1);
    relay.hello();
    expect(hellos().at(-1)).toMatchObject({ live: true });
    ack(1);
    relay.hello();
    expect(hellos().at(-1)).toMatchObject({ live: false });
  });

  it("tells when the kernel was last heard", () => {
    expect(relay.heardAt()).toBe(Number.NEGATIVE_INFINITY);
    vi.advanceTimersByTime(100);
    welcome(0);
    expect(relay.heardAt()).toBe(performance.now());
  });
});

describe("the end of a page", () => {
  it("flushes all that waits, whatever is under way", () => {
    welcome(0);
    append(2500);
    relay.flush();
    expect(batches().flatMap(numbers)).toEqual(Array.from({ length: 2500 }, (_, number) => number));
  });
});

describe("a kernel that does not know the page any more", () => {
  it("is told how far the page is, instead of being sent again what it cannot take", () => {
    welcome(0);
    append(3);
    ack(3);
    append(1, 3);
    const before = batches().length;
    welcome(0, 0, true);
    expect(hellos().at(-1)).toMatchObject({ next: 4, oldest: 3 });
    expect(batches().length).toBe(before);
    welcome(3);
    expect(numbers(batches().at(-1))).toEqual([3]);
  });
});
