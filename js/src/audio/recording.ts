/** The recording of one call after the other: begun with a call, fed with what is sent and heard, noted, ended. */

import { asFailure } from "../exchange";
import type { Fields } from "../messages";
import { keptCalibration } from "./calibration";
import { type Check, createCheck } from "./check";
import type { AudioLine, Chunk } from "./chunks";
import { type Recorder, startRecorder, type Tracks } from "./recorder";
import { RATE_HZ } from "./resample";
import type { Sound } from "./sound";

export interface RecordingPorts {
  sound: Sound;
  line: AudioLine;
  note(note: Fields & { type: string }): void;
}

/** A reading of the second clock: when, on which track, and how far from the recorder's. */
export type ClockReading = [t_browser_ms: number, track: string, apart_ms: number];

export interface Recording {
  begin(): void;
  /** How far the second clock was from the recorder's since the last time this was asked. */
  clock(): ClockReading[];
  /** What is sent and what is heard from now on; null is silence. */
  listen(tracks: Tracks): void;
  end(): void;
}

export function createRecording(ports: RecordingPorts): Recording {
  const { sound, line, note } = ports;
  /** The recorder of this call, under way or there; another object is another call. */
  let current: { recorder: Recorder | null; check: Check | null; started: boolean } | null = null;
  let readings: ClockReading[] = [];
  let tracks: Tracks = { user: null, agent: null };

  function take(chunk: Chunk, context: AudioContext): void {
    if (current?.started === false) {
      current.started = true;
      const latency_s = context.outputLatency;
      const output = latency_s > 0 ? { output_latency_ms: Math.round(latency_s * 1e4) / 10 } : {};
      note({ type: "rtc.recording", phase: "started", sample_rate_hz: RATE_HZ, ...output });
      const calibration = keptCalibration();
      if (calibration !== null) {
        note({ ...calibration, type: "rtc.calibration" });
      }
    }
    line.push(chunk);
  }

  async function start(call: NonNullable<typeof current>): Promise<void> {
    const context = sound.context();
    if (context === null) {
      throw new Error("this browser has no Web Audio");
    }
    /** The frame of the context that the recording begins with, and when that was. */
    let first: { frame: number; t_ms: number } | null = null;
    let firstFrame = 0;
    const recorder = await startRecorder(
      context,
      () => tracks,
      (chunk) => {
        first ??= { frame: firstFrame, t_ms: chunk.t_browser_ms };
        take(chunk, context);
      },
      (batch) => {
        firstFrame ||= batch.frame;
        call.check?.take(batch);
      },
    );
    if (current !== call) {
      recorder.stop();
      return;
    }
    call.recorder = recorder;
    call.check = createCheck(context.sampleRate, ({ track, frame, apart_ms }) => {
      if (first !== null) {
        const t_ms = first.t_ms + ((frame - first.frame) * 1000) / context.sampleRate;
        readings.push([t_ms, track, Math.round(apart_ms * 10) / 10]);
      }
    });
    recorder.listen(tracks);
    call.check?.listen(tracks);
  }

  return {
    begin() {
      const call = { recorder: null, check: null, started: false };
      current = call;
      readings = [];
      start(call).catch((thrown: unknown) => {
        if (current === call) {
          const message = `This page cannot record the call: ${asFailure(thrown).message}.`;
          note({ type: "rtc.error", source: "connection", code: "not_recorded", message });
        }
      });
    },

    listen(next) {
      tracks = next;
      current?.recorder?.listen(next);
      current?.check?.listen(next);
    },

    clock() {
      const taken = readings;
      readings = [];
      return taken;
    },

    end() {
      current?.recorder?.stop();
      current?.check?.stop();
      if (current?.started === true) {
        line.flush();
        note({ type: "rtc.recording", phase: "ended", chunks: line.count() });
      }
      current = null;
    },
  };
}
