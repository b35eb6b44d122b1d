/** Recorded sound, as the kernel has it: a WAV file. */

import { type Buffers, failure } from "../exchange";
import type { Fields } from "../messages";

export interface RecordedPorts {
  /** The request `sound`. */
  fetch(params: Fields): Promise<Fields>;
  /** The speaker that the user chose, "" for the system's, and how loud. */
  sink(): string;
  volume(): number;
}

/** Fetch a stretch of what was recorded. */
export async function fetchSound({ fetch }: RecordedPorts, params: Fields): Promise<Blob> {
  const { buffers } = await fetch(params);
  const sound = (buffers as Buffers | undefined)?.[0];
  if (sound === undefined) {
    throw failure("RecordingError", "the kernel sent no sound");
  }
  return new Blob([sound as BlobPart], { type: "audio/wav" });
}
