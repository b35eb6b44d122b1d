/** What runs on the audio thread: both tracks in batches, stamped by the context's own count of samples. */

/** A stretch of both tracks as the worklet posts it, at the context's rate. */
export interface Batch {
  /** `currentFrame` of its first sample. */
  frame: number;
  /** Samples of the context that were left out before it. */
  lost: number;
  /** `Date.now()` on the audio thread after its last sample: no work of the page delays it. */
  end_ms: number;
  user: Float32Array<ArrayBuffer>;
  agent: Float32Array<ArrayBuffer>;
}

export const WORKLET = "rtcw-recorder";

// The names of an AudioWorkletGlobalScope; this file runs in no page.
declare const currentFrame: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/**
 * Register the recorder. It goes to the audio thread as its own text (`toString`): one file is all that a notebook
 * gets of this package, and a worklet can import nothing. So it must not refer to anything outside itself.
 */
export function recorderWorklet(name: string): void {
  const QUANTUM = 128;
  const LENGTH = 4096;

  class Recorder extends AudioWorkletProcessor {
    #user = new Float32Array(LENGTH);
    #agent = new Float32Array(LENGTH);
    #filled = 0;
    #next = -1;
    #lost = 0;

    #post(): void {
      if (this.#filled > 0) {
        const [user, agent] = [this.#user.slice(0, this.#filled), this.#agent.slice(0, this.#filled)];
        const frame = this.#next - this.#filled;
        this.port.postMessage({ frame, lost: this.#lost, end_ms: Date.now(), user, agent }, [
          user.buffer,
          agent.buffer,
        ]);
        this.#filled = 0;
        this.#lost = 0;
      }
    }

    process([input]: Float32Array[][]): boolean {
      if (this.#next >= 0 && currentFrame !== this.#next) {
        this.#post();
        this.#lost += currentFrame - this.#next;
      }
      // An input that nothing is connected to is empty: silence takes its time, too.
      const [user, agent] = [input?.[0], input?.[1]];
      this.#user.fill(0, this.#filled, this.#filled + QUANTUM);
      this.#agent.fill(0, this.#filled, this.#filled + QUANTUM);
      if (user !== undefined) {
        this.#user.set(user, this.#filled);
      }
      if (agent !== undefined) {
        this.#agent.set(agent, this.#filled);
      }
      this.#filled += QUANTUM;
      this.#next = currentFrame + QUANTUM;
      if (this.#filled === LENGTH) {
        this.#post();
      }
      return true;
    }
  }

  registerProcessor(name, Recorder);
}
