/** Words and numbers as the panel writes them. */

import type { CallState } from "./messages";
import type { KernelState } from "./relay";

const STATES: Record<CallState, string> = {
  idle: "Not connected",
  microphone: "Asking for the microphone",
  connecting: "Connecting",
  live: "Live",
  failed: "No call",
  ended: "Ended",
};

/** The state of a call in a word or a few. */
export function stateText(state: CallState): string {
  return STATES[state];
}

/** What is said where something waits for the kernel. */
export function waitingText(kernel: KernelState): string {
  return kernel === "absent"
    ? "The kernel has not answered yet: a cell may be running, or this output is older than the kernel."
    : "Waiting for the kernel…";
}

/** A time within a call: `1:24`, `1:02:03`. */
export function callText(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** A time to a tenth of a second: `0:05.3`. */
export function clockText(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  return `${callText(ms)}.${tenths % 10}`;
}

/** How long something took: `875 ms`, and from 10 s on `127.7 s`. */
export function tookText(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A count with its noun: `1 event`, `1,204 events`. */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** An amount of money: three digits behind the point while it is small. */
export function costText(usd: number): string {
  if (usd > 0 && usd < 0.001) {
    return "< $0.001";
  }
  return `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
}
