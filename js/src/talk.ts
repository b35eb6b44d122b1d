/** Push to talk: the button goes down, and up again, which ends the turn; straight to the service, without the kernel. */

import type { Call } from "./call";
import { talkEvents } from "./dialect";
import type { Store } from "./store";

const SHORTEST_TURN_MS = 300;

export interface TalkPorts {
  call: Call;
  store: Store;
  /** Stop an agent that speaks. */
  interrupt(): void;
}

/** Make the function that takes the button down (`true`) and up; it tells whether it was too short to be a turn. */
export function createTalk({ call, store, interrupt }: TalkPorts): (down: boolean) => boolean {
  const { byHand, talking } = store.activity;
  let pressed_ms = 0;
  return (down) => {
    const counts = call.live() && byHand.peek();
    if (down === talking.peek() || (down && !counts)) {
      return false;
    }
    talking.value = down;
    if (!counts) {
      return false; // the session ends turns by itself meanwhile
    }
    if (down) {
      pressed_ms = performance.now();
      interrupt();
    }
    // The service takes no turn of so little sound, and would answer the one before again.
    const tapped = !down && performance.now() - pressed_ms < SHORTEST_TURN_MS;
    call.send(talkEvents(down || tapped, store.config.peek()?.answers !== false));
    return tapped;
  };
}
