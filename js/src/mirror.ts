/** The kernel's log as a page reads it that does not hold the call: in order, each record once, from the start. */

import { batch } from "@preact/signals";
import type { Fields, LogRecord } from "./messages";

const PAGE_OF_RECORDS = 500;
/** So long may reading keep the page at a time, and so many records make a log long. */
const SLICE_MS = 12;
const LOOK_AT_CLOCK_EVERY = 25;
const LONG = 2000;

export interface MirrorPorts {
  /** The request `tail`. */
  fetch(params: { since: number; limit: number }): Promise<Fields>;
  apply(record: LogRecord): void;
  /** A long log is being read, this far; null when it has been. */
  progress?(share: number | null): void;
}

export interface Mirror {
  /** The log is at least this long: read what is missing. */
  known(length: number): void;
  /** Records that the kernel pushed. */
  push(records: readonly LogRecord[]): void;
  /** Read no further than what is known now: this page's own records come next. */
  stop(): void;
  /** Start again from the first record. */
  restart(length: number): void;
}

export function createMirror(ports: MirrorPorts): Mirror {
  let expected = 0;
  let length = 0;
  let end = Number.POSITIVE_INFINITY;
  let reading = false;
  /** Somebody said that there is more while this read: should it fail, it is read again. */
  let more = false;

  function take(records: readonly LogRecord[]): void {
    batch(() => {
      for (const record of records) {
        if (record[0] === expected && expected < end) {
          expected++;
          ports.apply(record);
        }
      }
    });
  }

  /** Take a page of the log a slice at a time: a long one comes when people already look. */
  async function takePage(records: readonly LogRecord[]): Promise<void> {
    for (let at = 0; at < records.length; ) {
      const began = performance.now();
      batch(() => {
        do {
          take(records.slice(at, at + LOOK_AT_CLOCK_EVERY));
          at += LOOK_AT_CLOCK_EVERY;
        } while (at < records.length && performance.now() - began < SLICE_MS);
      });
      if (at < records.length) {
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
  }

  async function readOn(): Promise<void> {
    more = reading;
    if (reading) {
      return;
    }
    reading = true;
    const long = Math.min(length, end) - expected > LONG;
    try {
      while (expected < Math.min(length, end)) {
        const before = expected;
        const { records, next } = await ports.fetch({ since: expected, limit: PAGE_OF_RECORDS });
        await takePage(Array.isArray(records) ? (records as LogRecord[]) : []);
        if (long) {
          ports.progress?.(expected / Math.min(length, end));
        }
        length = typeof next === "number" ? Math.max(length, next + 1) : length;
        if (expected === before) {
          break;
        }
      }
    } catch {
      // The next welcome or push asks again.
    } finally {
      reading = false;
      if (long) {
        ports.progress?.(null);
      }
      if (more) {
        void readOn();
      }
    }
  }

  function known(least: number): void {
    length = Math.max(length, least);
    if (expected < Math.min(length, end)) {
      void readOn();
    }
  }

  return {
    known,

    push(records) {
      take(records);
      const last = records.at(-1);
      if (last !== undefined) {
        known(last[0] + 1);
      }
    },

    stop() {
      end = Math.min(end, length);
    },

    restart(least) {
      expected = 0;
      length = 0;
      end = Number.POSITIVE_INFINITY;
      known(least);
    },
  };
}
