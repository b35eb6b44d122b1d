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
  open(attempt: Attempt): void;
  /**
   * Send another microphone in place of this one, which goes on where there is no other.
   *
   * Of several that are asked for the last one counts, and settles those before it.
   */
  change(attempt: Attempt, choice: string): Promise<void>;
  /** Open the one that was lost again: it may have been plugged in. */
  reopen(attempt: Attempt): Promise<void>;
}

const GONE = "the microphone is gone";

export function createCallMicrophone(ports: CallMicrophonePorts): CallMicrophone {
  let latest = Promise.resolve();
  /** The choice that was sent last. */
  let chosen = "";

  function lose(attempt: Attempt): void {
    if (ports.current(attempt)) {
      ports.outgoing.setMicrophone(null);
      attempt.microphone = { state: "silent", reason: GONE, advice: "Plug it in, or choose another one above." };
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

  function putIn(attempt: Attempt, choice: string, opened: Opened): void {
    attempt.steps.microphone_ms ??= performance.now() - attempt.startedAt;
    if (isOpen(opened)) {
      const { track } = opened;
      chosen = choice;
      attempt.microphone = { state: "live", reason: "", advice: "" };
      track.onended = () => lose(attempt);
      ports.outgoing.setMicrophone(track);
    } else if (attempt.microphone.reason === WAITING_FOR_MICROPHONE) {
      attempt.microphone = { state: "silent", ...opened };
    } else {
      throw troubleAt("microphone", opened.reason, opened.advice);
    }
    ports.changed(attempt);
  }

  function change(attempt: Attempt, choice: string): Promise<void> {
    const mine: Promise<void> = ports.open(choice).then((opened) => {
      if (mine === latest && ports.current(attempt)) {
        putIn(attempt, choice, opened);
      } else if (isOpen(opened)) {
        opened.track.stop();
      }
      return mine === latest ? undefined : latest;
    });
    latest = mine;
    return mine;
  }

  return {
    open(attempt) {
      const { microphone } = attempt.options;
      if (microphone !== "none") {
        void watchForTheQuestion(attempt);
      }
      change(attempt, microphone).catch(() => undefined);
    },

    change,

    async reopen(attempt) {
      // What is asked for by hand goes first.
      await latest.catch(() => undefined);
      if (ports.current(attempt) && attempt.microphone.reason === GONE) {
        await change(attempt, chosen).catch(() => undefined);
      }
    },
  };
}
