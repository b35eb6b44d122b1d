/** One event in full, as text, and the ways from it: to the clipboard, to Python, to the transcript. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { EventList } from "../event_list";
import { asFailure } from "../exchange";
import { idsOf } from "../glance";
import type { Instance } from "../instance";
import { parseEvent } from "../messages";
import { eventAsPython } from "../python_text";
import { rowOf, type View } from "../view";
import { CopyButton } from "./copy_button";

interface EventDetailsProps {
  instance: Instance;
  view: View;
  list: EventList;
}

export function EventDetails({ instance, view, list }: EventDetailsProps) {
  const { store } = instance;
  const index = view.event.value;
  const event = store.events.at(index);
  const text = useSignal(event.text ?? "");
  const problem = useSignal("");

  useEffect(() => {
    let shown = true;
    text.value = event.text ?? "";
    problem.value = "";
    if (event.text === null && event.seq !== null) {
      instance.fetchEvent(event.seq).then(
        (found) => {
          if (shown) {
            text.value = found;
          }
        },
        (thrown: unknown) => {
          if (shown) {
            problem.value = asFailure(thrown).message;
          }
        },
      );
    }
    return () => {
      shown = false;
    };
  }, [event, instance, problem, text]);

  list.version.value;
  const run = list.row(list.rowOf(index));
  const together = run.index === index && run.count > 1 ? joined(instance, index, run.count) : "";
  const ids = idsOf(text.value);
  return (
    <section class="rtcw-details" aria-label={`Event ${event.type}`}>
      <div class="rtcw-details-head">
        <strong>{event.type}</strong>
        <span class="rtcw-spring" />
        {rowOf(store, ids) !== "" && (
          <button type="button" class="rtcw-quiet" onClick={() => view.showRowOf(ids)}>
            In the transcript
          </button>
        )}
        <CopyButton text={() => pretty(text.peek())}>Copy JSON</CopyButton>
        <CopyButton text={() => eventAsPython(event.direction, event.seq, parseEvent(text.peek()))}>
          Copy as Python
        </CopyButton>
        <button
          type="button"
          class="rtcw-quiet"
          aria-label="Close this event"
          onClick={({ currentTarget }) => {
            currentTarget.closest(".rtcw-panel")?.querySelector<HTMLElement>(".rtcw-log")?.focus();
            view.event.value = -1;
          }}
        >
          ✕
        </button>
      </div>
      {together !== "" && (
        <p class="rtcw-together">
          {run.count} of them, together: “{together}”
        </p>
      )}
      {problem.value !== "" && (
        <p class="rtcw-together" role="alert">
          Its text could not be read: {problem.value}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{pretty(text.value)}</pre>
    </section>
  );
}

/** What the deltas of a run say together. */
function joined({ store }: Instance, from: number, count: number): string {
  const { events } = store;
  const type = events.at(from).type;
  let said = "";
  for (let [index, left] = [from, count]; left > 0 && index < events.length(); index++) {
    const event = events.at(index);
    if (event.type === type) {
      const { delta } = parseEvent(event.text ?? "");
      said += typeof delta === "string" ? delta : "";
      left--;
    }
  }
  return said;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
