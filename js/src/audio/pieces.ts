/** Plays the recording from any instant on: pieces of some seconds, fetched ahead and joined without a gap. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { asFailure } from "../exchange";
import { fetchSound, type RecordedPorts } from "./recorded";

const PIECE_MS = 8000;
/** The next piece is asked for this long before it is needed. */
const AHEAD_S = 4;
const FIRST_IN_S = 0.05;
/** Who drags a slider goes through many places on the way to one. */
const SETTLED_MS = 120;

export interface PiecesPorts extends RecordedPorts {
  /** Whether there is a sound to fetch; without one only the place goes on. */
  recorded(): boolean;
}

export interface Pieces {
  playing: ReadonlySignal<boolean>;
  problem: ReadonlySignal<string>;
  /** What is heard now, or will be once it plays, in ms since the session's first record. */
  place_ms: ReadonlySignal<number>;
  /** Play from an instant to the end of the recording, which is at `end_ms`. */
  play(from_ms: number, end_ms: number): void;
  /** Go to an instant; what plays goes on from there. */
  go(to_ms: number, end_ms: number): void;
  /** Stop; the place stays. */
  stop(): void;
}

type SinkContext = AudioContext & { setSinkId?(id: string): Promise<void> };

export function createPieces(ports: PiecesPorts): Pieces {
  const playing = signal(false);
  const problem = signal("");
  const place_ms = signal(0);
  let context: SinkContext | null = null;
  /** Where the sound began, and when by the context's clock. */
  let began = { t_ms: 0, at_s: Number.POSITIVE_INFINITY };
  let run = 0;
  let frame = 0;
  let soon: ReturnType<typeof setTimeout> | undefined;

  /** The place that reaches the ear: what the context has taken is on its way there for its latency. */
  function look(): void {
    if (context !== null) {
      const latency_s = Number.isFinite(context.outputLatency) ? context.outputLatency : 0;
      place_ms.value = began.t_ms + Math.max(0, context.currentTime - latency_s - began.at_s) * 1000;
    }
  }

  function follow(): void {
    look();
    frame = requestAnimationFrame(follow);
  }

  function stop(): void {
    clearTimeout(soon);
    cancelAnimationFrame(frame);
    look();
    run++;
    playing.value = false;
    void context?.close().catch(() => undefined);
    context = null;
  }

  async function start(mine: number, from_ms: number, end_ms: number): Promise<void> {
    const own: SinkContext = new AudioContext();
    context = own;
    if (ports.sink() !== "") {
      await own.setSinkId?.(ports.sink());
    }
    const gain = own.createGain();
    gain.gain.value = ports.volume();
    gain.connect(own.destination);
    let next_ms = from_ms;
    // Before any instant: the clock of a context that has just been made stands at 0.
    let when_s = -1;
    while (next_ms < end_ms) {
      const until_ms = Math.min(next_ms + PIECE_MS, end_ms);
      let buffer: AudioBuffer | null = null;
      if (ports.recorded()) {
        const sound = await fetchSound(ports, { start_ms: next_ms, end_ms: until_ms });
        buffer = await own.decodeAudioData(await sound.arrayBuffer());
      }
      if (mine !== run) {
        return;
      }
      if (when_s < own.currentTime) {
        // The first piece, or one that came too late: the rest goes on from here.
        when_s = own.currentTime + FIRST_IN_S;
        began = { t_ms: next_ms, at_s: when_s };
      }
      if (buffer !== null) {
        const source = new AudioBufferSourceNode(own, { buffer });
        source.connect(gain);
        source.start(when_s);
      }
      when_s += (until_ms - next_ms) / 1000;
      next_ms = until_ms;
      await seconds(when_s - own.currentTime - (next_ms < end_ms ? AHEAD_S : 0));
      if (mine !== run) {
        return;
      }
    }
    stop();
    place_ms.value = end_ms;
  }

  function play(from_ms: number, end_ms: number): void {
    stop();
    const mine = ++run;
    place_ms.value = from_ms;
    began = { t_ms: from_ms, at_s: Number.POSITIVE_INFINITY };
    problem.value = "";
    playing.value = true;
    frame = requestAnimationFrame(follow);
    start(mine, from_ms, end_ms).catch((thrown: unknown) => {
      if (mine === run) {
        stop();
        problem.value = asFailure(thrown).message;
      }
    });
  }

  return {
    playing,
    problem,
    place_ms,
    play,

    go(to_ms, end_ms) {
      if (playing.peek()) {
        // Silent on the way, and still playing for whoever looks.
        stop();
        playing.value = true;
        soon = setTimeout(() => play(to_ms, end_ms), SETTLED_MS);
      }
      place_ms.value = to_ms;
    },

    stop,
  };
}

function seconds(time_s: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, time_s * 1000)));
}
