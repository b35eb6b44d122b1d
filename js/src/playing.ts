/** What plays of the agent, and where it was cut off: what comes after that was not heard. */

import { type Entry, soundLength } from "./rows";

export interface Playing {
  begin(response_id: string, t_ms: number): void;
  /** A response has been played to its end, or was cleared. */
  end(response_id: string, t_ms: number, cleared: boolean): void;
  /** The call ended, and with it what still played. */
  callOver(t_ms: number): void;
  /** A response was cancelled, whose last message this is. */
  cancel(response_id: string, last: Entry, t_ms: number): void;
  /** So much of an entry was played; `measured` by the service, or by the time it took. */
  cutOff(entry: Entry, t_ms: number, played_ms: number, measured: boolean): void;
}

interface Ports {
  /** What the agent says in a response, in order. */
  messagesOf(response_id: string): Entry[];
  show(entry: Entry): void;
}

export function createPlaying({ messagesOf, show }: Ports): Playing {
  let playing: { response_id: string; since_ms: number } | null = null;

  function cutOff(entry: Entry, t_ms: number, played_ms: number, measured: boolean): void {
    if (entry.cut === null || (measured && !entry.cut.measured)) {
      entry.cut = { at_ms: entry.cut?.at_ms ?? t_ms, played_ms, measured };
    }
    show(entry);
  }

  /** Cut off each message that had not been played to its end by then. */
  function cut(t_ms: number, over: boolean): void {
    const messages = playing === null ? [] : messagesOf(playing.response_id);
    let played_ms = t_ms - (playing?.since_ms ?? t_ms);
    for (const entry of messages) {
      if (entry === messages.at(-1) || played_ms < soundLength(entry)) {
        entry.over = over && entry.cut === null;
        cutOff(entry, t_ms, played_ms, false);
      }
      played_ms -= soundLength(entry);
    }
  }

  return {
    cutOff,

    begin(response_id, t_ms) {
      playing = { response_id, since_ms: t_ms };
    },

    end(response_id, t_ms, cleared) {
      if (playing !== null && playing.response_id !== response_id) {
        return; // of one that has been played to its end
      }
      if (cleared) {
        cut(t_ms, false);
      }
      playing = null;
    },

    callOver(t_ms) {
      cut(t_ms, true);
      playing = null;
    },

    cancel(response_id, last, t_ms) {
      // What plays will be cleared, and its cut measured then; what never played was never heard.
      if (last.cut === null && !last.written && playing?.response_id !== response_id) {
        cutOff(last, t_ms, 0, false);
      }
    },
  };
}
