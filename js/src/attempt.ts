/** One attempt at a call, from the click to its end: its parts, and what is known of it so far. */

import type { Failure } from "./exchange";
import type { Step } from "./messages";

export const WAITING_FOR_MICROPHONE = "waiting for your permission";

export interface ConnectOptions {
  /** "auto", "none" or a device id. */
  microphone: string;
  signaling: "ephemeral" | "kernel";
  timeout_ms: number;
  /** 1-based number of this attempt in its session. */
  attempt: number;
  /** Where to post the offer, and whether that is the kernel's own machine; the kernel's reply may say otherwise. */
  calls_url: string;
  loopback: boolean;
}

export interface Attempt {
  options: ConnectOptions;
  /** By `performance.now`. */
  startedAt: number;
  waitingFor: Step;
  live: boolean;
  muted: boolean;
  pc: RTCPeerConnection;
  channel: RTCDataChannel;
  sender: RTCRtpSender;
  receiver: RTCRtpReceiver;
  /** How long each step took, and all of it, in ms. */
  steps: Record<string, number>;
  connect_ms: number | null;
  rtc_call_id: string | null;
  microphone: { state: "live" | "silent"; reason: string; advice: string };
  /** The user is asked for the microphone. */
  asking: boolean;
  loopback: boolean;
  /** Why the service ends the call, which it says before it closes; null as long as it does not. */
  ending: string | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Aborted when the attempt is over, whatever step it is in. */
  stopping: AbortController;
  giveUp: (why: Failure) => void;
  givenUp: Promise<never>;
}

/** Make the peer connection, its data channel and its audio line; nothing has gone out yet. */
export function beginAttempt(options: ConnectOptions): Attempt {
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel("oai-events");
  const { sender, receiver } = pc.addTransceiver("audio", { direction: "sendrecv" });
  let giveUp: (why: Failure) => void = () => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // Whoever connects hears of it; nobody has to.
  givenUp.catch(() => undefined);
  return {
    options,
    startedAt: performance.now(),
    waitingFor: options.signaling === "kernel" ? "answer" : "secret",
    live: false,
    muted: false,
    pc,
    channel,
    sender,
    receiver,
    steps: {},
    connect_ms: null,
    rtc_call_id: null,
    microphone: { state: "silent", reason: WAITING_FOR_MICROPHONE, advice: "Allow it where the browser asks." },
    asking: false,
    loopback: options.loopback,
    ending: null,
    timer: undefined,
    stopping: new AbortController(),
    giveUp,
    givenUp,
  };
}

/** The steps that came about, in ms. */
export function stepsOf({ steps }: Attempt): Record<string, number> {
  return Object.fromEntries(Object.entries(steps).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
