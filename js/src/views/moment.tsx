/** The line under the transcript that says what goes on right now; it keeps its place, so that nothing jumps. */

import type { Store } from "../store";

interface Now {
  who: "you" | "agent" | "";
  words: string;
}

export function Moment({ store, empty }: { store: Store; empty: boolean }) {
  const { who, words } = now(store, empty);
  if (who === "" && words === "") {
    return null;
  }
  return (
    <div class="rtcw-row rtcw-moment" data-who={who} aria-hidden="true">
      <span class="rtcw-at" />
      <span class="rtcw-who">{who}</span>
      <span class="rtcw-words rtcw-hint">{words}</span>
    </div>
  );
}

function now({ activity, config, kernel, reading }: Store, empty: boolean): Now {
  if (reading.value !== null) {
    return { who: "", words: `Reading the log… ${Math.round(reading.value * 100)} %` };
  }
  if (config.value === null && kernel.value === "absent" && empty) {
    return { who: "", words: "What was said is not in this page: rtc.load() the session's folder to see it again." };
  }
  if (activity.state.value !== "live" || config.value?.replay != null) {
    return { who: "", words: empty && !activity.busy.value ? "Nothing said yet." : "" };
  }
  if (activity.file.value !== "") {
    return { who: "you", words: `playing ${activity.file.value}…` };
  }
  const listener = config.value?.answers === false ? "" : "agent";
  if (activity.speaking.value || activity.talking.value) {
    return { who: listener, words: "listening…" };
  }
  if (activity.sounding.value) {
    return { who: "agent", words: "speaking…" };
  }
  if (activity.responding.value) {
    return { who: "agent", words: "answering…" };
  }
  if (activity.muted.value) {
    return { who: "you", words: "muted" };
  }
  if (activity.byHand.value) {
    return { who: "you", words: "hold to talk" };
  }
  // A microphone that was chosen while muted was noted as muted, and has been unmuted since.
  return activity.microphone.value === "live" || activity.microphone.value === "muted"
    ? { who: listener, words: "listening…" }
    : { who: listener, words: "waiting…" };
}
