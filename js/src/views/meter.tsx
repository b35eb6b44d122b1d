/** A level meter of six bars; it moves without drawing anything anew. */

import type { ReadonlySignal } from "@preact/signals";

const BARS = [0, 1, 2, 3, 4, 5];

export function Meter({ level, who }: { level: ReadonlySignal<number>; who: "you" | "agent" }) {
  return (
    <span class="rtcw-meter" data-who={who} data-level={level} aria-hidden="true">
      {BARS.map((bar) => (
        <i key={bar} />
      ))}
    </span>
  );
}
