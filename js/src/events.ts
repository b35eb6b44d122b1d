/** The log as the panel lists it: every record that passed here, its text kept as long as there is room for it. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { glance, isError } from "./glance";
import type { Direction, Fields } from "./messages";

export interface LoggedEvent {
  direction: Direction;
  type: string;
  /** Since the session's first record, in ms; null where the log has no time. */
  t_ms: number | null;
  /** Place in the kernel's log; null for what this page has seen itself. */
  seq: number | null;
  failed: boolean;
  /** null when it had to make room: the kernel still has it. */
  text: string | null;
  /** The one thing that matters, once somebody has looked. */
  glance: string | null;
}

export interface Events {
  /** Another number when there is more to see; a few times a second at most. */
  version: ReadonlySignal<number>;
  length(): number;
  at(index: number): LoggedEvent;
  /** Another number when events have come in between, or all are gone. */
  epoch(): number;
  /** How many have no text here any more. */
  shortened(): number;
  add(direction: Direction, text: string, event: Fields, t_ms: number | null, seq: number | null): void;
  /** Count the page's own events from an earlier moment on. */
  shift(later_ms: number): void;
  clear(): void;
  /** Tell nobody any more. */
  close(): void;
}

const TELL_EVERY_MS = 60;
/** So many characters of text are kept here; beyond it the oldest that the kernel can give again make room. */
export const MOST_TEXT = 24_000_000;

export function createEvents(mostText = MOST_TEXT): Events {
  const version = signal(0);
  let events: LoggedEvent[] = [];
  let size = 0;
  let oldest = 0;
  /** Where the records of this page itself begin; what is read of the log meanwhile belongs before them. */
  let ownFrom = Number.POSITIVE_INFINITY;
  let epoch = 0;
  let shortened = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tell(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      version.value++;
    }, TELL_EVERY_MS);
  }

  function makeRoom(): void {
    for (; size > mostText && oldest < events.length - 1; oldest++) {
      const event = events[oldest];
      if (event?.text != null && event.seq !== null) {
        event.glance = glanceOf(event);
        size -= event.text.length;
        event.text = null;
        shortened++;
      }
    }
  }

  return {
    version,
    length: () => events.length,

    at(index) {
      const event = events[index];
      if (event === undefined) {
        throw new RangeError(`no event ${index}`);
      }
      return event;
    },

    epoch: () => epoch,
    shortened: () => shortened,

    add(direction, text, event, t_ms, seq) {
      const type = typeof event.type === "string" ? event.type : "(no type)";
      const added: LoggedEvent = { direction, type, t_ms, seq, failed: isError(event), text, glance: null };
      if (seq === null) {
        ownFrom = Math.min(ownFrom, events.length);
        events.push(added);
      } else if (ownFrom === Number.POSITIVE_INFINITY) {
        events.push(added);
      } else {
        events.splice(ownFrom++, 0, added);
        epoch++;
      }
      size += text.length;
      makeRoom();
      tell();
    },

    shift(later_ms) {
      for (const event of events.slice(Math.min(ownFrom, events.length))) {
        event.t_ms = event.t_ms === null ? null : Math.max(0, event.t_ms + later_ms);
      }
      epoch++;
      tell();
    },

    clear() {
      events = [];
      size = 0;
      oldest = 0;
      shortened = 0;
      ownFrom = Number.POSITIVE_INFINITY;
      epoch++;
      tell();
    },

    close: () => clearTimeout(timer),
  };
}

/** The one thing that matters of an event, worked out when it is first seen. */
export function glanceOf(event: LoggedEvent): string {
  event.glance ??= event.text === null ? "" : glance(event.type, event.text);
  return event.glance;
}
