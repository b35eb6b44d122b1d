/** What a person does with the call. */

import { useSignal } from "@preact/signals";
import type { Instance } from "../instance";
import type { View } from "../view";
import { waitingText } from "../words";
import { Button } from "./button";
import { DeviceBar, Drawer } from "./devices";
import { Meter } from "./meter";

export function Controls({ instance, view }: { instance: Instance; view: View }) {
  const live = instance.store.activity.state.value === "live";
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a key that is held presses a button once */}
      <div class="rtcw-controls" onKeyDown={(event) => event.repeat && event.key === "Enter" && event.preventDefault()}>
        <Buttons instance={instance} />
        <DeviceBar instance={instance} view={view} picks={live && !instance.store.elsewhere.value} />
      </div>
      <Drawer instance={instance} view={view} />
    </>
  );
}

/** What can be done in the state that the call is in. */
function Buttons({ instance }: { instance: Instance }) {
  const { store } = instance;
  const { activity } = store;
  const elsewhere = store.elsewhere.value;
  const live = activity.state.value === "live";
  if (!activity.busy.value || elsewhere) {
    const ready = store.config.value !== null && !elsewhere;
    return (
      <>
        <Button class="rtcw-primary" disabled={!ready} onClick={instance.connect}>
          Connect
        </Button>
        <span class="rtcw-aside">{idleText(instance)}</span>
      </>
    );
  }
  if (!live) {
    return (
      <>
        <Button class="rtcw-danger" onClick={instance.hangUp}>
          Cancel
        </Button>
        <span class="rtcw-aside">{store.progress.value}</span>
      </>
    );
  }
  const muted = activity.muted.value;
  const stoppable = activity.responding.value || activity.sounding.value;
  return (
    <>
      <Button class="rtcw-danger" onClick={instance.hangUp}>
        Hang up
      </Button>
      <button type="button" data-pressed={muted} onClick={() => instance.setMuted(!muted)}>
        {muted ? "Unmute" : "Mute"}
        <Meter level={store.levels.you} who="you" />
      </button>
      {activity.byHand.value && <HoldToTalk instance={instance} />}
      {store.config.value?.answers !== false && (
        <Button off={!stoppable} title="Stop the agent" onClick={instance.interrupt}>
          Stop
        </Button>
      )}
    </>
  );
}

/** How long a word of advice stands on the button. */
const ADVICE_MS = 3_000;

/** Held down by pointer, space or Enter, it listens; let go, it ends the turn. */
function HoldToTalk({ instance }: { instance: Instance }) {
  const { talking } = instance.store.activity;
  const tapped = useSignal(false);
  const talk = (down: boolean) => {
    tapped.value = instance.talk(down);
    if (tapped.peek()) {
      setTimeout(() => {
        tapped.value = false;
      }, ADVICE_MS);
    }
  };
  const onKey = (down: boolean) => (event: KeyboardEvent) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      // The notebook has plans of its own for these keys.
      event.stopPropagation();
      if (!event.repeat) {
        talk(down);
      }
    }
  };
  return (
    <button
      type="button"
      class="rtcw-talk"
      data-pressed={talking.value}
      aria-pressed={talking.value}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        talk(true);
      }}
      onPointerUp={() => talk(false)}
      onPointerCancel={() => talk(false)}
      onKeyDown={onKey(true)}
      onKeyUp={onKey(false)}
      onBlur={() => talking.peek() && talk(false)}
    >
      {talking.value ? "Listening…" : tapped.value ? "Hold while you speak" : "Hold to talk"} <kbd>space</kbd>
    </button>
  );
}

function idleText({ store }: Instance): string {
  const { activity } = store;
  if (store.elsewhere.value) {
    return "This call runs in another page; here you can follow it.";
  }
  if (store.config.value === null) {
    return waitingText(store.kernel.value);
  }
  if (activity.state.value === "ended") {
    return activity.reason.value;
  }
  return activity.state.value === "failed" ? "" : "The microphone stays off until you connect.";
}
