/** Files from the kernel, played as if they were the microphone. */

import { type Buffers, failure } from "../exchange";
import type { Fields } from "../messages";

/** A sound as it goes out: mono samples between -1 and 1. */
export interface Clip {
  what: string;
  sample_rate_hz: number;
  samples: Float32Array<ArrayBuffer>;
}

/** A little time for the new track to be taken up before its first sample. */
const LEAD_S = 0.05;

export interface Assembler {
  /** Take one chunk of a `play` command; returns the clip with the last one, null before. */
  take(params: Fields, buffers: Buffers): Clip | null;
  clear(): void;
}

/** Put the chunks of a `play` command together again. */
export function createAssembler(): Assembler {
  let chunks: Int16Array[] = [];

  return {
    take(params, buffers) {
      const { chunk, chunks: count, sample_rate_hz, samples, what } = params;
      const buffer = buffers[0];
      if (typeof chunk !== "number" || typeof count !== "number" || typeof sample_rate_hz !== "number") {
        throw failure("ProtocolError", "play needs chunk, chunks and sample_rate_hz.");
      }
      if (buffer === undefined) {
        throw failure("ProtocolError", `Chunk ${chunk} of the file came without its samples.`);
      }
      if (chunk === 0) {
        chunks = [];
      }
      if (chunk !== chunks.length) {
        throw failure("ProtocolError", `Chunk ${chunk} of the file came where chunk ${chunks.length} was due.`);
      }
      chunks.push(int16(buffer));
      if (chunks.length < count) {
        return null;
      }
      const whole = join(chunks);
      chunks = [];
      if (typeof samples === "number" && whole.length !== samples) {
        throw failure("ProtocolError", `The file came with ${whole.length} samples in place of ${samples}.`);
      }
      if (whole.length === 0) {
        throw failure("ProtocolError", "The file has no samples.");
      }
      return { what: typeof what === "string" ? what : "", sample_rate_hz, samples: whole };
    },

    clear() {
      chunks = [];
    },
  };
}

export interface Playing {
  /** Resolves true after the last sample, false when stopped before. */
  finished: Promise<boolean>;
  stop(): void;
}

/** Start a clip into a node at an instant of its context. */
export function startClip(context: AudioContext, clip: Clip, into: AudioNode, at_s: number): AudioBufferSourceNode {
  const buffer = context.createBuffer(1, clip.samples.length, clip.sample_rate_hz);
  buffer.copyToChannel(clip.samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(into);
  source.start(at_s);
  return source;
}

/** Play a clip into a node of a running context. */
export function playClip(context: AudioContext, clip: Clip, into: AudioNode): Playing {
  const source = startClip(context, clip, into, context.currentTime + LEAD_S);
  let stop = () => source.stop();
  const finished = new Promise<boolean>((resolve) => {
    source.onended = () => resolve(true);
    stop = () => {
      // A context that is closed in this task tells of no end.
      resolve(false);
      source.stop();
    };
  });
  return { finished, stop };
}

/** Read a sound that came in one piece: mono s16le. */
export function readClip(buffer: DataView | ArrayBuffer, sample_rate_hz: number, what = ""): Clip {
  return { what, sample_rate_hz, samples: join([int16(buffer)]) };
}

function int16(buffer: DataView | ArrayBuffer): Int16Array {
  const view = buffer instanceof ArrayBuffer ? new DataView(buffer) : buffer;
  // A copy: the samples may begin at an odd byte of what they came in.
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).slice();
  return new Int16Array(bytes.buffer, 0, bytes.byteLength >> 1);
}

function join(chunks: Int16Array[]): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    for (const value of chunk) {
      samples[at++] = value / 32768;
    }
  }
  return samples;
}
