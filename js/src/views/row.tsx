/** One row of the transcript: when, who, what, and the one number that matters. */

import type { ReadonlySignal } from "@preact/signals";
import type { Instance } from "../instance";
import type { Row } from "../rows";
import { callText } from "../words";

interface TranscriptRowProps {
  row: ReadonlySignal<Row>;
  decide: Instance["decide"];
}

export function TranscriptRow({ row, decide }: TranscriptRowProps) {
  const { who, at_ms, text, struck, hint, edge, edgeTitle, busy, asks } = row.value;
  return (
    <li class="rtcw-row" data-who={who} data-asks={asks !== ""} aria-busy={busy}>
      <span class="rtcw-at">{callText(at_ms)}</span>
      <span class="rtcw-who">{who}</span>
      <span class="rtcw-words">
        {text}
        {struck !== "" && <s title="not heard">{struck}</s>}
        {hint !== "" && <span class="rtcw-hint">{text === "" ? hint : ` ${hint}`}</span>}
      </span>
      {asks !== "" && (
        <span class="rtcw-decide">
          <button type="button" onClick={() => decide(asks, true)}>
            Approve
          </button>
          <button type="button" onClick={() => decide(asks, false)}>
            Reject
          </button>
        </span>
      )}
      {asks === "" && edge !== "" && (
        <span class="rtcw-edge" title={edgeTitle}>
          {edge}
        </span>
      )}
    </li>
  );
}
