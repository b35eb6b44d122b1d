/** The numbered, acknowledged channel to the kernel, browser end: nothing is lost, nothing comes twice. */

import type { Ack, BrowserMessage, Direction, Welcome, WireRecord } from "./messages";

/** Most text (characters) and most records of one `records` message. */
const MAX_TEXT = 256 * 1024;
const MAX_RECORDS = 2000;

/** Messages that may be under way at once: what comes meanwhile waits for an answer, and goes as one. */
const MOST_FLIGHTS = 8;
/**
 * A burst leaves at once, message by message; what goes on and on is gathered to one message in this time, so that
 * what the kernel says to each stays under the 1000 messages a second of Jupyter's server.
 */
const GAP_MS = 10;
const BURST = 8;

const TICK_MS = 1000;
const BUSY_AFTER_MS = 2000;
const HELLO_AFTER_MS = 5000;
const LONGEST_PATIENCE_MS = 15_000;

/** What the panel may say of the kernel: not heard yet, not for long, answering, or behind with records. */
export type KernelState = "unheard" | "absent" | "ready" | "busy";

export interface RelayPorts {
  page: string;
  post(message: BrowserMessage): void;
  /** Whether this page has a call up or under way, and how many views show it. */
  describe(): { live: boolean; views: number };
  /** Told at most once a second while an answer is owed: the state, and how many records wait here. */
  onKernel?(state: KernelState, waiting: number): void;
}

export interface Relay {
  /** Number a record and send it as soon as the line is free; returns its number. */
  append(direction: Direction, t_browser_ms: number, text: string): number;
  /** How many records have been numbered. */
  numbered(): number;
  /** Say hello; the kernel's welcome starts or resumes the flow. */
  hello(): void;
  welcome(message: Welcome): void;
  acknowledge(message: Ack): void;
  /** Send all that waits at once, in flight or not: the page is about to go. */
  flush(): void;
  /** Below which number the kernel has all records. */
  received(): number;
  /** All that is not known to be on the kernel's disk. */
  held(): readonly WireRecord[];
  /** When the kernel was last heard, by `performance.now`, in ms. */
  heardAt(): number;
  close(): void;
}

interface Flight {
  first: number;
  end: number;
  sentAt: number;
}

export function createRelay(ports: RelayPorts): Relay {
  const held: WireRecord[] = [];
  let oldest = 0;
  let next = 0;
  let unsent = 0;
  let received = 0;
  let welcomed = false;
  let flights: Flight[] = [];
  /** When the line would be free, had all messages kept their gap. */
  let freeAt = Number.NEGATIVE_INFINITY;
  let soon: ReturnType<typeof setTimeout> | undefined;
  let heard = Number.NEGATIVE_INFINITY;
  let helloAt = Number.NEGATIVE_INFINITY;
  let patience = HELLO_AFTER_MS;
  let told: KernelState = "unheard";
  let timer: ReturnType<typeof setInterval> | undefined;

  function tell(state: KernelState): void {
    if (state !== told || state === "busy") {
      told = state;
      ports.onKernel?.(state, next - received);
    }
  }

  function hello(): void {
    helloAt = performance.now();
    const { live, views } = ports.describe();
    // A page with records still to come is not one whose call is gone, whatever its state is by now.
    ports.post({ kind: "hello", page: ports.page, next, oldest, live: live || next > received, views });
    watch();
  }

  /** While the kernel owes an answer, look once a second whether it came. */
  function watch(): void {
    timer ??= setInterval(tick, TICK_MS);
  }

  function tick(): void {
    const eldest = flights[0];
    if (welcomed && eldest === undefined) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    const now = performance.now();
    if (eldest !== undefined && now - eldest.sentAt >= BUSY_AFTER_MS) {
      tell("busy");
    }
    const owedSince = eldest === undefined ? helloAt : Math.max(eldest.sentAt, helloAt);
    if (now - owedSince >= patience) {
      patience = Math.min(2 * patience, LONGEST_PATIENCE_MS);
      if (!welcomed) {
        tell("absent");
      }
      hello();
    }
  }

  function drop(durable: number): void {
    const count = Math.min(durable, received) - oldest;
    if (count > 0) {
      held.splice(0, count);
      oldest += count;
    }
  }

  function answered(): void {
    heard = performance.now();
    patience = HELLO_AFTER_MS;
    tell("ready");
  }

  function batch(): WireRecord[] {
    const rows: WireRecord[] = [];
    let size = 0;
    for (let number = unsent; number < next && rows.length < MAX_RECORDS; number++) {
      const row = held[number - oldest];
      if (row === undefined || (rows.length > 0 && size + row[2].length > MAX_TEXT)) {
        break;
      }
      rows.push(row);
      size += row[2].length;
    }
    return rows;
  }

  function sendBatch(): boolean {
    const records = batch();
    if (records.length === 0) {
      return false;
    }
    const first = unsent;
    unsent += records.length;
    const sentAt = performance.now();
    freeAt = Math.max(freeAt, sentAt) + GAP_MS;
    flights.push({ first, end: unsent, sentAt });
    ports.post({ kind: "records", page: ports.page, first, records });
    watch();
    return true;
  }

  function sendNext(): void {
    if (!welcomed || unsent === next || flights.length >= MOST_FLIGHTS) {
      return;
    }
    const wait_ms = freeAt - (BURST - 1) * GAP_MS - performance.now();
    if (wait_ms <= 0) {
      sendBatch();
      return;
    }
    soon ??= setTimeout(() => {
      soon = undefined;
      sendNext();
    }, wait_ms);
  }

  return {
    append(direction, t_browser_ms, text) {
      held.push([direction, t_browser_ms, text]);
      const number = next++;
      sendNext();
      return number;
    },

    numbered: () => next,

    hello,

    welcome(message) {
      if (message.missing && message.received < oldest) {
        hello(); // a kernel that does not know this page: what it misses is not held here any more
        return;
      }
      // To a hello, a welcome says nothing about what left after it, unless something before that is missing.
      const later = message.missing ? [] : flights.filter((flight) => flight.sentAt > helloAt);
      const stale = later[0] !== undefined && message.received >= later[0].first;
      welcomed = true;
      answered();
      flights = stale ? later : [];
      if (!stale) {
        unsent = Math.min(Math.max(message.received, oldest), next);
      }
      received = stale ? Math.max(received, message.received) : unsent;
      drop(message.durable);
      sendNext();
    },

    acknowledge(message) {
      answered();
      received = Math.max(received, Math.min(message.received, next));
      drop(message.durable);
      flights = flights.filter((flight) => flight.end > received);
      sendNext();
    },

    flush() {
      while (welcomed && sendBatch()) {
        // Each turn sends one message of at most MAX_TEXT.
      }
    },

    received: () => received,
    held: () => held,
    heardAt: () => heard,

    close() {
      clearInterval(timer);
      clearTimeout(soon);
      timer = undefined;
    },
  };
}
