/** What is wrong, where it stands, and what to try. */

import type { ComponentChildren } from "preact";
import type { Instance } from "../instance";
import type { View } from "../view";
import { countText } from "../words";
import { Button } from "./button";
import { Decide } from "./decide";

export function Notices({ instance, view }: { instance: Instance; view: View }) {
  const { store } = instance;
  const { activity } = store;
  const trouble = activity.trouble.value;
  const live = activity.state.value === "live";
  const silent = live && activity.microphone.value === "silent";
  return (
    <div class="rtcw-notices">
      {trouble !== null && (
        <Notice tone="error" what={STEPS[trouble.step] ?? trouble.step} advice={trouble.advice}>
          {sentence(trouble.reason)}
        </Notice>
      )}
      <Asked instance={instance} view={view} />
      {silent && (
        <Notice tone="warning" what="microphone" advice={activity.microphoneAdvice.value}>
          The agent does not hear you: {sentence(activity.microphoneReason.value, false)}
        </Notice>
      )}
      {instance.devices.problem.value !== null && (
        <Notice tone="warning" what="device" advice={instance.devices.problem.value.advice ?? ""}>
          Not changed: {sentence(instance.devices.problem.value.message, false)}
        </Notice>
      )}
      {store.soundHeld.value && (
        <Notice tone="warning" what="sound" advice="">
          The browser holds the sound back until you click. <Button onClick={instance.touched}>Enable sound</Button>
        </Notice>
      )}
      {[...activity.quality.value].map(([what, value]) => (
        <Notice key={what} tone="warning" silent what="connection" advice="What you hear may be late or broken.">
          {QUALITY[what]?.(value) ?? `${what} is bad.`}
        </Notice>
      ))}
      {store.kernel.value === "busy" && (
        <Notice tone="quiet" what="kernel" advice={live ? "The call goes on." : ""}>
          The kernel does not answer at the moment; {countText(store.waiting.value, "record")}{" "}
          {store.waiting.value === 1 ? "waits" : "wait"} here for it.{" "}
          <Button title="rtc.resume() takes them in the next kernel" onClick={instance.saveHeld}>
            Save them
          </Button>
        </Notice>
      )}
    </div>
  );
}

/** The steps as a reader calls them. */
const STEPS: Record<string, string> = {
  secret: "client secret",
  ice: "connection",
  channel: "data channel",
};

/** What is bad, as a reader calls it. */
const QUALITY: Record<string, (value: number) => string> = {
  loss: (ratio) => `${percent(ratio)} of the agent's packets get lost.`,
  round_trip: (ms) => `A packet takes ${Math.round(ms)} ms to the service and back.`,
  concealment: (ratio) => `${percent(ratio)} of the agent's sound had to be made up.`,
};

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}

/** Calls that wait for a person, where their rows are out of sight. */
function Asked({ instance, view }: { instance: Instance; view: View }) {
  const { store } = instance;
  if (store.asking.value === "" || store.config.value?.replay != null) {
    return null;
  }
  const seen = view.tab.value === "transcript" ? view.seen.value : [];
  return (
    <>
      {store.rows.value
        .map((row) => row.peek())
        .filter(({ asks }) => asks !== "" && !seen.includes(asks))
        .map(({ key, text, asks }) => (
          <Notice key={key} tone="warning" what="approval" advice="">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <span class="rtcw-asked" dir="auto" tabIndex={0}>
              {text}
            </span>{" "}
            <Decide instance={instance} view={view} tool_call_id={asks} />
          </Notice>
        ))}
    </>
  );
}

interface NoticeProps {
  tone: "error" | "warning" | "quiet";
  /** It comes and goes by itself, and would be read out each time. */
  silent?: boolean;
  what: string;
  advice: string;
  children: ComponentChildren;
}

function Notice({ tone, silent = false, what, advice, children }: NoticeProps) {
  const role = tone === "error" ? "alert" : tone === "warning" && !silent ? "status" : undefined;
  return (
    <p class="rtcw-notice" data-tone={tone} role={role}>
      <span class="rtcw-notice-what">{what}</span>
      <span>
        {children} {advice !== "" && <span class="rtcw-advice">{advice}</span>}
      </span>
    </p>
  );
}

function sentence(words: string, capital = true): string {
  const start = capital ? words.charAt(0).toUpperCase() + words.slice(1) : words;
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
