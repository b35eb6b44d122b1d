/** Both tracks of a call on one clock: one worklet behind a ChannelMerger, its batches cut to chunks of 24 kHz. */

import { browserTimeOf } from "../messages";
import type { Chunk } from "./chunks";
import { createResampler, RATE_HZ } from "./resample";
import { type Batch, recorderWorklet, WORKLET } from "./worklet";

/** The clock may be this late on three batches in a row before the context is said to have stood still. */
const STOOD_STILL_MS = 1000;
const BATCHES_LATE = 3;

export interface Recorder {
  /** Record these from now on; null is silence. */
  listen(tracks: Tracks): void;
  stop(): void;
}

/** What to record; null is silence. */
export interface Tracks {
  user: MediaStreamTrack | null;
  agent: MediaStreamTrack | null;
}

/** Make what opens a tap on each track, and closes it when another one is listened to in its place. */
export function createTaps(open: (track: MediaStreamTrack, input: number) => () => void): (tracks: Tracks) => void {
  const taps: { track: MediaStreamTrack | null; close: (() => void) | null }[] = [];
  return ({ user, agent }) => {
    for (const [input, track] of [user, agent].entries()) {
      const tap = taps[input];
      if (tap?.track !== track) {
        tap?.close?.();
        taps[input] = { track, close: track && open(track, input) };
      }
    }
  };
}

/** Start to record on a context what `tracks` tells by then; rejects where the page lets no worklet in. */
export async function startRecorder(
  context: AudioContext,
  tracks: () => Tracks,
  take: (chunk: Chunk) => void,
  watch: (batch: Batch) => void,
): Promise<Recorder> {
  await addWorklet(context);
  const merger = context.createChannelMerger(2);
  const node = new AudioWorkletNode(context, WORKLET, {
    channelCount: 2,
    channelCountMode: "explicit",
    channelInterpretation: "discrete",
  });
  const cut = createCutter(context.sampleRate, take);
  node.port.onmessage = ({ data }: MessageEvent<Batch>) => {
    watch(data);
    cut(data);
  };
  const listen = createTaps((track, input) => {
    const source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(merger, 0, input);
    return () => source.disconnect();
  });

  // The recorder comes last: what is put in before it, it does not miss samples by.
  listen(tracks());
  merger.connect(node);
  // It puts out silence; what leads nowhere a browser need not run.
  node.connect(context.destination);

  return {
    listen,

    stop() {
      node.port.onmessage = null;
      listen({ user: null, agent: null });
      merger.disconnect();
      node.disconnect();
    },
  };
}

/** A Blob needs no network and no server's leave; pages that forbid one may still allow the same text as data. */
async function addWorklet(context: AudioContext): Promise<void> {
  const text = `(${recorderWorklet})(${JSON.stringify(WORKLET)})`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } catch {
    await context.audioWorklet.addModule(`data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Make what cuts batches to chunks: places counted in samples since the first batch, silence where some are missing. */
export function createCutter(rate_hz: number, take: (chunk: Chunk) => void): (batch: Batch) => void {
  const [user, agent] = [createResampler(rate_hz), createResampler(rate_hz)];
  const place = (frame: number) => Math.round((frame * RATE_HZ) / rate_hz);
  /** The context's frame that is place 0, and the place after the last chunk. */
  let origin: number | null = null;
  let end = 0;
  let lost = 0;
  /** Where the clock stood at place 0, and how many batches in a row came late by it. */
  let first_ms = 0;
  let late = 0;

  function emit(samples: [Int16Array<ArrayBuffer>, Int16Array<ArrayBuffer>]): void {
    const frames = samples[0].length;
    if (frames > 0) {
      const t_browser_ms = first_ms + (end * 1000) / RATE_HZ;
      const chunk = { frame: end, frames, t_browser_ms, user: samples[0].buffer, agent: samples[1].buffer };
      take(lost > 0 ? { ...chunk, lost_frames: lost } : chunk);
      end += frames;
      lost = 0;
    }
  }

  /** Go on at another place: what lies between is lost. */
  function skipTo(next: number): void {
    emit([user.flush(), agent.flush()]);
    lost += Math.max(0, next - end);
    end = Math.max(end, next);
  }

  return (batch) => {
    const length_ms = (batch.user.length * 1000) / rate_hz;
    const start_ms = browserTimeOf(batch.end_ms) - length_ms;
    if (origin === null) {
      origin = batch.frame;
      first_ms = start_ms;
    } else if (batch.lost > 0) {
      skipTo(place(batch.frame - origin));
    }
    // A machine that slept, or a context that was held, counts no samples meanwhile.
    const behind_ms = start_ms - first_ms - ((batch.frame - origin) * 1000) / rate_hz;
    late = behind_ms > STOOD_STILL_MS ? late + 1 : 0;
    if (late === BATCHES_LATE) {
      origin -= Math.round((behind_ms * rate_hz) / 1000);
      skipTo(place(batch.frame - origin));
      late = 0;
    }
    emit([user.push(batch.user), agent.push(batch.agent)]);
  };
}
