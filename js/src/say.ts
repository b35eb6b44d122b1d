/** What is typed in the panel goes one of two ways, never both: through the kernel, or straight to the agent. */

import type { Activity } from "./activity";
import type { Call } from "./call";
import { respondEvent, sayEvent } from "./dialect";
import type { Exchange } from "./exchange";
import { asFailure } from "./exchange";

/** How long a kernel may take to show that it listens; beyond that a cell keeps it busy. */
const LISTENS_WITHIN_MS = 1000;

export interface SayPorts {
  call: Call;
  activity: Activity;
  exchange: Exchange;
}

/** Make the function that says something in writing; it rejects with what the composer shows. */
export function createSay({ call, activity, exchange }: SayPorts): (words: string) => Promise<void> {
  let owed = false;
  // One response at a time: with one under way, the next is asked for when that one is done.
  activity.responding.subscribe((responding) => {
    if (owed && !responding) {
      owed = false;
      if (call.live()) {
        call.send([respondEvent]);
      }
    }
  });

  /** Asking for one record changes nothing, so that a late answer does no harm: a late `say` would say it again. */
  async function kernelListens(): Promise<boolean> {
    try {
      await exchange.request("tail", { since: 0, limit: 1 }, { timeout_ms: LISTENS_WITHIN_MS });
      return true;
    } catch (thrown) {
      return asFailure(thrown).name !== "WaitTimeout";
    }
  }

  return async (words) => {
    if (await kernelListens()) {
      await exchange.request("say", { text: words });
      return;
    }
    owed = activity.responding.peek();
    call.send(owed ? [sayEvent(words)] : [sayEvent(words), respondEvent]);
  };
}
