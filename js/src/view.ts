/** What one view of the panel has of its own: which tab is in front, and which moment it was led to. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createEventChoice, EVERY_SECOND, type EventChoice } from "./event_list";
import type { Store } from "./store";
import type { NoteMark } from "./timeline";

export const TABS = ["transcript", "events", "timeline", "prompt", "network"] as const;
export type Tab = (typeof TABS)[number];

export interface View {
  /** Unique in the page: what the ids of its elements begin with. */
  id: string;
  tab: Signal<Tab>;
  /** The event that is looked at, by its place in `store.events`; -1 when none is. */
  event: Signal<number>;
  /** What is wanted of the log. */
  log: EventChoice;
  /** The row of the transcript that was sought, by its key; "" when none was. */
  row: Signal<string>;
  /** The drawer with devices and processing is open. */
  drawer: Signal<boolean>;
  /** The transcript goes to its end as it grows: nobody has scrolled back. */
  following: ReadonlySignal<boolean>;
  /** Tool calls that wait for a person where somebody can see them in the transcript, while that is in front. */
  seen: Signal<readonly string[]>;
  /** The tool call that was decided last, and when by `performance.now`. */
  decided: { tool_call_id: string; at_ms: number };
  /** Have it go to its end from now on, or stay where it is. */
  follow(on: boolean): void;
  /** Go to the first event that names an id. */
  showEventOf(ids: readonly string[]): void;
  /** Go to the first event from a time on, in ms since the session's first record. */
  showEventAt(t_ms: number): void;
  /** Go to the event of a note: its time by this page's clock is not quite the kernel's. */
  showNote(note: NoteMark): void;
  /** Go to the row that one of these ids belongs to; tells whether there is one. */
  showRowOf(ids: readonly string[]): boolean;
}

/** Each widget runs in a module of its own, so they count where all of them can see it. */
const COUNT = Symbol.for("rtc_widget.views");

function nextSerial(): number {
  const page: typeof globalThis & { [COUNT]?: number } = globalThis;
  page[COUNT] = (page[COUNT] ?? 0) + 1;
  return page[COUNT];
}

export function createView(store: Store, opens: Tab = "transcript"): View {
  /** null until the reader goes somewhere. */
  const followed = signal<boolean | null>(null);
  const view: View = {
    id: `rtcw${nextSerial()}`,
    tab: signal<Tab>(opens),
    event: signal(-1),
    log: createEventChoice(),
    row: signal(""),
    drawer: signal(false),
    // What is recorded is read from its beginning.
    following: computed(() => followed.value ?? store.config.value?.replay == null),

    seen: signal([]),
    decided: { tool_call_id: "", at_ms: Number.NEGATIVE_INFINITY },

    follow(on) {
      followed.value = on;
    },

    showEventOf(ids) {
      const { events } = store;
      for (let index = 0; index < events.length(); index++) {
        const { text } = events.at(index);
        if (text !== null && ids.some((id) => id !== "" && text.includes(id))) {
          view.event.value = index;
          view.tab.value = "events";
          return;
        }
      }
    },

    showEventAt(t_ms) {
      const { events } = store;
      let shown = -1;
      for (let index = 0; index < events.length(); index++) {
        const event = events.at(index);
        if (event.type !== EVERY_SECOND) {
          shown = index;
          if ((event.t_ms ?? -1) >= t_ms) {
            break;
          }
        }
      }
      view.event.value = shown;
      view.tab.value = "events";
    },

    showNote({ type, t_ms, seq }) {
      const { events } = store;
      let [nearest, nearest_ms] = [-1, Number.POSITIVE_INFINITY];
      for (let index = 0; index < events.length(); index++) {
        const event = events.at(index);
        const away_ms = Math.abs((event.t_ms ?? Number.POSITIVE_INFINITY) - t_ms);
        const nearer = away_ms < nearest_ms || (away_ms === nearest_ms && event.seq === seq);
        if (event.type === type && nearer) {
          [nearest, nearest_ms] = [index, away_ms];
        }
      }
      if (nearest < 0) {
        view.showEventAt(t_ms);
      } else {
        view.event.value = nearest;
        view.tab.value = "events";
      }
    },

    showRowOf(ids) {
      const found = rowOf(store, ids);
      if (found !== "") {
        view.row.value = found;
        view.tab.value = "transcript";
      }
      return found !== "";
    },
  };
  return view;
}

/** The key of the row that the nearest of some ids belongs to; "" when there is none. */
export function rowOf(store: Store, ids: readonly string[]): string {
  const rows = store.rows.peek();
  for (const id of ids) {
    const row = rows.find((each) => each.peek().ids.includes(id));
    if (row !== undefined) {
      return row.peek().key;
    }
  }
  return "";
}
