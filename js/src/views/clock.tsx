/** How long the call has lasted, on the second. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Activity } from "../activity";
import { callText } from "../words";

export function Clock({ activity }: { activity: Activity }) {
  const now = useSignal(0);
  const state = activity.state.value;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tick = () => {
      now.value = activity.elapsedMs();
      if (activity.state.peek() === "live") {
        timer = setTimeout(tick, 1000 - (now.peek() % 1000) + 5);
      }
    };
    tick();
    return () => clearTimeout(timer);
  }, [activity, now, state]);
  const shown = state === "live" || now.value > 0;
  return shown ? (
    <span class="rtcw-clock" role="timer">
      {callText(now.value)}
    </span>
  ) : null;
}
