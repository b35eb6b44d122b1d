/** A live call that no view shows any more: a small fixed pill, so that a microphone is never on unseen. */

import { render } from "preact";
import type { Instance } from "../instance";
import { pageTheme } from "../theme";
import { stateText } from "../words";
import { Clock } from "./clock";

export function Pill({ instance }: { instance: Instance }) {
  const { activity } = instance.store;
  return (
    <aside class="rtcw rtcw-pill" data-theme={pageTheme().value} aria-label="Voice call without a view">
      <span class="rtcw-state" role="status">
        <span class="rtcw-dot" data-state={activity.state.value} />
        {stateText(activity.state.value)}
        {activity.muted.value && ", muted"}
        {instance.store.asking.value !== "" && ", waits for you"}
      </span>
      <Clock activity={activity} />
      <button type="button" class="rtcw-danger" onClick={instance.hangUp}>
        Hang up
      </button>
    </aside>
  );
}

/** Show the pill in the page; returns how to take it away. */
export function showPill(instance: Instance): () => void {
  const root = document.createElement("div");
  document.body.append(root);
  render(<Pill instance={instance} />, root);
  return () => {
    render(null, root);
    root.remove();
  };
}
