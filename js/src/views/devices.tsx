/** Microphone and speaker by name and level, and a drawer for how loud and how processed. */

import type { Signal } from "@preact/signals";
import { type Device, PROCESSING } from "../audio/devices";
import type { Instance } from "../instance";
import type { View } from "../view";
import { Meter } from "./meter";

const NAMES: Record<(typeof PROCESSING)[number], string> = {
  echoCancellation: "Echo cancellation",
  noiseSuppression: "Noise suppression",
  autoGainControl: "Automatic gain",
};

interface PickProps {
  label: string;
  usual: string;
  devices: readonly Device[];
  chosen: Signal<string>;
  choose(id: string): void;
  level: Signal<number>;
  who: "you" | "agent";
}

function Pick({ label, usual, devices, chosen, choose, level, who }: PickProps) {
  return (
    <label class="rtcw-pick" title={label}>
      <span class="rtcw-unseen">{label}</span>
      <select value={chosen.value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        <option value="">{usual}</option>
        {devices.map(({ id, label: name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <Meter level={level} who={who} />
    </label>
  );
}

/** Both pickers, or the microphone's where nothing answers; a browser may let nobody choose a speaker. */
function Picks({ instance }: { instance: Instance }) {
  const { devices, store } = instance;
  return (
    <>
      <Pick
        label="Microphone"
        usual="System microphone"
        devices={devices.microphones.value}
        chosen={devices.microphone}
        choose={devices.chooseMicrophone}
        level={store.levels.you}
        who="you"
      />
      {store.config.value?.answers !== false && (
        <Pick
          label="Speaker"
          usual="System speaker"
          devices={devices.speakers.value}
          chosen={devices.speaker}
          choose={devices.chooseSpeaker}
          level={store.levels.agent}
          who="agent"
        />
      )}
    </>
  );
}

interface DevicesProps {
  instance: Instance;
  view: View;
}

/** The right end of the controls. */
export function DeviceBar({ instance, view, picks }: DevicesProps & { picks: boolean }) {
  const open = view.drawer.value;
  return (
    <div class="rtcw-devices">
      {picks && <Picks instance={instance} />}
      <button
        type="button"
        class="rtcw-more"
        aria-label="Sound settings"
        title="Sound settings"
        aria-expanded={open}
        aria-controls={`${view.id}-drawer`}
        onClick={() => {
          view.drawer.value = !open;
          instance.devices.refresh();
        }}
      >
        ⋯
      </button>
    </div>
  );
}

/** What stands under the controls when somebody asks for it. */
export function Drawer({ instance, view }: DevicesProps) {
  const { devices } = instance;
  const processing = devices.processing.value;
  return (
    <fieldset
      class="rtcw-drawer"
      aria-label="Sound settings"
      id={`${view.id}-drawer`}
      hidden={!view.drawer.value}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") {
          view.drawer.value = false;
        }
      }}
    >
      <Picks instance={instance} />
      {PROCESSING.map((name) => (
        <label key={name} class="rtcw-switch">
          <input
            type="checkbox"
            checked={processing[name]}
            onChange={({ currentTarget }) => devices.process(name, currentTarget.checked)}
          />
          {NAMES[name]}
        </label>
      ))}
      <label class="rtcw-switch">
        Volume
        <input
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={devices.volume.value}
          onInput={({ currentTarget }) => devices.setVolume(Number(currentTarget.value))}
        />
      </label>
    </fieldset>
  );
}
