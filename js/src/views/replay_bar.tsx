/** What a person does with a recording: play it, go along it, go from event to event. */

import { useEffect } from "preact/hooks";
import { glanceOf } from "../events";
import type { Instance } from "../instance";
import type { View } from "../view";
import { callText, clockText } from "../words";

const STEP_MS = 1000;
const LEAP_MS = 10_000;

interface ReplayBarProps {
  instance: Instance;
  view: View;
}

export function ReplayBar({ instance, view }: ReplayBarProps) {
  const { pieces, replay } = instance;
  const playing = pieces.playing.value;

  // An event that somebody looks at is where the recording goes.
  useEffect(() => view.event.subscribe(replay.goToEvent), [view, replay]);
  useEffect(() => pieces.stop, [pieces]);

  const step = (by: number) => {
    view.event.value = -1;
    replay.step(by);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const from_ms = pieces.place_ms.peek();
    const actions: Record<string, () => void> = {
      ArrowLeft: () => replay.go(from_ms - STEP_MS),
      ArrowRight: () => replay.go(from_ms + STEP_MS),
      PageUp: () => replay.go(from_ms - LEAP_MS),
      PageDown: () => replay.go(from_ms + LEAP_MS),
      Home: () => replay.go(0),
      End: () => replay.go(replay.end_ms.peek()),
      ArrowUp: () => step(-1),
      ArrowDown: () => step(1),
      " ": replay.toggle,
    };
    const act = actions[event.key];
    // A button does by itself what the space bar does to it.
    if (act !== undefined && !(event.key === " " && event.target instanceof HTMLButtonElement)) {
      event.preventDefault();
      act();
    }
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
    <div
      class="rtcw-controls rtcw-replay"
      role="group"
      aria-label="Replay"
      data-lm-suppress-shortcuts="true"
      onKeyDown={onKeyDown}
    >
      <button type="button" class="rtcw-primary" onClick={replay.toggle}>
        {playing ? "Pause" : "Play"}
      </button>
      <button type="button" aria-label="Event before" title="The event before (↑)" onClick={() => step(-1)}>
        ‹
      </button>
      <button type="button" aria-label="Next event" title="The next event (↓)" onClick={() => step(1)}>
        ›
      </button>
      <Place instance={instance} />
      <NowHeard instance={instance} view={view} />
      {pieces.problem.value !== "" && (
        <p class="rtcw-problem" role="alert">
          Not played: {pieces.problem.value}
        </p>
      )}
    </div>
  );
}

/** Where it is; apart, for it is another place on every frame. */
function Place({ instance }: { instance: Instance }) {
  const { pieces, replay, store } = instance;
  const [place_ms, end_ms] = [pieces.place_ms.value, replay.end_ms.value];
  // Two calls on one axis have two beginnings: what they share is the place where they are aligned.
  const aligned_ms = store.config.value?.replay?.aligned_ms ?? null;
  const from_ms = place_ms - (aligned_ms ?? 0);
  const end = aligned_ms === null ? ` of ${callText(end_ms)}` : "";
  const told = `${from_ms < 0 ? "−" : ""}${clockText(Math.abs(from_ms))}${end}`;
  const title = `since the ${aligned_ms === null ? "session's first record" : "end of what the user said"}`;
  return (
    <>
      <input
        type="range"
        class="rtcw-scrub"
        min={0}
        max={Math.ceil(end_ms)}
        step={10}
        value={place_ms}
        aria-label="Place in the recording"
        aria-valuetext={told}
        onInput={({ currentTarget }) => replay.go(Number(currentTarget.value))}
      />
      <span class="rtcw-aside rtcw-place" title={title}>
        {told}
      </span>
    </>
  );
}

/** The event that the recording is at, which leads to itself. */
function NowHeard({ instance, view }: ReplayBarProps) {
  const { replay, store } = instance;
  store.events.version.value;
  const index = replay.event.value;
  const event = index >= 0 && index < store.events.length() ? store.events.at(index) : null;
  return (
    <button
      type="button"
      class="rtcw-quiet rtcw-now"
      data-seq={event?.seq ?? ""}
      disabled={event === null}
      title="See it among the events"
      onClick={() => {
        view.tab.value = "events";
      }}
    >
      <span class="rtcw-type">{event?.type ?? "before the first event"}</span>{" "}
      <span class="rtcw-glance">{event === null ? "" : glanceOf(event)}</span>
    </button>
  );
}
