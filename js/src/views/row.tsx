/** One row of the transcript: when, who, what, the one number that matters, and the ways from it. */

import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { Instance } from "../instance";
import type { Row, Speaker } from "../rows";
import type { View } from "../view";
import { callText } from "../words";
import { AskAgain } from "./ask_again";
import { useStaying } from "./button";
import { Decide } from "./decide";
import { PlayButton } from "./play_button";

/** What a number means that was heard, by who speaks. */
const HEARD: Partial<Record<Speaker, string>> = {
  you: "how long you and the agent were heard at once",
  agent: "latency heard: end of your speech to the agent's first sound",
};

interface TranscriptRowProps {
  row: ReadonlySignal<Row>;
  instance: Instance;
  view: View;
}

export function TranscriptRow({ row, instance, view }: TranscriptRowProps) {
  const { key, who, at_ms, text, struck, hint, edge, edgeTitle, busy, asks, ids, audible } = row.value;
  const { listener, prompt, replay, store } = instance;
  const item_id = ids[0] ?? "";
  const recorded = audible && store.config.value?.record === true;
  // What was heard stands in place of what was only inferred.
  const heard = (edge === "" || row.value.inferred) && instance.heard.edges.value.get(item_id);
  const ask = prompt.asks.value.get(item_id);
  const replayed = store.config.value?.replay != null;
  const now = useComputed(() => replay.row.value === key);
  const answers = store.config.value?.answers !== false;
  const askable = answers && !replayed && who === "you" && item_id !== "" && !busy && text !== "";
  const problem = listener.problem.value;
  const hear = () => {
    // Who selects words wants to read them.
    if (recorded && globalThis.getSelection()?.isCollapsed !== false) {
      listener.toggle(key, { item_id });
    }
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the same is a button at the right edge
    <li
      ref={useStaying<HTMLLIElement>()}
      class="rtcw-row"
      data-key={key}
      data-who={who}
      data-asks={asks !== ""}
      data-heard={recorded}
      data-now={now.value}
      aria-current={now.value ? "time" : undefined}
      data-sought={view.row.value === key}
      aria-busy={busy}
      tabIndex={-1}
      onClick={hear}
    >
      <span class="rtcw-at">
        {ids.length > 0 ? (
          <button
            type="button"
            class="rtcw-link"
            title="See its events"
            onClick={(event) => {
              event.stopPropagation();
              view.showEventOf(ids);
            }}
          >
            {callText(at_ms)}
          </button>
        ) : (
          callText(at_ms)
        )}
      </span>
      <span class="rtcw-who">{who}</span>
      <span class="rtcw-words" dir="auto">
        {text}
        {struck !== "" && <s title="not heard">{struck}</s>}
        {hint !== "" && <span class="rtcw-hint">{text === "" ? hint : ` ${hint}`}</span>}
      </span>
      {asks !== "" && !replayed && <Decide instance={instance} view={view} tool_call_id={asks} inRow />}
      {asks === "" && (
        <span class="rtcw-edge">
          {askable && ask === undefined && (
            <button
              type="button"
              class="rtcw-link rtcw-later"
              onClick={(event) => {
                event.stopPropagation();
                prompt.openAsk(item_id);
              }}
            >
              Ask again
            </button>
          )}
          {heard ? <span title={HEARD[who]}>{heard}</span> : edge !== "" && <span title={edgeTitle}>{edge}</span>}
          {recorded && <PlayButton listener={listener} id={key} params={{ item_id }} />}
        </span>
      )}
      {problem?.key === key && (
        <span class="rtcw-problem rtcw-under" role="alert">
          Not heard: {problem.words}
        </span>
      )}
      {ask !== undefined && (
        // biome-ignore lint/a11y/noStaticElementInteractions: it only keeps clicks from playing the row
        // biome-ignore lint/a11y/useKeyWithClickEvents: it only keeps clicks from playing the row
        <div class="rtcw-under" onClick={(event) => event.stopPropagation()}>
          <AskAgain instance={instance} item_id={item_id} ask={ask} />
        </div>
      )}
    </li>
  );
}
