/** The one RTCPeerConnection: connect, hang up, states; every step is timed, and says why when it fails. */

import { type Attempt, beginAttempt, type ConnectOptions, stepsOf } from "./attempt";
import type { Opened } from "./audio/microphone";
import type { Outgoing } from "./audio/outgoing";
import type { Sound } from "./audio/sound";
import type { Speaker } from "./audio/speaker";
import { createCallMicrophone } from "./call_microphone";
import { endingOf } from "./dialect";
import { asFailure, type Failure, failure } from "./exchange";
import type { CallState, Fields } from "./messages";
import { exchangeOffer } from "./signaling";
import { noPath, tooLate, troubleAt } from "./trouble";

/** How long a kernel that is at work may take, for instance to start the sandbox. */
const KERNEL_AT_MOST_MS = 120_000;
const SAFE_MESSAGE_BYTES = 65_536;

export interface CallPorts {
  /** Id of this instance: the next kernel finds by it who held the call. */
  page: string;
  /** Write a note of our own into the log. */
  note(note: Fields & { type: string }): void;
  /** An event passed, in the order of the wire. */
  passed(direction: "client" | "server", text: string): void;
  request(method: "secret" | "answer", params: Fields): Promise<Fields>;
  /** When the kernel was last heard, by `performance.now`. */
  kernelHeardAt(): number;
  /** What is being waited for, in words; "" when nothing is. */
  progress(words: string): void;
  /** The agent's track; null when there is none any more. */
  heard(track: MediaStreamTrack | null): void;
  /** Open the microphone: "auto", "none" or a device id. */
  openMicrophone(choice: string): Promise<Opened>;
  /** The connection that is up; null when there is none any more. */
  connected(pc: RTCPeerConnection | null): void;
  sound: Sound;
  speaker: Speaker;
  outgoing: Outgoing;
}

export interface Call {
  /** Resolves when the data channel is open; rejects with the `Failure` that the panel shows too. */
  connect(options: ConnectOptions): Promise<Fields>;
  hangUp(reason: string): void;
  /** Send client events; throws before the first is sent when one is too large. */
  send(texts: readonly string[]): void;
  setMuted(muted: boolean): void;
  /** Send another microphone in place of this one, which goes on where there is no other; without a call, nothing. */
  changeMicrophone(choice: string): Promise<void>;
  /** Open a microphone that was lost again. */
  reopenMicrophone(): void;
  /** A call is up or on its way. */
  busy(): boolean;
  live(): boolean;
}

