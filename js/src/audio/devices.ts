/** Which microphone and speaker, how loud, and what the browser does to the user's voice; changed while a call is up. */

import { type Signal, signal } from "@preact/signals";
import { asFailure, type Failure } from "../exchange";

/** Processing of the microphone by the browser, by its names in a MediaTrackConstraints. */
export const PROCESSING = ["echoCancellation", "noiseSuppression", "autoGainControl"] as const;
export type Processing = Record<(typeof PROCESSING)[number], boolean>;

export interface Device {
  id: string;
  label: string;
}

export interface DevicePorts {
  /** Open the microphone anew and send it in place of the one there is; rejects when there is no such one. */
  changeMicrophone(choice: string): Promise<void>;
  /** Play through this device; "" is the system's choice. */
  setSink(id: string): Promise<void>;
  setVolume(volume: number): void;
}

export interface Devices {
  microphones: Signal<readonly Device[]>;
  speakers: Signal<readonly Device[]>;
  /** A device id; "" is the system's choice. */
  microphone: Signal<string>;
  speaker: Signal<string>;
  processing: Signal<Processing>;
  /** 0 to 1. */
  volume: Signal<number>;
  /** What went wrong with the last change; "" when nothing did. */
  problem: Signal<Failure | null>;
  chooseMicrophone(id: string): void;
  chooseSpeaker(id: string): void;
  process(name: keyof Processing, on: boolean): void;
  setVolume(volume: number): void;
  /** Look again what there is; names are known only once the user has allowed a microphone. */
  refresh(): void;
  close(): void;
}

export function createDevices(ports: DevicePorts): Devices {
  const microphones = signal<readonly Device[]>([]);
  const speakers = signal<readonly Device[]>([]);
  const microphone = signal("");
  const speaker = signal("");
  const processing = signal<Processing>({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  const volume = signal(1);
  const problem = signal<Failure | null>(null);
  const media: MediaDevices | undefined = navigator.mediaDevices;

  /** Change a setting at once, and change it back where the browser does not follow. */
  async function change<T>(setting: Signal<T>, value: T, follow: () => Promise<void>): Promise<void> {
    const before = setting.peek();
    setting.value = value;
    problem.value = null;
    try {
      await follow();
    } catch (thrown) {
      setting.value = before;
      problem.value = asFailure(thrown);
    }
  }

  async function look(): Promise<void> {
    const found = (await media?.enumerateDevices?.()) ?? [];
    const named = (kind: MediaDeviceKind) =>
      found
        .filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default")
        .map(({ deviceId, label }) => ({ id: deviceId, label: plain(label) }));
    microphones.value = named("audioinput");
    speakers.value = "setSinkId" in HTMLMediaElement.prototype ? named("audiooutput") : [];
  }

  const refresh = () => void look().catch(() => undefined);
  media?.addEventListener?.("devicechange", refresh);

  return {
    microphones,
    speakers,
    microphone,
    speaker,
    processing,
    volume,
    problem,
    chooseMicrophone: (id) => void change(microphone, id, () => ports.changeMicrophone(id || "auto")),
    chooseSpeaker: (id) => void change(speaker, id, () => ports.setSink(id)),
    process(name, on) {
      const next = { ...processing.peek(), [name]: on };
      void change(processing, next, () => ports.changeMicrophone(microphone.peek() || "auto"));
    },
    setVolume(next) {
      volume.value = next;
      ports.setVolume(next);
    },
    refresh,
    close: () => media?.removeEventListener?.("devicechange", refresh),
  };
}

/** A device's name without the numbers that Chromium adds: `Headset (1234:5678)`. */
function plain(label: string): string {
  return label.replace(/ \([0-9a-f]{4}:[0-9a-f]{4}\)$/, "") || "a device without a name";
}
