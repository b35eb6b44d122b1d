/** The page's sound machinery for one widget: one AudioContext, made when first needed. */

import { failure } from "../exchange";

/** How long the browser may take to start the context before it counts as held back. */
const START_MS = 1500;
const WEBRTC_RATE_HZ = 48_000;

export interface Sound {
  /** The context, running or not; null where the browser has none. */
  context(): AudioContext | null;
  /** The context once it runs; rejects when the browser wants a click first. */
  running(): Promise<AudioContext>;
  close(): void;
}

export function createSound(): Sound {
  let held: AudioContext | null = null;

  function context(): AudioContext | null {
    if (held === null && typeof AudioContext !== "undefined") {
      // WebRTC's own rate, so that nothing is resampled on the way to the recorder. Other browsers than Chromium
      // take no stream of another rate into a context that was given one.
      held = new AudioContext("MediaStreamTrackProcessor" in globalThis ? { sampleRate: WEBRTC_RATE_HZ } : {});
    }
    return held;
  }

  return {
    context,

    async running() {
      const found = context();
      if (found === null) {
        throw failure("ConnectionFailed", "This browser has no Web Audio, so no file can be played.", { step: "page" });
      }
      if (found.state !== "running") {
        const late = new Promise((resolve) => setTimeout(resolve, START_MS));
        await Promise.race([found.resume().catch(() => undefined), late]);
      }
      // The state changes under the feet of the type checker.
      if ((found.state as AudioContextState) !== "running") {
        throw failure("ConnectionFailed", "The browser lets this page make no sound before somebody clicks in it.", {
          step: "page",
          advice: "Click anywhere in the panel, then try again.",
        });
      }
      return found;
    },

    close() {
      void held?.close().catch(() => undefined);
      held = null;
    },
  };
}