export function createCall(ports: CallPorts): Call {
  let current: Attempt | null = null;

  function noteState(state: CallState, { attempt }: ConnectOptions, more: Fields): void {
    ports.note({ type: "rtc.state", state, call: attempt, transport: "browser", page: ports.page, ...more });
  }

  function note(attempt: Attempt, state: CallState, more: Fields = {}): void {
    const known = attempt.rtc_call_id === null ? {} : { rtc_call_id: attempt.rtc_call_id };
    noteState(state, attempt.options, { ...known, ...more });
  }

  function noteLive(attempt: Attempt): void {
    const { state, reason, advice } = attempt.microphone;
    const microphone = state === "live" && attempt.muted ? "muted" : state;
    const why = reason === "" ? {} : { microphone_reason: reason, advice };
    note(attempt, "live", { microphone, ...why, connect_ms: attempt.connect_ms, steps: stepsOf(attempt) });
  }

  const callMicrophone = createCallMicrophone({
    open: ports.openMicrophone,
    outgoing: ports.outgoing,
    current: (attempt) => current === attempt,
    asks(attempt) {
      if (!attempt.live) {
        note(attempt, "microphone");
      }
    },
    changed(attempt) {
      if (attempt.live) {
        noteLive(attempt);
      } else if (attempt.asking) {
        attempt.asking = false;
        note(attempt, "connecting");
      }
    },
  });

  // -- connecting -----------------------------------------------------------------------------------------------

  async function connect(options: ConnectOptions): Promise<Fields> {
    if (current !== null) {
      throw troubleAt("page", "this page already holds a call of this widget", "Hang up first.");
    }
    let attempt: Attempt;
    try {
      attempt = beginAttempt(options);
    } catch (thrown) {
      const reason = `this browser makes no connection (${asFailure(thrown).message})`;
      const why = troubleAt("page", reason, "Reload the page, or open the notebook in another browser.");
      noteState("failed", options, reasons(why));
      throw why;
    }
    current = attempt;
    try {
      note(attempt, "connecting");
      ports.speaker.play(new MediaStream([attempt.receiver.track]));
      ports.heard(attempt.receiver.track);
      ports.outgoing.attach(attempt.sender);
      // Side by side: the kernel mints, the browser opens the microphone, the peer connection makes its offer.
      callMicrophone.open(attempt);
      arm(attempt, options.timeout_ms);
      const secret = options.signaling === "ephemeral" ? ports.request("secret", {}) : null;
      await Promise.race([attempt.givenUp, reach(attempt, secret)]);
    } catch (thrown) {
      const why = asFailure(thrown);
      if (current === attempt) {
        finish(attempt, "failed", { ...reasons(why), steps: stepsOf(attempt) });
      }
      throw why;
    }
    return { rtc_call_id: attempt.rtc_call_id, connect_ms: attempt.connect_ms };
  }

  /** Go from the offer to the open data channel. */
  async function reach(attempt: Attempt, secret: Promise<Fields> | null): Promise<void> {
    const { pc, channel, stopping } = attempt;
    const opened = new Promise<void>((resolve) => {
      channel.onopen = () => resolve();
    });
    watch(attempt);
    await exchangeOffer(attempt, secret, {
      request: ports.request,
      progress: ports.progress,
      kernelReplied: () => arm(attempt, attempt.options.timeout_ms),
    });
    stopping.signal.throwIfAborted();
    attempt.waitingFor = "ice";
    ports.progress("Connecting…");
    const answeredAt = performance.now();
    await Promise.race([iceConnected(pc), opened]);
    const connectedAt = performance.now();
    attempt.steps.ice_ms = connectedAt - answeredAt;
    attempt.waitingFor = "channel";
    await opened;
    attempt.steps.channel_ms = performance.now() - connectedAt;
    goLive(attempt);
  }

  /** Give up when time is up, but not while a kernel that answers is still at work for us. */
  function arm(attempt: Attempt, wait_ms: number): void {
    clearTimeout(attempt.timer);
    attempt.timer = setTimeout(() => {
      const kernelsTurn = attempt.waitingFor === "secret" || attempt.waitingFor === "answer";
      const atWork = ports.kernelHeardAt() >= attempt.startedAt;
      const spent_ms = performance.now() - attempt.startedAt;
      if (kernelsTurn && atWork && spent_ms < KERNEL_AT_MOST_MS) {
        ports.progress(attempt.loopback ? "The sandbox is starting…" : "Waiting for the kernel…");
        arm(attempt, 1000);
        return;
      }
      const seconds = Math.round(spent_ms / 1000);
      attempt.giveUp(tooLate(attempt.waitingFor, seconds, atWork ? "at work" : "silent", attempt.loopback));
    }, wait_ms);
  }

  // -- a call that is up ----------------------------------------------------------------------------------------

  /** Take in events, and notice when the connection goes. */
  function watch(attempt: Attempt): void {
    const { pc, channel } = attempt;
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (current === attempt) {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data as ArrayBuffer);
        attempt.ending ??= endingOf(text);
        ports.passed("server", text);
      }
    };
    channel.onclose = () => {
      if (current === attempt && attempt.live) {
        finish(attempt, "ended", { reason: attempt.ending ?? "the other side hung up" });
      } else if (current === attempt) {
        attempt.giveUp(troubleAt("channel", "the data channel closed before it was open", "Connect again."));
      }
    };
    pc.onconnectionstatechange = () => {
      if (current === attempt && pc.connectionState === "failed") {
        const lost = noPath(attempt.live ? "the connection was lost" : "no connection came about", attempt.loopback);
        if (attempt.live) {
          finish(attempt, "failed", reasons(lost));
        } else {
          attempt.giveUp(lost);
        }
      }
    };
  }

  function goLive(attempt: Attempt): void {
    if (current !== attempt) {
      return;
    }
    clearTimeout(attempt.timer);
    attempt.live = true;
    attempt.connect_ms = performance.now() - attempt.startedAt;
    ports.progress("");
    noteLive(attempt);
    ports.connected(attempt.pc);
  }

  /** End an attempt or a call: the microphone first, then everything else. */
  function finish(attempt: Attempt, state: "ended" | "failed", details: Fields): void {
    current = null;
    clearTimeout(attempt.timer);
    ports.outgoing.stop();
    ports.speaker.stop();
    ports.heard(null);
    ports.connected(null);
    attempt.stopping.abort();
    attempt.channel.close();
    attempt.pc.close();
    ports.sound.close();
    ports.progress("");
    note(attempt, state, details);
  }

  return {
    connect,

    hangUp(reason) {
      const attempt = current;
      if (attempt !== null) {
        finish(attempt, "ended", { reason });
        attempt.giveUp(troubleAt(attempt.waitingFor, reason, ""));
      }
    },

    send(texts) {
      const attempt = current;
      if (attempt === null || attempt.channel.readyState !== "open") {
        throw troubleAt("channel", "there is no call to send through", "Connect first.");
      }
      const limit = attempt.pc.sctp?.maxMessageSize ?? SAFE_MESSAGE_BYTES;
      for (const text of texts) {
        const size = new TextEncoder().encode(text).length;
        if (limit > 0 && size > limit) {
          const sizes = `${size.toLocaleString("en")} bytes; this connection takes ${limit.toLocaleString("en")} in one message`;
          throw failure("ProtocolError", `The event has ${sizes}.`);
        }
      }
      for (const text of texts) {
        attempt.channel.send(text);
        ports.passed("client", text);
      }
    },

    setMuted(muted) {
      if (current === null) {
        throw troubleAt("channel", "there is no call to mute", "Connect first.");
      }
      current.muted = muted;
      ports.outgoing.setMuted(muted);
      ports.note({ type: "rtc.mute", muted });
    },

    async changeMicrophone(choice) {
      if (current !== null) {
        await callMicrophone.change(current, choice);
      }
    },

    reopenMicrophone() {
      if (current !== null) {
        void callMicrophone.reopen(current);
      }
    },

    busy: () => current !== null,
    live: () => current?.live === true,
  };
}

function iceConnected(pc: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (pc.iceConnectionState === "connected" || pc.iceConnectionState === "completed") {
        resolve();
      }
    };
    pc.addEventListener("iceconnectionstatechange", look);
    look();
  });
}

function reasons(why: Failure): Fields {
  return { step: why.step ?? "page", reason: why.message, advice: why.advice ?? "" };
}
