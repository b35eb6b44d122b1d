/**
 * A second clock beside the worklet's, where the browser has MediaStreamTrackProcessor: both tracks in one worker,
 * whose stamps come with the sound, and tell in the mean when it was. What both heard is the same to the sample, so a
 * few samples tell how far apart the two clocks are.
 */

import { createTaps, type Tracks } from "./recorder";
import type { Batch } from "./worklet";

/** A few samples as the worker saw them, and the instant they are stamped with. */
export interface Print {
  track: 0 | 1;
  t_ms: number;
  sample_rate_hz: number;
  samples: Float32Array<ArrayBuffer>;
}

/** How far the worklet's clock was from the worker's, on one track at one frame of the context. */
export interface ClockSample {
  track: "user" | "agent";
  frame: number;
  apart_ms: number;
}

export interface Check {
  listen(tracks: Tracks): void;
  /** Take what the worklet heard. */
  take(batch: Batch): void;
  stop(): void;
}

/** Seconds of the worklet's sound that are kept to look for the worker's in. */
const KEPT_S = 2;
const NEAR_MS = 150;
/** Most squared difference of two samples that are the same. */
const SAME = 1e-7;

/** Batches to look for samples in, and how many that are nowhere it takes to believe that a clock was set anew. */
const MOST_TRIES = 4;
const MOST_MISSES = 10;

interface Apart {
  frames: number | null;
  misses: number;
}

interface TrackProcessor {
  readable: ReadableStream;
}
type TrackProcessorClass = new (init: { track: MediaStreamTrack }) => TrackProcessor;

/** Start a check; null where the browser has no track processor, or the page lets no worker in. */
export function createCheck(rate_hz: number, found: (sample: ClockSample) => void): Check | null {
  const { MediaStreamTrackProcessor: Processor } = globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass };
  const worker = Processor === undefined ? null : startWorker();
  if (worker === null || Processor === undefined) {
    return null;
  }
  const compare = createComparison(rate_hz, found);
  worker.onmessage = ({ data }: MessageEvent<Print>) => compare.print(data);

  return {
    listen: createTaps((track, input) => {
      if (track.readyState === "live") {
        const { readable } = new Processor({ track });
        worker.postMessage({ track: input, readable }, [readable]);
      }
      return () => worker.postMessage({ track: input });
    }),
    take: compare.batch,
    stop() {
      worker.terminate();
    },
  };
}

/** Make what finds the worker's samples among the worklet's. */
export function createComparison(
  rate_hz: number,
  found: (sample: ClockSample) => void,
): { print(print: Print): void; batch(batch: Batch): void } {
  const kept: Batch[] = [];
  /** Frames of the context less the worker's frames where that is known of a track, and how often it was wrong since. */
  const apart: [Apart, Apart] = [
    { frames: null, misses: 0 },
    { frames: null, misses: 0 },
  ];
  let waiting: { print: Print; tries: number }[] = [];

  /** Find samples in a stretch of a track; the frame they begin at, null when they are not there. */
  function find({ track, samples }: Print, from: number, to: number): number | null {
    for (const batch of kept) {
      const sound = track === 0 ? batch.user : batch.agent;
      const last = Math.min(sound.length - samples.length, to - batch.frame);
      for (let at = Math.max(0, from - batch.frame); at <= last; at++) {
        let same = 0;
        while (same < samples.length) {
          const difference = (sound[at + same] as number) - (samples[same] as number);
          if (difference * difference > SAME) {
            break;
          }
          same++;
        }
        if (same === samples.length) {
          return batch.frame + at;
        }
      }
    }
    return null;
  }

  /** Look where the samples should be, or everywhere as long as nobody knows; false when they are not there. */
  function compare(print: Print): boolean {
    const stamped = (print.t_ms * rate_hz) / 1000;
    const known = apart[print.track];
    const near = (NEAR_MS * rate_hz) / 1000;
    const frame =
      known.frames === null
        ? find(print, 0, Number.POSITIVE_INFINITY)
        : find(print, Math.round(stamped + known.frames - near), stamped + known.frames + near);
    if (frame === null) {
      return false;
    }
    known.frames = frame - stamped;
    known.misses = 0;
    const track = print.track === 0 ? "user" : "agent";
    found({ track, frame, apart_ms: ((frame - stamped) * 1000) / rate_hz });
    return true;
  }

  return {
    print(print) {
      if (print.sample_rate_hz === rate_hz) {
        waiting.push({ print, tries: 0 });
      }
    },

    batch(batch) {
      kept.push(batch);
      const first = batch.frame - KEPT_S * rate_hz;
      while ((kept[0]?.frame ?? first) < first) {
        kept.shift();
      }
      // The worklet may be behind the worker: what is not there yet comes with the next batches.
      waiting = waiting.filter((one) => {
        if (compare(one.print)) {
          return false;
        }
        if (++one.tries < MOST_TRIES) {
          return true;
        }
        const known = apart[one.print.track];
        if (++known.misses >= MOST_MISSES) {
          known.frames = null;
        }
        return false;
      });
    },
  };
}

function startWorker(): Worker | null {
  const url = URL.createObjectURL(new Blob([`(${checkWorker})()`], { type: "text/javascript" }));
  try {
    return new Worker(url);
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** What runs in the worker. It goes there as its own text, so it must not refer to anything outside itself. */
export function checkWorker(): void {
  const FIRST_DROPPED = 20;
  const LOUD = 0.01;
  const EVERY_MS = 100;
  const LENGTH = 64;
  /** Stamps to take the mean of: 10 s of them. */
  const STEADY = 1000;
  /** Sound that is so far from where the last one ended is not the next of it. */
  const BROKEN_MS = 20;
  const readers: ReadableStreamDefaultReader<AudioData>[] = [];

  async function watch(track: 0 | 1, readable: ReadableStream<AudioData>): Promise<void> {
    const reader = readable.getReader();
    readers[track] = reader;
    let count = 0;
    let last_ms = Number.NEGATIVE_INFINITY;
    /** Length of all sound so far, and how much earlier than the stamps say it is, in the mean of so many. */
    let length_ms = 0;
    let apart_ms = 0;
    let steady = 0;
    for (;;) {
      const { done, value: data } = await reader.read();
      if (done) {
        return;
      }
      if (count++ >= FIRST_DROPPED) {
        // Stamps come when a device asks for sound, up to 10 ms early or late; the sound itself goes on evenly.
        const stamped_ms = data.timestamp / 1000 - length_ms;
        steady = Math.abs(stamped_ms - apart_ms) > BROKEN_MS ? 1 : Math.min(steady + 1, STEADY);
        apart_ms += (stamped_ms - apart_ms) / steady;
        const t_ms = length_ms + apart_ms;
        if (t_ms - last_ms >= EVERY_MS && data.numberOfFrames >= LENGTH) {
          const samples = new Float32Array(data.numberOfFrames);
          data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
          const print = samples.slice(0, LENGTH);
          if (print.some((sample) => Math.abs(sample) > LOUD)) {
            last_ms = t_ms;
            postMessage({ track, t_ms, sample_rate_hz: data.sampleRate, samples: print });
          }
        }
      }
      length_ms += (data.numberOfFrames * 1000) / data.sampleRate;
      data.close();
    }
  }

  addEventListener("message", ({ data }: MessageEvent<{ track: 0 | 1; readable?: ReadableStream<AudioData> }>) => {
    const { track, readable } = data;
    // Without a stream: the track's is heard no more.
    (readable === undefined ? readers[track]?.cancel() : watch(track, readable))?.catch(() => undefined);
  });
}
