/** The latency of a turn as events tell it, by the same definition as `latency_inferred_ms` of the frame `turns`. */

export interface Latency {
  /** The user begins to speak. */
  speaks(): void;
  /** The VAD heard the end of speech, this much silence ago; null where it does not say. */
  fallsSilent(t_ms: number, silence_ms: number | null): void;
  /** The client sent an item of the user's. */
  writes(t_ms: number): void;
  /** The server has an item of the user's: one that it was sent, or one whose sending nobody saw. */
  takesIn(t_ms: number): void;
  /** The client asked for a response: to what was written or committed by hand, if it is the first of its turn. */
  asks(t_ms: number): void;
  /** The agent's first audio or text; returns the turn's latency in ms, null when it has none or had it already. */
  answers(t_ms: number): number | null;
}

export function createLatency(): Latency {
  let end_ms: number | null = null;
  let bySpeech = false;
  let answered = false;
  let asked = false;
  let written = false;

  function begin(speech: boolean, t_ms: number | null): void {
    bySpeech = speech;
    answered = false;
    asked = false;
    end_ms = t_ms;
  }

  return {
    speaks: () => begin(true, null),
    fallsSilent: (t_ms, silence_ms) => begin(true, silence_ms === null ? null : t_ms - silence_ms),

    writes(t_ms) {
      written = true;
      begin(false, t_ms);
    },

    takesIn(t_ms) {
      if (!written) {
        begin(false, t_ms);
      }
      written = false;
    },

    asks(t_ms) {
      if (!(bySpeech || answered || asked)) {
        end_ms = t_ms;
        asked = true;
      }
    },

    answers(t_ms) {
      const latency_ms = answered || end_ms === null ? null : t_ms - end_ms;
      answered = true;
      return latency_ms;
    },
  };
}
