/** Plays the recording from any instant on: pieces of some seconds, fetched ahead and joined without a gap. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { asFailure, type Buffers, failure } from "../exchange";
import type { Fields } from "../messages";

const PIECE_MS = 8000;
/** The next piece is asked for this long before it is needed. */
const AHEAD_S = 4;
const FIRST_IN_S = 0.05;

export interface PiecesPorts {
  /** The request `sound`. */
  fetch(params: Fields): Promise<Fields>;
  sink(): string;
  volume(): number;
}

export interface Pieces {
  playing: ReadonlySignal<boolean>;
  problem: ReadonlySignal<string>;
  /** Play from an instant to the end of the recording, which is at `end_ms`. */
  play(from_ms: number, end_ms: number): void;
  /** Stop; the place stays. */
  stop(): void;
  /** What is heard now, in ms since the session's first record. */
  position(): number;
}

type SinkContext = AudioContext & { setSinkId?(id: string): Promise<void> };

export function createPieces(ports: PiecesPorts): Pieces {
  const playing = signal(false);
  const problem = signal("");
  let context: SinkContext | null = null;
  /** Where the sound began, and when by the context's clock. */
  let began = { t_ms: 0, at_s: 0 };
  let last_ms = 0;
  let run = 0;

  const heardAt = () =>
    context === null ? last_ms : began.t_ms + Math.max(0, context.currentTime - began.at_s) * 1000;

  function stop(): void {
    if (playing.peek()) {
      last_ms = heardAt();
    }
    run++;
    playing.value = false;
    void context?.close().catch(() => undefined);
    context = null;
  }

  async function go(mine: number, from_ms: number, end_ms: number): Promise<void> {
    const own: SinkContext = new AudioContext();
    context = own;
    if (ports.sink() !== "") {
      await own.setSinkId?.(ports.sink());
    }
    const gain = own.createGain();
    gain.gain.value = ports.volume();
    gain.connect(own.destination);
    let next_ms = from_ms;
    let when_s = 0;
    while (next_ms < end_ms) {
      const until_ms = Math.min(next_ms + PIECE_MS, end_ms);
      const buffer = await own.decodeAudioData(await piece(next_ms, until_ms));
      if (mine !== run) {
        return;
      }
      if (when_s < own.currentTime) {
        // The first piece, or one that came too late: the rest goes on from here.
        when_s = own.currentTime + FIRST_IN_S;
        began = { t_ms: next_ms, at_s: when_s };
      }
      const source = new AudioBufferSourceNode(own, { buffer });
      source.connect(gain);
      source.start(when_s);
      when_s += buffer.duration;
      next_ms = until_ms;
      await seconds(when_s - own.currentTime - (next_ms < end_ms ? AHEAD_S : 0));
      if (mine !== run) {
        return;
      }
    }
    stop();
    last_ms = end_ms;
  }

  async function piece(start_ms: number, end_ms: number): Promise<ArrayBuffer> {
    const { buffers } = await ports.fetch({ start_ms, end_ms });
    const found = (buffers as Buffers | undefined)?.[0];
    if (found === undefined) {
      throw failure("RecordingError", "the kernel sent no sound");
    }
    // Decoding takes the buffer away, so it gets one of its own.
    return found instanceof ArrayBuffer
      ? found.slice(0)
      : (found.buffer.slice(found.byteOffset, found.byteOffset + found.byteLength) as ArrayBuffer);
  }

  return {
    playing,
    problem,

    play(from_ms, end_ms) {
      stop();
      const mine = ++run;
      last_ms = from_ms;
      began = { t_ms: from_ms, at_s: Number.POSITIVE_INFINITY };
      problem.value = "";
      playing.value = true;
      go(mine, from_ms, end_ms).catch((thrown: unknown) => {
        if (mine === run) {
          stop();
          problem.value = asFailure(thrown).message;
        }
      });
    },

    stop,
    position: () => (playing.peek() ? heardAt() : last_ms),
  };
}

function seconds(time_s: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, time_s * 1000)));
}
