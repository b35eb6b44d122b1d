/** The recording of one call after the other: begun with a call, fed with what is sent and heard, noted, ended. */

import { asFailure } from "../exchange";
import type { Fields } from "../messages";
import type { AudioLine, Chunk } from "./chunks";
import { type Recorder, startRecorder } from "./recorder";
import { RATE_HZ } from "./resample";
import type { Sound } from "./sound";

export interface RecordingPorts {
  sound: Sound;
  line: AudioLine;
  note(note: Fields & { type: string }): void;
}

export interface Recording {
  begin(): void;
  /** What is sent and what is heard from now on; null is silence. */
  listen(tracks: { user: MediaStreamTrack | null; agent: MediaStreamTrack | null }): void;
  end(): void;
}

export function createRecording(ports: RecordingPorts): Recording {
  const { sound, line, note } = ports;
  /** The recorder of this call, under way or there; another object is another call. */
  let current: { recorder: Recorder | null; started: boolean } | null = null;
  let tracks: { user: MediaStreamTrack | null; agent: MediaStreamTrack | null } = { user: null, agent: null };

  function take(chunk: Chunk, context: AudioContext): void {
    if (current?.started === false) {
      current.started = true;
      const latency_s = context.outputLatency;
      const output = latency_s > 0 ? { output_latency_ms: Math.round(latency_s * 1e4) / 10 } : {};
      note({ type: "rtc.recording", phase: "started", sample_rate_hz: RATE_HZ, ...output });
    }
    line.push(chunk);
  }

  async function start(call: NonNullable<typeof current>): Promise<void> {
    const context = sound.context();
    if (context === null) {
      throw new Error("this browser has no Web Audio");
    }
    const recorder = await startRecorder(context, (chunk) => take(chunk, context));
    if (current === call) {
      call.recorder = recorder;
      recorder.listen(tracks);
    } else {
      recorder.stop();
    }
  }

  return {
    begin() {
      const call = { recorder: null, started: false };
      current = call;
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
    },

    end() {
      current?.recorder?.stop();
      if (current?.started === true) {
        line.flush();
        note({ type: "rtc.recording", phase: "ended", chunks: line.count() });
      }
      current = null;
    },
  };
}
