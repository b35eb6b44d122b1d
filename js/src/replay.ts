/** A recording in step with its sound: which event, and which row of the transcript, is at the place that is heard. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Pieces } from "./audio/pieces";
import type { Events } from "./events";
import { idsOf } from "./glance";
import type { Store } from "./store";
import { rowOf } from "./view";

export interface Replay {
  /** Place in `store.events` of the last event up to what is heard; -1 before the first, and for a live session. */
  event: ReadonlySignal<number>;
  /** Key of the row of the transcript that it belongs to; "" when there is none. */
  row: ReadonlySignal<string>;
  end_ms: ReadonlySignal<number>;
  toggle(): void;
  /** Go to an instant, within the recording. */
  go(t_ms: number): void;
  /** Go to an event; one that has no time changes nothing. */
  goToEvent(index: number): void;
  /** Go so many events on, or back. */
  step(by: number): void;
}

export interface Order {
  /** Place of the last event up to an instant, in the order of time; -1 when there is none. */
  upTo(t_ms: number): number;
  /** The event at a place in the order of time. */
  event(place: number): number;
  /** Where an event is in the order of time, or the last one before it; -1 for one without a time. */
  placeOf(index: number): number;
  length(): number;
}

/** What is measured once a second is no step of the conversation. */
const MEASURED = "rtc.stats";

/** An event without ids belongs to the row of one of so many before it. */
const FURTHEST_BACK = 200;

/** The events of a log in the order of time: both clocks write them, so that the log's own may differ by some ms. */
export function createOrder(events: Events): Order {
  let order: number[] = [];
  let seen = 0;
  let epoch = events.epoch();
  const timeOf = (index: number) => events.at(index).t_ms ?? Number.NaN;
  const at = (place: number) => order[place] ?? -1;

  function look(): void {
    if (events.epoch() !== epoch || events.length() < seen) {
      order = [];
      seen = 0;
      epoch = events.epoch();
    }
    for (; seen < events.length(); seen++) {
      const t_ms = timeOf(seen);
      if (!Number.isNaN(t_ms) && events.at(seen).type !== MEASURED) {
        let place = order.length;
        while (place > 0 && timeOf(at(place - 1)) > t_ms) {
          place--;
        }
        order.splice(place, 0, seen);
      }
    }
  }

  function upTo(t_ms: number): number {
    look();
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (timeOf(at(middle)) <= t_ms) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  return {
    upTo,
    event: at,

    placeOf(index) {
      const last = upTo(timeOf(index));
      let place = last;
      while (place >= 0 && at(place) !== index) {
        place--;
      }
      return place < 0 ? last : place;
    },

    length() {
      look();
      return order.length;
    },
  };
}

export function createReplay(store: Store, pieces: Pieces): Replay {
  const { events } = store;
  const order = createOrder(events);
  /** The event that somebody went to: several may have one and the same time. */
  const chosen = signal(-1);
  const end_ms = computed(() => store.config.value?.replay?.duration_ms ?? 0);

  const event = computed(() => {
    const place_ms = pieces.place_ms.value;
    events.version.value;
    if (store.config.value?.replay == null) {
      return -1;
    }
    const wanted = chosen.value;
    const here = wanted >= 0 && wanted < events.length() && events.at(wanted).t_ms === place_ms;
    return here ? wanted : order.event(order.upTo(place_ms));
  });

  const row = computed(() => {
    for (let index = event.value; index >= 0 && index > event.value - FURTHEST_BACK; index--) {
      const { text } = events.at(index);
      const found = text === null ? "" : rowOf(store, idsOf(text));
      if (found !== "") {
        return found;
      }
    }
    return "";
  });

  function go(t_ms: number): void {
    chosen.value = -1;
    pieces.go(Math.max(0, Math.min(end_ms.peek(), t_ms)), end_ms.peek());
  }

  function goToEvent(index: number): void {
    const t_ms = index < 0 ? null : events.at(index).t_ms;
    if (t_ms !== null) {
      go(t_ms);
      chosen.value = index;
    }
  }

  return {
    event,
    row,
    end_ms,
    go,
    goToEvent,

    toggle() {
      if (pieces.playing.peek()) {
        pieces.stop();
      } else {
        const from_ms = pieces.place_ms.peek() >= end_ms.peek() ? 0 : pieces.place_ms.peek();
        pieces.play(from_ms, end_ms.peek());
      }
    },

    step(by) {
      const now = event.peek();
      const place = now < 0 ? -1 : order.placeOf(now);
      goToEvent(order.event(Math.max(0, Math.min(order.length() - 1, place + by))));
    },
  };
}
