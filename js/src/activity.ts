/** What goes on in the call, as signals: its state and why, who speaks, what plays, what is muted. */

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Change } from "./dialect";
import type { CallState, Fields } from "./messages";

/** Why there is no call, and what to try. */
export interface Trouble {
  step: string;
  reason: string;
  advice: string;
}

export interface Activity {
  state: Signal<CallState>;
  /** Number of the last attempt at a call in this session; 0 before the first. */
  attempt: Signal<number>;
  /** Why the call failed; null when it did not. */
  trouble: Signal<Trouble | null>;
  /** Why the call ended. */
  reason: Signal<string>;
  /** What is sent of the user's voice, and why nothing, where nothing is. */
  microphone: Signal<"live" | "silent" | "muted" | "">;
  microphoneReason: Signal<string>;
  microphoneAdvice: Signal<string>;
  muted: Signal<boolean>;
  /** Name of the file that plays in place of the microphone, "" when none does. */
  file: Signal<string>;
  /** Both sides are recorded. */
  recording: Signal<boolean>;
  /** What is bad about the connection at the moment (loss, round_trip, concealment), and how bad. */
  quality: Signal<ReadonlyMap<string, number>>;
  /** The user ends a turn by hand: no voice activity detection does. */
  byHand: Signal<boolean>;
  /** The user holds the button down that says so. */
  talking: Signal<boolean>;
  /** A response is being made; the agent's audio plays; the user speaks. */
  responding: Signal<boolean>;
  sounding: Signal<boolean>;
  speaking: Signal<boolean>;
  /** A call is up or on its way. */
  busy: ReadonlySignal<boolean>;
  /** Length of the call so far, or of the last one, in ms. */
  elapsedMs(): number;
  apply(change: Change, t_ms: number): void;
  clear(): void;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function createActivity(): Activity {
  const state = signal<CallState>("idle");
  const attempt = signal(0);
  const trouble = signal<Trouble | null>(null);
  const reason = signal("");
  const microphone = signal<"live" | "silent" | "muted" | "">("");
  const microphoneReason = signal("");
  const microphoneAdvice = signal("");
  const muted = signal(false);
  const file = signal("");
  const recording = signal(false);
  const quality = signal<ReadonlyMap<string, number>>(new Map());
  const byHand = signal(false);
  const talking = signal(false);
  const responding = signal(false);
  const sounding = signal(false);
  const speaking = signal(false);
  let response_id = "";
  let live_ms: number | null = null;
  let end_ms: number | null = null;
  /** The last record's time, and when it came by this page's clock: the way from one to the other. */
  let last = { t_ms: 0, at_ms: 0 };

  function quiet(): void {
    talking.value = false;
    responding.value = false;
    sounding.value = false;
    speaking.value = false;
    file.value = "";
    recording.value = false;
    quality.value = new Map();
  }

  function takeState(next: CallState, call: number, fields: Fields, t_ms: number): void {
    const begins = next === "connecting" || next === "microphone";
    if (begins && call !== attempt.value) {
      live_ms = null;
      end_ms = null;
      muted.value = false;
      microphone.value = "";
      microphoneReason.value = "";
      microphoneAdvice.value = "";
      quiet();
    }
    if (next === "live") {
      live_ms ??= t_ms;
      microphone.value = text(fields.microphone) as "live" | "silent" | "muted" | "";
      microphoneReason.value = text(fields.microphone_reason);
      microphoneAdvice.value = text(fields.advice);
    }
    if (next === "ended" || next === "failed") {
      end_ms ??= t_ms;
      quiet();
    }
    attempt.value = Math.max(call, attempt.value);
    state.value = next;
    reason.value = text(fields.reason);
    trouble.value =
      next === "failed" ? { step: text(fields.step), reason: text(fields.reason), advice: text(fields.advice) } : null;
  }

  function apply(change: Change, t_ms: number): void {
    last = { t_ms, at_ms: performance.now() };
    switch (change.kind) {
      case "state":
        takeState(change.state, change.call, change.fields, t_ms);
        break;
      case "session":
        byHand.value = change.by_hand;
        break;
      case "mute":
        muted.value = change.muted;
        break;
      case "play":
        file.value = change.playing ? change.what : "";
        break;
      case "recording":
        recording.value = change.on;
        break;
      case "quality": {
        const next = new Map(quality.value);
        next.delete(change.what);
        quality.value = change.bad ? next.set(change.what, change.value) : next;
        break;
      }
      case "speech":
        speaking.value = change.speaking;
        break;
      case "unsaid":
        speaking.value = false;
        break;
      case "audio":
        sounding.value = change.phase === "started";
        break;
      case "response":
        if (change.running && change.in_conversation) {
          response_id = change.response_id;
          responding.value = true;
        } else if (!change.running && change.response_id === response_id) {
          responding.value = false;
        }
        break;
    }
  }

  return {
    state,
    attempt,
    trouble,
    reason,
    microphone,
    microphoneReason,
    microphoneAdvice,
    muted,
    file,
    recording,
    quality,
    byHand,
    talking,
    responding,
    sounding,
    speaking,
    busy: computed(() => state.value === "microphone" || state.value === "connecting" || state.value === "live"),

    elapsedMs() {
      if (live_ms === null) {
        return 0;
      }
      return Math.max(0, (end_ms ?? last.t_ms + performance.now() - last.at_ms) - live_ms);
    },

    apply: (change, t_ms) => batch(() => apply(change, t_ms)),

    clear() {
      live_ms = null;
      end_ms = null;
      batch(() => {
        quiet();
        state.value = "idle";
        attempt.value = 0;
        trouble.value = null;
        reason.value = "";
        muted.value = false;
      });
    },
  };
}
