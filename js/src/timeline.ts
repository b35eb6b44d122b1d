/** The session as a picture: what the kernel says is where, and the waveforms as far as they are known here. */

import { type ReadonlySignal, signal } from "@preact/signals";
import { asFailure, type Buffers, type Exchange } from "./exchange";
import type { Fields } from "./messages";
import { loadModule } from "./modules";
import type * as WavesModule from "./waves";

export interface Stretch {
  lane: string;
  t_start_ms: number;
  t_end_ms: number;
  id: string;
  turn: number | null;
  words: string | null;
  status: string | null;
}

export interface TurnMark {
  turn: number;
  item_id: string | null;
  /** The message whose sound the answer began with. */
  answer_id: string | null;
  t_input_end_ms: number | null;
  t_speech_end_ms: number | null;
  t_first_sound_ms: number | null;
  latency_inferred_ms: number | null;
  latency_heard_ms: number | null;
  overlap_ms: number | null;
  words: string | null;
}

export interface NoteMark {
  t_ms: number;
  type: string;
  seq: number;
  words: string;
}

export interface Picture {
  lanes: readonly string[];
  stretches: readonly Stretch[];
  turns: readonly TurnMark[];
  notes: readonly NoteMark[];
  duration_ms: number;
  /** How loud each side was, 0 to 1, `peaks_per_s` of them; empty where nothing is recorded. */
  peaks: readonly [Float32Array, Float32Array];
  peaks_per_s: number;
}

export interface Timeline {
  picture: ReadonlySignal<Picture | null>;
  problem: ReadonlySignal<string>;
  /** Read what is new. */
  load(): Promise<void>;
  /** What draws waves; asked for once. */
  waves(): Promise<typeof WavesModule>;
}

/** What was recorded last may still change: it is read again. */
const UNSETTLED_S = 4;
const LOUDEST = 127;

export function createTimeline(request: Exchange["request"]): Timeline {
  const picture = signal<Picture | null>(null);
  const problem = signal("");
  let module: Promise<typeof WavesModule> | null = null;
  let loading = false;

  async function load(): Promise<void> {
    if (loading) {
      return;
    }
    loading = true;
    try {
      // What takes the kernel long to find comes with a second answer.
      if (await read({})) {
        await read({ whole: true });
      }
      problem.value = "";
    } catch (thrown) {
      problem.value = asFailure(thrown).message;
    } finally {
      loading = false;
    }
  }

  /** Read what is new; tells whether there is more to come. */
  async function read(how: Fields): Promise<boolean> {
    const before = picture.peek();
    const known = before?.peaks[0].length ?? 0;
    const since = Math.max(0, known - UNSETTLED_S * (before?.peaks_per_s ?? 0));
    const { buffers, listening, ...drawn } = await request("timeline", { since, ...how });
    const tracks = (buffers as Buffers | undefined) ?? [];
    const peaks = ([0, 1] as const).map((track) => longer(before?.peaks[track], since, tracks[track]));
    picture.value = {
      ...(drawn as unknown as Picture),
      peaks: peaks as unknown as Picture["peaks"],
      peaks_per_s: typeof drawn.peaks_per_s === "number" ? drawn.peaks_per_s : 0,
    };
    return listening === true;
  }

  return {
    picture,
    problem,
    load,
    waves() {
      module ??= loadModule<typeof WavesModule>(request, "waves").catch((thrown: unknown) => {
        module = null;
        throw thrown;
      });
      return module;
    },
  };
}

/** What is known, and from `since` on what came. */
function longer(
  before: Float32Array | undefined,
  since: number,
  fresh: DataView | ArrayBuffer | undefined,
): Float32Array {
  if (fresh === undefined) {
    return new Float32Array(0);
  }
  const bytes =
    fresh instanceof ArrayBuffer
      ? new Int8Array(fresh)
      : new Int8Array(fresh.buffer, fresh.byteOffset, fresh.byteLength);
  const all = new Float32Array(since + bytes.length);
  all.set(before?.subarray(0, since) ?? []);
  bytes.forEach((peak, place) => {
    all[since + place] = peak / LOUDEST;
  });
  return all;
}
