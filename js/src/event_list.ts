/** What one view shows of the log: filtered, searched, runs of deltas as one row; never more work at once than fits. */

import { batch, computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import type { Events, LoggedEvent } from "./events";

export const KINDS = ["all", "client", "server", "notes", "errors"] as const;
export type Kind = (typeof KINDS)[number];

/** A row: the event it begins with, and how many like it follow. */
export interface EventRow {
  index: number;
  count: number;
}

/** What somebody wants to see of the log; a list that is made anew begins with it. */
export interface EventChoice {
  kind: Signal<Kind>;
  /** As it is typed: what begins with @ is a second, and searches nothing. */
  query: Signal<string>;
  /** Runs of deltas are one row, and getStats stays among the notes. */
  collapsed: Signal<boolean>;
  /** What comes from now on waits. */
  paused: Signal<boolean>;
  /** How many events there were by then. */
  pausedAt: number;
}

export interface EventList extends Omit<EventChoice, "pausedAt"> {
  /** More of the log is still being searched. */
  searching: ReadonlySignal<boolean>;
  /** Another number when the rows are other ones. */
  version: ReadonlySignal<number>;
  length(): number;
  row(place: number): EventRow;
  /** The row that shows an event, or the nearest one before it; -1 when there is none. */
  rowOf(index: number): number;
  /** How many events are hidden in runs. */
  hidden(): number;
  dispose(): void;
}

/** So long may a slice of the search take; what is left waits for the page to breathe. */
const SLICE_MS = 8;
const LOOK_AT_CLOCK_EVERY = 64;
/** The note of getStats, which the list leaves out. */
export const EVERY_SECOND = "rtc.stats";

export function createEventChoice(): EventChoice {
  return {
    kind: signal<Kind>("all"),
    query: signal(""),
    collapsed: signal(true),
    paused: signal(false),
    pausedAt: Number.POSITIVE_INFINITY,
  };
}

/** `findElsewhere` asks the kernel which of the events without a text here hold some words. */
export function createEventList(
  events: Events,
  findElsewhere: (words: string) => Promise<ReadonlySet<number>>,
  choice = createEventChoice(),
): EventList {
  const { kind, query, collapsed, paused } = choice;
  const sought = computed(() => query.value.trim().replace(/^@.*/, ""));
  const searching = signal(false);
  const version = signal(0);
  let heads: number[] = [];
  let counts: number[] = [];
  let seen = 0;
  let epoch = events.epoch();
  let hidden = 0;
  let matches: RegExp | null = null;
  let elsewhere: ReadonlySet<number> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function wanted(event: LoggedEvent): boolean {
    if (!ofKind(event, kind.peek())) {
      return false;
    }
    if (event.type === EVERY_SECOND && matches === null && collapsed.peek() && kind.peek() !== "notes") {
      // They have a tab of their own, and would cut every run into pieces.
      return false;
    }
    if (matches === null || matches.test(event.type)) {
      return true;
    }
    return event.text === null ? elsewhere?.has(event.seq ?? -1) === true : matches.test(event.text);
  }

  function take(index: number): void {
    const event = events.at(index);
    if (!wanted(event)) {
      return;
    }
    const last = heads.length - 1;
    const head = heads[last];
    if (collapsed.peek() && head !== undefined && runsOn(events.at(head), event)) {
      counts[last] = (counts[last] ?? 0) + 1;
      hidden++;
    } else {
      heads.push(index);
      counts.push(1);
    }
  }

  /** Look at what has not been looked at, for a moment. */
  function goOn(): void {
    clearTimeout(timer);
    timer = undefined;
    const end = Math.min(events.length(), choice.pausedAt);
    const began = performance.now();
    const before = seen;
    while (seen < end) {
      take(seen++);
      if (seen % LOOK_AT_CLOCK_EVERY === 0 && performance.now() - began > SLICE_MS) {
        break;
      }
    }
    searching.value = seen < end;
    if (seen < end) {
      timer = setTimeout(goOn, 0);
    }
    if (seen > before) {
      version.value++;
    }
  }

  function startAgain(): void {
    heads = [];
    counts = [];
    hidden = 0;
    seen = 0;
    epoch = events.epoch();
    batch(() => {
      version.value++;
      goOn();
    });
  }

  async function ask(words: string): Promise<void> {
    const found = await findElsewhere(words).catch(() => null);
    if (found !== null && sought.peek() === words) {
      elsewhere = found;
      startAgain();
    }
  }

  const stops = [
    effect(() => {
      const words = sought.value;
      kind.value;
      collapsed.value;
      matches = words === "" ? null : new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
      elsewhere = null;
      untracked(() => {
        startAgain();
        if (words !== "" && events.shortened() > 0) {
          void ask(words);
        }
      });
    }),
    effect(() => {
      const already = Number.isFinite(choice.pausedAt);
      choice.pausedAt = !paused.value ? Number.POSITIVE_INFINITY : already ? choice.pausedAt : seen;
      untracked(goOn);
    }),
    effect(() => {
      events.version.value;
      untracked(() => (events.epoch() === epoch ? goOn() : startAgain()));
    }),
  ];

  return {
    kind,
    query,
    collapsed,
    paused,
    searching,
    version,
    length: () => heads.length,
    row: (place) => ({ index: heads[place] ?? 0, count: counts[place] ?? 1 }),

    rowOf(index) {
      let [low, high] = [0, heads.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((heads[middle] ?? 0) <= index) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low - 1;
    },

    hidden: () => hidden,

    dispose() {
      clearTimeout(timer);
      for (const stop of stops) {
        stop();
      }
    },
  };
}

function ofKind(event: LoggedEvent, kind: Kind): boolean {
  switch (kind) {
    case "all":
      return true;
    case "errors":
      return event.failed;
    case "notes":
      return event.direction === "local";
    default:
      return event.direction === kind;
  }
}

/** Whether an event only goes on with what the one before began. */
function runsOn(head: LoggedEvent, next: LoggedEvent): boolean {
  const repeats = next.type.endsWith(".delta") || next.type === EVERY_SECOND;
  return repeats && head.type === next.type && head.direction === next.direction;
}
