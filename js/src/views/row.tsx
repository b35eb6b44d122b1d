/** One row of the transcript: when, who, what, and the one number that matters. */

import type { ReadonlySignal } from "@preact/signals";
import type { Instance } from "../instance";
import type { Row } from "../rows";
import type { View } from "../view";
import { callText } from "../words";

interface TranscriptRowProps {
  row: ReadonlySignal<Row>;
  instance: Instance;
  view: View;
}

export function TranscriptRow({ row, instance, view }: TranscriptRowProps) {
  const { key, who, at_ms, text, struck, hint, edge, edgeTitle, busy, asks, ids } = row.value;
  const { decide } = instance;
  return (
    <li
      class="rtcw-row"
      data-key={key}
      data-who={who}
      data-asks={asks !== ""}
      data-sought={view.row.value === key}
      aria-busy={busy}
      tabIndex={-1}
    >
      <span class="rtcw-at">
        {ids.length > 0 ? (
          <button type="button" class="rtcw-link" title="See its events" onClick={() => view.showEventOf(ids)}>
            {callText(at_ms)}
          </button>
        ) : (
          callText(at_ms)
        )}
      </span>
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
