/** The stretch of time that is in sight, and how far it is spread: of one picture, or of two that go together. */

import { type Signal, signal } from "@preact/signals";

export interface Axis {
  /** Where what is in sight begins, in ms. */
  start_ms: Signal<number>;
  /** Wanted by hand; null as long as nobody has zoomed, 0 to fit. */
  px_per_s: Signal<number | null>;
  /** What is in sight is the end, and goes with it as a call grows. */
  atEnd: boolean;
}

export function createAxis(): Axis {
  return { start_ms: signal(0), px_per_s: signal(null), atEnd: true };
}
