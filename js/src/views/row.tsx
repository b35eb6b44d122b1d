/** One row of the transcript: when, who, what, and the one number that matters. */

import type { ReadonlySignal } from "@preact/signals";
import type { Row } from "../rows";
import { callText } from "../words";

export function TranscriptRow({ row }: { row: ReadonlySignal<Row> }) {
  const { who, at_ms, text, struck, hint, edge, edgeTitle, busy } = row.value;
  return (
    <li class="rtcw-row" data-who={who} aria-busy={busy}>
      <span class="rtcw-at">{callText(at_ms)}</span>
      <span class="rtcw-who">{who}</span>
      <span class="rtcw-words">
        {text}
        {struck !== "" && <s title="not heard">{struck}</s>}
        {hint !== "" && <span class="rtcw-hint">{text === "" ? hint : ` ${hint}`}</span>}
      </span>
      {edge !== "" && (
        <span class="rtcw-edge" title={edgeTitle}>
          {edge}
        </span>
      )}
    </li>
  );
}
