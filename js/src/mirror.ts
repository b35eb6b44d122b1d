/** The kernel's log as a page reads it that does not hold the call: in order, each record once, from the start. */

import type { Fields, LogRecord } from "./messages";

const PAGE_OF_RECORDS = 500;

export interface MirrorPorts {
  /** The request `tail`. */
  fetch(params: { since: number; limit: number }): Promise<Fields>;
  apply(record: LogRecord): void;
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

  function take(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record[0] === expected && expected < end) {
        expected++;
        ports.apply(record);
      }
    }
  }

  async function readOn(): Promise<void> {
    if (reading) {
      return;
    }
    reading = true;
    try {
      while (expected < Math.min(length, end)) {
        const before = expected;
        const { records, next } = await ports.fetch({ since: expected, limit: PAGE_OF_RECORDS });
        take(Array.isArray(records) ? (records as LogRecord[]) : []);
        length = typeof next === "number" ? Math.max(length, next + 1) : length;
        if (expected === before) {
          break;
        }
      }
    } catch {
      // The next welcome or push asks again.
    } finally {
      reading = false;
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
