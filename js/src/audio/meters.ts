/** Level meters: one AnalyserNode a side, read a few times a second while somebody can see them. */

import type { Signal } from "@preact/signals";
import type { Sound } from "./sound";

/** By a timer: an animation frame would have the whole page laid out sixty times a second to draw fifteen. */
const FRAME_MS = 1000 / 15;
const FLOOR_DB = -60;
const CEILING_DB = -12;
export const STEPS = 6;

export type Source = AudioNode | MediaStreamTrack | null;

export interface Meters {
  /** Listen to these from now on; null is silence. */
  listen(sources: { you: Source; agent: Source }): void;
  /** Measure only while somebody can see it. */
  setVisible(visible: boolean): void;
  stop(): void;
}

/** Level of samples between -1 and 1, in steps from 0 (silence) to `STEPS`. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) {
    sum += sample * sample;
  }
  const db = 10 * Math.log10(sum / samples.length + 1e-12);
  const share = (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB);
  return Math.max(0, Math.min(STEPS, Math.ceil(share * STEPS)));
}

interface Meter {
  source: Source;
  input: AudioNode | null;
  analyser: AnalyserNode | null;
  samples: Float32Array<ArrayBuffer>;
  level: Signal<number>;
}

export function createMeters(sound: Sound, levels: { you: Signal<number>; agent: Signal<number> }): Meters {
  const you = newMeter(levels.you);
  const agent = newMeter(levels.agent);
  let visible = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  function connect(meter: Meter, source: Source): void {
    if (meter.source === source) {
      return;
    }
    if (meter.analyser !== null) {
      meter.input?.disconnect(meter.analyser);
    }
    meter.source = source;
    meter.input = null;
    meter.level.value = 0;
    const context = source === null ? null : sound.context();
    if (context === null || source === null) {
      return;
    }
    meter.analyser ??= new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0 });
    meter.input = "connect" in source ? source : context.createMediaStreamSource(new MediaStream([source]));
    meter.input.connect(meter.analyser);
  }

  function draw(): void {
    for (const meter of [you, agent]) {
      if (meter.input !== null && meter.analyser !== null) {
        meter.analyser.getFloatTimeDomainData(meter.samples);
        // A level falls by one step a frame: quick to show a sound, calm when it ends.
        meter.level.value = Math.max(levelOf(meter.samples), meter.level.peek() - 1);
      }
    }
  }

  function run(): void {
    const wanted = visible && (you.input !== null || agent.input !== null);
    if (wanted) {
      timer ??= setInterval(draw, FRAME_MS);
    } else if (timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
      you.level.value = 0;
      agent.level.value = 0;
    }
  }

  return {
    listen(sources) {
      connect(you, sources.you);
      connect(agent, sources.agent);
      run();
    },

    setVisible(next) {
      visible = next;
      run();
    },

    stop() {
      connect(you, null);
      connect(agent, null);
      you.analyser = null;
      agent.analyser = null;
      run();
    },
  };
}

function newMeter(level: Signal<number>): Meter {
  return { source: null, input: null, analyser: null, samples: new Float32Array(1024), level };
}
