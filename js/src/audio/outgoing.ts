/** What the agent hears of this side: the microphone, a file in its place, or silence. */

import { failure } from "../exchange";
import { createLine, type Line } from "./line";
import { type Clip, type Playing, playClip } from "./player";
import type { Sound } from "./sound";

export interface Outgoing {
  /** Send through this sender from now on; silence until something else is there. */
  attach(sender: RTCRtpSender): void;
  /** The microphone is open, another one in its place, or gone; the silence after a file ends with that. */
  setMicrophone(track: MediaStreamTrack | null): void;
  setMuted(muted: boolean): void;
  /** Play a clip in place of the microphone; after it the line stays silent until `restore`. True when it was played to its end. */
  play(clip: Clip, started: () => void): Promise<boolean>;
  /** Give the line back to the microphone. */
  restore(): void;
  /** What a meter of this side listens to; null while the line is silent. */
  audible(): AudioNode | MediaStreamTrack | null;
  /** The track that goes out at the moment. */
  sent(): MediaStreamTrack | null;
  /** Let go of sender, microphone and file. */
  stop(): void;
}

export function createOutgoing(sound: Sound, changed: () => void): Outgoing {
  let sender: RTCRtpSender | null = null;
  let microphone: MediaStreamTrack | null = null;
  let sent: MediaStreamTrack | null = null;
  let line: Line | null = null;
  let playing: Playing | null = null;
  let inPlace = false;
  let muted = false;

  /** Where files are played; null where the browser has no sound. */
  function ownLine(): Line | null {
    const context = sound.context();
    line ??= context && createLine(context);
    return line;
  }

  function route(): void {
    sent = inPlace || microphone === null ? (ownLine()?.track ?? null) : microphone;
    void sender?.replaceTrack(sent).catch(() => undefined);
    changed();
  }

  return {
    attach(next) {
      sender = next;
      route();
    },

    setMicrophone(track) {
      microphone?.stop();
      microphone = track;
      inPlace = playing !== null;
      if (track !== null) {
        track.enabled = !muted;
      }
      route();
    },

    setMuted(next) {
      muted = next;
      if (microphone !== null) {
        microphone.enabled = !next;
      }
    },

    async play(clip, started) {
      if (playing !== null) {
        throw failure("RtcWidgetError", "Another file is still playing.");
      }
      const context = await sound.running();
      const into = ownLine()?.into;
      if (into === undefined || sender === null) {
        throw failure("ConnectionFailed", "There is no call to play into.", { step: "channel" });
      }
      playing = playClip(context, clip, into);
      inPlace = true;
      route();
      started();
      const whole = await playing.finished;
      playing = null;
      return whole;
    },

    restore() {
      if (inPlace) {
        playing?.stop();
        inPlace = false;
        route();
      }
    },

    audible() {
      return inPlace ? (line?.into ?? null) : microphone;
    },

    sent: () => sent,

    stop() {
      playing?.stop();
      microphone?.stop();
      sender = null;
      microphone = null;
      sent = null;
      line = null;
      inPlace = false;
      muted = false;
      changed();
    },
  };
}
