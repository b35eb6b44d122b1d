/** What the views read: signals, all derived from records, beside the little that no record says. */

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Activity, createActivity } from "./activity";
import { read } from "./dialect";
import { createEvents, type Events } from "./events";
import { browserTimeMs, type Direction, type Fields, type LogRecord, type PanelConfig, parseEvent } from "./messages";
import { createQualityLog, type QualityLog } from "./quality";
import type { KernelState } from "./relay";
import type { Row } from "./rows";
import { createTranscript } from "./transcript";

export interface Store {
  activity: Activity;
  events: Events;
  quality: QualityLog;
  rows: ReadonlySignal<readonly Signal<Row>[]>;
  /** Keys of the rows whose tool call waits for a person, with blanks between them. */
  asking: ReadonlySignal<string>;
  config: ReadonlySignal<PanelConfig | null>;
  /** A long log is being read, this far, 0 to 1; null when it has been. The rows wait for its end. */
  reading: Signal<number | null>;
  /** Whether the kernel answers, and how many records wait here for it. */
  kernel: Signal<KernelState>;
  waiting: Signal<number>;
  /** Latency last heard, in ms; null before the first. */
  latencyHeardMs: Signal<number | null>;
  /** The browser holds the agent's sound back until somebody clicks. */
  soundHeld: Signal<boolean>;
  /** What the call waits for at the moment, in words. */
  progress: Signal<string>;
  /** Level of each side, 0 to 6. */
  levels: { you: Signal<number>; agent: Signal<number> };
  /** The kernel says that another page holds a call, and its log has not told of it yet. */
  held: Signal<boolean>;
  /** The call shown is held by another page. */
  elsewhere: ReadonlySignal<boolean>;

  /** What the kernel says of the session, as soon as it is received. */
  configure(config: PanelConfig): void;
  /** A record of this page's own call, by the browser's clock. */
  applyOwn(direction: Direction, t_browser_ms: number, text: string): void;
  /** A record of the kernel's log; of interest to the state only while no call of this page is shown. */
  applyLogged(record: LogRecord): void;
  /** A note that the kernel made. */
  applyNote(text: string): void;
  /** From here on this page's own records tell the state. */
  takeOver(): void;
  /** Forget all: the kernel's log is about to be read from its start. */
  clear(): void;
}

export function createStore(): Store {
  const activity = createActivity();
  const history = createTranscript("h");
  const current = createTranscript("c");
  const own = signal(false);
  const events = createEvents();
  const quality = createQualityLog();
  const config = signal<PanelConfig | null>(null);
  const reading = signal<number | null>(null);
  const held = signal(false);
  let shown: readonly Signal<Row>[] = [];
  /** The session's first record, by the browser's clock: as the kernel tells, and until then this page's own first. */
  let zero_ms: number | null = null;
  let told_ms: number | null = null;

  /** Count from what the kernel tells; of what it told, the least on its way is nearest. */
  function count(from_ms: number): void {
    if (from_ms >= (told_ms ?? Number.POSITIVE_INFINITY)) {
      return;
    }
    const later_ms = (zero_ms ?? from_ms) - from_ms;
    told_ms = zero_ms = from_ms;
    if (later_ms !== 0) {
      events.shift(later_ms);
      current.shift(later_ms);
    }
  }

  function listOwn(direction: Direction, t_browser_ms: number, text: string, event: Fields): number {
    zero_ms ??= t_browser_ms;
    const t_ms = Math.max(0, t_browser_ms - zero_ms);
    events.add(direction, text, event, t_ms, null);
    return t_ms;
  }

  const rows = computed(() => {
    if (reading.value !== null && !own.value) {
      return shown;
    }
    const [before, now] = [history.rows.value, current.rows.value];
    shown = before.length === 0 ? now : [...before, ...now];
    return shown;
  });

  return {
    activity,
    events,
    quality,
    rows,
    asking: computed(() =>
      // Only tools ask: words that come in for any other row are no reason to look.
      rows.value
        .filter((row) => row.peek().who === "tool" && row.value.asks !== "")
        .map((row) => row.peek().key)
        .join(" "),
    ),
    config,
    reading,
    kernel: signal<KernelState>("unheard"),
    waiting: signal(0),
    latencyHeardMs: signal(null),
    soundHeld: signal(false),
    progress: signal(""),
    levels: { you: signal(0), agent: signal(0) },
    held,
    elsewhere: computed(() => !own.value && (held.value || activity.busy.value)),

    configure(next) {
      config.value = next;
      if (next.elapsed_ms !== null) {
        count(browserTimeMs() - next.elapsed_ms);
      }
    },

    applyOwn(direction, t_browser_ms, text) {
      const event = parseEvent(text);
      const t_ms = listOwn(direction, t_browser_ms, text, event);
      batch(() => {
        quality.take(event, t_browser_ms);
        for (const change of read(direction, event)) {
          activity.apply(change, t_browser_ms);
          current.apply(change, t_ms);
        }
      });
    },

    applyLogged([seq, direction, t_ms, text]) {
      const event = parseEvent(text);
      events.add(direction, text, event, t_ms, seq);
      batch(() => {
        if (!own.value) {
          quality.take(event, t_ms ?? 0);
        }
        for (const change of read(direction, event)) {
          if (!own.value) {
            activity.apply(change, t_ms ?? 0);
            held.value &&= change.kind !== "state";
          }
          history.apply(change, t_ms ?? 0);
        }
      });
    },

    applyNote(text) {
      // A page that shows the kernel's log finds the same note there.
      if (own.value) {
        const event = parseEvent(text);
        const t_browser_ms = browserTimeMs();
        const t_ms = listOwn("local", t_browser_ms, text, event);
        batch(() => {
          for (const change of read("local", event)) {
            // Whether this page's call is up, this page knows best.
            if (change.kind !== "state" || !activity.busy.peek()) {
              activity.apply(change, t_browser_ms);
              current.apply(change, t_ms);
            }
          }
        });
      }
    },

    takeOver() {
      quality.clear();
      own.value = true;
    },

    clear() {
      batch(() => {
        own.value = false;
        zero_ms = told_ms;
        events.clear();
        quality.clear();
        activity.clear();
        history.clear();
        current.clear();
      });
    },
  };
}
