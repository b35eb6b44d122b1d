/** The sound of a saved page: stretches of it, decoded when somebody wants to hear them, as WAV. */

import { failure } from "../exchange";
import type { Fields } from "../messages";
import { bytesOf, type SavedSound } from "./data";

export const RATE_HZ = 24_000;
const LONGEST_MS = 30_000;
const MOST_DECODED = 4;
const WAV_HEADER = 44;

/** Both sides of one piece. */
export type Sides = readonly [user: Float32Array, agent: Float32Array];

/** Answer the request `sound`. */
export function createSavedSound(saved: SavedSound | null, decode: (bytes: ArrayBuffer) => Promise<Sides>) {
  const decoded = new Map<number, Promise<Sides>>();

  function piece(sound: SavedSound, index: number): Promise<Sides> {
    const known = decoded.get(index);
    const found = known ?? decode(bytesOf(sound.pieces[index] ?? ""));
    if (known === undefined) {
      decoded.set(index, found);
      for (const old of decoded.keys()) {
        if (decoded.size <= MOST_DECODED) {
          break;
        }
        decoded.delete(old);
      }
    }
    return found;
  }

  /** Cut a stretch; where there is no piece it is silent. */
  async function cut(sound: SavedSound, start_ms: number, end_ms: number, tracks: readonly number[]) {
    const first = Math.round((start_ms / 1000) * RATE_HZ);
    const samples = new Float32Array(Math.max(0, Math.round((end_ms / 1000) * RATE_HZ) - first));
    const length = Math.round((sound.piece_ms / 1000) * RATE_HZ);
    for (let index = Math.max(0, Math.floor(first / length)); index * length < first + samples.length; index++) {
      if (index >= sound.pieces.length) {
        break;
      }
      const sides = await piece(sound, index);
      for (const track of tracks) {
        const side = sides[track] ?? new Float32Array(0);
        const from = index * length - first;
        const last = Math.min(side.length, length, samples.length - from);
        for (let place = Math.max(0, -from); place < last; place++) {
          samples[from + place] = (samples[from + place] ?? 0) + (side[place] ?? 0);
        }
      }
    }
    return samples;
  }

  return async (params: Fields): Promise<Fields> => {
    if (saved === null) {
      throw failure("ConfigurationError", "This page was saved without sound.");
    }
    const item = params.item_id === undefined ? undefined : saved.items[String(params.item_id)];
    if (params.item_id !== undefined && item === undefined) {
      throw failure("ConfigurationError", "Of this turn nothing was recorded.");
    }
    const start_ms = item?.[1] ?? Number(params.start_ms ?? 0);
    const end_ms = item?.[2] ?? Math.min(Number(params.end_ms ?? 0), start_ms + LONGEST_MS);
    const samples = await cut(saved, start_ms, end_ms, item === undefined ? [0, 1] : [item[0]]);
    return { seconds: samples.length / RATE_HZ, buffers: [wavOf(samples)] };
  };
}

/** A mono WAV file, 16 bits a sample. */
export function wavOf(samples: Float32Array): ArrayBuffer {
  const file = new DataView(new ArrayBuffer(WAV_HEADER + 2 * samples.length));
  const words = (at: number, text: string) => {
    for (let place = 0; place < text.length; place++) {
      file.setUint8(at + place, text.charCodeAt(place));
    }
  };
  words(0, "RIFF");
  file.setUint32(4, file.byteLength - 8, true);
  words(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, RATE_HZ, true);
  file.setUint32(28, 2 * RATE_HZ, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  words(36, "data");
  file.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => {
    const level = Math.max(-1, Math.min(1, sample));
    file.setInt16(WAV_HEADER + 2 * place, Math.round(level * 32767), true);
  });
  return file.buffer as ArrayBuffer;
}

/** Decode a piece as the browser can, at the rate that it was recorded at. */
export async function decodePiece(bytes: ArrayBuffer): Promise<Sides> {
  const context = new OfflineAudioContext(2, 1, RATE_HZ);
  const buffer = await context.decodeAudioData(bytes);
  return [buffer.getChannelData(0), buffer.getChannelData(Math.min(1, buffer.numberOfChannels - 1))];
}
