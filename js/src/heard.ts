/** What the recording says of the turns, as far as rows show it; the kernel listens to it. */

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Exchange } from "./exchange";
import type { Store } from "./store";
import type { TurnMark } from "./timeline";
import { tookText } from "./words";

export interface HeardTurns {
  /** The number that a row shows, by the id of its item: latency of an answer, overlap of what was said into one. */
  edges: ReadonlySignal<ReadonlyMap<string, string>>;
  /** Read no more. */
  stop(): void;
}

export function createHeardTurns(request: Exchange["request"], store: Store): HeardTurns {
  const edges = signal<ReadonlyMap<string, string>>(new Map());

  async function load(): Promise<void> {
    const found = new Map<string, string>();
    let overlap_ms: number | null = null;
    try {
      const { turns } = await request("turns", {});
      for (const turn of turns as TurnMark[]) {
        // Who speaks into an answer begins the next turn, unless they say nothing after it.
        if (overlap_ms && turn.t_speech_end_ms !== null) {
          found.set(turn.item_id ?? "", `overlap ${tookText(overlap_ms)}`);
        }
        if (turn.latency_heard_ms !== null) {
          found.set(turn.answer_id ?? "", tookText(turn.latency_heard_ms));
        }
        overlap_ms = turn.overlap_ms;
      }
      edges.value = found;
    } catch {
      // The rows go on to show what events say.
    }
  }

  // What is there once the log has been read; the kernel tells its configuration anew when it has heard more.
  const stop = effect(() => {
    const config = store.config.value;
    if ((config?.record || config?.replay) && store.reading.value === null) {
      void load();
    }
  });

  return { edges, stop };
}
