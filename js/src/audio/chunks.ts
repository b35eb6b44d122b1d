/** The numbered, acknowledged line for sound: a chunk is kept here until the kernel has it on disk. */

import type { Audio, AudioAck, AudioChunk } from "../messages";

/** How many chunks gather before they are sent: some 250 ms of sound. */
const GATHERED = 3;
/** Most chunks in a message, so that events find their way between the messages after a long wait. */
const MOST_AT_ONCE = 16;
/** Most chunks held here: five minutes of sound, 29 MB. What a kernel leaves lying longer is lost, and said so. */
export const MOST_HELD = 3_600;

const TICK_MS = 1000;
const FIRST_PATIENCE_MS = 5000;
const LONGEST_PATIENCE_MS = 20_000;

/** A stretch of both tracks, mono s16le at 24 kHz. */
export interface Chunk extends AudioChunk {
  user: ArrayBuffer;
  agent: ArrayBuffer;
}

export interface AudioLinePorts {
  page: string;
  post(message: Audio, buffers: ArrayBuffer[]): void;
  /** Whether the kernel knows by now of the call that is recorded: it takes no chunks of one it knows nothing of. */
  open(): boolean;
}

export interface AudioLine {
  push(chunk: Chunk): void;
  acknowledge(message: AudioAck): void;
  /** Send all that waits at once, in flight or not: the call or the page is over. */
  flush(): void;
  /** How many chunks came so far. */
  count(): number;
  close(): void;
}

export function createAudioLine(ports: AudioLinePorts): AudioLine {
  const held: Chunk[] = [];
  let oldest = 0;
  let next = 0;
  let unsent = 0;
  let received = 0;
  let flight: { end: number; sentAt: number } | null = null;
  let patience = FIRST_PATIENCE_MS;
  let dropped = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  function sendSome(): boolean {
    const chunks = held.slice(unsent - oldest, unsent - oldest + MOST_AT_ONCE);
    if (chunks.length === 0) {
      return false;
    }
    const first = unsent;
    unsent += chunks.length;
    flight = { end: unsent, sentAt: performance.now() };
    const places = chunks.map(({ user: _, agent: __, ...place }) => place);
    // Copies: a host may transfer what it sends, and these may have to be sent again.
    const buffers = chunks.flatMap(({ user, agent }) => [user.slice(0), agent.slice(0)]);
    ports.post({ kind: "audio", page: ports.page, first, chunks: places }, buffers);
    return true;
  }

  function sendNext(least: number): void {
    if (flight === null && next - unsent >= least && ports.open()) {
      sendSome();
    }
  }

  /** Nothing but a lost message or a busy kernel keeps an answer away: what comes twice the kernel leaves out. */
  function tick(): void {
    if (held.length === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    if (flight !== null && performance.now() - flight.sentAt >= patience) {
      patience = Math.min(2 * patience, LONGEST_PATIENCE_MS);
      flight = null;
      unsent = received;
    }
    sendNext(1);
  }

  return {
    push(chunk) {
      if (held.length >= MOST_HELD) {
        dropped += chunk.frames + (chunk.lost_frames ?? 0);
        return;
      }
      const lost_frames = dropped + (chunk.lost_frames ?? 0);
      dropped = 0;
      held.push(lost_frames > 0 ? { ...chunk, lost_frames } : chunk);
      next++;
      timer ??= setInterval(tick, TICK_MS);
      sendNext(GATHERED);
    },

    acknowledge(message) {
      patience = FIRST_PATIENCE_MS;
      received = Math.max(received, Math.min(message.received, next));
      unsent = Math.max(unsent, received);
      const durable = Math.min(message.durable, received) - oldest;
      if (durable > 0) {
        held.splice(0, durable);
        oldest += durable;
      }
      if (flight !== null && received >= flight.end) {
        flight = null;
      }
      sendNext(GATHERED);
    },

    flush() {
      while (ports.open() && sendSome()) {
        // Each turn sends one message.
      }
    },

    count: () => next,

    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
