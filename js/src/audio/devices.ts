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
  /** Open a microphone that was lost again. */
  reopenMicrophone(): void;
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

  /** Make what changes a setting at once, and back to what is in force where the browser does not follow. */
  function changing<T>(setting: Signal<T>, follow: () => Promise<void>): (value: T) => void {
    let inForce = setting.peek();
    return async (value) => {
      setting.value = value;
      problem.value = null;
      try {
        await follow();
        inForce = setting.peek();
      } catch (thrown) {
        setting.value = inForce;
        problem.value = asFailure(thrown);
      }
    };
  }

  const openAnew = () => ports.changeMicrophone(microphone.peek() || "auto");
  const changeProcessing = changing(processing, openAnew);

  async function look(): Promise<void> {
    const found = (await media?.enumerateDevices?.()) ?? [];
    const named = (kind: MediaDeviceKind) =>
      found
        .filter((device) => device.kind === kind && device.deviceId !== "" && device.deviceId !== "default")
        .map(({ deviceId, label }) => ({ id: deviceId, label: plain(label) }));
    microphones.value = named("audioinput");
    speakers.value = "setSinkId" in HTMLMediaElement.prototype ? named("audiooutput") : [];
  }

  function refresh(): void {
    look().catch(() => undefined);
    ports.reopenMicrophone();
  }
  media?.addEventListener?.("devicechange", refresh);

  return {
    microphones,
    speakers,
    microphone,
    speaker,
    processing,
    volume,
    problem,
    chooseMicrophone: changing(microphone, openAnew),
    chooseSpeaker: changing(speaker, () => ports.setSink(speaker.peek())),
    process: (name, on) => changeProcessing({ ...processing.peek(), [name]: on }),
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
