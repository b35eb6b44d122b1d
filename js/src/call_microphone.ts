/** The microphone of a call: it may come late, go, or be changed for another, and the call goes on. */

import { type Attempt, WAITING_FOR_MICROPHONE } from "./attempt";
import { isOpen, type Opened, willAsk } from "./audio/microphone";
import type { Outgoing } from "./audio/outgoing";
import { troubleAt } from "./trouble";

export interface CallMicrophonePorts {
  /** Open the microphone: "auto", "none" or a device id. */
  open(choice: string): Promise<Opened>;
  /** Whether the attempt is still the one of this page. */
  current(attempt: Attempt): boolean;
  /** The browser asks the user, before the call is up. */
  asks(attempt: Attempt): void;
  /** The attempt has another microphone, or none any more. */
  changed(attempt: Attempt): void;
  outgoing: Outgoing;
}

export interface CallMicrophone {
  /** Put the microphone in when it comes; the call never waits for it. */
  use(attempt: Attempt, opening: Promise<Opened>): Promise<void>;
  /** Send another microphone in place of this one, which goes on where there is no other. */
  change(attempt: Attempt, choice: string): Promise<void>;
}

export function createCallMicrophone(ports: CallMicrophonePorts): CallMicrophone {
  function putIn(attempt: Attempt, track: MediaStreamTrack): void {
    attempt.microphone = { state: "live", reason: "", advice: "" };
    track.onended = () => lose(attempt);
    ports.outgoing.setMicrophone(track);
    ports.outgoing.setMuted(attempt.muted);
  }

  function lose(attempt: Attempt): void {
    if (ports.current(attempt)) {
      ports.outgoing.setMicrophone(null);
      attempt.microphone = {
        state: "silent",
        reason: "the microphone is gone",
        advice: "Plug it in, or choose another one above.",
      };
      ports.changed(attempt);
    }
  }

  async function watchForTheQuestion(attempt: Attempt): Promise<void> {
    const asking = await willAsk();
    if (asking && ports.current(attempt) && attempt.microphone.reason === WAITING_FOR_MICROPHONE) {
      attempt.asking = true;
      ports.asks(attempt);
    }
  }

  return {
    async use(attempt, opening) {
      if (attempt.options.microphone !== "none") {
        void watchForTheQuestion(attempt);
      }
      const opened = await opening;
      if (!ports.current(attempt)) {
        letGo(opened);
        return;
      }
      attempt.steps.microphone_ms = performance.now() - attempt.startedAt;
      if (isOpen(opened)) {
        putIn(attempt, opened.track);
      } else {
        attempt.microphone = { state: "silent", ...opened };
      }
      ports.changed(attempt);
    },

    async change(attempt, choice) {
      const opened = await ports.open(choice);
      if (!isOpen(opened)) {
        throw troubleAt("microphone", opened.reason, opened.advice);
      }
      if (!ports.current(attempt)) {
        letGo(opened);
        return;
      }
      putIn(attempt, opened.track);
      ports.changed(attempt);
    },
  };
}

function letGo(opened: Opened): void {
  if (isOpen(opened)) {
    opened.track.stop();
  }
}
